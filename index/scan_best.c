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

void best_score(struct best *best, size_t i)
{
    struct candidate *candidate = &best->items[i];
    if (candidate->scored)
        return;
    const double score = rows_score(best->rows, candidate->row, best->query);
    candidate->lower = candidate->upper = isnan(score) ? -INFINITY : score;
    candidate->scored = true;
}

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    return a->lower > b->lower || (a->lower == b->lower && a->row < b->row);
}

/* Best first. Quicksort, after Hoare, as qsort's calls for each comparison take longer than all else here. No two are equal. */
static void sort_best(struct candidate *items, size_t count)
{
    while (count > 1) {
        const struct candidate pivot = items[(count - 1) / 2];
        size_t low = 0, high = count - 1;
        for (;; low++, high--) {
            while (is_before(&items[low], &pivot))
                low++;
            while (is_before(&pivot, &items[high]))
                high--;
            if (low >= high)
                break;
            const struct candidate item = items[low];
            items[low] = items[high];
            items[high] = item;
        }
        /* items up to high are before the others; the shorter part is sorted apart, for the stack's sake */
        const size_t front = high + 1;
        if (front <= count - front) {
            sort_best(items, front);
            items += front;
            count -= front;
        } else {
            sort_best(items + front, count - front);
            count = front;
        }
    }
}

void best_settle(struct best *best)
{
    for (size_t i = 0; i < best->count; i++)
        best_score(best, i);
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
