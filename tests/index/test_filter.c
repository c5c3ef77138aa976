// SPDX-License-Identifier: Apache-2.0
/* Which rows a filter chooses, and what a filter may not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

/* Seven items in rows 0 to 6, of which row 2 is dead. */
static struct index *made;

static void add(enum index_kind kind, const char *path, int64_t size, int width, const char *caption,
    const char *metadata)
{
    struct err err;
    const float vector[4] = {1};
    struct index_item item = {.kind = kind,
        .path = path,
        .size = size,
        .width = width,
        .height = width ? 480 : 0,
        .mtime_ns = size ? INT64_C(1700000000000000000) + size * 1000000000 : 0, /* 2023-11-14 22:13:20 */
        .caption = caption,
        .metadata = metadata,
        .taken = size == 100   ? "2021-07-14 18:05:00.25+02:00"
                 : size == 200 ? "1985"
                               : NULL,
        .camera = size == 100 ? "Canon EOS R5" : NULL,
        .lat = size == 100 ? 48.85 : 0,
        .lon = size == 100 ? 2.29 : 0};
    assert_ok(index_add(made, &item, vector, 1, &err));
}

static int open_made(void **state)
{
    (void)state;
    struct err err;
    const char *path = scratch_path("filter.dip");
    const struct index_options options = {"m", "f", 4, INDEX_I8, NULL};
    assert_ok(index_create(&made, path, &options, &err));
    add(INDEX_IMAGE, "holiday/beach_01.jpg", 100, 640, "a red kite over the sea", "{\"camera\": \"X100\"}");
    add(INDEX_IMAGE, "holiday/beach_02.jpg", 200, 1024, NULL, "{\"camera\": \"D3\", \"stars\": 4}");
    add(INDEX_IMAGE, "gone.jpg", 300, 1024, "a red herring", NULL);
    add(INDEX_TEXT, "captions.txt", 0, 0, "the sea at night", NULL);
    add(INDEX_TEXT, "captions.txt", 0, 0, "Café in Zürich", NULL);
    add(INDEX_IMAGE, "work/desk.png", 86400, 2048, "a desk; it's \"tidy\"", "{\"tags\": [\"a\", \"b\"]}");
    add(INDEX_IMAGE, "gone.jpg", 300, 512, "a blue whale", NULL); /* replaces row 2 */
    assert_ok(index_commit(made, &err));
    index_free(made);
    assert_ok(index_open(&made, path, INDEX_READ, NULL, &err));
    return 0;
}

static int close_made(void **state)
{
    (void)state;
    index_free(made);
    return 0;
}

/* Of the chosen rows, each is of one of the two kinds. */
static void expect_kinds(const struct index_rows *rows)
{
    struct err err;
    struct index_rows pictures, texts;
    assert_ok(index_rows_of(&pictures, made, rows, INDEX_IMAGE, &err));
    assert_ok(index_rows_of(&texts, made, rows, INDEX_TEXT, &err));
    assert_int_equal(pictures.chosen + texts.chosen, rows->chosen);
    for (int64_t r = 0; r < rows->count; r++) {
        const bool text = r == 3 || r == 4;
        assert_int_equal(index_rows_have(&pictures, r), !text && index_rows_have(rows, r));
        assert_int_equal(index_rows_have(&texts, r), text && index_rows_have(rows, r));
    }
    index_rows_release(&pictures);
    index_rows_release(&texts);
}

/* The chosen rows as text, "0 1 5". */
static const char *rows_text(const struct index_filter *filter)
{
    static char text[256];
    struct err err;
    struct index_rows rows;
    int64_t chosen = 0;
    char *end = text;
    assert_ok(index_rows(&rows, made, filter, &err));
    assert_int_equal(rows.count, 7);
    *text = '\0';
    for (int64_t r = 0; r < rows.count; r++) {
        if (rows.mask && !(rows.mask[r / 64] >> r % 64 & 1))
            continue;
        chosen++;
        end += sprintf(end, "%s%d", end > text ? " " : "", (int)r);
    }
    assert_int_equal(rows.chosen, chosen);
    expect_kinds(&rows);
    index_rows_release(&rows);
    return text;
}

static void each_part_chooses_and_all_must_agree(void **state)
{
    (void)state;
    static const struct {
        struct index_filter filter;
        const char *rows;
    } cases[] = {
        {{0}, "0 1 3 4 5 6"},
        {{.kind = INDEX_IMAGE}, "0 1 5 6"},
        {{.kind = INDEX_TEXT}, "3 4"},
        {{.where = "width >= 1024"}, "1 5"},
        {{.where = "width < 1024"}, "0 6"}, /* texts have none */
        {{.where = "kind = 'text'"}, "3 4"},
        {{.where = "path LIKE 'holiday/%' -- a comment"}, "0 1"},
        {{.where = "size BETWEEN 150 AND 400"}, "1 6"},
        {{.where = "mtime = 1700000100"}, "0"},
        {{.where = "date < '2023-11-15' AND date >= '2023-11-14 22:16'"}, "1 6"},
        {{.where = "metadata ->> 'camera' = 'X100'"}, "0"},
        {{.where = "taken >= '2021-07'"}, "0"},
        {{.where = "taken < '2021-07-14 18:05:01'"}, "0 1"},
        {{.where = "taken IS NULL"}, "3 4 5 6"},
        {{.where = "camera LIKE 'canon%' AND lens IS NULL"}, "0"},
        {{.where = "lat BETWEEN 48 AND 49 AND lon > 2"}, "0"},
        {{.where = "lat < 90"}, "0"},                                /* others have none */
        {{.where = "datetime(taken) = '2021-07-14 16:05:00'"}, "0"}, /* UTC, for who needs it */
        {{.where = "json_extract(metadata, '$.stars') > 3"}, "1"},
        {{.where = "EXISTS (SELECT 1 FROM json_each(metadata, '$.tags') WHERE value = 'b')"}, "5"},
        {{.where = "caption LIKE '%it''s%'"}, "5"},
        {{.where = "size = (SELECT max(size) FROM search_items)"}, "5"},
        {{.where = "picture IS NULL AND height > 0"}, "0 1 5 6"},
        {{.where = "id > 1000"}, ""},
        {{.match = "sea"}, "0 3"},
        {{.match = "red"}, "0"}, /* the herring is dead */
        {{.match = "zurich"}, "4"},
        {{.match = "SEA Red"}, "0"}, /* in any order, but both */
        {{.match = "\"red kite\""}, "0"},
        {{.match = "\"kite red\""}, ""},
        {{.match = "\"red kit\"*"}, "0"},
        {{.match = "whal*"}, "6"},
        {{.match = "  whal* \t "}, "6"},
        {{.match = "\"red"}, "0"}, /* a quote that nothing closes is no sign of a word */
        {{.match = "- red ( !"}, "0"},
        {{.match = "red OR desk"}, ""}, /* a word like others */
        {{.match = "it's"}, "5"},
        {{.match = "its"}, ""},
        {{.match = "holiday/beach_01.jpg"}, "0"},
        {{.match = "beach_01.JPG"}, "0"},
        {{.match = "01-beach"}, ""},
        {{.match = "path: beach", .match_syntax = MATCH_FTS5}, "0 1"},
        {{.match = "caption: captions", .match_syntax = MATCH_FTS5}, ""},
        {{.match = "\"red kite\" OR desk", .match_syntax = MATCH_FTS5}, "0 5"},
        {{.match = "whal*", .match_syntax = MATCH_FTS5}, "6"},
        {{.match = "sea", .kind = INDEX_TEXT}, "3"},
        {{.match = "sea", .where = "width = 640", .kind = INDEX_IMAGE}, "0"},
        {{.match = "sea", .where = "width = 640", .kind = INDEX_TEXT}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *rows = rows_text(&cases[i].filter);
        if (strcmp(rows, cases[i].rows))
            fail_msg("where %s match %s: rows '%s', not '%s'", cases[i].filter.where, cases[i].filter.match,
                rows, cases[i].rows);
    }
    assert_string_equal(rows_text(NULL), "0 1 3 4 5 6");
}

static void a_filter_only_reads_the_view(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "width >",
        "widht > 3",
        "\"widht\" = 'x'", /* no string in double quotes */
        "1) ; DELETE FROM items; --",
        "1); SELECT (1",
        "1 /*",
        "1) UNION SELECT crc FROM items WHERE (1",
        "EXISTS (SELECT crc FROM items)",
        "EXISTS (SELECT 1 FROM meta)",
        "EXISTS (SELECT 1 FROM sqlite_schema)",
        "EXISTS (SELECT 1 FROM items_fts)",
        "EXISTS (SELECT 1 FROM pragma_table_info('items'))",
        "load_extension('x.so')",
        "randomblob(1000000000) IS NULL",
        "zeroblob(1000000000) IS NULL",
        "length(printf('%.*c', 1000000000, 'x')) > 0",
        "writefile('x', 'y')",
        "EXISTS (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < "
        "0)",
        "json_extract(metadata, 'x') = 1",
        "width = ?",
    };
    struct err err;
    struct index_rows rows;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct index_filter filter = {.where = refused[i]};
        char quoted[256];
        snprintf(quoted, sizeof quoted, "unable to filter by \"%s\"", refused[i]);
        if (!index_rows(&rows, made, &filter, &err))
            fail_msg("'%s' was not refused", refused[i]);
        assert_err(err.code, ERR_ARGUMENT, quoted);
    }
    const struct index_filter bad_match = {.match = "red AND (kite", .match_syntax = MATCH_FTS5},
                              column = {.match = "hash: 1", .match_syntax = MATCH_FTS5},
                              no_word = {.match = "- \"*\" !"}, latin = {.match = "caf\xe9"};
    assert_err(index_rows(&rows, made, &bad_match, &err), ERR_ARGUMENT, "unable to match \"red AND (kite\"");
    assert_err(index_rows(&rows, made, &column, &err), ERR_ARGUMENT, "no such column: hash");
    assert_err(index_rows(&rows, made, &no_word, &err), ERR_ARGUMENT,
        "unable to match \"- \"*\" !\": there is no letter or digit in it");
    assert_err(index_rows(&rows, made, &latin, &err), ERR_ARGUMENT, "it is not UTF-8");
    assert_string_equal(rows_text(&(struct index_filter){.where = "width = 640"}), "0"); /* still works */
}

/* What SQLite asks the authorizer and it does not name is refused: recursion is all that an expression can
 * ask of that kind. These would end, with rows, were they allowed. */
static void what_the_authorizer_does_not_name_is_refused(void **state)
{
    (void)state;
#define COUNT_TO_THREE "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
    static const char *const refused[] = {
        "EXISTS (" COUNT_TO_THREE "SELECT i FROM n)",
        "id IN (" COUNT_TO_THREE "SELECT i FROM n)",
        "(" COUNT_TO_THREE "SELECT max(i) FROM n) = 3",
        "EXISTS (WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i FROM n) SELECT i FROM n)",
    };
    struct err err;
    struct index_rows rows;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct index_filter filter = {.where = refused[i]};
        char said[256];
        snprintf(said, sizeof said, "unable to filter by \"%s\": not authorized", refused[i]);
        assert_err(index_rows(&rows, made, &filter, &err), ERR_ARGUMENT, said);
    }
    assert_string_equal(rows_text(&(struct index_filter){.where = "width = 640"}), "0");
}

static void an_endless_filter_is_stopped(void **state)
{
    (void)state;
    struct err err;
    struct index_rows rows;
    const struct index_filter filter = {
        .where = "(SELECT count(*) FROM search_items a, search_items b, search_items c, search_items d,"
                 " search_items e, search_items f, search_items g, search_items h, search_items i,"
                 " search_items j, search_items k, search_items l) > 0"};
    assert_err(index_rows(&rows, made, &filter, &err), ERR_ARGUMENT, "it takes too long");
}

static int note_paths(void *context, const struct index_item *item)
{
    char *text = context;
    strcat(strcat(text, item->path), " ");
    return strstr(item->path, "desk") ? 42 : 0;
}

static void each_visits_in_order(void **state)
{
    (void)state;
    struct err err;
    char text[512] = "";
    assert_ok(index_each(made, &(struct index_filter){.match = "beach OR whale", .match_syntax = MATCH_FTS5},
        note_paths, text, &err));
    assert_string_equal(text, "holiday/beach_01.jpg holiday/beach_02.jpg gone.jpg ");
    *text = '\0';
    assert_int_equal(index_each(made, NULL, note_paths, text, &err), 42);
    assert_string_equal(
        text, "holiday/beach_01.jpg holiday/beach_02.jpg captions.txt captions.txt work/desk.png ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_chooses_and_all_must_agree),
        cmocka_unit_test(a_filter_only_reads_the_view),
        cmocka_unit_test(what_the_authorizer_does_not_name_is_refused),
        cmocka_unit_test(an_endless_filter_is_stopped),
        cmocka_unit_test(each_visits_in_order),
    };
    return cmocka_run_group_tests(tests, open_made, close_made);
}
