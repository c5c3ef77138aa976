// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/hits.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

/* ---- what is searched ---------------------------------------------------------------------------------- */

int search_rows_open(struct search_rows *out, struct index *index, const struct index_filter *filter,
    bool hide_copies, struct err *err)
{
    struct index_filter pictures = filter ? *filter : (struct index_filter){0};
    *out = (struct search_rows){.hide_copies = hide_copies && pictures.kind != INDEX_TEXT};
    int rc = index_rows(&out->chosen, index, filter, err);
    pictures.kind = INDEX_IMAGE;
    if (!rc && out->hide_copies)
        rc = index_rows(&out->pictures, index, &pictures, err);
    if (rc)
        search_rows_release(out);
    return rc;
}

void search_rows_release(struct search_rows *rows)
{
    index_rows_release(&rows->chosen);
    index_rows_release(&rows->pictures);
}

struct json_t *hit_copies_json(const struct hit_copies *copies)
{
    json_t *list = json_array();
    for (size_t i = 0; i < copies->listed; i++)
        json_array_append_new(list, json_integer((json_int_t)copies->ids[i]));
    return list;
}

/* ---- hits ---------------------------------------------------------------------------------------------- */

static int fetch(struct index_item *items, const struct ranking *ranking, const int64_t *rows, size_t count,
    struct err *err)
{
    const struct rows_elsewhere *elsewhere = ranking->elsewhere;
    struct arena *arena = ranking->query->arena;
    return elsewhere ? elsewhere->fetch(elsewhere->context, items, rows, count, arena, err)
                     : index_fetch(items, ranking->index, rows, count, arena, err);
}

/* What the catalog says of the hits that are shown. */
static int fill_list(const struct ranking *ranking, const struct hits_page *page, struct err *err)
{
    struct arena *arena = ranking->query->arena;
    struct hit_list *out = ranking->query->out;
    struct index_item *items = arena_alloc(arena, page->count * sizeof *items);
    struct index_hit *hits = arena_alloc(arena, page->count * sizeof *hits);
    struct hit_copies *copies = arena_alloc(arena, page->count * sizeof *copies);
    int64_t *rows = mem_new(page->count + 1, sizeof *rows);
    int rc = items && hits && copies && rows ? 0 : err_memory(err, page->count * sizeof *items);
    for (size_t i = 0; i < page->count && !rc; i++) {
        hits[i] = ranking->hits[page->hits[i].hit];
        hits[i].score = index_cosine(hits[i].score);
        copies[i] = page->hits[i].copies;
        rows[i] = hits[i].row;
    }
    if (!rc)
        rc = fetch(items, ranking, rows, page->count, err);
    free(rows);
    *out = (struct hit_list){out->query, items, hits, ranking->from_first ? copies : NULL, page->count,
        page->more, page->count ? page->hits[page->count - 1].hit + 1 : ranking->before};
    return rc;
}

/* The hits of a ranking as they come. */
static int take_first(struct hits_page *page, const struct ranking *ranking, size_t top, struct err *err)
{
    const size_t left = ranking->count - ranking->before, count = left < top ? left : top;
    const int rc = array_grow(page->hits, &page->room, count + 1, err);
    for (size_t i = 0; i < count && !rc; i++)
        page->hits[page->count++] = (struct page_hit){.hit = ranking->before + i};
    page->more = left > top;
    return rc;
}

static size_t top_of(const struct ranking *ranking)
{
    const size_t chosen = (size_t)ranking->rows->chosen, top = ranking->query->wanted.top;
    return top < chosen ? top : chosen;
}

/* Finds the page of a ranking and fills in the list. What goes wrong is the query's own problem. */
static int show(struct ranking *ranking, const struct search_rows *rows, struct err *err)
{
    struct err *problem = ranking->query->problem;
    struct hits_page page = {0};
    int rc = rows->hide_copies
                 ? near_copies_hide(&page, ranking, rows, top_of(ranking), problem ? problem : err)
                 : take_first(&page, ranking, top_of(ranking), problem ? problem : err);
    if (!rc)
        rc = fill_list(ranking, &page, problem ? problem : err);
    free(page.hits);
    return problem ? 0 : rc;
}

static int find_alone(struct ranking *ranking, const struct search_rows *rows, struct err *err)
{
    int rc = 0;
    ranking->from_first = rows->hide_copies;
    if (!rows->hide_copies)
        rc = ranking_extend(ranking, top_of(ranking) + 1, err);
    if (!rc)
        rc = show(ranking, rows, err);
    ranking_release(ranking);
    return rc;
}

/* The best of queries (count), in one scan. */
static int find_together(
    struct ranking *rankings, size_t count, const struct search_rows *rows, struct err *err)
{
    const size_t chosen = (size_t)rankings->rows->chosen;
    size_t k = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t skip = rankings[i].query->wanted.skip, top = top_of(&rankings[i]);
        const size_t wanted = skip < chosen && top + 1 < chosen - skip ? skip + top + 1 : chosen;
        k = wanted > k ? wanted : k;
    }
    int rc = rankings_search(rankings, count, k, err);
    for (size_t i = 0; i < count; i++) {
        if (!rc)
            rc = show(&rankings[i], rows, err);
        ranking_release(&rankings[i]);
    }
    return rc;
}

int hits_find(const struct hits_query *queries, size_t count, struct index *index,
    struct index_searcher *searcher, const struct search_rows *rows, const struct job *job, struct err *err)
{
    struct ranking *rankings = mem_new(count, sizeof *rankings);
    bool together = !rows->hide_copies;
    int rc = rankings ? 0 : err_memory(err, count * sizeof *rankings);
    for (size_t i = 0; i < count && !rc; i++) {
        assert(queries[i].vector || queries[i].wanted.order != INDEX_BY_SCORE);
        together = together && queries[i].wanted.order == INDEX_BY_SCORE;
        rankings[i] = (struct ranking){.index = index,
            .searcher = searcher,
            .rows = &rows->chosen,
            .elsewhere = rows->elsewhere,
            .query = &queries[i],
            .job = job};
    }
    assert(together || !rows->elsewhere);
    if (!rc && together)
        rc = find_together(rankings, count, rows, err);
    for (size_t i = 0; i < count && !rc && !together; i++)
        rc = find_alone(&rankings[i], rows, err);
    free(rankings);
    return rc;
}
