// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/kept.h"
#include "tests/index/synthetic.h"

#include <sqlite3.h>
#include <sys/stat.h>

enum { WIDTH = 8 };

static const struct index_item kept[] = {
    {.id = 1,
        .row = 0,
        .kind = INDEX_IMAGE,
        .path = "holiday/beach.jpg",
        .size = 1000,
        .mtime_ns = 1700000100000000001,
        .hash = "aa",
        .width = 1024,
        .height = 768,
        .caption = "a red kite over the sea",
        .metadata = "{\"camera\":\"X100\",\"stars\":3}"},
    {.id = 3,
        .row = 2,
        .kind = INDEX_IMAGE,
        .path = "work/desk.png",
        .size = 3000,
        .hash = "cc",
        .width = 2048,
        .height = 1536},
    {.id = 4,
        .row = 3,
        .kind = INDEX_TEXT,
        .path = "captions.txt",
        .caption = "a kite",
        .picture = "holiday/beach.jpg"},
    {.id = 5, .row = 4, .kind = INDEX_TEXT, .path = "words.txt", .caption = "Z\xc3\xbcrich by the sea"},
    {.id = 6, .row = 5, .kind = INDEX_IMAGE, .path = "na\xefve.png", .hash = "aa"},
};
enum { KEPT = sizeof kept / sizeof *kept };

/* ---- copies -------------------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to, const char *name)
{
    char source[4200], target[4200], *bytes;
    size_t size;
    snprintf(source, sizeof source, "%s/%s", from, name);
    snprintf(target, sizeof target, "%s/%s", to, name);
    assert_int_equal(file_read(&bytes, &size, source, SIZE_MAX, NULL), 0);
    FILE *file = fopen(target, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

char *kept_copy(int format, const char *name)
{
    char from[4096], *path = strdup(scratch_path(name));
    snprintf(from, sizeof from, "%s/tests/index/formats/%d.dip", DIPTYCH_ROOT, format);
    assert_int_equal(mkdir(path, 0777), 0);
    copy_file(from, path, "catalog.sqlite");
    copy_file(from, path, "vectors.f16");
    return path;
}

static sqlite3 *open_catalog(const char *path)
{
    char catalog[4200];
    sqlite3 *db;
    snprintf(catalog, sizeof catalog, "%s/catalog.sqlite", path);
    assert_int_equal(sqlite3_open(catalog, &db), SQLITE_OK);
    return db;
}

int64_t kept_number(const char *path, const char *sql)
{
    sqlite3 *db = open_catalog(path);
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

void kept_run(const char *path, const char *sql)
{
    sqlite3 *db = open_catalog(path);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* ---- what is in them ----------------------------------------------------------------------------------- */

static void same_text(const char *a, const char *b)
{
    assert_true(!a == !b && (!a || !strcmp(a, b)));
}

static void same_item(const struct index_item *a, const struct index_item *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->row, b->row);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->mtime_ns, b->mtime_ns);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    same_text(a->path, b->path);
    same_text(a->hash, b->hash);
    same_text(a->caption, b->caption);
    same_text(a->picture, b->picture);
    same_text(a->metadata, b->metadata);
}

static int check_next(void *context, const struct index_item *item)
{
    size_t *seen = context;
    assert_true(*seen < KEPT);
    same_item(item, &kept[(*seen)++]);
    return 0;
}

static void chooses(struct index *index, const struct index_filter *filter, uint64_t mask)
{
    struct err err;
    struct index_rows rows;
    assert_ok(index_rows(&rows, index, filter, &err));
    assert_int_equal(rows.mask[0], mask);
    index_rows_release(&rows);
}

void kept_check(struct index *index)
{
    struct err err;
    struct arena arena = {0};
    struct strings sources = {0};
    size_t seen = 0;
    const struct index_info info = index_info(index);
    assert_string_equal(info.model, "models/small");
    assert_string_equal(info.fingerprint, "0123abcd");
    assert_int_equal(info.width, WIDTH);
    assert_int_equal(info.storage, INDEX_F16);
    assert_int_equal(info.images, 3);
    assert_int_equal(info.texts, 2);
    assert_int_equal(info.rows, 6);
    assert_ok(index_each(index, NULL, check_next, &seen, &err));
    assert_int_equal(seen, KEPT);
    for (size_t i = 0; i < KEPT; i++) {
        struct index_item item;
        float vector[WIDTH];
        assert_ok(index_fetch(&item, index, &kept[i].row, 1, &arena, &err));
        same_item(&item, &kept[i]);
        assert_ok(index_vectors(vector, index, &kept[i].row, 1, &err));
        for (size_t e = 0; e < WIDTH; e++)
            assert_true(vector[e] == (e == (size_t)kept[i].row));
    }
    chooses(index, NULL, 0x3d);
    chooses(index, &(struct index_filter){.where = "width >= 1024"}, 0x05);
    chooses(index, &(struct index_filter){.where = "metadata ->> 'camera' = 'X100'"}, 0x01);
    chooses(index, &(struct index_filter){.match = "zurich OR kite", .match_syntax = MATCH_FTS5}, 0x19);
    chooses(index, &(struct index_filter){.kind = INDEX_TEXT}, 0x18);
    assert_ok(index_sources(&sources, index, "pictures", &err));
    assert_int_equal(sources.count, 1);
    assert_string_equal(sources.items[0], "holiday");
    strings_release(&sources);
    arena_release(&arena);
}
