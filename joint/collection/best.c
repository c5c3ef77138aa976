// SPDX-License-Identifier: Apache-2.0
/*
 * The first hits by score, where pictures and texts are searched apart: texts lie nearer to each other than to pictures (the
 * modality gap; Liang et al. 2022), so that the captions of an index would come before all of its pictures.
 */
#include "joint/collection/hits.h"

#include <stdlib.h>
#include <string.h>

/* The best of one kind for every query. */
struct part {
    const struct index_rows *rows;
    size_t k;
    struct index_hit *hits; // (count, k)
    size_t *counts;         // (count)
};

/* vectors (count, E) */
static int part_search(struct part *part, const struct index_rows *rows, const struct ranking *rankings,
    const float *vectors, size_t count, size_t k, struct err *err)
{
    const size_t chosen = (size_t)rows->chosen;
    *part = (struct part){.rows = rows, .k = k < chosen ? k : chosen};
    part->hits = mem_new(count, (part->k + 1) * sizeof *part->hits);
    part->counts = mem_new(count, sizeof *part->counts);
    if (!part->hits || !part->counts)
        return err_memory(err, count * part->k * sizeof *part->hits);
    return part->k ? index_search(rankings->searcher, rows, vectors, count, part->k, part->hits, part->counts,
                         rankings->job, err)
                   : 0;
}

static void part_release(struct part *part)
{
    free(part->hits);
    free(part->counts);
}

/* Takes the hits below the least score off, and says whether there are no more than are left. */
static bool part_cut(struct part *part, size_t query, double min_score)
{
    const struct index_hit *hits = part->hits + query * part->k;
    size_t *count = &part->counts[query];
    const size_t found = *count;
    while (*count && !(hits[*count - 1].score >= min_score))
        --*count;
    return *count < found || found == (size_t)part->rows->chosen;
}

/* The first k hits of a query out of those of two kinds. */
static int merge(struct ranking *ranking, struct part parts[2], size_t query, size_t k, struct err *err)
{
    const struct hits_wanted *wanted = &ranking->query->wanted;
    const bool whole[2] = {
        part_cut(&parts[0], query, wanted->min_score), part_cut(&parts[1], query, wanted->min_score)};
    const size_t counts[2] = {parts[0].counts[query], parts[1].counts[query]};
    const size_t all = counts[0] + counts[1];
    size_t taken[2] = {0};
    ranking->count = all < k ? all : k;
    int rc = array_grow(ranking->hits, &ranking->room, ranking->count + 1, err);
    for (size_t i = 0; i < ranking->count && !rc; i++) {
        const bool turn =
            taken[1] < counts[1] && (taken[0] == counts[0] || (wanted->in_turns && taken[1] < taken[0]));
        ranking->hits[i] = parts[turn].hits[query * parts[turn].k + taken[turn]++];
    }
    ranking->whole = whole[0] && whole[1] && all <= k;
    ranking->before = wanted->skip < ranking->count ? wanted->skip : ranking->count;
    return rc;
}

/* Which rows are of which kind; the second part has none where all are of one. */
static int split(struct index_rows kinds[2], const struct ranking *ranking, struct err *err)
{
    const struct index_info info = index_info(ranking->index);
    kinds[0] = *ranking->rows;
    kinds[0].owned = NULL;
    kinds[1] = (struct index_rows){.width = ranking->rows->width};
    if (!info.images || !info.texts)
        return 0;
    int rc = index_rows_of(&kinds[0], ranking->index, ranking->rows, INDEX_IMAGE, err);
    if (!rc)
        rc = index_rows_of(&kinds[1], ranking->index, ranking->rows, INDEX_TEXT, err);
    return rc;
}

int rankings_search(struct ranking *rankings, size_t count, size_t k, struct err *err)
{
    const size_t width = rankings->rows->width;
    struct index_rows kinds[2] = {0};
    struct part parts[2] = {0};
    float *vectors = mem_new(count, width * sizeof *vectors); // (count, E)
    int rc = vectors ? split(kinds, rankings, err) : err_memory(err, count * width * sizeof *vectors);
    for (size_t i = 0; i < count && !rc; i++)
        memcpy(vectors + i * width, rankings[i].query->vector, width * sizeof *vectors);
    for (size_t p = 0; p < 2 && !rc; p++)
        rc = part_search(&parts[p], &kinds[p], rankings, vectors, count, k, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = merge(&rankings[i], parts, i, k, err);
    for (size_t p = 0; p < 2; p++) {
        part_release(&parts[p]);
        index_rows_release(&kinds[p]);
    }
    free(vectors);
    return rc;
}
