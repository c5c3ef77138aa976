// SPDX-License-Identifier: Apache-2.0
/*
 * Hits without near copies: a picture that is near a hit before it is that hit's copy, a leader otherwise.
 *
 * A hit is compared with all leaders before it. Copies of the hits that are shown may lie anywhere in the index, so these
 * are looked for by a search for each, all in one scan; which also tells without comparing who else is a copy when
 * many are, and that nothing is left when all are.
 */
#include "joint/collection/hits.h"

#include <stdlib.h>

#define NO_LEADER SIZE_MAX
enum { GROWTH = 4 };

struct hiding {
    struct ranking *ranking;
    const struct search_rows *rows;
    struct hits_page *page;
    size_t width, at; /* E; hits of the ranking that were looked at */

    float *leaders; // (count, E)
    size_t count, room;
    size_t described; /* hits of the page whose copies are known */

    uint64_t *seen; // (ceil(rows / 64)): rows that were looked at or are known as copies
    size_t seen_count;
};

static bool is_seen(const struct hiding *hiding, int64_t row)
{
    return hiding->seen[row / 64] >> row % 64 & 1;
}

static void mark_seen(struct hiding *hiding, int64_t row)
{
    hiding->seen_count += !is_seen(hiding, row);
    hiding->seen[row / 64] |= UINT64_C(1) << row % 64;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/* Whether a row is near one of the first leaders (count): by the score that a search for the leader gives it. The
 * product in single precision, which is off by less than E rounding errors, spares most of these. */
static bool is_near(const struct hiding *hiding, int64_t row, const float *vector, size_t count)
{
    const float least = (float)(INDEX_NEAR_COPY - (double)hiding->width * 0x1p-22);
    for (size_t i = 0; i < count; i++) {
        const float *leader = hiding->leaders + i * hiding->width;
        if (dot_product(leader, vector, hiding->width) >= least &&
            index_score(&hiding->rows->pictures, row, leader) >= INDEX_NEAR_COPY)
            return true;
    }
    return false;
}

/* The vector of a row is made the next leader's, for whoever asks whether it is one. */
static int next_vector(float **out, struct hiding *hiding, int64_t row, struct err *err)
{
    int rc = array_grow(hiding->leaders, &hiding->room, (hiding->count + 1) * hiding->width, err);
    if (rc)
        return rc;
    *out = hiding->leaders + hiding->count * hiding->width;
    return index_vectors(*out, hiding->ranking->index, &row, 1, err);
}

static int add_to_page(struct hits_page *page, size_t hit, size_t leader, struct err *err)
{
    const int rc = array_grow(page->hits, &page->room, page->count + 1, err);
    if (!rc)
        page->hits[page->count++] = (struct page_hit){.hit = hit, .leader = leader};
    return rc;
}

/* Looks at one hit: it is a copy, or a leader, or, being a text, neither. */
static int look_at(struct hiding *hiding, size_t hit, struct err *err)
{
    const int64_t row = hiding->ranking->hits[hit].row;
    const bool shown = hit >= hiding->ranking->before;
    size_t leader = NO_LEADER;
    if (is_seen(hiding, row))
        return 0;
    mark_seen(hiding, row);
    if (index_rows_have(&hiding->rows->pictures, row)) {
        float *vector;
        const int rc = next_vector(&vector, hiding, row, err);
        if (rc || is_near(hiding, row, vector, hiding->count))
            return rc;
        leader = hiding->count++;
    }
    return shown ? add_to_page(hiding->page, hit, leader, err) : 0;
}

/* Until the page has `limit` hits, or all of the ranking were looked at. */
static int look_on(struct hiding *hiding, size_t limit, struct err *err)
{
    int rc = 0;
    while (!rc && hiding->page->count < limit && hiding->at < hiding->ranking->count) {
        rc = hiding->count < HITS_COMPARED_MAX
                 ? job_step(hiding->ranking->job, "hits", hiding->at, hiding->ranking->count, err)
                 : err_set(err, ERR_LIMIT,
                       "near copies are hidden among the first %d hits only: search for less, or show them",
                       HITS_COMPARED_MAX);
        if (!rc)
            rc = look_at(hiding, hiding->at++, err);
    }
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

/* Whether a neighbour of a leader is its copy: a hit, and near no leader before. */
static int is_copy(bool *out, const struct hiding *hiding, int64_t row, size_t leader, struct err *err)
{
    const struct hits_query *query = hiding->ranking->query;
    float *vector = mem_new(hiding->width, sizeof *vector);
    int rc = vector ? index_vectors(vector, hiding->ranking->index, &row, 1, err)
                    : err_memory(err, hiding->width * sizeof *vector);
    if (!rc)
        *out = (!query->vector ||
                   index_score(&hiding->rows->chosen, row, query->vector) >= query->wanted.min_score) &&
               !is_near(hiding, row, vector, leader);
    free(vector);
    return rc;
}

/* Of the neighbours (count) of a leader, which is among them itself. */
static int take_copies(struct hiding *hiding, struct hit_copies *out, size_t leader, int64_t leader_row,
    const struct index_hit *neighbours, size_t count, struct err *err)
{
    int64_t rows[HIT_COPIES_LISTED];
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        const int64_t row = neighbours[i].row;
        bool copy = false;
        if (row == leader_row)
            continue;
        mark_seen(hiding, row);
        rc = i % 64 ? 0 : job_step(hiding->ranking->job, "copies", i, count, err);
        if (!rc)
            rc = is_copy(&copy, hiding, row, leader, err);
        if (copy && out->count < HIT_COPIES_LISTED)
            rows[out->listed++] = row;
        out->count += copy;
    }
    return rc || !out->listed ? rc : fetch_ids(&out->ids, hiding->ranking, rows, out->listed, err);
}

/* Of the hits of the page whose copies are not known yet: leaders one after the other, up to the last there is. */
static int find_copies(struct hiding *hiding, struct err *err)
{
    const struct ranking *ranking = hiding->ranking;
    struct page_hit *hit = hiding->page->hits + hiding->described,
                    *end = hiding->page->hits + hiding->page->count;
    struct index_neighbours near;
    hiding->described = hiding->page->count;
    while (hit < end && hit->leader == NO_LEADER)
        hit++;
    if (hit == end)
        return 0;
    const size_t first = hit->leader;
    int rc = index_neighbours(&near, ranking->searcher, &hiding->rows->pictures,
        hiding->leaders + first * hiding->width, hiding->count - first, INDEX_NEAR_COPY, ranking->job, err);
    for (; hit < end && !rc; hit++) {
        if (hit->leader == NO_LEADER)
            continue;
        const size_t n = hit->leader - first, begin = n ? near.ends[n - 1] : 0;
        rc = take_copies(hiding, &hit->copies, hit->leader, ranking->hits[hit->hit].row, near.hits + begin,
            near.ends[n] - begin, err);
    }
    index_neighbours_release(&near);
    return rc;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

/* Until the page has `limit` hits, or there are no more. *wanted: of the ranking. */
static int fill(struct hiding *hiding, size_t limit, size_t *wanted, struct err *err)
{
    const struct ranking *ranking = hiding->ranking;
    int rc = look_on(hiding, limit, err);
    while (!rc && hiding->page->count < limit && !ranking->whole &&
           hiding->seen_count < (size_t)ranking->rows->chosen) {
        *wanted *= GROWTH;
        rc = find_copies(hiding, err);
        if (!rc)
            rc = ranking_extend(hiding->ranking, *wanted, err);
        if (!rc)
            rc = look_on(hiding, limit, err);
    }
    return rc;
}

/* Also whether there is one more. */
static int fill_page(struct hiding *hiding, size_t top, struct err *err)
{
    size_t wanted = 2 * top + 1;
    int rc = ranking_extend(hiding->ranking, wanted, err);
    if (!rc)
        rc = fill(hiding, top, &wanted, err);
    if (!rc)
        rc = find_copies(hiding, err);
    if (!rc)
        rc = fill(hiding, top + 1, &wanted, err);
    hiding->page->more = hiding->page->count > top;
    hiding->page->count -= hiding->page->more;
    return rc;
}

int near_copies_hide(struct hits_page *page, struct ranking *ranking, const struct search_rows *rows,
    size_t top, struct err *err)
{
    const size_t words = (size_t)ranking->rows->count / 64 + 1;
    struct hiding hiding = {.ranking = ranking, .rows = rows, .page = page, .width = ranking->rows->width};
    hiding.seen = mem_new(words, sizeof *hiding.seen);
    const int rc = hiding.seen ? fill_page(&hiding, top, err) : err_memory(err, words * sizeof *hiding.seen);
    free(hiding.leaders);
    free(hiding.seen);
    return rc;
}
