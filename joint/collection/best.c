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
    size_t chosen, k;       /* rows to be looked at */
    struct index_hit *hits; // (count, k)
    size_t *counts;         // (count)
};

static int part_init(struct part *part, int64_t chosen, size_t count, size_t k, struct err *err)
{
    *part = (struct part){.chosen = (size_t)chosen, .k = k < (size_t)chosen ? k : (size_t)chosen};
    part->hits = mem_new(count, (part->k + 1) * sizeof *part->hits);
    part->counts = mem_new(count, sizeof *part->counts);
    return part->hits && part->counts ? 0 : err_memory(err, count * part->k * sizeof *part->hits);
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
    return *count < found || found == part->chosen;
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

/* vectors (count, E) */
static int search_here(struct part parts[2], const struct ranking *rankings, const float *vectors,
    size_t count, size_t k, struct err *err)
{
    struct index_rows kinds[2] = {0};
    int rc = split(kinds, rankings, err);
    for (size_t p = 0; p < 2 && !rc; p++) {
        rc = part_init(&parts[p], kinds[p].chosen, count, k, err);
        if (!rc && parts[p].k)
            rc = index_search(rankings->searcher, &kinds[p], vectors, count, parts[p].k, parts[p].hits,
                parts[p].counts, rankings->job, err);
    }
    for (size_t p = 0; p < 2; p++)
        index_rows_release(&kinds[p]);
    return rc;
}

static int search_elsewhere(struct part parts[2], const struct ranking *rankings, const float *vectors,
    size_t count, size_t k, struct err *err)
{
    const struct rows_elsewhere *elsewhere = rankings->elsewhere;
    int rc = part_init(&parts[0], elsewhere->chosen[INDEX_IMAGE], count, k, err);
    if (!rc)
        rc = part_init(&parts[1], elsewhere->chosen[INDEX_TEXT], count, k, err);
    if (rc)
        return rc;
    const size_t by_kind[] = {[INDEX_IMAGE] = parts[0].k, [INDEX_TEXT] = parts[1].k};
    struct index_hit *const hits[] = {[INDEX_IMAGE] = parts[0].hits, [INDEX_TEXT] = parts[1].hits};
    size_t *const counts[] = {[INDEX_IMAGE] = parts[0].counts, [INDEX_TEXT] = parts[1].counts};
    return elsewhere->search(elsewhere->context, hits, counts, vectors, count, by_kind, rankings->job, err);
}

int rankings_search(struct ranking *rankings, size_t count, size_t k, struct err *err)
{
    const size_t width = rankings->rows->width;
    struct part parts[2] = {0};
    float *vectors = mem_new(count, width * sizeof *vectors); // (count, E)
    int rc = vectors ? 0 : err_memory(err, count * width * sizeof *vectors);
    for (size_t i = 0; i < count && !rc; i++)
        memcpy(vectors + i * width, rankings[i].query->vector, width * sizeof *vectors);
    if (!rc)
        rc = (rankings->elsewhere ? search_elsewhere : search_here)(parts, rankings, vectors, count, k, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = merge(&rankings[i], parts, i, k, err);
    for (size_t p = 0; p < 2; p++)
        part_release(&parts[p]);
    free(vectors);
    return rc;
}
