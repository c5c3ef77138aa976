// SPDX-License-Identifier: Apache-2.0
/* The scan for all rows that score at least so much: what its spans leave is scored at once, and kept or not. */
#include "index/blocks.h"
#include "index/scan_batch.h"

#include <stdlib.h>

enum { BLOCK = 256 /* survivors that a thread scores at a time */ };

struct near_hit {
    struct index_hit hit;
    uint32_t query;
};

struct sifting {
    struct batch batch;
    const struct index_rows *rows;
    const float *queries; // (Q, E)
    double least;
    const struct job *job;
    struct near_hit *hits; // (count)
    size_t count, room;
    int64_t first; /* row of the span, and its survivors, in batch */
    size_t found;
};

/* A block of the survivors, to behind the hits that there are. */
static void score_block(void *context, size_t block)
{
    struct sifting *s = context;
    for (size_t i = block * BLOCK; i < s->found && i < (block + 1) * BLOCK; i++) {
        const struct survivor *survivor = &s->batch.survivors[i];
        const int64_t row = s->first + survivor->row;
        const double score = index_score(s->rows, row, s->queries + survivor->query * s->rows->width);
        s->hits[s->count + i] = (struct near_hit){{row, score}, survivor->query};
    }
}

static int take_survivors(void *context, int64_t first, size_t found, struct err *err)
{
    struct sifting *s = context;
    s->first = first;
    s->found = found;
    int rc = array_grow(s->hits, &s->room, s->count + found + 1, err);
    if (!rc)
        rc = blocks_run(s->job, "rows", found, BLOCK, s->rows->width, score_block, s, err);
    if (rc)
        return rc;
    const size_t end = s->count + found;
    for (size_t i = s->count; i < end; i++)
        if (s->hits[i].hit.score >= s->least)
            s->hits[s->count++] = s->hits[i];
    return 0;
}

static int by_query(const void *a, const void *b)
{
    const struct near_hit *x = a, *y = b;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    if (x->hit.score < y->hit.score || x->hit.score > y->hit.score)
        return x->hit.score > y->hit.score ? -1 : 1;
    return x->hit.row < y->hit.row ? -1 : x->hit.row > y->hit.row;
}

/* The hits of a batch, behind those of the batches before. */
static int hand_over(struct index_hit **hits, size_t *room, size_t *ends, size_t before,
    const struct sifting *s, struct err *err)
{
    const int rc = array_grow(*hits, room, before + s->count + 1, err);
    if (rc)
        return rc;
    if (s->count)
        qsort(s->hits, s->count, sizeof *s->hits, by_query);
    for (size_t i = 0; i < s->count; i++)
        (*hits)[before + i] = s->hits[i].hit;
    for (size_t query = 0, at = 0; query < s->batch.count; query++) {
        while (at < s->count && s->hits[at].query == query)
            at++;
        ends[query] = before + at;
    }
    return 0;
}

int scan_near(struct scanner *scanner, const struct index_rows *rows, const struct coarse *coarse,
    const float *queries, size_t query_count, double least, struct index_hit **hits, size_t *ends,
    const struct job *job, struct err *err)
{
    struct job pooled;
    struct sifting s = {.rows = rows, .least = least, .job = scanner_job(scanner, &pooled, job)};
    double thresholds[BATCH_MAX];
    size_t room = 0, before = 0;
    for (size_t i = 0; i < BATCH_MAX; i++)
        thresholds[i] = least;
    *hits = NULL;
    int rc = queries_check(rows, queries, query_count, err);
    for (size_t q = 0; q < query_count && !rc; q += BATCH_MAX) {
        const size_t left = query_count - q, count = left < BATCH_MAX ? left : BATCH_MAX;
        s.queries = queries + q * rows->width;
        s.count = 0;
        rc = scanner_batch(&s.batch, scanner, rows, coarse, s.queries, count, err);
        if (rc)
            break;
        rc = scanner_sift(scanner, &s.batch, thresholds, take_survivors, &s, s.job, err);
        if (!rc)
            rc = hand_over(hits, &room, ends + q, before, &s, err);
        before += s.count;
        batch_release(&s.batch);
    }
    free(s.hits);
    return rc;
}
