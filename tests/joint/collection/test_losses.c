// SPDX-License-Identifier: Apache-2.0
/* Much that is missing at once may come back: it stays, unless the user says that it is gone; and what was removed and
 * comes back is not encoded again. */
#include "tests/joint/collection/stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct sources gone = {.gone = true}; /* of those that the index remembers */

static void add(struct sources *sources, enum source_kind kind, const char *path)
{
    assert_int_equal(sources_add(sources, kind, path, NULL), 0);
}

/* A folder of the world's. */
static void make_folder(const struct world *w, const char *name)
{
    assert_int_equal(mkdir(world_path(w, name), 0777), 0);
}

static void move(const struct world *w, const char *from, const char *to)
{
    char path[8192];
    snprintf(path, sizeof path, "%s", world_path(w, from));
    assert_int_equal(rename(path, world_path(w, to)), 0);
}

static const char *numbered(const char *folder, size_t number)
{
    static char name[64];
    snprintf(name, sizeof name, "%s/%03zu.png", folder, number);
    return name;
}

static void write_pictures(const struct world *w, const char *folder, size_t count)
{
    for (size_t i = 0; i < count; i++)
        world_write(w, numbered(folder, i), numbered(folder, i));
}

static void remove_files(const struct world *w, const char *folder, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        assert_int_equal(unlink(world_path(w, numbered(folder, i))), 0);
}

static int64_t images(const struct world *w)
{
    return index_info(collection_index(w->collection)).images;
}

/* A world with `count` pictures in its folder "lib", all in the index. */
static void begin(struct world *w, const char *name, size_t count)
{
    struct sources sources = {0};
    world_init(w, name);
    make_folder(w, "lib");
    write_pictures(w, "lib", count);
    add(&sources, SOURCE_PICTURES, world_path(w, "lib"));
    world_open(w);
    assert_int_equal(world_sync(w, &sources), 0);
    assert_int_equal(w->counts.encoded, count);
    sources_release(&sources);
}

static void expect_stay(struct world *w, size_t count, const char *why)
{
    assert_int_equal(w->counts.pictures.missing, count);
    assert_int_equal(w->counts.pictures.gone, 0);
    assert_int_equal(w->counts.failed, 1);
    assert_int_equal(w->reports.count, 1);
    if (!world_reported(w, why))
        fail_msg("'%s' is not '%s'", w->reports.items[0], why);
}

static void expect_clean(struct world *w)
{
    int64_t defects;
    world_close(w);
    assert_int_equal(index_verify(&defects, w->index, NULL, NULL), 0);
    assert_int_equal(defects, 0);
    world_open(w);
}

/* ---- what stays ---------------------------------------------------------------------------------------- */

static void a_drive_that_is_not_mounted_keeps_its_pictures(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "unmounted", 3);
    move(&w, "lib", "away");
    make_folder(&w, "lib");
    world_write(&w, "lib/readme.md", "the place of a drive");
    assert_int_equal(world_sync(&w, NULL), 0);
    expect_stay(&w, 3, "unmounted/lib' holds no pictures any more; those that stay in the index: 3");
    assert_int_equal(images(&w), 3);

    assert_int_equal(unlink(world_path(&w, "lib/readme.md")), 0);
    assert_int_equal(rmdir(world_path(&w, "lib")), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    expect_stay(&w, 3, "unmounted/lib' is not there; pictures of it that stay in the index: 3");
    assert_int_equal(images(&w), 3);

    move(&w, "away", "lib");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.unchanged, 3);
    assert_int_equal(w.counts.failed + w.counts.encoded, 0);
    world_release(&w);
}

static void a_root_that_is_not_there_and_has_nothing_is_reported(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    begin(&w, "nowhere", 1);
    add(&sources, SOURCE_PICTURES, world_path(&w, "typo"));
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.failed, 1);
    assert_true(world_reported(&w, "unable to read '"));
    assert_true(world_reported(&w, "nowhere/typo': No such file or directory"));
    sources_release(&sources);
    world_release(&w);
}

/* More than half, and at least 50. */
static void many_that_are_missing_at_once_stay(void **state)
{
    (void)state;
    static const struct {
        size_t count, missing;
        bool stay;
    } cases[] = {{99, 50, true}, {100, 50, false}, {98, 49, false}, {60, 49, false}, {60, 50, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        char name[32], why[64];
        snprintf(name, sizeof name, "many-%zu", i);
        begin(&w, name, cases[i].count);
        remove_files(&w, "lib", 0, cases[i].missing);
        assert_int_equal(world_sync(&w, NULL), 0);
        snprintf(why, sizeof why, "/lib' has lost %zu of %zu pictures at once; they stay in the index",
            cases[i].missing, cases[i].count);
        if (cases[i].stay)
            expect_stay(&w, cases[i].missing, why);
        else
            assert_int_equal(w.counts.pictures.gone, cases[i].missing);
        assert_int_equal(images(&w), cases[i].count - (cases[i].stay ? 0 : cases[i].missing));
        world_release(&w);
    }
}

/* One root lies below another that is well. */
static void each_root_is_measured_by_itself(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    begin(&w, "nested", 5);
    make_folder(&w, "lib/usb");
    write_pictures(&w, "lib/usb", 2);
    add(&sources, SOURCE_PICTURES, world_path(&w, "lib"));
    add(&sources, SOURCE_PICTURES, world_path(&w, "lib/usb"));
    assert_int_equal(world_sync(&w, &sources), 0);
    remove_files(&w, "lib/usb", 0, 2);
    remove_files(&w, "lib", 0, 1);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.missing, 2);
    assert_int_equal(w.counts.pictures.gone, 1);
    assert_int_equal(w.reports.count, 1);
    assert_true(world_reported(&w, "lib/usb' holds no pictures"));
    sources_release(&sources);
    world_release(&w);
}

/* A library that was moved as a whole has lost nothing. */
static void what_moved_is_not_missing(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    begin(&w, "moved", 4);
    move(&w, "lib", "new");
    make_folder(&w, "lib");
    add(&sources, SOURCE_PICTURES, world_path(&w, "lib"));
    add(&sources, SOURCE_PICTURES, world_path(&w, "new"));
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.moved, 4);
    assert_int_equal(w.counts.failed + w.counts.pictures.missing + w.counts.encoded, 0);
    sources_release(&sources);
    world_release(&w);
}

static void captions_of_what_is_missing_stay(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    begin(&w, "captions", 1);
    world_write(&w, "c.json", "{\"000\": [\"a dog\"]}");
    add(&sources, SOURCE_CAPTIONS, world_path(&w, "c.json"));
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.texts.new, 1);
    move(&w, "lib", "away");
    assert_int_equal(world_sync(&w, NULL), 0);
    expect_stay(&w, 1, "is not there");
    assert_int_equal(w.counts.texts.gone, 0);
    assert_int_equal(world_items(&w, world_path(&w, "c.json"), "a dog"), 1);
    sources_release(&sources);
    world_release(&w);
}

/* ---- what is gone -------------------------------------------------------------------------------------- */

static void users_may_say_that_it_is_gone(void **state)
{
    (void)state;
    struct world w;
    struct sources remembered = {0};
    begin(&w, "gone", 3);
    move(&w, "lib", "away");
    make_folder(&w, "lib");
    assert_int_equal(world_sync(&w, &gone), 0);
    assert_int_equal(w.counts.pictures.gone, 3);
    assert_int_equal(w.counts.failed + w.counts.pictures.missing, 0);
    assert_int_equal(images(&w), 0);
    assert_int_equal(sources_recall(&remembered, collection_index(w.collection), NULL), 0);
    assert_true(sources_any(&remembered)); /* an empty folder may be filled */
    sources_release(&remembered);

    assert_int_equal(rmdir(world_path(&w, "lib")), 0);
    assert_int_equal(world_sync(&w, &gone), 0);
    assert_int_equal(w.counts.failed, 0);
    remembered = (struct sources){0};
    assert_int_equal(sources_recall(&remembered, collection_index(w.collection), NULL), 0);
    assert_false(sources_any(&remembered)); /* one that is not there would be missed every time */
    sources_release(&remembered);
    expect_clean(&w);
    world_release(&w);
}

/* ---- what comes back ----------------------------------------------------------------------------------- */

static void what_comes_back_is_not_encoded(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "back", 6);
    move(&w, "lib", "away");
    make_folder(&w, "lib");
    assert_int_equal(world_sync(&w, &gone), 0);
    assert_int_equal(images(&w), 0);
    expect_clean(&w);
    assert_int_equal(rmdir(world_path(&w, "lib")), 0);
    move(&w, "away", "lib");
    move(&w, "lib/000.png", "lib/renamed.png");
    world_write(&w, "lib/001.png", "other content");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.copied, 5);
    assert_int_equal(w.counts.pictures.new, 1);
    assert_int_equal(w.counts.encoded, 1);
    assert_int_equal(world_items(&w, world_path(&w, "lib/renamed.png"), "lib/000.png"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "lib/001.png"), "other content"), 1);
    for (size_t i = 2; i < 6; i++)
        assert_int_equal(world_items(&w, world_path(&w, numbered("lib", i)), numbered("lib", i)), 1);

    struct index_item item;
    struct arena arena = {0};
    bool found;
    assert_int_equal(index_find(&item, &found, collection_index(w.collection), INDEX_IMAGE,
                         world_path(&w, "lib/renamed.png"), NULL, &arena, NULL),
        0);
    assert_true(found && item.width == 30 && item.height == 20);
    arena_release(&arena);
    expect_clean(&w);
    world_release(&w);
}

static void a_compaction_lets_go(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "compacted", 2);
    move(&w, "lib/001.png", "001.png");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.gone, 1);
    assert_int_equal(index_compact(collection_index(w.collection), NULL, NULL), 0);
    move(&w, "001.png", "lib/001.png");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.encoded, 1);
    expect_clean(&w);
    world_release(&w);
}

/* A picture that was edited, and then taken back from a copy. */
static void old_content_comes_back(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "edited", 1);
    world_write(&w, "lib/000.png", "edited");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.encoded, 1);
    world_write(&w, "lib/000.png", "lib/000.png");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.encoded, 0);
    assert_int_equal(world_items(&w, world_path(&w, "lib/000.png"), "lib/000.png"), 1);
    expect_clean(&w);
    world_release(&w);
}

static void texts_come_back(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "texts-back");
    world_write(&w, "t.txt", "one\ntwo\n");
    add(&sources, SOURCE_TEXTS, world_path(&w, "t.txt"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    world_write(&w, "t.txt", "one\n");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.texts.gone, 1);
    world_write(&w, "t.txt", "one\ntwo\nthree\n");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.texts.copied, 1);
    assert_int_equal(w.counts.encoded, 1);
    assert_int_equal(w.texts, 1);
    sources_release(&sources);
    expect_clean(&w);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drive_that_is_not_mounted_keeps_its_pictures),
        cmocka_unit_test(a_root_that_is_not_there_and_has_nothing_is_reported),
        cmocka_unit_test(many_that_are_missing_at_once_stay),
        cmocka_unit_test(each_root_is_measured_by_itself),
        cmocka_unit_test(what_moved_is_not_missing),
        cmocka_unit_test(captions_of_what_is_missing_stay),
        cmocka_unit_test(users_may_say_that_it_is_gone),
        cmocka_unit_test(what_comes_back_is_not_encoded),
        cmocka_unit_test(a_compaction_lets_go),
        cmocka_unit_test(old_content_comes_back),
        cmocka_unit_test(texts_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
