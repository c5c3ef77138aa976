// SPDX-License-Identifier: Apache-2.0
/* What is left out of folders: said once, kept with the source, and kept to by each later look. */
#include "tests/joint/collection/stand_in.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void exclude(struct sources *sources, const char *pattern)
{
    sources->excludes_said = true;
    if (*pattern)
        assert_int_equal(strings_add(&sources->excludes.patterns, pattern, strlen(pattern), NULL), 0);
}

/* A sync of the path, or of all that is remembered, with one pattern; NULL: it says nothing of excludes. */
static void sync_with(struct world *w, const char *path, const char *pattern)
{
    struct sources sources = {0};
    if (path)
        assert_int_equal(sources_add(&sources, SOURCE_PICTURES, path, NULL), 0);
    if (pattern)
        exclude(&sources, pattern);
    assert_int_equal(world_sync(w, &sources), 0);
    sources_release(&sources);
}

static void expect(const struct world *w, size_t new, size_t unchanged, size_t excluded, size_t gone)
{
    assert_int_equal(w->counts.pictures.new, new);
    assert_int_equal(w->counts.pictures.unchanged, unchanged);
    assert_int_equal(w->counts.pictures.excluded, excluded);
    assert_int_equal(w->counts.pictures.gone, gone);
    assert_int_equal(w->counts.failed, 0);
}

static void make_folder(const struct world *w, const char *name)
{
    assert_int_equal(mkdir(world_path(w, name), 0777), 0);
}

static void make_tree(struct world *w, const char *name)
{
    world_init(w, name);
    make_folder(w, "raw");
    make_folder(w, "@eaDir");
    make_folder(w, "trip");
    make_folder(w, "trip/raw");
    world_write(w, "a.png", "a");
    world_write(w, "raw/a.png", "raw");
    world_write(w, "@eaDir/a.png", "a thumbnail");
    world_write(w, "trip/b.png", "b");
    world_write(w, "trip/raw/b.png", "raw of b");
    world_open(w);
}

static void what_is_excluded_does_not_go_in(void **state)
{
    (void)state;
    struct world w;
    make_tree(&w, "out");
    sync_with(&w, w.folder, "raw/");
    expect(&w, 2, 0, 0, 0);
    sync_with(&w, NULL, NULL); /* it is remembered */
    expect(&w, 0, 2, 0, 0);
    sync_with(&w, w.folder, NULL); /* for the path too */
    expect(&w, 0, 2, 0, 0);
    sync_with(&w, w.folder, ""); /* until it is taken back */
    expect(&w, 2, 2, 0, 0);
    world_release(&w);
}

/* Even where these are most of the items, which would be a loss. */
static void items_that_are_excluded_later_leave(void **state)
{
    (void)state;
    struct world w;
    char name[64];
    make_tree(&w, "later");
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "raw/%d.png", i);
        world_write(&w, name, name);
    }
    sync_with(&w, w.folder, NULL);
    expect(&w, 64, 0, 0, 0);
    sync_with(&w, NULL, "/raw/");
    expect(&w, 0, 3, 61, 0);
    assert_int_equal(w.counts.pictures.missing, 0);
    assert_int_equal(world_items(&w, world_path(&w, "raw/a.png"), "raw"), 0);
    assert_int_equal(world_items(&w, world_path(&w, "trip/raw/b.png"), "raw of b"), 1);
    w.pictures = 0;
    sync_with(&w, NULL, ""); /* and come back with their vectors */
    assert_int_equal(w.counts.pictures.copied, 61);
    assert_int_equal(w.pictures, 0);
    world_release(&w);
}

static void defaults_may_be_taken_in(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {.excludes_said = true, .excludes = {.no_defaults = true}};
    make_tree(&w, "defaults");
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(sources_add(&sources, SOURCE_PICTURES, w.folder, NULL), 0);
    assert_int_equal(world_sync(&w, &sources), 0);
    expect(&w, 5, 0, 0, 0);
    sync_with(&w, NULL, NULL);
    expect(&w, 0, 5, 0, 0);
    sync_with(&w, NULL, "trip/"); /* what is said now is all that holds */
    expect(&w, 0, 2, 3, 0);
    sources_release(&sources);
    world_release(&w);
}

/* A source inside of another one takes in what that one leaves out; and an excluded folder that is named is a source. */
static void each_source_has_its_own(void **state)
{
    (void)state;
    struct world w;
    char raw[4200];
    make_tree(&w, "own");
    snprintf(raw, sizeof raw, "%s", world_path(&w, "raw"));
    sync_with(&w, w.folder, "raw/");
    sync_with(&w, raw, NULL);
    expect(&w, 1, 0, 0, 0);
    sync_with(&w, NULL, NULL);
    expect(&w, 0, 3, 0, 0);
    world_release(&w);
}

static void parts_keep_to_them(void **state)
{
    (void)state;
    struct world w;
    struct strings parts = {0};
    make_tree(&w, "parts");
    sync_with(&w, w.folder, "raw/");
    world_write(&w, "trip/c.png", "c");
    world_write(&w, "trip/raw/c.png", "raw of c");
    static const char *const changed[] = {"trip", "trip/raw/c.png", "raw", "@eaDir/a.png"};
    for (size_t i = 0; i < 4; i++) {
        const char *path = world_path(&w, changed[i]);
        assert_int_equal(strings_add(&parts, path, strlen(path), NULL), 0);
    }
    assert_int_equal(collection_sync_parts(&w.counts, w.collection, &parts, &w.job, NULL), 0);
    expect(&w, 1, 1, 0, 0);
    assert_int_equal(w.counts.pictures.missing, 0);
    assert_int_equal(world_items(&w, world_path(&w, "trip/c.png"), "c"), 1);
    strings_release(&parts);
    world_release(&w);
}

static void a_source_that_moves_takes_them_along(void **state)
{
    (void)state;
    struct world w;
    struct relocate_counts counts;
    char moved[4200];
    make_tree(&w, "moves");
    snprintf(moved, sizeof moved, "%s-moved", w.folder);
    sync_with(&w, w.folder, "raw/");
    assert_int_equal(rename(w.folder, moved), 0);
    assert_int_equal(collection_relocate(&counts, w.collection, w.folder, moved, false, NULL, NULL), 0);
    sync_with(&w, NULL, NULL);
    expect(&w, 0, 2, 0, 0);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_excluded_does_not_go_in),
        cmocka_unit_test(items_that_are_excluded_later_leave),
        cmocka_unit_test(defaults_may_be_taken_in),
        cmocka_unit_test(each_source_has_its_own),
        cmocka_unit_test(parts_keep_to_them),
        cmocka_unit_test(a_source_that_moves_takes_them_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
