// SPDX-License-Identifier: Apache-2.0
/* Pages of hits without near copies. */
#include "joint/collection/leaders.h"

#include <stdlib.h>

enum { GROWTH = 4 };

struct hiding {
    struct ranking *ranking;
    const struct search_rows *rows;
    struct hits_page *page;
    struct leaders leaders;
    size_t at; /* where the ranking's next hit is */
};

/* ---- the page ------------------------------------------------------------------------------------------ */

static bool is_text(const struct hiding *hiding, int64_t row)
{
    return !index_rows_have(&hiding->rows->pictures, row);
}

/* Of the next hits, those to be decided: as many as the page may still take and a quarter more, since some will be copies
 * and a pass for those that take their place costs as much. */
static void next_targets(struct row_list *out, const struct hiding *hiding, size_t limit)
{
    const struct ranking *ranking = hiding->ranking;
    const size_t left = limit - hiding->page->count, wanted = left + left / 4;
    const size_t most = wanted < ROW_LIST_MAX ? wanted : ROW_LIST_MAX;
    out->count = 0;
    for (size_t i = hiding->at; i < ranking->count && out->count < most; i++) {
        const int64_t row = ranking->hits[i].row;
        if (hiding->leaders.states[row] == HIT_UNKNOWN && !is_text(hiding, row))
            out->rows[out->count++] = row;
    }
}

/* Until the page has `limit` hits, or all of the ranking were looked at. */
static int look_on(struct hiding *hiding, size_t limit, struct err *err)
{
    const struct ranking *ranking = hiding->ranking;
    struct hits_page *page = hiding->page;
    struct row_list targets;
    int rc = 0;
    while (!rc && page->count < limit && hiding->at < ranking->count) {
        const int64_t row = ranking->hits[hiding->at].row;
        const bool text = is_text(hiding, row);
        if (!text && hiding->leaders.states[row] == HIT_UNKNOWN) {
            next_targets(&targets, hiding, limit);
            rc = leaders_decide(&hiding->leaders, &targets, err);
            continue;
        }
        if (text || hiding->leaders.states[row] == HIT_LEADER)
            rc = array_grow(page->hits, &page->room, page->count + 1, err);
        if (!rc && (text || hiding->leaders.states[row] == HIT_LEADER))
            page->hits[page->count++] = (struct page_hit){.hit = hiding->at};
        hiding->at++;
    }
    return rc;
}

/* Brings the ranking to `wanted` hits behind those that are passed over. */
static int extend(struct hiding *hiding, size_t wanted, struct err *err)
{
    const int rc = ranking_extend(hiding->ranking, wanted, err);
    if (!rc)
        leaders_rank(&hiding->leaders);
    return rc;
}

/* Also whether there is one more. */
static int fill_page(struct hiding *hiding, size_t top, struct err *err)
{
    const struct ranking *ranking = hiding->ranking;
    struct hits_page *page = hiding->page;
    size_t wanted = 2 * top + 1;
    int rc = extend(hiding, wanted, err);
    hiding->at = ranking->before;
    if (!rc)
        rc = look_on(hiding, top + 1, err);
    while (!rc && page->count <= top && !ranking->whole &&
           hiding->leaders.known < (size_t)ranking->rows->chosen) {
        wanted *= GROWTH;
        rc = extend(hiding, wanted, err);
        if (!rc)
            rc = look_on(hiding, top + 1, err);
    }
    page->more = page->count > top;
    page->count -= page->more;
    return rc;
}

/* ---- the copies of a hit ------------------------------------------------------------------------------- */

/* ids (count) of the items in rows, in the query's arena. */
static int fetch_ids(
    const int64_t **out, struct ranking *ranking, const int64_t *rows, size_t count, struct err *err)
{
    struct arena arena = {0};
    struct index_item *items = arena_alloc(&arena, count * sizeof *items);
    int64_t *ids = arena_alloc(ranking->query->arena, count * sizeof *ids);
    int rc = items && ids ? index_fetch(items, ranking->index, rows, count, &arena, err)
                          : err_memory(err, count * sizeof *items);
    for (size_t i = 0; i < count && !rc; i++)
        ids[i] = items[i].id;
    arena_release(&arena);
    *out = ids;
    return rc;
}

/* Whether what is near a hit is wanted at all. */
static bool is_hit(const struct hiding *hiding, int64_t row)
{
    const struct hits_query *query = hiding->ranking->query;
    return !query->vector ||
           index_score(&hiding->rows->chosen, row, query->vector) >= query->wanted.min_score;
}

static int take_copies(struct hiding *hiding, struct page_hit *hit, struct err *err)
{
    const struct lookup *leader = leaders_lookup(&hiding->leaders, hit->hit + 1);
    int64_t rows[HIT_COPIES_LISTED];
    struct hit_copies *out = &hit->copies;
    for (size_t i = 0; i < leader->count; i++) {
        const int64_t row = leader->near[i].row;
        if (row == leader->row || !is_hit(hiding, row))
            continue;
        if (out->count++ < HIT_COPIES_LISTED)
            rows[out->listed++] = row;
    }
    return out->listed ? fetch_ids(&out->ids, hiding->ranking, rows, out->listed, err) : 0;
}

int near_copies_hide(struct hits_page *page, struct ranking *ranking, const struct search_rows *rows,
    size_t top, struct err *err)
{
    struct hiding hiding = {.ranking = ranking, .rows = rows, .page = page};
    int rc = leaders_init(&hiding.leaders, ranking, &rows->pictures, err);
    if (!rc)
        rc = fill_page(&hiding, top, err);
    for (size_t i = 0; i < page->count && !rc; i++)
        if (!is_text(&hiding, ranking->hits[page->hits[i].hit].row))
            rc = take_copies(&hiding, &page->hits[i], err);
    leaders_release(&hiding.leaders);
    return rc;
}
