// SPDX-License-Identifier: Apache-2.0
#include "service/shelf_internal.h"

#include <stdlib.h>

/* Takes what a reload has opened. On the batcher's thread. */
static void take_next(struct shelf_index *index)
{
    pthread_mutex_lock(&index->lock);
    struct reader next = index->next;
    index->next = (struct reader){0};
    pthread_mutex_unlock(&index->lock);
    if (!next.index)
        return;
    reader_close(&index->search);
    index->search = next;
}

struct search_item {
    const struct shelf_search *search;
    struct shelf_hits *out;
    struct arena *arena;
    const struct job *job;
    struct err err;
};

/* Whether a search can share its scan with others. */
static bool is_plain(const struct shelf_search *search)
{
    const struct index_filter *filter = &search->filter;
    return !filter->where && !filter->match && filter->kind == INDEX_ANY && !search->region &&
           !search->hide_copies && search->wanted.order == INDEX_BY_SCORE;
}

/* The rows of a search; in a part of the map, only those that lie there. */
static int open_rows(
    struct search_rows *out, struct shelf_index *index, const struct search_item *item, struct err *err)
{
    struct index *opened = index->search.index;
    const struct shelf_search *search = item->search;
    const struct index_info info = index_info(opened);
    int rc = search_rows_open(out, opened, &search->filter, search->hide_copies, err);
    if (rc || !search->region)
        return rc;
    const char *file = map_file(&info, item->arena);
    rc = file ? map_region_keep(&out->chosen, search->region, file, err) : err_memory(err, 0);
    if (!rc && out->hide_copies)
        rc = map_region_keep(&out->pictures, search->region, file, err);
    if (rc)
        search_rows_release(out);
    return rc;
}

/* Does items (count) that search the same rows. */
static int search_together(struct shelf_index *index, struct search_item *const *items, size_t count,
    const struct job *job, struct err *err)
{
    struct search_rows rows;
    struct hits_query *queries = mem_new(count, sizeof *queries);
    int rc = queries ? open_rows(&rows, index, items[0], err) : err_memory(err, count * sizeof *queries);
    for (size_t i = 0; i < count && !rc; i++) {
        queries[i] = (struct hits_query){items[i]->search->query, items[i]->search->wanted,
            &items[i]->out->list, items[i]->arena, &items[i]->err};
        items[i]->out->chosen = rows.chosen.chosen;
    }
    if (!rc) {
        rc = hits_find(queries, count, index->search.index, index->search.searcher, &rows, job, err);
        search_rows_release(&rows);
    }
    free(queries);
    return rc;
}

/* The plain ones among items together; each of the others by itself, since its rows, its mistakes and its end are its
 * own. */
int shelf_run_searches(void *context, void *const *items, size_t count, struct err *err)
{
    struct shelf_index *index = context;
    struct search_item **plain = mem_new(count, sizeof *plain);
    size_t plain_count = 0;
    take_next(index);
    int rc = plain ? reader_refresh(&index->search, &index->place, true, err)
                   : err_memory(err, count * sizeof *plain);
    for (size_t i = 0; i < count && !rc; i++) {
        struct search_item *item = items[i];
        if (is_plain(item->search))
            plain[plain_count++] = item;
        else
            search_together(index, &item, 1, item->job, &item->err);
    }
    if (plain_count && !rc)
        rc = search_together(index, plain, plain_count, NULL, err);
    free(plain);
    return rc;
}

int shelf_search(struct shelf_hits *out, struct shelf_index *index, const struct shelf_search *search,
    struct arena *arena, const struct job *job, struct err *err)
{
    struct search_item item = {.search = search, .out = out, .arena = arena, .job = job};
    void *const list[] = {&item};
    *out = (struct shelf_hits){0};
    const int rc = batcher_do(index->batcher, list, 1, job, err);
    return rc || !item.err.code ? rc : err_set(err, item.err.code, "%s", item.err.msg);
}
