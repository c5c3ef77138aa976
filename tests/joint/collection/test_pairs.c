// SPDX-License-Identifier: Apache-2.0
/* Files that are one picture, with --pairs one. */
#include "tests/joint/collection/stand_in.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void sync_with(struct world *w, const char *path, enum pairs pairs)
{
    struct sources sources = {.pairs = pairs};
    if (path)
        assert_int_equal(sources_add(&sources, SOURCE_PICTURES, path, NULL), 0);
    assert_int_equal(world_sync(w, &sources), 0);
    sources_release(&sources);
}

static void sync_parts(struct world *w, const char *name)
{
    struct strings parts = {0};
    const char *path = world_path(w, name);
    assert_int_equal(strings_add(&parts, path, strlen(path), NULL), 0);
    assert_int_equal(collection_sync_parts(&w->counts, w->collection, &parts, &w->job, NULL), 0);
    strings_release(&parts);
}

static void expect(const struct world *w, size_t new, size_t unchanged, size_t partners)
{
    assert_int_equal(w->counts.pictures.new, new);
    assert_int_equal(w->counts.pictures.unchanged, unchanged);
    assert_int_equal(w->counts.pictures.partners, partners);
}

static int print(void *context, const struct index_passed_over *file)
{
    char *lines = context;
    assert_string_equal(file->kind, "pair");
    sprintf(
        lines + strlen(lines), "%s of %s\n", strrchr(file->path, '/') + 1, strrchr(file->picture, '/') + 1);
    return 0;
}

static void expect_remembered(struct world *w, const char *expected)
{
    char lines[4096] = "";
    assert_int_equal(index_passed_over(collection_index(w->collection), print, lines, NULL), 0);
    assert_string_equal(lines, expected);
}

static bool has(struct world *w, const char *name)
{
    bool found;
    struct arena arena = {0};
    struct index_item item;
    const char *path = world_path(w, name);
    assert_int_equal(
        index_find(&item, &found, collection_index(w->collection), INDEX_IMAGE, path, NULL, &arena, NULL), 0);
    arena_release(&arena);
    return found;
}

static void one_stands_for_all(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "one");
    assert_int_equal(mkdir(world_path(&w, "other"), 0777), 0);
    static const char *const in[] = {"IMG_1.JPG", "IMG_2.HEIC", "IMG_3.jpeg", "IMG_4.cr2", "IMG_5.jpg",
        "IMG_5.png", "IMG_6.JPG", "IMG_6.jpg", "other/IMG_1.CR2", "IMG.1.CR2"};
    static const char *const out[] = {"img_1.CR2", "IMG_2.dng", "IMG_3.HEIC", "IMG_3.nef", "IMG_6.arw"};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        world_write(&w, in[i], in[i]);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        world_write(&w, out[i], out[i]);
    world_open(&w);
    sync_with(&w, w.folder, PAIRS_ONE);
    expect(&w, 10, 0, 5);
    assert_int_equal(w.counts.failed, 0);
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        assert_true(has(&w, in[i]));
    expect_remembered(&w, "IMG_2.dng of IMG_2.HEIC\nIMG_3.HEIC of IMG_3.jpeg\nIMG_3.nef of IMG_3.jpeg\n"
                          "IMG_6.arw of IMG_6.JPG\nimg_1.CR2 of IMG_1.JPG\n");
    sync_with(&w, NULL, PAIRS_AS_BEFORE);
    expect(&w, 0, 10, 5);
    sync_with(&w, NULL, PAIRS_EACH);
    expect(&w, 5, 10, 0);
    expect_remembered(&w, "");
    sync_with(&w, NULL, PAIRS_ONE);
    expect(&w, 0, 10, 5);
    assert_int_equal(w.counts.pictures.excluded, 5);
    assert_false(has(&w, "IMG_2.dng"));
    world_release(&w);
}

static void the_partner_comes_in_where_the_other_goes_or_fails(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "goes");
    world_write(&w, "a.jpg", "a");
    world_write(&w, "a.cr2", "raw of a");
    world_write(&w, "b.jpg", "broken");
    world_write(&w, "b.cr2", "raw of b");
    world_open(&w);
    sync_with(&w, w.folder, PAIRS_ONE);
    expect(&w, 1, 0, 2);
    assert_int_equal(w.counts.failed, 1);
    assert_int_equal(unlink(world_path(&w, "a.jpg")), 0);
    sync_with(&w, NULL, PAIRS_AS_BEFORE);
    assert_true(has(&w, "a.cr2"));
    assert_true(has(&w, "b.cr2"));
    assert_int_equal(w.counts.pictures.gone, 1);
    assert_int_equal(w.counts.failed, 0);
    world_release(&w);
}

/* A camera's files come one after the other. */
static void parts_see_the_other_file(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "comes");
    world_write(&w, "a.jpg", "a");
    world_open(&w);
    sync_with(&w, w.folder, PAIRS_ONE);
    world_write(&w, "A.CR2", "raw of a");
    sync_parts(&w, "A.CR2");
    expect(&w, 0, 1, 1);
    assert_false(has(&w, "A.CR2"));
    world_write(&w, "b.cr2", "raw of b");
    sync_parts(&w, "b.cr2");
    expect(&w, 1, 0, 0);
    world_write(&w, "b.jpg", "b");
    sync_parts(&w, "b.jpg");
    expect(&w, 1, 0, 1);
    assert_int_equal(w.counts.pictures.missing, 1); /* for the look at all, which takes it out */
    sync_with(&w, NULL, PAIRS_AS_BEFORE);
    assert_int_equal(w.counts.pictures.excluded, 1);
    assert_false(has(&w, "b.cr2"));
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_stands_for_all),
        cmocka_unit_test(the_partner_comes_in_where_the_other_goes_or_fails),
        cmocka_unit_test(parts_see_the_other_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
