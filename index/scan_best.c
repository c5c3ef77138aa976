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
    *best = (struct best){.rows = rows, .query = query, .k = k, .room = best_room(k, rows->count)};
    best->items = mem_new(best->room, sizeof *best->items);
    best->scratch = mem_new(best->room, sizeof *best->scratch);
    best->threshold = -INFINITY;
    if (best->items && best->scratch)
        return 0;
    best_release(best);
    return err_memory(err, best->room * sizeof *best->items);
}

void best_release(struct best *best)
{
    if (!best)
        return;
    free(best->items);
    free(best->scratch);
    *best = (struct best){0};
}

/* The k-th largest, k from 1, of values (count), which are left in another order. Hoare's quickselect. */
static double select_largest(double *values, size_t count, size_t k)
{
    size_t from = 0, to = count;
    while (to - from > 1) {
        const double pivot = values[from + (to - from) / 2];
        size_t i = from, j = to - 1;
        for (;; i++, j--) {
            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i >= j)
                break;
            const double swapped = values[i];
            values[i] = values[j];
            values[j] = swapped;
        }
        /* Now [from, i) >= pivot >= [i, to). Where both meet on one value, it is the pivot. */
        if (i == j && k - 1 == i)
            return values[i];
        if (k - 1 < i)
            to = i;
        else
            from = i == j ? i + 1 : i;
    }
    return values[from];
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
    for (size_t i = 0; i < best->count; i++)
        if (best->items[i].upper >= kth)
            best->items[kept++] = best->items[i];
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

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->lower != y->lower)
        return x->lower > y->lower ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

void best_settle(struct best *best)
{
    for (size_t i = 0; i < best->count; i++)
        best_score(best, i);
    qsort(best->items, best->count, sizeof *best->items, by_score);
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
