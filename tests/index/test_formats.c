// SPDX-License-Identifier: Apache-2.0
/* An index of every format there has been is read, searched and changed, and is then as a new one. */
#include "compute/compute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/store.h"
#include "tests/index/kept.h"
#include "tests/index/synthetic.h"

enum { WIDTH = 8, SEGMENTED = 7 /* the first format with signs */ };

static struct err err;

/* The item nearest to each unit vector is the one that has it. */
static void search(struct index *index, struct device *device)
{
    struct index_searcher *searcher;
    struct index_rows rows;
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_ok(index_searcher_open(&searcher, index, device, &err));
    for (int64_t row = 2; row < 6; row++) {
        struct index_hit hit;
        size_t count;
        float query[WIDTH] = {0};
        query[row] = 1;
        assert_ok(index_search(searcher, &rows, query, 1, 1, &hit, &count, NULL, &err));
        assert_int_equal(hit.row, row);
    }
    index_searcher_free(searcher);
    index_rows_release(&rows);
}

/* From format 5 on, a picture that could not be read. */
static void check_failures(struct index *index, int format)
{
    struct index_reasons reasons = {0};
    assert_ok(index_reasons(&reasons, index, &err));
    assert_int_equal(reasons.count, format >= 5);
    if (reasons.count) {
        assert_string_equal(reasons.items[0].path, "holiday/phone.heic");
        assert_string_equal(reasons.items[0].why, "HEIC is not read");
    }
    index_reasons_release(&reasons);
}

/* From format 8 on, a picture in an archive, and one that was read. */
static void check_archives(struct index *index, int format)
{
    struct index_container container;
    struct index_item item;
    struct arena arena = {0};
    bool found;
    assert_ok(index_get(&item, index, 3, &arena, &err));
    assert_int_equal(item.offset, format >= 8 ? 4096 : 0);
    assert_ok(index_container_find(&found, &container, index, "shards/00000.tar", &err));
    assert_int_equal(found, format >= 8);
    if (found)
        assert_true(container.stamp == 77 && container.pictures == 2);
    arena_release(&arena);
}

static int count_passed_over(void *context, const struct index_passed_over *file)
{
    assert_string_equal(file->path, "holiday/notes.txt");
    assert_string_equal(file->kind, "text");
    assert_int_equal(file->size, 12);
    assert_null(file->picture);
    ++*(int *)context;
    return 0;
}

/* From format 10 on, a file that is no picture. */
static void check_passed_over(struct index *index, int format)
{
    int files = 0;
    assert_ok(index_passed_over(index, count_passed_over, &files, &err));
    assert_int_equal(files, format >= 10);
}

static void every_format_is_read_and_searched(void **state)
{
    (void)state;
    struct device *device;
    assert_ok(device_open(&device, &(struct device_options){0}, &err));
    for (int format = 1; format <= format_latest(); format++) {
        struct index *index;
        char *path = kept_copy(format, "read.dip");
        assert_ok(index_open(&index, path, INDEX_READ, "0123abcd", &err));
        kept_check(index);
        check_failures(index, format);
        check_archives(index, format);
        check_passed_over(index, format);
        assert_int_equal(index_info(index).findable, format >= 2);
        search(index, device);
        index_free(index);
        assert_int_equal(kept_number(path, "PRAGMA user_version"), format);
        verify_clean(path);
        free(path);
    }
    device_free(device);
}

/* Names that a program of that format has given are found by the signs in them. */
static void every_format_has_its_signs_found(void **state)
{
    (void)state;
    for (int format = 1; format <= format_latest(); format++) {
        char *path = kept_copy(format, "signs.dip");
        if (format < SEGMENTED)
            kept_run(path, "UPDATE items SET path = '東京タワー.png' WHERE id = 3");
        for (int access = INDEX_READ; access <= INDEX_WRITE; access++) {
            struct index *index;
            struct index_rows rows;
            assert_ok(index_open(&index, path, (enum index_access)access, NULL, &err));
            assert_ok(index_rows(&rows, index, &(struct index_filter){.match = "タワー"}, &err));
            assert_int_equal(rows.mask[0], format < SEGMENTED ? 1 << 2 : 0);
            index_rows_release(&rows);
            index_free(index);
        }
        verify_clean(path);
        free(path);
    }
}

/* From format 2 on, item 2, which is no more, has left its vector behind. */
static void adds_again(struct index *index, int format)
{
    struct index_item item = {.kind = INDEX_IMAGE, .path = "back.jpg", .hash = "bb"};
    float vector[WIDTH];
    bool found;
    assert_ok(index_add_again(&found, index, &item, &err));
    assert_int_equal(found, format >= 2);
    if (!found)
        return;
    assert_ok(index_vectors(vector, index, &item.row, 1, &err));
    assert_true(vector[1] == 1 && item.row == 6 && item.width == 640);
    assert_ok(index_remove(index, item.id, &err));
}

static void every_format_is_updated(void **state)
{
    (void)state;
    for (int format = 1; format <= format_latest(); format++) {
        struct index *index;
        char *path = kept_copy(format, "update.dip");
        assert_ok(index_open(&index, path, INDEX_WRITE, "0123abcd", &err));
        kept_check(index);
        adds_again(index, format);
        add_picture(index, 7);
        assert_ok(index_commit(index, &err));
        assert_ok(index_compact(index, NULL, &err));
        assert_int_equal(find_picture(index, 7, 7).row, 5);
        index_free(index);
        assert_int_equal(kept_number(path, "PRAGMA user_version"), format_latest());
        verify_clean(path);
        free(path);
    }
}

/* All tables, columns, indexes, views and triggers, a line each. */
static char *schema_of(const char *path)
{
    static const char sql[] = "SELECT m.type || ' ' || m.name || ' ' || m.tbl_name || ' ' || coalesce(p.name "
                              "|| ' ' || p.type || ' ' "
                              "|| p.\"notnull\" || ' ' || p.pk || ' ' || coalesce(p.dflt_value, ''), '') || "
                              "' ' || CASE m.type WHEN "
                              "'table' THEN '' ELSE coalesce(m.sql, '') END FROM sqlite_schema m LEFT JOIN "
                              "pragma_table_info(m.name) p "
                              "ON m.type = 'table' ORDER BY 1";
    char catalog[4200], *text = strdup("");
    sqlite3 *db;
    sqlite3_stmt *stmt;
    snprintf(catalog, sizeof catalog, "%s/catalog.sqlite", path);
    assert_int_equal(sqlite3_open(catalog, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        char *longer;
        assert_true(asprintf(&longer, "%s%s\n", text, (const char *)sqlite3_column_text(stmt, 0)) > 0);
        free(text);
        text = longer;
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text;
}

/* The migrations and schema.sql say one thing. */
static void every_format_becomes_that_of_a_new_index(void **state)
{
    (void)state;
    const struct index_options options = {"m", "f", WIDTH, INDEX_F16, NULL};
    struct index *index;
    char path[4096];
    snprintf(path, sizeof path, "%s", scratch_path("new.dip"));
    assert_ok(index_create(&index, path, &options, &err));
    index_free(index);
    char *expected = schema_of(path);
    assert_non_null(strstr(expected, "table items items mtime_ns INTEGER 0 0"));
    for (int format = 1; format <= format_latest(); format++) {
        char *kept = kept_copy(format, "became.dip");
        assert_ok(index_open(&index, kept, INDEX_WRITE, NULL, &err));
        index_free(index);
        char *got = schema_of(kept);
        assert_string_equal(got, expected);
        free(got);
        free(kept);
    }
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_read_and_searched),
        cmocka_unit_test(every_format_has_its_signs_found),
        cmocka_unit_test(every_format_is_updated),
        cmocka_unit_test(every_format_becomes_that_of_a_new_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
