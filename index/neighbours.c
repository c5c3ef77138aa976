// SPDX-License-Identifier: Apache-2.0
#include "index/index.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 64 /* queries */,
    HITS = 32 /* a query asks for at first */,
    MORE = 8 /* times as many then */
};

/* What is being filled. */
struct finding {
    struct index_searcher *searcher;
    const struct index_rows *rows;
    double threshold;
    const struct job *job;
    struct index_hit *hits; // (count)
    size_t count, room;
};

/* Of hits, best first, those that are near are kept. Where all of the k that were asked for are, there may be more:
 * then *whole is false, and none is kept. */
static int keep(
    struct finding *f, bool *whole, const struct index_hit *hits, size_t count, size_t k, struct err *err)
{
    size_t near = 0;
    while (near < count && hits[near].score >= f->threshold)
        near++;
    *whole = near < k || k >= (size_t)f->rows->chosen;
    if (!*whole)
        return 0;
    const int rc = array_grow(f->hits, &f->room, f->count + near + 1, err);
    if (rc)
        return rc;
    memcpy(f->hits + f->count, hits, near * sizeof *hits);
    f->count += near;
    return 0;
}

/* All of one query, which asks for more and more. */
static int find_many(struct finding *f, const float *query, struct err *err)
{
    const size_t chosen = (size_t)f->rows->chosen;
    bool whole = false;
    int rc = 0;
    for (size_t k = HITS; !rc && !whole;) {
        k = k > chosen / MORE ? chosen : k * MORE;
        struct index_hit *hits = mem_new(k, sizeof *hits);
        size_t count;
        rc = hits ? index_search(f->searcher, f->rows, query, 1, k, hits, &count, f->job, err)
                  : err_memory(err, k * sizeof *hits);
        if (!rc)
            rc = keep(f, &whole, hits, count, k, err);
        free(hits);
    }
    return rc;
}

/* Those of queries (count, E), up to AT_ONCE. */
static int find_some(struct finding *f, size_t *ends, const float *queries, size_t count, struct err *err)
{
    struct index_hit *hits = mem_new(count, HITS * sizeof *hits); // (count, HITS)
    size_t counts[AT_ONCE];
    int rc = hits ? index_search(f->searcher, f->rows, queries, count, HITS, hits, counts, f->job, err)
                  : err_memory(err, count * HITS * sizeof *hits);
    for (size_t i = 0; i < count && !rc; i++) {
        bool whole;
        rc = keep(f, &whole, hits + i * HITS, counts[i], HITS, err);
        if (!rc && !whole)
            rc = find_many(f, queries + i * f->rows->width, err);
        ends[i] = f->count;
    }
    free(hits);
    return rc;
}

int index_neighbours(struct index_neighbours *out, struct index_searcher *searcher,
    const struct index_rows *rows, const float *queries, size_t query_count, double threshold,
    const struct job *job, struct err *err)
{
    struct finding f = {.searcher = searcher, .rows = rows, .threshold = threshold, .job = job};
    size_t *ends = mem_new(query_count + 1, sizeof *ends);
    int rc = ends ? 0 : err_memory(err, query_count * sizeof *ends);
    for (size_t i = 0; i < query_count && !rc; i += AT_ONCE) {
        const size_t left = query_count - i;
        rc = find_some(&f, ends + i, queries + i * rows->width, left < AT_ONCE ? left : AT_ONCE, err);
    }
    *out = (struct index_neighbours){f.hits, ends};
    if (rc)
        index_neighbours_release(out);
    return rc;
}

void index_neighbours_release(struct index_neighbours *neighbours)
{
    if (!neighbours)
        return;
    free(neighbours->hits);
    free(neighbours->ends);
    *neighbours = (struct index_neighbours){0};
}
