// SPDX-License-Identifier: Apache-2.0
/* Whatever takes long ends when its job says so, wherever it is, with ERR_CANCELLED, and leaves an index
 * whole. */
#include "compute/compute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

enum { WIDTH = 16, COUNT = 40000, FEWER = 2000 };

static struct err err;
static char path[512];
static struct device *device;
static struct index *index_made;
static struct index_searcher *searcher;
static struct index_rows rows;
static float *vectors; // (COUNT, WIDTH)

/* The job: its step counts the calls and ends the work at one of them. */
struct stopper {
    int calls, last; /* last: the call that ends it; 0: none */
};

static int stop(void *context, const char *unit, size_t done, size_t total)
{
    struct stopper *stopper = context;
    assert_true(*unit && (!total || done <= total));
    return ++stopper->calls == stopper->last;
}

/* ---- the work ------------------------------------------------------------------------------------------ */

static int run_search(const struct job *job)
{
    static struct index_hit hits[5 * 100];
    size_t counts[5];
    return index_search(searcher, &rows, vectors, 5, 100, hits, counts, job, &err);
}

static int run_duplicates(const struct job *job)
{
    struct index_groups groups;
    struct index_rows few;
    assert_ok(index_rows(&few, index_made, &(struct index_filter){.where = "id < 300"}, &err));
    const int rc = index_duplicates(&groups, searcher, &few, 0.999, job, &err);
    index_groups_release(&groups);
    index_rows_release(&few);
    return rc;
}

static int run_identical(const struct job *job)
{
    struct index_groups groups;
    const int rc = index_identical(&groups, index_made, &rows, job, &err);
    index_groups_release(&groups);
    return rc;
}

static int run_verify(const struct job *job)
{
    int64_t defects;
    const int rc = index_verify(&defects, path, job, &err);
    assert_int_equal(defects, 0);
    return rc;
}

static int run_prepare(const struct job *job)
{
    char codes[600];
    snprintf(codes, sizeof codes, "%s/coarse.i8", path);
    remove(codes);
    return index_prepare(index_made, job, &err);
}

static int run_matrix(const struct job *job)
{
    float *matrix;
    int64_t *numbers;
    const int rc = index_matrix(&matrix, &numbers, index_made, &rows, job, &err);
    free(matrix);
    free(numbers);
    return rc;
}

static int run_view(const struct job *job)
{
    struct index_view view;
    const int rc = index_view_open(&view, path, NULL, 1, job, &err);
    index_view_release(&view);
    return rc;
}

static int run_outliers(const struct job *job)
{
    static double similarities[FEWER], tails[FEWER];
    static size_t order[FEWER];
    return embedding_outliers(similarities, tails, order, vectors, FEWER, WIDTH, 1, job, &err);
}

static int run_map(const struct job *job)
{
    static float points[FEWER][2];
    double explained[2];
    return embedding_map(points[0], explained, vectors, FEWER, WIDTH, 1, job, &err);
}

static int run_groups(const struct job *job)
{
    struct embedding_groups groups;
    const int rc = embedding_groups_find(&groups, vectors, FEWER, WIDTH, 0, 1, job, &err);
    embedding_groups_release(&groups);
    return rc;
}

static int run_compact(const struct job *job)
{
    struct index *index;
    assert_ok(index_create(&index, scratch_path("compact.dip"),
        &(struct index_options){.model = "m", .fingerprint = "f", .width = WIDTH}, &err));
    for (uint64_t i = 0; i < 3000; i++)
        add_picture(index, i);
    assert_ok(index_remove(index, 5, &err));
    const int rc = index_compact(index, job, &err);
    assert_int_equal(index_info(index).rows, rc ? 3000 : 2999);
    index_free(index);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static void all_of_it_ends_when_it_should(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int (*run)(const struct job *job);
        int least; /* calls of a step */
    } works[] = {
        {"search", run_search, 3},
        {"duplicates", run_duplicates, 6},
        {"identical", run_identical, 1},
        {"verify", run_verify, 10},
        {"prepare", run_prepare, 1},
        {"matrix", run_matrix, 9},
        {"view", run_view, 18},
        {"outliers", run_outliers, 4},
        {"map", run_map, 10},
        {"groups", run_groups, 50},
        {"compact", run_compact, 3},
    };
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        struct stopper stopper = {0};
        const struct job job = {.step = stop, .context = &stopper, .threads = 2};
        assert_ok(works[i].run(&job));
        const int calls = stopper.calls;
        if (calls < works[i].least)
            fail_msg("%s: %d calls of its step", works[i].name, calls);
        for (int last = 1; last <= calls; last += 1 + calls / 5) {
            stopper = (struct stopper){.last = last};
            const int rc = works[i].run(&job);
            if (rc != ERR_CANCELLED || !strstr(err.msg, "interrupted"))
                fail_msg("%s ended at call %d of %d: %d, %s", works[i].name, last, calls, rc, err.msg);
            if (stopper.calls != last)
                fail_msg("%s went on for %d calls", works[i].name, stopper.calls - last);
        }
    }
    assert_ok(index_prepare(index_made, NULL, &err));
    verify_clean(path);
}

static int open_all(void **state)
{
    (void)state;
    static struct index_item items[COUNT];
    static char hashes[COUNT][8];
    const struct index_options options = {.model = "m", .fingerprint = "f", .width = WIDTH};
    vectors = calloc(COUNT * WIDTH, sizeof *vectors);
    for (size_t i = 0; i < COUNT; i++) {
        make_vector(vectors + i * WIDTH, WIDTH, i);
        snprintf(hashes[i], sizeof *hashes, "%zu", i / 2);
        items[i] = (struct index_item){.kind = INDEX_IMAGE, .hash = hashes[i]};
    }
    snprintf(path, sizeof path, "%s", scratch_path("long.dip"));
    assert_ok(device_open(&device, &(struct device_options){0}, &err));
    assert_ok(index_create(&index_made, path, &options, &err));
    assert_ok(index_add(index_made, items, vectors, COUNT, &err));
    assert_ok(index_commit(index_made, &err));
    assert_ok(index_searcher_open(&searcher, index_made, device, &err));
    assert_ok(index_rows(&rows, index_made, NULL, &err));
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    index_rows_release(&rows);
    index_searcher_free(searcher);
    index_free(index_made);
    device_free(device);
    free(vectors);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_ends_when_it_should),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
