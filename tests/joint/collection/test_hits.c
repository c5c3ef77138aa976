// SPDX-License-Identifier: Apache-2.0
/* Pages of hits in every order, with and without near copies, against lists that are made the slow way. */
#include "joint/collection/collection.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

enum { WIDTH = 16, COUNT = 420, CENTRES = 60 };

static struct err err;
static struct device *device;

static int open_device(void **state)
{
    (void)state;
    return device_open(&device, &(struct device_options){0}, NULL);
}

static int close_device(void **state)
{
    (void)state;
    device_free(device);
    return 0;
}

/* ---- an index ------------------------------------------------------------------------------------------ */

struct made {
    int64_t id;
    bool picture, removed;
    int64_t mtime_ns;
    char path[32], taken[32]; /* "": none */
    float vector[WIDTH];
};

struct world {
    struct index *index;
    struct index_searcher *searcher;
    struct made *items; // (count)
    size_t count;
};

static void add(struct world *w, size_t i)
{
    struct made *made = &w->items[i];
    char words[32];
    snprintf(words, sizeof words, "text %zu", i);
    struct index_item item = {.kind = made->picture ? INDEX_IMAGE : INDEX_TEXT,
        .path = *made->path ? made->path : NULL,
        .mtime_ns = made->mtime_ns,
        .taken = *made->taken ? made->taken : NULL,
        .caption = made->picture ? NULL : words};
    assert_ok(index_add(w->index, &item, made->vector, 1, &err));
    made->id = item.id;
}

static void world_open(struct world *w, const char *name, enum index_storage storage)
{
    const struct index_options options = {"m", "f", WIDTH, storage, NULL};
    assert_ok(index_create(&w->index, scratch_path(name), &options, &err));
    for (size_t i = 0; i < w->count; i++)
        add(w, i);
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].removed)
            assert_ok(index_remove(w->index, w->items[i].id, &err));
    assert_ok(index_commit(w->index, &err));
    assert_ok(index_searcher_open(&w->searcher, w->index, device, &err));
}

static void world_close(struct world *w)
{
    index_searcher_free(w->searcher);
    index_free(w->index);
    free(w->items);
}

/* vector = a + step * b, of length 1 */
static void between(float *vector, const float *a, const float *b, float step)
{
    double square = 0;
    for (size_t e = 0; e < WIDTH; e++) {
        vector[e] = a[e] + step * b[e];
        square += (double)vector[e] * (double)vector[e];
    }
    for (size_t e = 0; e < WIDTH; e++)
        vector[e] = (float)(vector[e] / sqrt(square));
}

/* Clouds of vectors around some, so wide that near ones and chains of near ones are in them; some vectors twice;
 * texts, removed items, equal dates and none. */
static void world_clouds(struct world *w, const char *name)
{
    *w = (struct world){.items = mem_new(COUNT, sizeof *w->items), .count = COUNT};
    for (size_t i = 0; i < COUNT; i++) {
        struct made *made = &w->items[i];
        float centre[WIDTH], other[WIDTH];
        make_vector(centre, WIDTH, random_at(1, i) % CENTRES);
        make_vector(other, WIDTH, 1000 + random_at(2, i) % 300);
        between(made->vector, centre, other, 0.27F);
        made->picture = i % 7 != 3;
        made->removed = i % 11 == 5;
        made->mtime_ns = i % 13 == 1 ? 0 : (int64_t)(random_at(3, i) % 40) + 1;
        if (i % 5 != 4)
            snprintf(made->taken, sizeof made->taken, "20%02d-01-01", (int)(random_at(5, i) % 40));
        if (i % 17 != 2)
            snprintf(made->path, sizeof made->path, "%llu/%zu.png", (unsigned long long)random_at(4, i) % 20,
                made->picture ? i : i % 30);
    }
    world_open(w, name, INDEX_F32);
}

/* ---- the slow way -------------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (size_t e = 0; e < WIDTH; e++)
        sum += (double)a[e] * (double)b[e];
    return sum;
}

struct expected {
    const struct made *item;
    double score;
    size_t rank;                      /* by score among those of its kind */
    const struct made *copies[COUNT]; // (copy_count), the nearest first
    size_t copy_count;
};

struct list {
    struct expected *hits; // (count)
    size_t count;
};

struct sorting {
    enum index_order order;
    bool in_turns, ranked; /* ranks are known: they matter */
};

static int compare(const void *a, const void *b, void *context)
{
    const struct sorting *sorting = context;
    const struct expected *x = a, *y = b;
    const bool apart = x->item->picture != y->item->picture;
    if (sorting->ranked && sorting->in_turns && x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (sorting->ranked && apart)
        return x->item->picture ? -1 : 1;
    if (sorting->order == INDEX_BY_SCORE && x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (sorting->order == INDEX_BY_DATE && x->item->mtime_ns != y->item->mtime_ns)
        return !x->item->mtime_ns ? 1 : !y->item->mtime_ns || x->item->mtime_ns > y->item->mtime_ns ? -1 : 1;
    if (sorting->order == INDEX_BY_TAKEN && strcmp(x->item->taken, y->item->taken))
        return strcmp(y->item->taken, x->item->taken); /* none is the least */
    if (sorting->order == INDEX_BY_PATH && strcmp(x->item->path, y->item->path))
        return !*x->item->path ? 1 : !*y->item->path ? -1 : strcmp(x->item->path, y->item->path);
    return x->item->id < y->item->id ? -1 : 1;
}

static int compare_nearness(const void *a, const void *b, void *leader)
{
    const struct made *x = *(const struct made *const *)a, *y = *(const struct made *const *)b;
    const double p = dot(x->vector, ((const struct made *)leader)->vector),
                 q = dot(y->vector, ((const struct made *)leader)->vector);
    return p != q ? (p > q ? -1 : 1) : x->id < y->id ? -1 : 1;
}

static bool are_near(const struct made *a, const struct made *b)
{
    return a->picture && b->picture && dot(a->vector, b->vector) >= 0.95;
}

static void swap_hits(struct expected *a, struct expected *b)
{
    const struct expected hit = *a;
    *a = *b;
    *b = hit;
}

static void list_release(struct list *list)
{
    free(list->hits);
}

/* Pictures before texts, or both in turns. */
static void rank_kinds(struct list *list, struct sorting *sorting)
{
    size_t ranks[2] = {0};
    for (size_t i = 0; i < list->count; i++)
        list->hits[i].rank = ranks[list->hits[i].item->picture]++;
    sorting->ranked = true;
    qsort_r(list->hits, list->count, sizeof *list->hits, compare, sorting);
}

static struct list list_slowly(const struct world *w, const float *query, enum index_order order,
    double min_score, bool hide, bool in_turns)
{
    struct list list = {.hits = mem_new(w->count, sizeof *list.hits)};
    struct sorting sorting = {.order = order, .in_turns = in_turns};
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++) {
        const double score = query ? dot(query, w->items[i].vector) : 0;
        if (!w->items[i].removed && score >= min_score)
            list.hits[list.count++] = (struct expected){.item = &w->items[i], .score = score};
    }
    qsort_r(list.hits, list.count, sizeof *list.hits, compare, &sorting);
    if (order == INDEX_BY_SCORE)
        rank_kinds(&list, &sorting);
    for (size_t i = 0; i < list.count && hide; i++) {
        size_t leader = 0;
        while (leader < kept && !are_near(list.hits[i].item, list.hits[leader].item))
            leader++;
        if (leader == kept)
            swap_hits(&list.hits[kept++], &list.hits[i]);
    }
    for (size_t leader = 0; leader < kept; leader++)
        for (size_t i = kept; i < list.count; i++)
            if (are_near(list.hits[i].item, list.hits[leader].item))
                list.hits[leader].copies[list.hits[leader].copy_count++] = list.hits[i].item;
    list.count = hide ? kept : list.count;
    for (size_t i = 0; i < list.count; i++)
        qsort_r(list.hits[i].copies, list.hits[i].copy_count, sizeof *list.hits[i].copies, compare_nearness,
            (void *)(uintptr_t)list.hits[i].item);
    return list;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

static void expect_hit(const struct hit_list *page, size_t i, const struct expected *expected)
{
    assert_int_equal(page->items[i].id, expected->item->id);
    assert_true(fabs(page->hits[i].score - expected->score) < 1e-12);
    if (!page->copies)
        return;
    assert_int_equal(page->copies[i].count, expected->copy_count);
    for (size_t c = 0; c < page->copies[i].listed; c++)
        assert_int_equal(page->copies[i].ids[c], expected->copies[c]->id);
}

/* All pages one after the other. Returns how many copies are hidden. */
static size_t expect_pages_of(struct world *w, const float *query, enum index_order order, double min_score,
    bool hide, size_t top, bool in_turns)
{
    struct list expected = list_slowly(w, query, order, min_score, hide, in_turns);
    struct hits_wanted wanted = {.order = order, .top = top, .min_score = min_score, .in_turns = in_turns};
    struct index_place place;
    struct search_rows rows;
    size_t at = 0, hidden = 0;
    assert_ok(search_rows_open(&rows, w->index, NULL, hide, &err));
    for (bool more = true; more;) {
        struct hit_list page = {0};
        struct arena arena = {0};
        const struct hits_query one = {.vector = query, .wanted = wanted, .out = &page, .arena = &arena};
        assert_ok(hits_find(&one, 1, w->index, w->searcher, &rows, NULL, &err));
        more = page.more;
        assert_true(page.count == top || (!more && page.count < top));
        for (size_t i = 0; i < page.count; i++, at++) {
            assert_true(at < expected.count);
            expect_hit(&page, i, &expected.hits[at]);
            hidden += page.copies ? page.copies[i].count : 0;
        }
        wanted.skip = page.next;
        if (page.count) {
            const struct made *last = expected.hits[at - 1].item;
            const char *text = order == INDEX_BY_TAKEN ? last->taken : last->path;
            place = (struct index_place){last->mtime_ns, *text ? text : NULL, last->id};
            wanted.after = &place;
        }
        arena_release(&arena);
    }
    assert_int_equal(at, expected.count);
    search_rows_release(&rows);
    list_release(&expected);
    return hidden;
}

static size_t expect_pages(
    struct world *w, const float *query, enum index_order order, double min_score, bool hide, size_t top)
{
    return expect_pages_of(w, query, order, min_score, hide, top, false) +
           (order == INDEX_BY_SCORE ? expect_pages_of(w, query, order, min_score, hide, top, true) : 0);
}

static void pages_are_the_list_made_slowly(void **state)
{
    (void)state;
    struct world w;
    float query[WIDTH];
    size_t hidden = 0;
    world_clouds(&w, "clouds.dip");
    make_vector(query, WIDTH, 3);
    for (int order = INDEX_BY_SCORE; index_order_names[order]; order++)
        for (int hide = 0; hide < 2; hide++)
            for (size_t top = 3; top < 1000; top *= 8) {
                hidden += expect_pages(&w, query, (enum index_order)order, -INFINITY, hide, top);
                hidden += expect_pages(&w, query, (enum index_order)order, 0.1, hide, top);
                if (order != INDEX_BY_SCORE)
                    hidden += expect_pages(&w, NULL, (enum index_order)order, -INFINITY, hide, top);
            }
    assert_true(hidden > 1000);
    world_close(&w);
}

/* An answer goes on behind an item that is there no more. */
static void a_place_outlives_its_item(void **state)
{
    (void)state;
    struct world w;
    world_clouds(&w, "gone.dip");
    struct list expected = list_slowly(&w, NULL, INDEX_BY_PATH, -INFINITY, false, false);
    const struct made *last = expected.hits[99].item;
    const struct index_place place = {0, last->path, last->id};
    struct hit_list page = {0};
    struct arena arena = {0};
    struct search_rows rows;
    assert_ok(index_remove(w.index, last->id, &err));
    assert_ok(index_commit(w.index, &err));
    assert_ok(search_rows_open(&rows, w.index, NULL, false, &err));
    const struct hits_query one = {.out = &page,
        .arena = &arena,
        .wanted = {.order = INDEX_BY_PATH, .after = &place, .top = 3, .min_score = -INFINITY}};
    assert_ok(hits_find(&one, 1, w.index, w.searcher, &rows, NULL, &err));
    for (size_t i = 0; i < 3; i++)
        expect_hit(&page, i, &expected.hits[100 + i]);
    search_rows_release(&rows);
    arena_release(&arena);
    list_release(&expected);
    world_close(&w);
}

/* ---- kinds --------------------------------------------------------------------------------------------- */

static void expect_ids(struct world *w, const struct index_filter *filter, bool in_turns, size_t top,
    const int64_t *ids, size_t count, bool more)
{
    struct hit_list page = {0};
    struct arena arena = {0};
    struct search_rows rows;
    const struct hits_query one = {.vector = w->items[0].vector,
        .wanted = {.top = top, .min_score = 0.5, .in_turns = in_turns},
        .out = &page,
        .arena = &arena};
    assert_ok(search_rows_open(&rows, w->index, filter, false, &err));
    assert_ok(hits_find(&one, 1, w->index, w->searcher, &rows, NULL, &err));
    assert_int_equal(page.count, count);
    assert_int_equal(page.more, more);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page.items[i].id, ids[i]);
    search_rows_release(&rows);
    arena_release(&arena);
}

/* Texts 1 to 3 are the closest to the query, then pictures 4 and 5; picture 6 is too far. */
static void pictures_come_before_texts(void **state)
{
    (void)state;
    struct world w = {.items = mem_new(6, sizeof *w.items), .count = 6};
    for (size_t i = 0; i < w.count; i++) {
        float first[WIDTH] = {1}, other[WIDTH] = {0, 1};
        between(w.items[i].vector, first, other, i < 5 ? 0.2F * (float)i : 9);
        w.items[i].picture = i >= 3;
    }
    world_open(&w, "kinds.dip", INDEX_F32);
    const struct index_filter some = {.where = "id != 4"};
    expect_ids(&w, NULL, false, 9, (const int64_t[]){4, 5, 1, 2, 3}, 5, false);
    expect_ids(&w, NULL, false, 5, (const int64_t[]){4, 5, 1, 2, 3}, 5, false);
    expect_ids(&w, NULL, false, 2, (const int64_t[]){4, 5}, 2, true);
    expect_ids(&w, NULL, true, 9, (const int64_t[]){4, 1, 5, 2, 3}, 5, false);
    expect_ids(&w, NULL, true, 2, (const int64_t[]){4, 1}, 2, true);
    expect_ids(&w, &some, false, 9, (const int64_t[]){5, 1, 2, 3}, 4, false);
    world_close(&w);
}

/* ---- many copies --------------------------------------------------------------------------------------- */

/* So many pictures around each of some vectors that are far from each other. */
static void world_crowds(struct world *w, const char *name, size_t crowds, size_t each)
{
    *w = (struct world){.items = mem_new(crowds * each, sizeof *w->items), .count = crowds * each};
    for (size_t i = 0; i < w->count; i++) {
        float centre[WIDTH] = {0}, other[WIDTH];
        centre[i / each] = 1;
        make_vector(other, WIDTH, i);
        between(w->items[i].vector, centre, other, 0.05F);
        w->items[i].picture = true;
        snprintf(w->items[i].path, sizeof w->items[i].path, "%zu", i);
    }
    world_open(w, name, INDEX_F16);
}

static void find_page(
    struct hit_list *out, struct arena *arena, struct world *w, const float *query, size_t skip, size_t top)
{
    struct search_rows rows;
    const struct hits_query one = {.vector = query,
        .wanted = {.skip = skip, .top = top, .min_score = -INFINITY},
        .out = out,
        .arena = arena};
    *out = (struct hit_list){0};
    assert_ok(search_rows_open(&rows, w->index, NULL, true, &err));
    assert_ok(hits_find(&one, 1, w->index, w->searcher, &rows, NULL, &err));
    search_rows_release(&rows);
}

/* Each stands for its crowd, and as many come out as are asked for. */
static void crowds_are_one_hit_each(void **state)
{
    (void)state;
    enum { CROWDS = 5, EACH = 700 };
    struct world w;
    struct arena arena = {0};
    struct hit_list page;
    float query[WIDTH];
    bool seen[CROWDS] = {0};
    world_crowds(&w, "crowds.dip", CROWDS, EACH);
    make_vector(query, WIDTH, 5);
    for (size_t skip = 0, pages = 0; pages < 3; pages++) {
        find_page(&page, &arena, &w, query, skip, 2);
        assert_int_equal(page.count, pages < 2 ? 2 : 1);
        assert_int_equal(page.more, pages < 2);
        skip = page.next;
        for (size_t i = 0; i < page.count; i++) {
            const size_t crowd = (size_t)(page.items[i].id - 1) / EACH;
            assert_false(seen[crowd]);
            seen[crowd] = true;
            assert_int_equal(page.copies[i].count, EACH - 1);
            assert_int_equal(page.copies[i].listed, HIT_COPIES_LISTED);
            for (size_t c = 0; c < page.copies[i].listed; c++)
                assert_int_equal((page.copies[i].ids[c] - 1) / EACH, crowd);
        }
    }
    arena_release(&arena);
    world_close(&w);
}

static void all_may_be_copies_of_one(void **state)
{
    (void)state;
    struct world w;
    struct arena arena = {0};
    struct hit_list page;
    world_crowds(&w, "one.dip", 1, 3000);
    find_page(&page, &arena, &w, w.items[17].vector, 0, 20);
    assert_int_equal(page.count, 1);
    assert_false(page.more);
    assert_int_equal(page.copies[0].count, 2999);
    arena_release(&arena);
    world_close(&w);
}

/* ---- ends ---------------------------------------------------------------------------------------------- */

static int end_at_once(void *context, const char *unit, size_t done, size_t total)
{
    (void)context, (void)unit, (void)done, (void)total;
    return 1;
}

static void a_job_ends_it(void **state)
{
    (void)state;
    struct world w;
    const struct job job = {.step = end_at_once};
    float query[WIDTH];
    world_clouds(&w, "job.dip");
    make_vector(query, WIDTH, 3);
    for (int order = INDEX_BY_SCORE; index_order_names[order]; order++) {
        struct hit_list page = {0};
        struct arena arena = {0};
        struct search_rows rows;
        const struct hits_query one = {.vector = query,
            .wanted = {.order = (enum index_order)order, .top = 5, .min_score = -INFINITY},
            .out = &page,
            .arena = &arena};
        assert_ok(search_rows_open(&rows, w.index, NULL, true, &err));
        assert_err(hits_find(&one, 1, w.index, w.searcher, &rows, &job, &err), ERR_CANCELLED, "interrupted");
        search_rows_release(&rows);
        arena_release(&arena);
    }
    world_close(&w);
}

/* ---- chains -------------------------------------------------------------------------------------------- */

/* Pictures in order of time, each near the one before it and the one behind it, and no other: along a curve that does not
 * come by itself again. */
static void world_chain(struct world *w, const char *name, size_t count)
{
    enum { PLANES = WIDTH / 2 };
    *w = (struct world){.items = mem_new(count, sizeof *w->items), .count = count};
    for (size_t i = 0; i < count; i++) {
        for (size_t p = 0; p < PLANES; p++) {
            const double angle = 0.27 * sqrt((double)(p + 1) / (PLANES + 1) * 2) * (double)i;
            w->items[i].vector[2 * p] = (float)(cos(angle) / sqrt(PLANES));
            w->items[i].vector[2 * p + 1] = (float)(sin(angle) / sqrt(PLANES));
        }
        w->items[i].picture = true;
        w->items[i].mtime_ns = (int64_t)(count - i);
    }
    world_open(w, name, INDEX_F16);
}

static int find_behind(struct hit_list *out, struct arena *arena, struct world *w, size_t item)
{
    struct search_rows rows;
    const struct index_place place = {w->items[item].mtime_ns, NULL, w->items[item].id};
    const struct hits_query one = {
        .wanted = {.order = INDEX_BY_DATE, .after = &place, .top = 5, .min_score = -INFINITY},
        .out = out,
        .arena = arena};
    *out = (struct hit_list){0};
    assert_ok(search_rows_open(&rows, w->index, NULL, true, &err));
    const int rc = hits_find(&one, 1, w->index, w->searcher, &rows, NULL, &err);
    search_rows_release(&rows);
    return rc;
}

/* Every other one is a hit, and which these are follows from the first. */
static void chains_are_followed_to_a_limit(void **state)
{
    (void)state;
    enum { COUNT_LONG = 60000, NEAR_END = 400 };
    struct world w;
    struct hit_list page;
    struct arena arena = {0};
    world_chain(&w, "chain.dip", COUNT_LONG);
    assert_ok(find_behind(&page, &arena, &w, NEAR_END));
    assert_int_equal(page.count, 5);
    for (size_t i = 0; i < page.count; i++) {
        assert_int_equal(page.items[i].id, w.items[NEAR_END + 2 * (i + 1)].id);
        assert_true(page.copies[i].count >= 2);
    }
    assert_err(
        find_behind(&page, &arena, &w, COUNT_LONG - 100), ERR_LIMIT, "each a near copy of the one before it");
    arena_release(&arena);
    world_close(&w);
}

/* A page far down takes no more than one above: what lies before it is not looked at. */
static void depth_has_no_limit(void **state)
{
    (void)state;
    enum { FAR = 30000 };
    struct world w = {.items = mem_new(FAR, sizeof *w.items), .count = FAR};
    struct hit_list page;
    struct arena arena = {0};
    for (size_t i = 0; i < w.count; i++) {
        make_vector(w.items[i].vector, WIDTH, i - i % 2); /* each twice */
        w.items[i].picture = true;
    }
    world_open(&w, "far.dip", INDEX_F16);
    find_page(&page, &arena, &w, w.items[0].vector, w.count - 101, 20);
    assert_int_equal(page.count, 20);
    for (size_t i = 0; i < page.count; i++) {
        assert_int_equal(page.items[i].id % 2, 1); /* the first of the two */
        assert_true(page.copies[i].count >= 1);
    }
    arena_release(&arena);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_the_list_made_slowly),
        cmocka_unit_test(a_place_outlives_its_item),
        cmocka_unit_test(pictures_come_before_texts),
        cmocka_unit_test(crowds_are_one_hit_each),
        cmocka_unit_test(all_may_be_copies_of_one),
        cmocka_unit_test(a_job_ends_it),
        cmocka_unit_test(chains_are_followed_to_a_limit),
        cmocka_unit_test(depth_has_no_limit),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
