// SPDX-License-Identifier: Apache-2.0
#include "index/blocks.h"
#include "index/dot.h"
#include "index/index.h"

#include <stdlib.h>

enum { PAIRS_MAX = 4000000, BLOCK = 1024 /* what a thread takes at a time */ };
static const char doing[] = "finding outliers";

struct outliers {
    double *similarities; // (count)
    double *tails;        // (count)
    const float *vectors; // (count, E)
    size_t count, width;
    double *sum;   // (E) of all vectors
    double *pairs; // (pair_count) cosines
    size_t pair_count;
    uint64_t seed;
};

static size_t block_end(size_t block, size_t count)
{
    const size_t end = (block + 1) * BLOCK;
    return end < count ? end : count;
}

/* ---- the distribution of all pairs --------------------------------------------------------------------- */

/* Two different vectors: pair p of all pairs in a row, (1, 0), (2, 0), (2, 1), (3, 0) ..., or drawn. */
static void choose_pair(size_t *a, size_t *b, const struct outliers *o, size_t p, bool all)
{
    if (!all) {
        *a = (size_t)(random_at(o->seed, 2 * p) % o->count);
        *b = (size_t)(random_at(o->seed, 2 * p + 1) % (o->count - 1));
        *b += *b >= *a;
        return;
    }
    size_t low = 1, high = o->count - 1; /* the largest i with i (i - 1) / 2 <= p */
    while (low < high) {
        const size_t middle = low + (high - low + 1) / 2;
        if (middle * (middle - 1) / 2 <= p)
            low = middle;
        else
            high = middle - 1;
    }
    *a = low;
    *b = p - low * (low - 1) / 2;
}

static void measure_pairs(void *context, size_t block)
{
    struct outliers *o = context;
    const bool all = o->count < 2 * (size_t)PAIRS_MAX && o->count * (o->count - 1) / 2 == o->pair_count;
    for (size_t p = block * BLOCK; p < block_end(block, o->pair_count); p++) {
        size_t a, b;
        choose_pair(&a, &b, o, p, all);
        o->pairs[p] = dot_f32(o->vectors + a * o->width, o->vectors + b * o->width, o->width);
    }
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The share of pairs below x; pairs are sorted. */
static double share_below(const struct outliers *o, double x)
{
    size_t low = 0, high = o->pair_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (o->pairs[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return (double)low / (double)o->pair_count;
}

/* ---- each vector with the rest ------------------------------------------------------------------------- */

static int add_up(struct outliers *o, const struct job *job, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < o->count && !rc; i++) {
        rc = i % BLOCK ? 0 : job_step(job, doing, 0, 0, err);
        for (size_t e = 0; e < o->width; e++)
            o->sum[e] += o->vectors[i * o->width + e];
    }
    return rc;
}

/* The sum of the cosines with all vectors is one product with the sum of them; its own is taken out. */
static void measure_rest(void *context, size_t block)
{
    struct outliers *o = context;
    for (size_t i = block * BLOCK; i < block_end(block, o->count); i++) {
        const float *vector = o->vectors + i * o->width;
        double all = 0;
        for (size_t e = 0; e < o->width; e++)
            all += o->sum[e] * vector[e];
        o->similarities[i] = (all - dot_f32(vector, vector, o->width)) / (double)(o->count - 1);
        o->tails[i] = share_below(o, o->similarities[i]);
    }
}

static int by_similarity(const void *a, const void *b, void *context)
{
    const double *similarities = context;
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    if (similarities[x] < similarities[y] || similarities[x] > similarities[y])
        return similarities[x] < similarities[y] ? -1 : 1;
    return x < y ? -1 : 1;
}

static void sort_vectors(size_t *order, double *similarities, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, count, sizeof *order, by_similarity, similarities);
}

int embedding_outliers(double *similarities, double *tails, size_t *order, const float *vectors, size_t count,
    size_t width, uint64_t seed, const struct job *job, struct err *err)
{
    if (count < 3)
        return err_set(err, ERR_ARGUMENT, "%zu vectors are too few to tell outliers", count);
    struct outliers o = {similarities, tails, vectors, count, width, NULL, NULL, PAIRS_MAX, seed};
    if (count < 2 * (size_t)PAIRS_MAX && count * (count - 1) / 2 < PAIRS_MAX)
        o.pair_count = count * (count - 1) / 2;
    o.sum = mem_new(width, sizeof *o.sum);
    o.pairs = mem_new(o.pair_count, sizeof *o.pairs);
    int rc = o.sum && o.pairs ? 0 : err_memory(err, o.pair_count * sizeof *o.pairs);
    if (!rc)
        rc = blocks_run(job, doing, o.pair_count, BLOCK, width, measure_pairs, &o, err);
    if (!rc) {
        qsort(o.pairs, o.pair_count, sizeof *o.pairs, rising);
        rc = add_up(&o, job, err);
    }
    if (!rc)
        rc = blocks_run(job, doing, count, BLOCK, width, measure_rest, &o, err);
    if (!rc)
        sort_vectors(order, similarities, count);
    free(o.pairs);
    free(o.sum);
    return rc;
}
