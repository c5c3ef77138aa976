// SPDX-License-Identifier: Apache-2.0
/* Pictures that were moved are told to an index, which keeps their vectors. */
#include "tests/joint/collection/stand_in.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err err;

static void begin(struct world *w, const char *name)
{
    struct sources sources = {0};
    world_init(w, name);
    assert_int_equal(mkdir(world_path(w, "lib"), 0777), 0);
    assert_int_equal(mkdir(world_path(w, "lib/lib"), 0777), 0);
    world_write(w, "lib/a.png", "a");
    world_write(w, "lib/lib/a.png", "another");
    world_write(w, "lib/bad.png", "broken");
    world_write(w, "lib/lines.txt", "a text\n");
    world_write(w, "library.png", "beside");
    sources_add(&sources, SOURCE_PICTURES, world_path(w, "lib"), NULL);
    sources_add(&sources, SOURCE_PICTURES, world_path(w, "library.png"), NULL);
    sources_add(&sources, SOURCE_TEXTS, world_path(w, "lib/lines.txt"), NULL);
    world_open(w);
    assert_int_equal(world_sync(w, &sources), 0);
    sources_release(&sources);
}

static int relocate(
    struct relocate_counts *counts, struct world *w, const char *from, const char *to, bool any)
{
    char old[8192];
    snprintf(old, sizeof old, "%s", world_path(w, from));
    return collection_relocate(counts, w->collection, old, world_path(w, to), any, &w->job, &err);
}

static void move(const struct world *w, const char *from, const char *to)
{
    char path[8192];
    snprintf(path, sizeof path, "%s", world_path(w, from));
    assert_int_equal(rename(path, world_path(w, to)), 0);
}

static size_t has(struct world *w, const char *name, const char *bytes)
{
    char path[8192];
    snprintf(path, sizeof path, "%s", world_path(w, name));
    return world_items(w, path, bytes);
}

static void expect_nothing_to_do(struct world *w)
{
    assert_int_equal(world_sync(w, NULL), 0);
    assert_int_equal(w->counts.pictures.unchanged, 3);
    assert_int_equal(w->counts.texts.unchanged, 1);
    assert_int_equal(w->counts.encoded + w->counts.pictures.gone + w->counts.pictures.moved, 0);
}

static void what_moved_keeps_its_vectors(void **state)
{
    (void)state;
    struct world w;
    struct relocate_counts counts;
    begin(&w, "moved");
    move(&w, "lib", "elsewhere");
    assert_int_equal(relocate(&counts, &w, "lib", "elsewhere", false), 0);
    assert_int_equal(counts.pictures, 2);
    assert_int_equal(counts.texts, 1);
    assert_int_equal(counts.sources, 2);
    assert_int_equal(counts.missing + counts.different, 0);
    assert_int_equal(has(&w, "elsewhere/lib/a.png", "another"), 1);
    assert_int_equal(has(&w, "library.png", "beside"), 1);
    assert_int_equal(has(&w, "lib/a.png", NULL), 0);
    expect_nothing_to_do(&w);
    assert_int_equal(relocate(&counts, &w, "lib", "elsewhere", false), ERR_NOT_FOUND);
    world_release(&w);
}

/* New paths may be old ones of others. */
static void one_place_may_lie_in_the_other(void **state)
{
    (void)state;
    struct world w;
    struct relocate_counts counts;
    begin(&w, "nested");
    move(&w, "lib", "whole");
    assert_int_equal(mkdir(world_path(&w, "lib"), 0777), 0);
    move(&w, "whole", "lib/lib");
    assert_int_equal(relocate(&counts, &w, "lib", "lib/lib", false), 0);
    assert_int_equal(has(&w, "lib/lib/a.png", "a"), 1);
    assert_int_equal(has(&w, "lib/lib/lib/a.png", "another"), 1);
    expect_nothing_to_do(&w);
    move(&w, "lib/lib", "whole");
    assert_int_equal(rmdir(world_path(&w, "lib")), 0);
    move(&w, "whole", "lib");
    assert_int_equal(relocate(&counts, &w, "lib/lib", "lib", false), 0);
    assert_int_equal(has(&w, "lib/a.png", "a"), 1);
    assert_int_equal(has(&w, "lib/lib/a.png", "another"), 1);
    expect_nothing_to_do(&w);
    world_release(&w);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct relocate_counts counts;
    begin(&w, "refused");
    move(&w, "lib", "elsewhere");
    world_write(&w, "elsewhere/a.png", "b"); /* as large */
    assert_int_equal(unlink(world_path(&w, "elsewhere/lib/a.png")), 0);
    assert_int_equal(relocate(&counts, &w, "lib", "elsewhere", false), ERR_ARGUMENT);
    assert_int_equal(counts.missing, 1);
    assert_int_equal(counts.different, 1);
    assert_non_null(strstr(err.msg, "nothing was changed"));
    assert_int_equal(has(&w, "lib/a.png", "a"), 1);

    assert_int_equal(relocate(&counts, &w, "lib", "elsewhere", true), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.changed, 1);
    assert_int_equal(w.counts.pictures.gone, 1);
    assert_int_equal(has(&w, "elsewhere/a.png", "b"), 1);
    world_release(&w);
}

/* A copy has other times. */
static void the_same_content_fits(void **state)
{
    (void)state;
    struct world w;
    struct relocate_counts counts;
    begin(&w, "copied");
    move(&w, "lib", "elsewhere");
    world_write(&w, "elsewhere/a.png", "a");
    assert_int_equal(relocate(&counts, &w, "lib", "elsewhere", false), 0);
    expect_nothing_to_do(&w);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_moved_keeps_its_vectors),
        cmocka_unit_test(one_place_may_lie_in_the_other),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(the_same_content_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
