// SPDX-License-Identifier: Apache-2.0
/* Which files of a folder are pictures: by what is in them, which is looked at once. */
#include "tests/joint/collection/stand_in.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PNG "\x89PNG\r\n\x1a\n"
#define FILM "\x1a\x45\xdf\xa3"

static void set_time(const char *path, long seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* A file whose time says nothing. */
static void put(const struct world *w, const char *name, const char *bytes)
{
    world_write(w, name, bytes);
    set_time(world_path(w, name), 1000);
}

static void sync_with(struct world *w, const char *path)
{
    struct sources sources = {0};
    assert_int_equal(sources_add(&sources, SOURCE_PICTURES, path, NULL), 0);
    assert_int_equal(world_sync(w, &sources), 0);
    sources_release(&sources);
}

static void expect_passed(const struct world *w, size_t text, size_t video, size_t other)
{
    assert_int_equal(w->counts.passed.files[FILE_TEXT], text);
    assert_int_equal(w->counts.passed.files[FILE_VIDEO], video);
    assert_int_equal(w->counts.passed.files[FILE_OTHER], other);
    assert_int_equal(w->counts.failed, 0);
}

static int count(void *context, const struct index_passed_over *file)
{
    size_t *files = context;
    assert_int_equal(file->mtime_ns % 1000000000, 0);
    assert_null(file->picture);
    ++*files;
    return 0;
}

static size_t remembered(struct world *w)
{
    size_t files = 0;
    assert_int_equal(index_passed_over(collection_index(w->collection), count, &files, NULL), 0);
    return files;
}

static void content_says_what_is_a_picture(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "content");
    put(&w, "no_suffix", PNG "one");
    put(&w, "x.jpg_large", PNG "two");
    put(&w, "named.png", "whatever");
    put(&w, "notes.md", "no picture");
    put(&w, "named.png.json", "{}");
    put(&w, "clip", FILM "abc");
    put(&w, "empty", "");
    world_open(&w);
    sync_with(&w, w.folder);
    assert_int_equal(w.counts.pictures.new, 3);
    expect_passed(&w, 2, 1, 1);
    assert_int_equal(remembered(&w), 4);
    assert_int_equal(world_items(&w, world_path(&w, "no_suffix"), PNG "one"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "x.jpg_large"), PNG "two"), 1);
    world_release(&w);
}

/* A picture of the same size and time in its place shows whether a file is opened. */
static void what_was_passed_over_is_not_opened_again(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "once");
    put(&w, "a.png", "a picture");
    put(&w, "notes.md", "as long as it");
    world_open(&w);
    sync_with(&w, w.folder);
    put(&w, "notes.md", PNG "aaaaa");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.new, 0);
    expect_passed(&w, 1, 0, 0);

    set_time(world_path(&w, "notes.md"), 2000);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.new, 1);
    expect_passed(&w, 0, 0, 0);
    assert_int_equal(remembered(&w), 0);
    world_release(&w);
}

static void a_later_program_may_know_more_pictures(void **state)
{
    (void)state;
    struct world w;
    struct sources again = {.retry = true};
    world_init(&w, "later");
    put(&w, "a.png", "a picture");
    put(&w, "notes.md", "as long as it");
    world_open(&w);
    sync_with(&w, w.folder);
    put(&w, "notes.md", PNG "aaaaa");
    assert_int_equal(world_sync(&w, &again), 0);
    assert_int_equal(w.counts.pictures.new, 1);
    assert_int_equal(remembered(&w), 0);
    world_release(&w);
}

static void a_picture_that_becomes_a_text_leaves_the_index(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "becomes");
    put(&w, "a.png", "a picture");
    put(&w, "b", PNG "b");
    world_open(&w);
    sync_with(&w, w.folder);
    assert_int_equal(w.counts.pictures.new, 2);
    world_write(&w, "b", "a text");
    set_time(world_path(&w, "b"), 2000);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.gone, 1);
    expect_passed(&w, 1, 0, 0);
    assert_int_equal(remembered(&w), 1);
    assert_int_equal(unlink(world_path(&w, "b")), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    expect_passed(&w, 0, 0, 0);
    assert_int_equal(remembered(&w), 0);
    world_release(&w);
}

static void what_is_named_is_no_matter_of_content(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "named");
    put(&w, "notes.md", "broken"); /* for the embedder */
    world_open(&w);
    sync_with(&w, world_path(&w, "notes.md"));
    assert_int_equal(w.counts.pictures.failed, 1);
    assert_true(world_reported(&w, "notes.md"));
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.failed_before, 1);
    assert_int_equal(remembered(&w), 0);
    world_release(&w);
}

static void a_lost_folder_is_remembered(void **state)
{
    (void)state;
    struct world w;
    char away[4200];
    world_init(&w, "lost");
    snprintf(away, sizeof away, "%s-away", w.folder);
    put(&w, "a.png", "a picture");
    put(&w, "notes.md", "no picture");
    world_open(&w);
    sync_with(&w, w.folder);
    assert_int_equal(rename(w.folder, away), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.missing, 1);
    assert_int_equal(remembered(&w), 1);
    assert_int_equal(mkdir(w.folder, 0777), 0); /* a drive that is not mounted */
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(remembered(&w), 1);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_says_what_is_a_picture),
        cmocka_unit_test(what_was_passed_over_is_not_opened_again),
        cmocka_unit_test(a_later_program_may_know_more_pictures),
        cmocka_unit_test(a_picture_that_becomes_a_text_leaves_the_index),
        cmocka_unit_test(what_is_named_is_no_matter_of_content),
        cmocka_unit_test(a_lost_folder_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
