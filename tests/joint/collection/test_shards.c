// SPDX-License-Identifier: Apache-2.0
/* Archives as sources of a collection: what comes in, what an update reads again, and what damage and loss leave. */
#include "tests/joint/collection/stand_in.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/shard.h"
#include "tests/support/shard_writer.h"

enum { TIME = 1700000000 };

struct entry {
    const char *name, *bytes;
};

/* Two pictures of a key, one without a caption, blanks, a JSON with a caption of its own, and what is no picture. */
static const struct entry samples[] = {
    {"0002.jpg", "two"},
    {"0002.txt", " a second picture\n"},
    {"0002.json", "{\"key\":\"0002\",\"caption\":\"a second picture\",\"width\":7}"},
    {"0001.left.png", "one left"},
    {"0001.right.png", "one right"},
    {"0001.json", "{\"caption\":\"the first\",\"url\":\"http://x\"}"},
    {"0003.jpg", "three"},
    {"0003.txt", " \n"},
    {"readme.md", "no picture"},
    {".hidden.jpg", "hidden"},
    {"deep/0004.webp", "four"},
    {"deep/0004.txt", "in a folder"},
    {NULL, NULL},
};

static const char *const kinds[] = {"a.tar", "a.tar.gz", "a.zip", "a.stored.zip"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void set_time(const char *path, long seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* entries end with a NULL name. */
static void write_shard(const struct world *w, const char *name, const struct entry *entries, long time)
{
    struct archive *archive = shard_writer_open(world_path(w, name));
    assert_non_null(archive);
    for (; entries->name; entries++)
        assert_int_equal(
            shard_writer_add(archive, entries->name, entries->bytes, strlen(entries->bytes), TIME), 0);
    assert_int_equal(shard_writer_close(archive), 0);
    set_time(world_path(w, name), time);
}

static void add(struct sources *sources, const char *path)
{
    assert_int_equal(sources_add(sources, SOURCE_PICTURES, path, NULL), 0);
}

/* Of the picture of that name in that archive; "" where there is none. The arena is the caller's. */
static struct index_item item_of(struct world *w, const char *shard, const char *name, struct arena *arena)
{
    struct index_item item = {0};
    bool found;
    const char *path = member_path(arena, world_path(w, shard), name, NULL);
    struct index *index = collection_index(w->collection);
    assert_int_equal(index_find(&item, &found, index, INDEX_IMAGE, path, NULL, arena, NULL), 0);
    assert_true(found);
    return item;
}

static void expect_said(
    struct world *w, const char *shard, const char *name, const char *caption, const char *metadata)
{
    struct arena arena = {0};
    const struct index_item item = item_of(w, shard, name, &arena);
    assert_true(caption ? item.caption && !strcmp(item.caption, caption) : !item.caption);
    assert_true(metadata ? item.metadata && !strcmp(item.metadata, metadata) : !item.metadata);
    arena_release(&arena);
}

/* The item's picture is read by itself, and is what the vector was made of. */
static void expect_picture(struct world *w, const char *shard, const char *name, const char *bytes)
{
    struct arena arena = {0};
    const struct index_item item = item_of(w, shard, name, &arena);
    const struct picture_source source = picture_of_item(&item);
    char *read;
    size_t size;
    assert_int_equal(picture_source_read(&read, &size, &source, 1000, NULL), 0);
    assert_string_equal(read, bytes);
    free(read);
    assert_int_equal(world_items(w, item.path, bytes), 1);
    assert_int_equal(item.size, strlen(bytes));
    assert_int_equal(item.mtime_ns, TIME * 1000000000ll);
    arena_release(&arena);
}

static void expect_counts(const struct world *w, size_t new, size_t unchanged, size_t encoded)
{
    assert_int_equal(w->counts.pictures.new, new);
    assert_int_equal(w->counts.pictures.unchanged, unchanged);
    assert_int_equal(w->counts.encoded, encoded);
    assert_int_equal(w->counts.failed, 0);
    assert_int_equal(w->reports.count, 0);
}

/* ---- what comes in ------------------------------------------------------------------------------------- */

static void pictures_come_with_what_is_said_of_them(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct world w;
        struct sources sources = {0};
        char name[32];
        snprintf(name, sizeof name, "said%zu", k);
        world_init(&w, name);
        write_shard(&w, kinds[k], samples, TIME);
        add(&sources, world_path(&w, kinds[k]));
        world_open(&w);
        assert_int_equal(world_sync(&w, &sources), 0);
        expect_counts(&w, 5, 0, 5);
        assert_int_equal(w.counts.passed.files[FILE_TEXT], 6);
        assert_int_equal(w.counts.passed.files[FILE_OTHER], 0);
        assert_int_equal(w.counts.described, 4);
        expect_picture(&w, kinds[k], "0002.jpg", "two");
        expect_picture(&w, kinds[k], "deep/0004.webp", "four");
        expect_said(&w, kinds[k], "0002.jpg", "a second picture", "{\"key\":\"0002\",\"width\":7}");
        expect_said(&w, kinds[k], "0001.left.png", "the first", "{\"url\":\"http://x\"}");
        expect_said(&w, kinds[k], "0001.right.png", "the first", "{\"url\":\"http://x\"}");
        expect_said(&w, kinds[k], "0003.jpg", NULL, NULL);
        expect_said(&w, kinds[k], "deep/0004.webp", "in a folder", NULL);
        struct arena arena = {0};
        assert_int_equal(item_of(&w, kinds[k], "0002.jpg", &arena).offset != 0, k != 1);
        arena_release(&arena);

        /* Not read again: with the same size and time, other bytes are not seen. */
        const int fd = open(world_path(&w, kinds[k]), O_WRONLY);
        assert_int_equal(pwrite(fd, "x", 1, 0), 1);
        close(fd);
        set_time(world_path(&w, kinds[k]), TIME);
        assert_int_equal(world_sync(&w, NULL), 0);
        expect_counts(&w, 0, 5, 0);
        sources_release(&sources);
        world_release(&w);
    }
}

static void braces_name_several(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    const struct entry one[] = {{"1.jpg", "one"}, {NULL, NULL}}, two[] = {{"1.jpg", "two"}, {NULL, NULL}};
    world_init(&w, "braces");
    write_shard(&w, "08.tar", one, TIME);
    write_shard(&w, "09.tar", two, TIME);
    write_shard(&w, "10.tar", one, TIME);
    add(&sources, world_path(&w, "{08..10}.tar"));
    assert_int_equal(sources.paths[SOURCE_PICTURES].count, 3);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.new, 2);
    assert_int_equal(w.counts.pictures.copied, 1); /* the same content once more */
    assert_int_equal(world_items(&w, world_path(&w, "09.tar!/1.jpg"), "two"), 1);
    assert_int_equal(world_items(&w, world_path(&w, "10.tar!/1.jpg"), "one"), 1);
    sources_release(&sources);
    world_release(&w);
}

#define PNG "\x89PNG\r\n\x1a\n"
#define FILM "\x1a\x45\xdf\xa3"

static int count_passed(void *context, const struct index_passed_over *file)
{
    size_t *count = context;
    assert_true(strstr(file->path, "!/clip") ? !strcmp(file->kind, "video") : !strcmp(file->kind, "other"));
    ++*count;
    return 0;
}

static void content_says_which_members_are_pictures(void **state)
{
    (void)state;
    static const struct entry entries[] = {{"no_suffix", PNG "one"}, {"x.jpg_large", PNG "two"},
        {"named.png", "whatever"}, {"named.cls", "7"}, {"named.json", "{}"}, {"clip", FILM "abc"},
        {"sound.flac", "fLaC\1\2"}, {"deep/.git/a.png", PNG "hidden"}, {"__MACOSX/._a.png", PNG "hidden"},
        {NULL, NULL}};
    for (size_t k = 1; k < 3; k++) {
        struct world w;
        struct sources sources = {0};
        char name[32];
        snprintf(name, sizeof name, "content%zu", k);
        world_init(&w, name);
        write_shard(&w, kinds[k], entries, TIME);
        add(&sources, world_path(&w, kinds[k]));
        world_open(&w);
        assert_int_equal(world_sync(&w, &sources), 0);
        expect_counts(&w, 3, 0, 3);
        assert_int_equal(w.counts.passed.files[FILE_TEXT], 2);
        assert_int_equal(w.counts.passed.files[FILE_VIDEO], 1);
        assert_int_equal(w.counts.passed.files[FILE_OTHER], 1);
        size_t remembered = 0; /* what belongs to no picture: named.cls and named.json do */
        assert_int_equal(
            index_passed_over(collection_index(w.collection), count_passed, &remembered, NULL), 0);
        assert_int_equal(remembered, 2);
        expect_picture(&w, kinds[k], "no_suffix", PNG "one");
        expect_picture(&w, kinds[k], "x.jpg_large", PNG "two");
        sources_release(&sources);
        world_release(&w);
    }
}

/* The rules of the source reach into it, and other rules are another look. */
static void rules_hold_in_archives(void **state)
{
    (void)state;
    static const struct entry entries[] = {{"raw/1.png", "one"}, {"2.png", "two"}, {"IMG_3.CR2", "raw"},
        {"img_3.jpg", "three"}, {"other/IMG_3.cr2", "other"}, {NULL, NULL}};
    for (size_t k = 1; k < 3; k++) {
        struct world w;
        struct sources sources = {.excludes_said = true, .pairs = PAIRS_ONE}, again = {.pairs = PAIRS_EACH};
        char name[32];
        snprintf(name, sizeof name, "rules%zu", k);
        world_init(&w, name);
        write_shard(&w, kinds[k], entries, TIME);
        add(&sources, world_path(&w, kinds[k]));
        assert_int_equal(strings_add(&sources.excludes.patterns, "/raw/", 5, NULL), 0);
        world_open(&w);
        assert_int_equal(world_sync(&w, &sources), 0);
        expect_counts(&w, 3, 0, 3);
        assert_int_equal(w.counts.pictures.partners, 1);
        for (int i = 0; i < 2; i++) { /* neither read again nor forgotten */
            assert_int_equal(world_sync(&w, NULL), 0);
            expect_counts(&w, 0, 3, 0);
            assert_int_equal(w.counts.pictures.partners, 1);
        }
        assert_int_equal(world_sync(&w, &again), 0); /* pairs are two pictures */
        expect_counts(&w, 1, 3, 1);
        assert_int_equal(w.counts.pictures.partners, 0);
        expect_picture(&w, kinds[k], "IMG_3.CR2", "raw");
        strings_release(&sources.excludes.patterns);
        sources.excludes.patterns = (struct strings){0};
        sources.pairs = PAIRS_ONE;
        assert_int_equal(world_sync(&w, &sources), 0);
        expect_counts(&w, 1, 3, 1); /* raw/1.png is new, IMG_3.CR2 left */
        assert_int_equal(w.counts.pictures.excluded, 1);
        sources_release(&sources);
        world_release(&w);
    }
}

/* ---- when and where pictures were taken ---------------------------------------------------------------- */

#define XMP(date)                                                                                            \
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"  \
    "<rdf:Description xmlns:exif='http://ns.adobe.com/exif/1.0/' exif:DateTimeOriginal='" date "'/>"         \
    "</rdf:RDF></x:xmpmeta>"
#define TAKEOUT(seconds)                                                                                     \
    "{\"photoTakenTime\": {\"timestamp\": \"" seconds                                                        \
    "\"}, \"geoData\": {\"latitude\": 1.5, \"longitude\": 2}}"

static void put_golden(struct archive *archive, const char *name, const char *golden)
{
    char path[4096], *bytes;
    size_t size;
    snprintf(path, sizeof path, DIPTYCH_ROOT "/tests/golden/capture/%s", golden);
    assert_int_equal(file_read(&bytes, &size, path, 1 << 20, NULL), 0);
    assert_int_equal(shard_writer_add(archive, name, bytes, size, TIME), 0);
    free(bytes);
}

static void put_text(struct archive *archive, const char *name, const char *text)
{
    assert_int_equal(shard_writer_add(archive, name, text, strlen(text), TIME), 0);
}

/* Files beside pictures before and behind them, and one that has nothing to say. */
static void write_dated(const struct world *w, const char *name, const char *date, long time)
{
    struct archive *archive = shard_writer_open(world_path(w, name));
    put_golden(archive, "full.jpg", "full.jpg");
    put_text(archive, "full.xmp", XMP("1901-01-01"));
    put_text(archive, "d/later.jpg.xmp", date);
    put_golden(archive, "d/later.jpg", "none.jpg");
    put_golden(archive, "d/takeout(1).png", "xmp.png");
    put_golden(archive, "d/takeout.jpg", "none.jpg");
    put_text(archive, "d/takeout.jpg.supplemental-metadata.json", TAKEOUT("1700000000"));
    put_text(archive, "d/takeout.png.supplemental-metadata(1).json", TAKEOUT("0"));
    put_text(archive, "other.jpg.json", TAKEOUT("5"));
    put_golden(archive, "undated", "never.jpg");
    assert_int_equal(shard_writer_close(archive), 0);
    set_time(world_path(w, name), time);
}

static void expect_taken(
    struct world *w, const char *shard, const char *name, const char *taken, const char *camera, double lat)
{
    struct arena arena = {0};
    const struct index_item item = item_of(w, shard, name, &arena);
    assert_true(item.examined);
    assert_string_equal(item.taken ? item.taken : "", taken);
    assert_string_equal(item.camera ? item.camera : "", camera);
    assert_true(item.lat == lat);
    arena_release(&arena);
}

static void expect_dates(struct world *w, const char *shard, const char *later)
{
    expect_taken(w, shard, "full.jpg", "2024-06-01 09:30:15.12+02:00", "Canon EOS R5", 48.8583667);
    expect_taken(w, shard, "d/later.jpg", later, "", 0);
    expect_taken(w, shard, "d/takeout.jpg", "2023-11-14 22:13:20+00:00", "", 1.5);
    expect_taken(w, shard, "undated", "", "", 0);
}

/* As programs left them that did not ask members. */
static void forget_dates(const struct world *w)
{
    char catalog[8192];
    sqlite3 *db;
    snprintf(catalog, sizeof catalog, "%s/catalog.sqlite", w->index);
    assert_int_equal(sqlite3_open(catalog, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                         "UPDATE items SET taken = NULL, camera = NULL, lens = NULL, lat = NULL, lon = NULL;"
                         "UPDATE containers SET stamp = stamp + 1",
                         NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
}

static void members_say_when_they_were_taken(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct world w;
        struct sources sources = {0};
        char name[32];
        snprintf(name, sizeof name, "dates%zu", k);
        world_init(&w, name);
        write_dated(&w, kinds[k], XMP("1999-05-06T07:08:09"), TIME);
        add(&sources, world_path(&w, kinds[k]));
        world_open(&w);
        assert_int_equal(world_sync(&w, &sources), 0);
        assert_int_equal(w.counts.pictures.new + w.counts.pictures.copied, 5);
        assert_int_equal(w.reports.count, 0);
        expect_dates(&w, kinds[k], "1999-05-06 07:08:09");

        world_close(&w); /* an index of before is told without encoding */
        forget_dates(&w);
        world_open(&w);
        assert_int_equal(world_sync(&w, NULL), 0);
        assert_int_equal(w.counts.encoded, 0);
        assert_int_equal(w.counts.pictures.unchanged, 5);
        expect_dates(&w, kinds[k], "1999-05-06 07:08:09");
        assert_int_equal(world_sync(&w, NULL), 0);
        assert_int_equal(w.counts.examined + w.counts.described, 0);

        write_dated(&w, kinds[k], XMP("2001-02-03"), TIME + 1); /* and so is one whose archive says more */
        assert_int_equal(world_sync(&w, NULL), 0);
        assert_int_equal(w.counts.encoded, 0);
        assert_int_equal(w.counts.described, 1);
        expect_dates(&w, kinds[k], "2001-02-03");
        sources_release(&sources);
        world_release(&w);
    }
}

/* ---- updates ------------------------------------------------------------------------------------------- */

/* What is compared is content: sizes and times say nothing in an archive that was written anew. */
static void a_changed_archive_is_compared_by_content(void **state)
{
    (void)state;
    static const struct entry before[] = {{"1.jpg", "stays"}, {"2.jpg", "same size a"}, {"3.jpg", "goes"},
        {"4.jpg", "moves"}, {"4.txt", "old"}, {NULL, NULL}};
    static const struct entry after[] = {{"0.txt", "makes all offsets others"}, {"1.jpg", "stays"},
        {"2.jpg", "same size b"}, {"5.jpg", "moves"}, {"5.txt", "new"}, {"6.jpg", "new"}, {NULL, NULL}};
    for (size_t k = 0; k < KINDS; k++) {
        struct world w;
        struct sources sources = {0};
        char name[32];
        snprintf(name, sizeof name, "changed%zu", k);
        world_init(&w, name);
        write_shard(&w, kinds[k], before, TIME);
        add(&sources, world_path(&w, kinds[k]));
        world_open(&w);
        assert_int_equal(world_sync(&w, &sources), 0);
        expect_counts(&w, 4, 0, 4);

        set_time(world_path(&w, kinds[k]), TIME + 1); /* only touched */
        assert_int_equal(world_sync(&w, NULL), 0);
        expect_counts(&w, 0, 4, 0);
        expect_picture(&w, kinds[k], "1.jpg", "stays");

        write_shard(&w, kinds[k], after, TIME + 2);
        assert_int_equal(world_sync(&w, NULL), 0);
        expect_counts(&w, 1, 1, 2);
        assert_int_equal(w.counts.pictures.changed, 1);
        assert_int_equal(w.counts.pictures.moved, 1);
        assert_int_equal(w.counts.pictures.gone, 1);
        expect_picture(&w, kinds[k], "1.jpg", "stays");
        expect_picture(&w, kinds[k], "2.jpg", "same size b");
        expect_picture(&w, kinds[k], "5.jpg", "moves");
        expect_said(&w, kinds[k], "5.jpg", "new", NULL);
        sources_release(&sources);
        world_release(&w);
    }
}

static void an_archive_that_moves_takes_its_vectors_along(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    char to[8192];
    world_init(&w, "moves");
    write_shard(&w, "a.tar", samples, TIME);
    add(&sources, world_path(&w, "a.tar"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    snprintf(to, sizeof to, "%s", world_path(&w, "b.tar"));
    assert_int_equal(rename(world_path(&w, "a.tar"), to), 0);
    add(&sources, to);
    sources.gone = true;
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.moved, 5);
    assert_int_equal(w.counts.encoded, 0);
    expect_picture(&w, "b.tar", "0002.jpg", "two");
    expect_said(&w, "b.tar", "0002.jpg", "a second picture", "{\"key\":\"0002\",\"width\":7}");
    sources_release(&sources);
    world_release(&w);
}

static void an_archive_is_relocated(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    struct relocate_counts counts;
    char from[8192], to[8192];
    world_init(&w, "relocated");
    snprintf(from, sizeof from, "%s", world_path(&w, "a.tar.gz"));
    snprintf(to, sizeof to, "%s", world_path(&w, "c.tar.gz"));
    write_shard(&w, "a.tar.gz", samples, TIME);
    add(&sources, from);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    struct err err;
    assert_int_equal(collection_relocate(&counts, w.collection, from, to, false, NULL, &err), ERR_ARGUMENT);
    assert_int_equal(counts.missing, 5); /* they are not there yet */
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(collection_relocate(&counts, w.collection, from, to, false, NULL, &err), 0);
    assert_int_equal(counts.pictures, 5);
    assert_int_equal(counts.sources, 1);
    expect_picture(&w, "c.tar.gz", "0002.jpg", "two");
    assert_int_equal(world_sync(&w, NULL), 0);
    expect_counts(&w, 0, 5, 0);
    sources_release(&sources);
    world_release(&w);
}

/* An item that somebody has removed comes back, as that of a file would. */
static void what_was_removed_comes_back(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    struct arena arena = {0};
    world_init(&w, "removed");
    write_shard(&w, "a.tar", samples, TIME);
    add(&sources, world_path(&w, "a.tar"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    struct index *index = collection_index(w.collection);
    assert_int_equal(index_remove(index, item_of(&w, "a.tar", "0003.jpg", &arena).id, NULL), 0);
    assert_int_equal(index_commit(index, NULL), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.copied, 1);
    expect_picture(&w, "a.tar", "0003.jpg", "three");
    arena_release(&arena);
    sources_release(&sources);
    world_release(&w);
}

static void removing_an_archive_removes_its_pictures(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0};
    struct strings paths = {0};
    const struct removal removal = {.paths = &paths};
    size_t removed, missing;
    world_init(&w, "forgotten");
    write_shard(&w, "a.tar", samples, TIME);
    add(&sources, world_path(&w, "a.tar"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    const char *path = world_path(&w, "a.tar");
    assert_int_equal(strings_add(&paths, path, strlen(path), NULL), 0);
    assert_int_equal(collection_remove(&removed, &missing, w.collection, &removal, NULL, NULL), 0);
    assert_int_equal(removed, 5);
    assert_int_equal(missing, 0);
    assert_int_equal(world_sync(&w, &sources), 0); /* and comes in again */
    assert_int_equal(w.counts.pictures.copied, 5);
    strings_release(&paths);
    sources_release(&sources);
    world_release(&w);
}

/* ---- damage and loss ----------------------------------------------------------------------------------- */

static void damage_is_reported_once_and_takes_nothing_away(void **state)
{
    (void)state;
    static const struct entry whole[] = {
        {"1.jpg", "one"}, {"2.jpg", "two"}, {"3.jpg", "three"}, {"4.jpg", "broken"}, {NULL, NULL}};
    struct world w;
    struct sources sources = {0};
    char path[8192], message[9000];
    world_init(&w, "damage");
    snprintf(path, sizeof path, "%s", world_path(&w, "a.tar"));
    write_shard(&w, "a.tar", whole, TIME);
    add(&sources, path);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.new, 3);
    assert_int_equal(w.counts.pictures.failed, 1);
    snprintf(message, sizeof message, "unable to decode '%s!/4.jpg': no such picture", path);
    assert_true(world_reported(&w, message));
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.opened, 0);
    assert_int_equal(w.reports.count, 0);
    assert_int_equal(w.counts.pictures.failed_before, 1);
    assert_int_equal(w.counts.pictures.unchanged, 3);

    assert_int_equal(truncate(path, 1300), 0); /* in the header of the second */
    set_time(path, TIME + 1);
    assert_int_equal(world_sync(&w, NULL), 0);
    snprintf(message, sizeof message, "unable to read on in '%s' behind '1.jpg': ", path);
    assert_true(world_reported(&w, message));
    assert_int_equal(w.counts.failed, 1);
    assert_int_equal(w.counts.pictures.gone, 0);
    assert_int_equal(w.counts.encoded, 0);
    assert_int_equal(world_items(&w, world_path(&w, "a.tar!/3.jpg"), "three"), 1);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.reports.count, 0);

    write_shard(&w, "a.tar", whole, TIME + 2);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.unchanged, 3);
    assert_int_equal(w.counts.encoded, 0);
    sources_release(&sources);
    world_release(&w);
}

static void an_archive_that_is_away_keeps_its_items(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0}, gone = {.gone = true};
    char path[8192], message[9000];
    world_init(&w, "away");
    snprintf(path, sizeof path, "%s", world_path(&w, "a.tar"));
    write_shard(&w, "a.tar", samples, TIME);
    add(&sources, path);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(world_sync(&w, NULL), 0);
    snprintf(message, sizeof message, "'%s' is not there; pictures of it that stay in the index: 5", path);
    assert_true(world_reported(&w, message));
    assert_int_equal(w.counts.pictures.missing, 5);
    assert_int_equal(world_sync(&w, &gone), 0);
    assert_int_equal(w.counts.pictures.gone, 5);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.reports.count, 0); /* it is no source any more */
    sources_release(&sources);
    world_release(&w);
}

/* An archive of so many pictures. */
static void write_many(const struct world *w, const char *name, size_t count, long time)
{
    struct archive *archive = shard_writer_open(world_path(w, name));
    for (size_t i = 0; i < count; i++) {
        char member[32];
        snprintf(member, sizeof member, "%04zu.jpg", i);
        assert_int_equal(shard_writer_add(archive, member, member, strlen(member), TIME), 0);
    }
    assert_int_equal(shard_writer_close(archive), 0);
    set_time(world_path(w, name), time);
}

/* As with a folder that is half empty all at once. */
static void what_an_archive_has_lost_stays_until_it_is_said_to_be_gone(void **state)
{
    (void)state;
    struct world w;
    struct sources sources = {0}, gone = {.gone = true};
    struct strings parts = {0};
    char path[8192];
    world_init(&w, "lost");
    snprintf(path, sizeof path, "%s", world_path(&w, "a.tar"));
    write_many(&w, "a.tar", 80, TIME);
    add(&sources, path);
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    write_many(&w, "a.tar", 20, TIME + 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(world_sync(&w, NULL), 0);
        assert_int_equal(w.counts.pictures.missing, 60);
        assert_true(world_reported(&w, "a.tar' has lost 60 of 80 pictures at once"));
    }
    assert_int_equal(world_sync(&w, &gone), 0);
    assert_int_equal(w.counts.pictures.gone, 60);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.failed, 0);
    assert_int_equal(w.counts.pictures.unchanged, 20);

    write_many(&w, "a.tar", 15, TIME + 2); /* and where only it is looked at, as when its folder is watched */
    assert_int_equal(strings_add(&parts, path, strlen(path), NULL), 0);
    assert_int_equal(collection_sync_parts(&w.counts, w.collection, &parts, &w.job, NULL), 0);
    assert_int_equal(w.counts.pictures.missing, 5);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.gone, 5);
    strings_release(&parts);
    sources_release(&sources);
    world_release(&w);
}

static void bad_captions_and_metadata_are_told_once(void **state)
{
    (void)state;
    static const struct entry entries[] = {{"1.jpg", "one"}, {"1.json", "{"}, {"2.jpg", "two"},
        {"2.json", "[]"}, {"3.jpg", "three"}, {"3.json", "{\"a\": NaN}"}, {"3.txt", "a \xff byte"},
        {NULL, NULL}};
    struct world w;
    struct sources sources = {0};
    world_init(&w, "bad");
    write_shard(&w, "a.tar", entries, TIME);
    add(&sources, world_path(&w, "a.tar"));
    world_open(&w);
    assert_int_equal(world_sync(&w, &sources), 0);
    assert_int_equal(w.counts.pictures.new, 3);
    assert_int_equal(w.reports.count, 2);
    assert_true(world_reported(&w, "a.tar!/1.json': "));
    assert_true(world_reported(&w, "2 more captions and metadata of '"));
    expect_said(&w, "a.tar", "3.jpg", "a \xEF\xBF\xBD byte", NULL);
    sources_release(&sources);
    world_release(&w);
}

/* Wherever it ends, the next goes on, and then all is as after one without an end. */
static void a_sync_may_end_anywhere(void **state)
{
    (void)state;
    for (size_t end = 1, done = 0; !done; end++) {
        struct world w;
        struct sources sources = {0};
        char name[32];
        snprintf(name, sizeof name, "end%zu", end);
        world_init(&w, name);
        write_shard(&w, "a.tar", samples, TIME);
        add(&sources, world_path(&w, "a.tar"));
        world_open(&w);
        w.end_at = end;
        done = world_sync(&w, &sources) == 0;
        w.end_at = 0;
        assert_int_equal(world_sync(&w, &sources), 0);
        assert_int_equal(w.counts.failed, 0);
        assert_int_equal(index_info(collection_index(w.collection)).images, 5);
        expect_said(&w, "a.tar", "0002.jpg", "a second picture", "{\"key\":\"0002\",\"width\":7}");
        expect_said(&w, "a.tar", "deep/0004.webp", "in a folder", NULL);
        sources_release(&sources);
        world_release(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_come_with_what_is_said_of_them),
        cmocka_unit_test(braces_name_several),
        cmocka_unit_test(content_says_which_members_are_pictures),
        cmocka_unit_test(rules_hold_in_archives),
        cmocka_unit_test(members_say_when_they_were_taken),
        cmocka_unit_test(a_changed_archive_is_compared_by_content),
        cmocka_unit_test(an_archive_that_moves_takes_its_vectors_along),
        cmocka_unit_test(an_archive_is_relocated),
        cmocka_unit_test(what_was_removed_comes_back),
        cmocka_unit_test(removing_an_archive_removes_its_pictures),
        cmocka_unit_test(damage_is_reported_once_and_takes_nothing_away),
        cmocka_unit_test(an_archive_that_is_away_keeps_its_items),
        cmocka_unit_test(what_an_archive_has_lost_stays_until_it_is_said_to_be_gone),
        cmocka_unit_test(bad_captions_and_metadata_are_told_once),
        cmocka_unit_test(a_sync_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
