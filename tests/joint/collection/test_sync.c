// SPDX-License-Identifier: Apache-2.0
/* Bringing a collection up to date: each kind of change, what fails, and ends at every possible moment. */
#include "tests/joint/collection/stand_in.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void add(struct sources *sources, enum source_kind kind, const char *path)
{
    assert_int_equal(sources_add(sources, kind, path, NULL), 0);
}

/* Gives a file another time of change than it would have by itself. */
static void set_time(const char *path, long seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static void each_change_of_a_picture_is_seen(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "changes");
    add(&sources, SOURCE_PICTURES, w.folder);
    const char *names[] = {"stays.png", "moves.png", "changes.png", "goes.png", "touched.png"};
    for (size_t i = 0; i < 5; i++)
        world_write(&w, names[i], names[i]);
    world_write(&w, "notes.md", "no picture");
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.new, 5);
    assert_int_equal(w.counts.encoded, 5);
    assert_int_equal(w.counts.passed.files[FILE_TEXT], 1);

    char moved[8192];
    snprintf(moved, sizeof moved, "%s", world_path(&w, "moves.png"));
    assert_int_equal(rename(moved, world_path(&w, "moved.png")), 0);
    world_write(&w, "changes.png", "something else");
    assert_int_equal(unlink(world_path(&w, "goes.png")), 0);
    set_time(world_path(&w, "touched.png"), 1000);
    world_write(&w, "copy.png", "stays.png");
    assert_int_equal(world_sync(&w, NULL), 0); /* the index remembers its folder */
    assert_int_equal(w.counts.pictures.unchanged, 2);
    assert_int_equal(w.counts.pictures.moved, 1);
    assert_int_equal(w.counts.pictures.changed, 1);
    assert_int_equal(w.counts.pictures.copied, 1);
    assert_int_equal(w.counts.pictures.gone, 1);
    assert_int_equal(w.counts.pictures.new, 0);
    assert_int_equal(w.pictures, 1); /* only what changed was encoded */
    assert_int_equal(world_items(&w, world_path(&w, "stays.png"), "stays.png"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "copy.png"), "stays.png"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "moved.png"), "moves.png"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "changes.png"), "something else"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "goes.png"), NULL), 0);
    assert_int_equal(world_items(&w, world_path(&w, "moves.png"), NULL), 0);
    sources_release(&sources);
    world_release(&w);
}

/* Copies and failures among what is encoded: of content before them, in the chunk and of an index before. */
static void items_come_in_the_order_of_the_files(void **state)
{
    (void)state;
    static const char *const names[] = {
        "0.png", "1.png", "2.png", "4.png", "5.png", "6.png", "7.png", "9.png", "a.png", "b.png"};
    static const struct {
        const char *name, *bytes;
    } files[] = {{"0.png", "known"}, {"1.png", "x"}, {"2.png", "known"}, {"3.png", "broken"}, {"4.png", "y"},
        {"5.png", "x"}, {"6.png", "z"}, {"7.png", "gone"}, {"8.png", "broken"}, {"9.png", "v"},
        {"a.png", "x"}, {"b.png", "w"}};
    struct world w;
    struct sources sources = {0};
    world_init(&w, "order");
    add(&sources, SOURCE_PICTURES, w.folder);
    world_write(&w, "0.png", "known");
    world_write(&w, "7.png", "gone");
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(unlink(world_path(&w, "7.png")), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.gone, 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        world_write(&w, files[i].name, files[i].bytes);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.encoded, 5);
    assert_int_equal(w.counts.pictures.failed, 2);

    /* The row that left the index is not used again. */
    struct index *index = collection_index(w.collection);
    struct arena arena = {0};
    struct index_item item;
    bool found;
    int64_t row = 2;
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(
            index_find(&item, &found, index, INDEX_IMAGE, world_path(&w, names[i]), NULL, &arena, NULL), 0);
        assert_true(found);
        assert_int_equal(item.row, row++);
    }
    arena_release(&arena);
    sources_release(&sources);
    world_release(&w);
}

/* As img2dataset's layout of files has them: key.jpg, key.txt, key.json. */
static void captions_and_metadata_beside_pictures_are_taken(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "beside");
    add(&sources, SOURCE_PICTURES, w.folder);
    world_write(&w, "000.jpg", "zero");
    world_write(&w, "000.txt", "the first\n");
    world_write(&w, "000.json", "{\"caption\": \"the first\", \"url\": \"u\"}");
    world_write(&w, "v1.2.webp", "one");
    world_write(&w, "v1.2.txt", "with a dot");
    world_write(&w, "alone.jpg", "two");
    world_write(&w, "other.txt", "of no picture");
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.described, 2);
    world_expect_said(&w, "000.jpg", "the first", "{\"url\":\"u\"}");
    world_expect_said(&w, "v1.2.webp", "with a dot", "");
    world_expect_said(&w, "alone.jpg", "", "");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.described, 0);

    world_write(&w, "000.txt", "now another");
    world_write(&w, "alone.txt", "no longer");
    world_write(&w, "other.jpg", "three");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.described, 3);
    assert_int_equal(w.counts.encoded, 1);
    world_expect_said(&w, "000.jpg", "now another", "{\"caption\":\"the first\",\"url\":\"u\"}");
    world_expect_said(&w, "alone.jpg", "no longer", "");
    world_expect_said(&w, "other.jpg", "of no picture", "");

    world_write(&w, "000.json", "[1]");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_true(world_reported(&w, "000.json"));
    assert_int_equal(w.counts.failed, 1);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.reports.count, 0); /* once */
    sources_release(&sources);
    world_release(&w);
}

static void rename_in(const struct world *w, const char *from, const char *to)
{
    char path[8192];
    snprintf(path, sizeof path, "%s", world_path(w, from));
    assert_int_equal(rename(path, world_path(w, to)), 0);
}

/* Takes the picture out of the index, its file stays. */
static void remove_item(struct world *w, const char *name)
{
    struct arena arena = {0};
    struct index_item item;
    const struct strings none = {0};
    bool found;
    size_t removed, missing;
    struct index *index = collection_index(w->collection);
    assert_int_equal(
        index_find(&item, &found, index, INDEX_IMAGE, world_path(w, name), NULL, &arena, NULL), 0);
    assert_true(found);
    const struct removal removal = {.paths = &none, .ids = &item.id, .id_count = 1};
    assert_int_equal(collection_remove(&removed, &missing, w->collection, &removal, NULL, NULL), 0);
    assert_int_equal(removed, 1);
    arena_release(&arena);
}

/* A folder with a picture that cannot be read yet, and captions of that, of another, and of two that will come. */
static void begin_known(struct world *w, const char *name)
{
    struct sources sources = {0};
    world_init(w, name);
    add(&sources, SOURCE_PICTURES, w->folder);
    world_write(w, "a.png", "broken");
    world_write(w, "b.png", "b");
    world_write(w, "a.txt", "of a");
    world_write(w, "b.txt", "of b");
    world_write(w, "c.txt", "of c");
    world_write(w, "d.txt", "of d");
    world_open(w);
    assert_int_equal(world_sync(w, &sources), 0);
    assert_int_equal(w->counts.described, 1);
    sources_release(&sources);
}

/* Neither the files beside pictures nor the number of pictures change. */
static void what_comes_to_a_known_folder_has_its_caption(void **state)
{
    (void)state;
    struct world w;
    begin_known(&w, "known");
    world_write(&w, "a.png", "a picture by now");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.described, 1);
    world_expect_said(&w, "a.png", "of a", "");

    remove_item(&w, "a.png");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.copied, 1);
    world_expect_said(&w, "a.png", "of a", "");

    assert_int_equal(unlink(world_path(&w, "b.png")), 0);
    world_write(&w, "c.png", "another one");
    assert_int_equal(world_sync(&w, NULL), 0);
    world_expect_said(&w, "c.png", "of c", "");

    rename_in(&w, "c.png", "d.png");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.moved, 1);
    world_expect_said(&w, "d.png", "of d", "");

    assert_int_equal(mkdir(world_path(&w, "away"), 0777), 0);
    rename_in(&w, "a.png", "away/a.png");
    world_write(&w, "a.png", "what took its place");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.moved, 1);
    world_expect_said(&w, "a.png", "of a", "");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.described, 0);
    world_release(&w);
}

/* The picture is an item by then, and nothing but the folder's row says that its caption was not read. */
static void an_end_before_captions_are_read_leaves_them_to_the_next(void **state)
{
    (void)state;
    struct world w;
    begin_known(&w, "known-end");
    world_write(&w, "a.png", "a picture by now");
    w.end_unit = "captions and metadata beside pictures";
    assert_int_equal(world_sync(&w, NULL), ERR_CANCELLED);
    world_expect_said(&w, "a.png", "", "");
    w.end_unit = NULL;
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.unchanged, 2);
    world_expect_said(&w, "a.png", "of a", "");
    world_release(&w);
}

/* Root may read all, until it takes that from itself. */
static void may_read_all(bool may)
{
    const uint32_t all = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    assert_int_equal(syscall(SYS_capget, &header, sets), 0);
    sets->effective = may ? sets->effective | (all & sets->permitted) : sets->effective & ~all;
    assert_int_equal(syscall(SYS_capset, &header, sets), 0);
}

/* The caption is there before the picture, so that its size and time stay. */
static void captions_that_cannot_be_read_are_tried_again(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "unreadable");
    add(&sources, SOURCE_PICTURES, w.folder);
    world_write(&w, "a.txt", "of a");
    world_write(&w, "b.png", "b");
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    world_write(&w, "a.png", "a");
    assert_int_equal(chmod(world_path(&w, "a.txt"), 0), 0);
    may_read_all(false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world_sync(&w, NULL), 0);
        assert_int_equal(w.counts.failed, 1);
        assert_true(world_reported(&w, "a.txt"));
        world_expect_said(&w, "a.png", "", "");
    }
    may_read_all(true);
    assert_int_equal(chmod(world_path(&w, "a.txt"), 0644), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.failed, 0);
    world_expect_said(&w, "a.png", "of a", "");
    sources_release(&sources);
    world_release(&w);
}

/* What the index remembers of failures, a line each. */
static int visit_failure(void *context, const struct index_failure *failure)
{
    const char *name = strrchr(failure->path, '/');
    char *lines = context;
    sprintf(lines + strlen(lines), "%s %s %d\n", name + 1, failure->why, failure->again);
    return 0;
}

static void expect_failures(struct world *w, const char *expected)
{
    char lines[8192] = "";
    assert_int_equal(index_failures(collection_index(w->collection), visit_failure, lines, NULL), 0);
    assert_string_equal(lines, expected);
}

static void what_fails_is_reported_once(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "failures");
    add(&sources, SOURCE_PICTURES, w.folder);
    add(&sources, SOURCE_PICTURES, world_path(&w, "missing"));
    world_write(&w, "a.png", "broken");
    world_write(&w, "b.png", "broken"); /* the same content, which the chunk leaves for later */
    world_write(&w, "c.png", "good");
    assert_int_equal(symlink("nowhere", world_path(&w, "d.png")), 0);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.new, 1);
    assert_int_equal(w.counts.pictures.failed, 4);
    assert_int_equal(w.counts.failed, 4);
    assert_int_equal(w.reports.count, 4);
    assert_true(world_reported(&w, "a.png"));
    assert_true(world_reported(&w, "b.png"));
    assert_true(world_reported(&w, "d.png"));
    assert_true(world_reported(&w, "missing"));
    expect_failures(
        &w, "a.png no such picture 0\nb.png no such picture 0\nd.png the link points nowhere 1\n");

    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.failed, 0); /* a root that never was there is none */
    assert_int_equal(w.counts.pictures.failed_before, 3);
    assert_int_equal(w.reports.count, 0);
    assert_int_equal(w.opened, 0);

    world_write(&w, "a.png", "mended");
    set_time(world_path(&w, "b.png"), 1000);
    assert_int_equal(unlink(world_path(&w, "d.png")), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.new, 1);
    assert_int_equal(w.counts.pictures.unchanged, 1);
    assert_int_equal(w.counts.pictures.failed, 1);
    assert_int_equal(w.counts.pictures.failed_before, 0);
    expect_failures(&w, "b.png no such picture 0\n");
    sources_release(&sources);
    world_release(&w);
}

static void what_failed_is_tried_again_when_asked(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0}, again = {.retry = true};
    world_init(&w, "retry");
    add(&sources, SOURCE_PICTURES, w.folder);
    world_write(&w, "a.png", "broken");
    assert_int_equal(symlink("nowhere", world_path(&w, "d.png")), 0);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(world_sync(&w, &again), 0);
    assert_int_equal(w.counts.pictures.failed, 2);
    assert_int_equal(w.counts.pictures.failed_before, 0);
    assert_int_equal(w.reports.count, 2);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.failed, 0);
    sources_release(&sources);
    world_release(&w);
}

/* A file that may be readable another time is tried by every sync, and told of once. */
static void what_may_pass_is_tried_quietly(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "passing");
    add(&sources, SOURCE_PICTURES, w.folder);
    world_write(&w, "a.png", "locked");
    world_write(&w, "b.png", "locked");
    world_open(&w);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world_sync(&w, i ? NULL : &sources), 0);
        assert_int_equal(w.counts.pictures.failed, i ? 0 : 2);
        assert_int_equal(w.counts.pictures.failed_before, i ? 2 : 0);
        expect_failures(&w, "a.png the picture is locked 1\nb.png the picture is locked 1\n");
    }
    w.unlocked = true;
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.new, 1);
    assert_int_equal(w.counts.pictures.copied, 1);
    assert_int_equal(w.counts.failed + w.counts.pictures.failed_before, 0);
    expect_failures(&w, "");
    sources_release(&sources);
    world_release(&w);
}

/* Nothing is forgotten of a drive that is not mounted; what is removed by its path is. */
static void failures_follow_their_folder(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    char aside[8192];
    size_t removed, missing;
    world_init(&w, "unmounted");
    snprintf(aside, sizeof aside, "%s-aside", w.folder);
    add(&sources, SOURCE_PICTURES, w.folder);
    world_write(&w, "a.png", "broken");
    world_write(&w, "b.png", "good");
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(rename(w.folder, aside), 0);
    assert_int_equal(world_sync(&w, NULL), 0); /* not there */
    assert_int_equal(mkdir(w.folder, 0777), 0);
    assert_int_equal(world_sync(&w, NULL), 0); /* there, and empty */
    expect_failures(&w, "a.png no such picture 0\n");
    assert_int_equal(rmdir(w.folder), 0);
    assert_int_equal(rename(aside, w.folder), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.failed, 0);
    assert_int_equal(w.counts.pictures.failed_before, 1);
    const struct removal removal = {.paths = &sources.paths[SOURCE_PICTURES]};
    assert_int_equal(collection_remove(&removed, &missing, w.collection, &removal, NULL, NULL), 0);
    expect_failures(&w, "");
    sources_release(&sources);
    world_release(&w);
}

/* A picture whose new content cannot be decoded is no longer found by the old one. */
static void a_picture_that_breaks_leaves_the_index(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "breaks");
    add(&sources, SOURCE_PICTURES, w.folder);
    world_write(&w, "a.png", "good");
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    world_write(&w, "a.png", "broken now");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(world_items(&w, world_path(&w, "a.png"), NULL), 0);
    sources_release(&sources);
    world_release(&w);
}

/* Paths that are named twice, and of which one lies below another, count as often as they are there. */
static void each_path_that_is_removed_is_looked_for(void **state)
{
    (void)state;
    static const char *const names[] = {"sub/in", "sub", "sub", "nothing", "a.png"};
    struct world w;
    struct sources sources = {0};
    struct strings paths = {0};
    size_t removed, missing;
    world_init(&w, "removed");
    add(&sources, SOURCE_PICTURES, w.folder);
    assert_int_equal(mkdir(world_path(&w, "sub"), 0777), 0);
    assert_int_equal(mkdir(world_path(&w, "sub/in"), 0777), 0);
    world_write(&w, "sub/in/b.png", "b");
    world_write(&w, "sub/c.png", "c");
    world_write(&w, "subway.png", "stays");
    world_write(&w, "a.png", "a");
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(
            strings_add(&paths, world_path(&w, names[i]), strlen(world_path(&w, names[i])), NULL), 0);
    const struct removal removal = {.paths = &paths};
    assert_int_equal(collection_remove(&removed, &missing, w.collection, &removal, &w.job, NULL), 0);
    assert_int_equal(removed, 3);
    assert_int_equal(missing, 1);
    assert_true(world_reported(&w, "removed/nothing'"));
    assert_int_equal(world_items(&w, world_path(&w, "subway.png"), "stays"), 1);
    strings_release(&paths);
    sources_release(&sources);
    world_release(&w);
}

/* Of the vector of an item. */
static void flip_bit(const struct world *w, off_t row)
{
    char path[8192], byte;
    const off_t at = row * WIDTH * (off_t)sizeof(float) + 5;
    snprintf(path, sizeof path, "%s/vectors.f32", w->index);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 1);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Of the same content, others are copied from what is encoded anew. */
static void content_of_a_damaged_row_is_encoded_anew(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "damaged");
    world_write(&w, "a.png", "same");
    world_write(&w, "t.csv", "text\none\n");
    add(&sources, SOURCE_PICTURES, w.folder);
    add(&sources, SOURCE_TEXTS, world_path(&w, "t.csv"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    world_close(&w);
    flip_bit(&w, 0);
    flip_bit(&w, 1);
    world_write(&w, "b.png", "same");
    world_write(&w, "c.png", "same");
    world_write(&w, "u.csv", "text\none\n");
    add(&sources, SOURCE_TEXTS, world_path(&w, "u.csv"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.new, 1);
    assert_int_equal(w.counts.pictures.copied, 1);
    assert_int_equal(w.counts.texts.new, 1);
    assert_int_equal(w.counts.encoded, 2);
    assert_int_equal(w.counts.failed, 0);
    assert_int_equal(world_items(&w, world_path(&w, "b.png"), "same"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "c.png"), "same"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "u.csv"), "one"), 1);
    sources_release(&sources);
    world_release(&w);
}

/* ---- texts --------------------------------------------------------------------------------------------- */

static void texts_follow_their_file(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "texts");
    world_write(&w, "t.txt", "one\n\ntwo\none\nbroken words\n");
    add(&sources, SOURCE_TEXTS, world_path(&w, "t.txt"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.texts.new, 2); /* the same twice is one */
    assert_int_equal(w.counts.texts.failed, 1);
    assert_true(world_reported(&w, "text \"broken words\" of "));
    assert_true(world_reported(&w, "no such words"));
    assert_int_equal(world_items(&w, world_path(&w, "t.txt"), NULL), 2);

    world_write(&w, "t.txt", "two\nthree\n");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.texts.new, 1);
    assert_int_equal(w.counts.texts.unchanged, 1);
    assert_int_equal(w.counts.texts.gone, 1);
    assert_int_equal(w.texts, 1);

    assert_int_equal(unlink(world_path(&w, "t.txt")), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.failed, 1); /* its texts stay */
    assert_true(world_reported(&w, "t.txt"));
    assert_int_equal(world_items(&w, world_path(&w, "t.txt"), NULL), 2);
    sources_release(&sources);
    world_release(&w);
}

/* More texts than a batch holds: those that fail leave no gap and shift nobody's vector. */
static void failures_shift_no_vector(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    enum { COUNT = 700 };
    world_init(&w, "shift");
    FILE *file = fopen(world_path(&w, "t.txt"), "w");
    assert_non_null(file);
    for (int i = 0; i < COUNT; i++)
        fprintf(file, "%s %d\n", i % 7 == 3 ? "broken" : "text", i);
    fclose(file);
    add(&sources, SOURCE_TEXTS, world_path(&w, "t.txt"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.texts.new, COUNT - COUNT / 7);
    assert_int_equal(w.counts.texts.failed, COUNT / 7);
    struct index *index = collection_index(w.collection);
    for (int i = 0; i < COUNT; i++) {
        char text[32], hash[HASH_SIZE];
        struct arena arena = {0};
        struct index_item item;
        bool found;
        float stored[WIDTH], expected[WIDTH];
        snprintf(text, sizeof text, "%s %d", i % 7 == 3 ? "broken" : "text", i);
        hash_bytes(hash, text, strlen(text));
        assert_int_equal(index_find(&item, &found, index, INDEX_TEXT, NULL, hash, &arena, NULL), 0);
        assert_int_equal(found, i % 7 != 3);
        if (found) {
            assert_int_equal(index_vectors(stored, index, &item.row, 1, NULL), 0);
            stand_in_vector(expected, text, strlen(text));
            assert_memory_equal(stored, expected, sizeof expected);
        }
        arena_release(&arena);
    }
    sources_release(&sources);
    world_release(&w);
}

static void captions_and_metadata_find_their_pictures(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    struct arena arena = {0};
    struct index_item item;
    bool found;
    world_init(&w, "captions");
    world_write(&w, "dog.png", "a dog");
    world_write(&w, "c.json", "{\"dog\": [\"a dog\", \"an animal\"], \"cat\": [\"a cat\"]}");
    world_write(&w, "m.jsonl", "{\"path\": \"dog.png\", \"camera\": \"X100\"}\nnonsense\n");
    add(&sources, SOURCE_PICTURES, w.folder);
    add(&sources, SOURCE_CAPTIONS, world_path(&w, "c.json"));
    add(&sources, SOURCE_METADATA, world_path(&w, "m.jsonl"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.described, 2);
    assert_int_equal(w.counts.texts.new, 2);
    assert_int_equal(w.counts.texts.failed, 1); /* the cat */
    assert_int_equal(w.counts.pictures.failed, 1);
    assert_true(world_reported(&w, "'cat'"));
    assert_true(world_reported(&w, "line 2"));
    assert_int_equal(index_find(&item, &found, collection_index(w.collection), INDEX_IMAGE,
                         world_path(&w, "dog.png"), NULL, &arena, NULL),
        0);
    assert_true(found);
    assert_string_equal(item.caption, "a dog");
    assert_string_equal(item.metadata, "{\"camera\":\"X100\"}");

    assert_int_equal(unlink(world_path(&w, "dog.png")), 0);
    assert_int_equal(world_sync(&w, &(struct sources){.gone = true}), 0); /* the only one */
    assert_int_equal(w.counts.pictures.gone, 1);
    assert_int_equal(w.counts.texts.gone, 2); /* captions of nothing go with it */
    arena_release(&arena);
    sources_release(&sources);
    world_release(&w);
}

/* ---- sources ------------------------------------------------------------------------------------------- */

static void a_file_named_by_mistake_is_not_remembered(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0}, remembered = {0};
    struct err err;
    world_init(&w, "mistake");
    world_write(&w, "list.md", "one\n");
    add(&sources, SOURCE_TEXTS, world_path(&w, "list.md"));
    world_open(&w);
    assert_int_equal(collection_sync(&w.counts, w.collection, &sources, NULL, &err), ERR_UNSUPPORTED);
    assert_int_equal(sources_recall(&remembered, collection_index(w.collection), &err), 0);
    assert_false(sources_any(&remembered));

    assert_int_equal(sources_check(&sources, false, &err), 0);
    add(&sources, SOURCE_METADATA, world_path(&w, "nowhere.jsonl"));
    assert_int_equal(sources_check(&sources, false, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "nowhere.jsonl"));
    sources_release(&remembered);
    sources_release(&sources);
    world_release(&w);
}

static int embed_nothing(void *context, float *embeddings, struct err *errs, const char *const *texts,
    size_t count, size_t *truncated, const struct job *job, struct err *err)
{
    (void)context, (void)embeddings, (void)errs, (void)texts, (void)count, (void)truncated, (void)job;
    return err_set(err, ERR_DEVICE, "the device is gone");
}

static void expect_remembered(const struct world *w, size_t texts)
{
    struct sources remembered = {0};
    assert_int_equal(sources_recall(&remembered, collection_index(w->collection), NULL), 0);
    assert_int_equal(remembered.paths[SOURCE_TEXTS].count, texts);
    sources_release(&remembered);
}

/* Its items are in the index, and go on with it once it is good. */
static void a_file_that_is_bad_for_now_stays_remembered(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    struct err err;
    world_init(&w, "for-now");
    world_write(&w, "t.csv", "text\none\n");
    add(&sources, SOURCE_TEXTS, world_path(&w, "t.csv"));
    world_open(&w);
    w.embedder.texts = embed_nothing; /* no fault of the file */
    assert_int_equal(collection_sync(&w.counts, w.collection, &sources, NULL, &err), ERR_DEVICE);
    expect_remembered(&w, 1);
    sources_release(&sources);
    world_release(&w);

    sources = (struct sources){0};
    world_init(&w, "bad-for-now");
    world_write(&w, "t.csv", "text\none\n");
    add(&sources, SOURCE_TEXTS, world_path(&w, "t.csv"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    world_write(&w, "t.csv", "no such column\none\n");
    assert_int_equal(collection_sync(&w.counts, w.collection, &sources, NULL, &err), ERR_FORMAT);
    expect_remembered(&w, 1);
    world_write(&w, "t.csv", "text\none\ntwo\n");
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.texts.new, 1);
    assert_int_equal(w.counts.texts.unchanged, 1);
    sources_release(&sources);
    world_release(&w);
}

static void check_new(struct sources *sources, int expected, const char *said)
{
    struct err err = {0};
    assert_int_equal(sources_check(sources, true, &err), expected);
    assert_non_null(strstr(err.msg, said));
}

static void a_new_index_is_made_of_something(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "something");
    add(&sources, SOURCE_PICTURES, world_path(&w, "typo"));
    check_new(&sources, ERR_IO, "something/typo': No such file or directory");
    assert_int_equal(sources_check(&sources, false, NULL), 0);
    assert_int_equal(sources_add(&sources, SOURCE_PICTURES, "-", NULL), ERR_ARGUMENT);
    world_write(&w, "a.txt", "one");
    add(&sources, SOURCE_TEXTS, world_path(&w, "a.txt"));
    check_new(&sources, 0, "");
    sources_release(&sources);
    sources = (struct sources){0};
    add(&sources, SOURCE_PICTURES, world_path(&w, "typo"));
    add(&sources, SOURCE_PICTURES, w.folder);
    check_new(&sources, 0, "");
    sources_release(&sources);
    world_release(&w);
}

/* Its pictures go in, and no later sync takes them out or looks for them. */
static void a_list_is_no_source(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0}, again = {0}, remembered = {0};
    char list[1 << 14];
    world_init(&w, "list");
    mkdir(world_path(&w, "one"), 0755);
    mkdir(world_path(&w, "two"), 0755);
    world_write(&w, "one/a.png", "first");
    world_write(&w, "two/b.png", "second");
    world_write(&w, "two/c.png", "third");
    snprintf(list, sizeof list, "%s/two/b.png\r\n%s/nowhere.png\r\n%s/two/b.png\r\n", w.folder, w.folder,
        w.folder);
    world_write(&w, "list", list);
    add(&sources, SOURCE_PICTURES, world_path(&w, "one"));
    assert_int_equal(sources_add_list(&sources, world_path(&w, "list"), '\n', NULL, NULL), 0);
    assert_int_equal(sources.listed.count, 3);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.new, 2);
    assert_int_equal(w.counts.failed, 1); /* what is not there is named */
    assert_true(world_reported(&w, "nowhere.png"));
    assert_int_equal(sources_recall(&remembered, collection_index(w.collection), NULL), 0);
    assert_int_equal(remembered.paths[SOURCE_PICTURES].count, 1);

    assert_int_equal(unlink(world_path(&w, "two/b.png")), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.failed + w.counts.pictures.gone + w.counts.pictures.new, 0);
    assert_int_equal(world_items(&w, world_path(&w, "two/b.png"), "second"), 1);

    again.gone = true;
    assert_int_equal(sources_add_list(&again, world_path(&w, "list"), '\n', NULL, NULL), 0);
    assert_int_equal(world_sync(&w, &again), 0);
    assert_int_equal(w.counts.pictures.gone, 1);
    world_write(&w, "list", "\n\r\n");
    assert_int_equal(sources_add_list(&again, world_path(&w, "list"), '\n', NULL, NULL), ERR_ARGUMENT);
    sources_release(&remembered);
    sources_release(&again);
    sources_release(&sources);
    world_release(&w);
}

/* ---- ends ---------------------------------------------------------------------------------------------- */

static void write_many(const struct world *w)
{
    char name[32], bytes[64];
    for (int i = 0; i < 11; i++) {
        snprintf(name, sizeof name, "%02d.png", i);
        snprintf(bytes, sizeof bytes, "picture %d", i % 9); /* two are copies */
        world_write(w, name, bytes);
    }
    world_write(w, "t.txt", "one\ntwo\nthree\n");
}

/* Whatever step the job ends at, what was done is kept, counts say so, and the next sync makes all whole. */
static void an_end_at_any_step_loses_nothing(void **state)
{
    (void)state;
    size_t ends = 0;
    for (size_t end_at = 1; end_at < 1000; end_at++) {
        struct world w;
        struct sources sources = {0};
        char name[32];
        snprintf(name, sizeof name, "end-%zu", end_at);
        world_init(&w, name);
        write_many(&w);
        add(&sources, SOURCE_PICTURES, w.folder);
        add(&sources, SOURCE_TEXTS, world_path(&w, "t.txt"));
        world_open(&w);
        w.end_at = end_at;
        const int rc = world_sync(&w, &sources);
        const size_t kept = w.counts.pictures.new + w.counts.pictures.copied + w.counts.texts.new;
        world_close(&w); /* what is not committed is lost here */
        world_open(&w);
        const struct index_info info = index_info(collection_index(w.collection));
        assert_int_equal((size_t)(info.images + info.texts), kept);
        w.end_at = 0;
        assert_int_equal(world_sync(&w, NULL), 0);
        const struct index_info whole = index_info(collection_index(w.collection));
        assert_int_equal(whole.images, 11);
        assert_int_equal(whole.texts, 3);
        for (int i = 0; i < 11; i++) {
            char bytes[64];
            snprintf(name, sizeof name, "%02d.png", i);
            snprintf(bytes, sizeof bytes, "picture %d", i % 9);
            assert_int_equal(world_items(&w, world_path(&w, name), bytes), 1);
        }
        sources_release(&sources);
        world_release(&w);
        if (!rc)
            break;
        ends++;
    }
    assert_true(ends >= 10); /* walking, pictures, texts */
}

static int count_captions(void *context, const struct index_item *item)
{
    *(size_t *)context += item->caption != NULL;
    return 0;
}

/* Captions that pictures were given before the end stay given. */
static void an_end_among_captions_keeps_those_before(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct world w;
    struct sources sources = {0};
    size_t captions = 0;
    world_init(&w, "end-captions");
    FILE *file = fopen(world_path(&w, "c.json"), "w");
    assert_non_null(file);
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%d.png", i);
        world_write(&w, name, name);
        fprintf(file, "%s\"p%d\": [\"picture %d\"]%s", i ? "" : "{", i, i, i + 1 < COUNT ? ", " : "}");
    }
    fclose(file);
    add(&sources, SOURCE_PICTURES, w.folder);
    add(&sources, SOURCE_CAPTIONS, world_path(&w, "c.json"));
    world_open(&w);
    w.end_unit = "captioned images";
    w.end_done = 256;
    assert_int_equal(world_sync(&w, &sources), ERR_CANCELLED);
    assert_int_equal(w.counts.described, 256);
    world_close(&w);
    world_open(&w);
    const struct index_filter pictures = {.kind = INDEX_IMAGE};
    struct index *index = collection_index(w.collection);
    assert_int_equal(index_each(index, &pictures, count_captions, &captions, NULL), 0);
    assert_int_equal(captions, 256);
    sources_release(&sources);
    world_release(&w);
}

/* Folders may hold a million files that are no pictures. */
static void a_walk_past_other_files_can_be_ended(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    world_init(&w, "end-walk");
    world_write(&w, "a.txt", "no picture");
    world_write(&w, "b.txt", "no picture");
    add(&sources, SOURCE_PICTURES, w.folder);
    world_open(&w);
    w.end_at = 3; /* before the walk, a, b */
    assert_int_equal(world_sync(&w, &sources), ERR_CANCELLED);
    assert_int_equal(w.counts.passed.files[FILE_TEXT], 0); /* they have not been looked at */
    sources_release(&sources);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_of_a_picture_is_seen),
        cmocka_unit_test(items_come_in_the_order_of_the_files),
        cmocka_unit_test(captions_and_metadata_beside_pictures_are_taken),
        cmocka_unit_test(what_comes_to_a_known_folder_has_its_caption),
        cmocka_unit_test(an_end_before_captions_are_read_leaves_them_to_the_next),
        cmocka_unit_test(captions_that_cannot_be_read_are_tried_again),
        cmocka_unit_test(what_fails_is_reported_once),
        cmocka_unit_test(what_failed_is_tried_again_when_asked),
        cmocka_unit_test(what_may_pass_is_tried_quietly),
        cmocka_unit_test(failures_follow_their_folder),
        cmocka_unit_test(a_picture_that_breaks_leaves_the_index),
        cmocka_unit_test(each_path_that_is_removed_is_looked_for),
        cmocka_unit_test(content_of_a_damaged_row_is_encoded_anew),
        cmocka_unit_test(texts_follow_their_file),
        cmocka_unit_test(failures_shift_no_vector),
        cmocka_unit_test(captions_and_metadata_find_their_pictures),
        cmocka_unit_test(a_file_named_by_mistake_is_not_remembered),
        cmocka_unit_test(a_file_that_is_bad_for_now_stays_remembered),
        cmocka_unit_test(a_new_index_is_made_of_something),
        cmocka_unit_test(a_list_is_no_source),
        cmocka_unit_test(an_end_at_any_step_loses_nothing),
        cmocka_unit_test(an_end_among_captions_keeps_those_before),
        cmocka_unit_test(a_walk_past_other_files_can_be_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
