// SPDX-License-Identifier: Apache-2.0
#include "index/scan_best.h"

#include <math.h>
#include <stdlib.h>

size_t best_room(size_t k, int64_t rows)
{
    enum { MANY = 4, LEAST = 4096 };
    const size_t all = (size_t)rows, kept = k < all ? k : all, room = MANY * kept + LEAST;
    return room < all ? room : all;
}

int best_init(struct best *best, const struct index_rows *rows, const float *query, size_t k, struct err *err)
{
    const size_t room = best_room(k, rows->count);
    if (room > best->held) {
        best_release(best);
        best->items = mem_new(room, sizeof *best->items);
        best->scratch = mem_new(room, sizeof *best->scratch);
        if (!best->items || !best->scratch) {
            best_release(best);
            return err_memory(err, room * sizeof *best->items);
        }
        best->held = room;
    }
    best->rows = rows;
    best->query = query;
    best->k = k;
    best->count = 0;
    best->room = room;
    best->threshold = -INFINITY;
    return 0;
}

void best_release(struct best *best)
{
    if (!best)
        return;
    free(best->items);
    free(best->scratch);
    *best = (struct best){0};
}

/* Moves those of values (count) that are larger than the pivot, or `equal` to it, to the front. Returns how many. Every
 * element is swapped, as which of them move is what no CPU foresees. */
static size_t to_front(double *values, size_t count, double pivot, bool equal)
{
    size_t front = 0;
    for (size_t i = 0; i < count; i++) {
        const double value = values[i];
        values[i] = values[front];
        values[front] = value;
        front += equal ? value == pivot : value > pivot;
    }
    return front;
}

/* The k-th largest, k from 1, of values (count), which are left in another order. Quickselect, after Hoare. */
static double select_largest(double *values, size_t count, size_t k)
{
    for (;;) {
        const double pivot = values[count / 2];
        const size_t larger = to_front(values, count, pivot, false);
        if (k <= larger) {
            count = larger;
            continue;
        }
        const size_t from = larger + to_front(values + larger, count - larger, pivot, true);
        if (k <= from)
            return pivot;
        values += from;
        count -= from;
        k -= from;
    }
}

void best_foresee(struct best *best, const float *lowers, size_t count, double unit)
{
    if (count < best->k)
        return;
    for (size_t i = 0; i < count; i++)
        best->scratch[i] = lowers[i] >= -INFINITY ? (double)lowers[i] * unit : -INFINITY;
    const double kth = select_largest(best->scratch, count, best->k);
    best->threshold = fmax(best->threshold, nextafter(kth, -INFINITY));
}

void best_tighten(struct best *best)
{
    if (best->count < best->k)
        return;
    for (size_t i = 0; i < best->count; i++)
        best->scratch[i] = best->items[i].lower;
    const double kth = select_largest(best->scratch, best->count, best->k);
    if (!(kth > best->threshold))
        return;
    best->threshold = kth;
    size_t kept = 0;
    for (size_t i = 0; i < best->count; i++) {
        const bool keep = best->items[i].upper >= kth;
        best->items[kept] = best->items[i];
        kept += keep;
    }
    best->count = kept;
}

void best_score(struct best *best, size_t i, double score)
{
    struct candidate *candidate = &best->items[i];
    candidate->lower = candidate->upper = isnan(score) ? -INFINITY : score;
    candidate->scored = true;
}

static void swap(struct candidate *a, struct candidate *b)
{
    const struct candidate item = *a;
    *a = *b;
    *b = item;
}

size_t best_front(struct best *best, double least)
{
    size_t front = 0;
    for (size_t i = 0; i < best->count; i++) {
        const bool wanted = !best->items[i].scored & (best->items[i].lower >= least);
        swap(&best->items[i], &best->items[front]);
        front += wanted;
    }
    return front;
}

/* Of both, as which of them says so is what no CPU foresees. */
static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return (a->lower > b->lower) | ((a->lower == b->lower) & (a->row < b->row));
}

/* Moves those that are before the pivot, which is the last of items (count), to the front, and it to behind them, where it
 * belongs. Returns how many. As to_front. */
static size_t partition(struct candidate *items, size_t count)
{
    const struct candidate pivot = items[count - 1];
    size_t front = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        const bool before = is_before(&items[i], &pivot);
        swap(&items[i], &items[front]);
        front += before;
    }
    swap(&items[front], &items[count - 1]);
    return front;
}

static void sort_few(struct candidate *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct candidate item = items[i];
        size_t j = i;
        for (; j > 0 && is_before(&item, &items[j - 1]); j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

/* Best first. Quicksort, after Hoare, as qsort's calls for each comparison take longer than all else here. No two are equal. */
static void sort_best(struct candidate *items, size_t count)
{
    enum { FEW = 12 };
    while (count > FEW) {
        swap(&items[count / 2], &items[count - 1]);
        const size_t front = partition(items, count), back = count - front - 1;
        if (front < back) { /* the shorter part is sorted apart, for the stack's sake */
            sort_best(items, front);
            items += front + 1;
            count = back;
        } else {
            sort_best(items + front + 1, back);
            count = front;
        }
    }
    sort_few(items, count);
}

void best_settle(struct best *best)
{
    for (size_t i = 0; i < best->count; i++)
        if (!best->items[i].scored)
            best_score(best, i, rows_score(best->rows, best->items[i].row, best->query));
    best_tighten(best); /* now that bounds are scores, to sort fewer */
    sort_best(best->items, best->count);
    if (best->count >= best->k) {
        best->count = best->k;
        best->threshold = fmax(best->threshold, best->items[best->k - 1].lower);
    }
}

void best_add(struct best *best, struct candidate candidate)
{
    if (candidate.upper < best->threshold)
        return;
    if (best->count == best->room) {
        best_tighten(best);
        if (best->count > best->room / 2)
            best_settle(best);
    }
    best->items[best->count++] = candidate;
}
