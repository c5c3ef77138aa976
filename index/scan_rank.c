// SPDX-License-Identifier: Apache-2.0
/* The ranking of who is left. */
#include "index/scan_rank.h"
#include "index/blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Candidates of all queries by their rows, so that a row is read once for all queries that want it; in pieces, so that threads
 * share even those of one query. */
struct entry {
    int64_t row;
    uint32_t query, candidate;
};

struct ranking {
    struct best *bests;    // (queries)
    struct entry *entries; // (count)
    size_t *starts;        // (stretches + 1)
    size_t *wanted;        // (queries): how many candidates, the first ones
    size_t queries, count, stretches;
    int bits;               /* rows count as the same to so many bits */
    bool all;               /* or those alone that are among the k by their lower bounds */
    struct index_hit *hits; // (queries, k)
    size_t *counts;         // (queries)
};

enum {
    PIECE = 128,
    STRETCHES = 1 << 12 /* of rows that count as the same; more where there are more entries */
};

/* Scores those entries from `at` on that are of the same row. Returns where they end. */
static size_t row_score(const struct ranking *ranking, size_t at, size_t end)
{
    const struct entry *entries = ranking->entries;
    const float *queries[PIECE];
    double scores[PIECE];
    size_t count = 0;
    do
        queries[count] = ranking->bests[entries[at + count].query].query;
    while (at + ++count < end && entries[at + count].row == entries[at].row);
    if (at + count + 1 < ranking->count) /* the rows lie anywhere, and waiting for them is most of the work */
        rows_prefetch(ranking->bests->rows, entries[at + count + 1].row);
    rows_scores(scores, ranking->bests->rows, entries[at].row, queries, count);
    for (size_t i = 0; i < count; i++)
        best_score(&ranking->bests[entries[at + i].query], entries[at + i].candidate, scores[i]);
    return at + count;
}

static void piece_score(void *context, size_t i)
{
    const struct ranking *ranking = context;
    const size_t left = ranking->count - i * PIECE, end = i * PIECE + (left < PIECE ? left : PIECE);
    for (size_t at = i * PIECE; at < end;)
        at = row_score(ranking, at, end);
}

static void lead(void *context, size_t i)
{
    const struct ranking *ranking = context;
    struct best *best = &ranking->bests[i];
    ranking->wanted[i] = best_front(best, ranking->all ? -INFINITY : best->threshold);
}

/* Counts where each stretch begins, and puts the entries of those who are wanted there. */
static void entries_sort(struct ranking *ranking)
{
    size_t *starts = ranking->starts;
    memset(starts, 0, (ranking->stretches + 1) * sizeof *starts);
    for (size_t q = 0; q < ranking->queries; q++)
        for (size_t i = 0; i < ranking->wanted[q]; i++)
            starts[(ranking->bests[q].items[i].row >> ranking->bits) + 1]++;
    for (size_t i = 0; i < ranking->stretches; i++)
        starts[i + 1] += starts[i];
    ranking->count = starts[ranking->stretches];
    for (size_t q = 0; q < ranking->queries; q++)
        for (size_t i = 0; i < ranking->wanted[q]; i++) {
            const int64_t row = ranking->bests[q].items[i].row;
            ranking->entries[starts[row >> ranking->bits]++] = (struct entry){row, (uint32_t)q, (uint32_t)i};
        }
}

static void tighten(void *context, size_t i)
{
    const struct ranking *ranking = context;
    best_tighten(&ranking->bests[i]);
}

static void settle(void *context, size_t i)
{
    const struct ranking *ranking = context;
    struct best *best = &ranking->bests[i];
    best_settle(best);
    for (size_t j = 0; j < best->count; j++)
        ranking->hits[i * best->k + j] = (struct index_hit){best->items[j].row, best->items[j].lower};
    ranking->counts[i] = best->count;
}

static int ranking_open(struct ranking *ranking, struct err *err)
{
    const int64_t rows = ranking->bests->rows->count;
    size_t most = STRETCHES;
    for (size_t q = 0; q < ranking->queries; q++)
        most += ranking->bests[q].count;
    while ((size_t)rows >> ranking->bits >= most)
        ranking->bits++;
    ranking->stretches = ((size_t)rows >> ranking->bits) + 1;
    ranking->entries = mem_new(most, sizeof *ranking->entries);
    ranking->starts = mem_new(ranking->stretches + 1, sizeof *ranking->starts);
    ranking->wanted = mem_new(ranking->queries, sizeof *ranking->wanted);
    return ranking->entries && ranking->starts && ranking->wanted
               ? 0
               : err_memory(err, most * sizeof *ranking->entries);
}

static void ranking_release(struct ranking *ranking)
{
    free(ranking->starts);
    free(ranking->wanted);
    free(ranking->entries);
}

/* Scores those first who are among the k by their lower bounds, as this puts others out. */
int bests_rank(struct best *bests, size_t queries, struct index_hit *hits, size_t *counts,
    const struct job *job, struct err *err)
{
    struct ranking ranking = {.bests = bests, .queries = queries, .hits = hits, .counts = counts};
    int rc = ranking_open(&ranking, err);
    for (int all = 0; !rc && all < 2; all++) {
        ranking.all = all;
        job_loop(job, queries, lead, &ranking);
        entries_sort(&ranking);
        rc = blocks_run(job, "ranking", ranking.count, PIECE, bests->rows->width, piece_score, &ranking, err);
        if (!rc)
            job_loop(job, queries, all ? settle : tighten, &ranking);
    }
    ranking_release(&ranking);
    return rc;
}
