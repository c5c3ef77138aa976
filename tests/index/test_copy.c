// SPDX-License-Identifier: Apache-2.0
/* Files of PostgreSQL's binary COPY: what is written, byte for byte as its manual describes it, and what PostgreSQL has
 * written itself (tests/golden/pgvector.sql). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#include <sys/stat.h>

enum { WIDTH = 3 };

static struct err err;
static char folder[4096];

static char *in_folder(const char *name)
{
    char *path;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void expect_file(const char *name, const char *bytes, size_t size)
{
    char *path = in_folder(name), *found;
    size_t length;
    assert_ok(file_read(&found, &length, path, 1 << 20, &err));
    for (size_t i = 0; i < size && i < length; i++)
        if (found[i] != bytes[i])
            fail_msg("%s: byte %zu is %02x, not %02x", name, i, found[i] & 0xff, bytes[i] & 0xff);
    assert_int_equal(length, size);
    free(found);
    free(path);
}

/* ---- out ----------------------------------------------------------------------------------------------- */

#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define ROW "\0\21" /* 17 fields */
#define UNKNOWN "\377\377\377\377"
#define BIGINT "\0\0\0\10\0\0\0\0"
#define PICTURE                                                                                              \
    BIGINT "\0\0\0\1"                                                                                        \
           "\0\0\0\5image"                                                                                   \
           "\0\0\0\12a'\t\357\277\275.png" BIGINT "\0\0\2\1"                                                 \
           "\0\0\0\10\027\227\234\376\161\303\077\377"                                                       \
           "\0\0\0\4\0\0\1\2"                                                                                \
           "\0\0\0\4\0\0\0\3"                                                                                \
           "\0\0\0\7\"red\"\\n" UNKNOWN "\0\0\0\2aa"                                                         \
           "\0\0\0\0071985-07"                                                                               \
           "\0\0\0\4X100" UNKNOWN "\0\0\0\10\277\340\0\0\0\0\0\0"                                            \
           "\0\0\0\10\0\0\0\0\0\0\0\0"                                                                       \
           "\0\0\0\12\1{\"k\":[1]}"
#define TEXT                                                                                                 \
    BIGINT "\0\0\0\2"                                                                                        \
           "\0\0\0\4text" UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN                                            \
           "\0\0\0\4kite" UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN
#define END "\377\377"

/* 0.5, -2, 0.25 and 1, 0, 0, in four bytes and in two. */
#define SINGLES "\0\0\0\20\0\3\0\0"
#define HALVES "\0\0\0\12\0\3\0\0"
static const char singles[] = HEAD ROW PICTURE SINGLES "\77\0\0\0\300\0\0\0\76\200\0\0" ROW TEXT SINGLES
                                                       "\77\200\0\0\0\0\0\0\0\0\0\0" END;
static const char halves[] = HEAD ROW PICTURE HALVES "\70\0\300\0\64\0" ROW TEXT HALVES "\74\0\0\0\0\0" END;

static const char sql[] =
    "SET client_encoding = 'UTF8';\n"
    "CREATE EXTENSION IF NOT EXISTS vector;\n"
    "CREATE TABLE \"it's \"\"two\"\".x\" (\n"
    "    \"id\" bigint PRIMARY KEY,\n"
    "    \"kind\" text NOT NULL,\n"
    "    \"path\" text,\n"
    "    \"size\" bigint,\n"
    "    \"mtime_ns\" bigint,\n"
    "    \"width\" integer,\n"
    "    \"height\" integer,\n"
    "    \"caption\" text,\n"
    "    \"picture\" text,\n"
    "    \"hash\" text,\n"
    "    \"taken\" text,\n"
    "    \"camera\" text,\n"
    "    \"lens\" text,\n"
    "    \"lat\" double precision,\n"
    "    \"lon\" double precision,\n"
    "    \"metadata\" jsonb,\n"
    "    \"embedding\" vector(3) NOT NULL\n"
    ");\n"
    "\\copy \"it's \"\"two\"\".x\" FROM 'it''s \"two\".x.pgvector' WITH (FORMAT binary)\n";

static struct index *make(const char *name)
{
    static const struct index_options options = {"models/small", "f00d", WIDTH, INDEX_F32, NULL};
    static const float vectors[2 * WIDTH] = {0.5f, -2, 0.25f, 1, 0, 0};
    struct index_item items[] = {
        {.kind = INDEX_IMAGE,
            .path = "a'\t\xff.png",
            .size = 513,
            .mtime_ns = 1700000000999899135,
            .hash = "aa",
            .width = 258,
            .height = 3,
            .caption = "\"red\"\\n",
            .metadata = "{\"k\":[1]}",
            .taken = "1985-07",
            .camera = "X100",
            .lat = -0.5},
        {.kind = INDEX_TEXT, .caption = "kite"},
    };
    struct index *index;
    char *path = in_folder(name);
    assert_ok(index_create(&index, path, &options, &err));
    assert_ok(index_add(index, items, vectors, 2, &err));
    assert_ok(index_commit(index, &err));
    free(path);
    return index;
}

static void writes_what_the_manual_says(void **state)
{
    (void)state;
    struct index *index = make("two.dip");
    char *to = in_folder("it's \"two\".x.pgvector"), *made, *path = in_folder("it's \"two\".x.sql");
    struct index_exported done;
    assert_ok(index_export(&done, index, &(struct index_export){.to = to, .half = true}, NULL, &err));
    expect_file("it's \"two\".x.pgvector", halves, sizeof halves - 1);
    assert_ok(index_export(&done, index, &(struct index_export){.to = to}, NULL, &err));
    assert_int_equal(done.items, 2);
    assert_int_equal(done.lossy, 1);
    expect_file("it's \"two\".x.pgvector", singles, sizeof singles - 1);
    assert_ok(file_read(&made, &done.items, path, 1 << 16, &err));
    assert_non_null(strstr(made, sql));
    assert_non_null(
        strstr(made, "\n--     WHERE kind = 'image' ORDER BY embedding <#> query, id LIMIT 10;\n"));
    free(made);
    free(path);
    free(to);
    index_free(index);
}

static void refuses_what_has_no_place(void **state)
{
    (void)state;
    struct index *index = make("none.dip");
    static const struct {
        const char *name, *says;
        struct index_export what;
    } cases[] = {
        {"a.pgvector", "--metadata is for a matrix", {.metadata = "a.jsonl"}},
        {"a.npy", "--half is for pgvector", {.half = true}},
        {"a/", "--half is for a file", {.half = true}},
        {"a\nb.pgvector", "of UTF-8 and one line", {0}},
        {"a\xff.pgvector", "of UTF-8 and one line", {0}},
        {".pgvector", "of UTF-8 and one line", {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct index_export what = cases[i].what;
        struct index_exported done;
        char *to = in_folder(cases[i].name);
        what.to = to;
        assert_err(index_export(&done, index, &what, NULL, &err), ERR_ARGUMENT, cases[i].says);
        assert_false(file_exists(to));
        free(to);
    }
    index_free(index);
}

/* ---- in ------------------------------------------------------------------------------------------------ */

#define GOLDEN DIPTYCH_ROOT "/tests/golden/matrices/"

static void expect_items(const char *name, const char *columns, const char *const expected[5])
{
    const struct index_options options = {"m", "f00d", WIDTH, INDEX_F32, NULL};
    char *path = in_folder(name), *from;
    assert_true(asprintf(&from, GOLDEN "%s", name) > 0);
    const struct index_import what = {.from = from, .columns = columns, .options = options};
    struct index_imported done;
    struct arena arena = {0};
    struct index *index;
    assert_ok(index_import(&done, path, &what, NULL, &err));
    assert_int_equal(done.rows, 5);
    assert_ok(index_open(&index, path, INDEX_READ, NULL, &err));
    for (int64_t row = 0; row < 5; row++) {
        struct index_item item;
        char said[200];
        assert_ok(index_get(&item, index, row + 1, &arena, &err));
        snprintf(said, sizeof said, "%s %s %g %g", item.path ? item.path : "-",
            item.metadata ? item.metadata : "-", item.lat, item.lon);
        assert_string_equal(said, expected[row]);
    }
    arena_release(&arena);
    index_free(index);
    free(from);
    free(path);
}

static void reads_what_postgresql_writes(void **state)
{
    (void)state;
    static const char *const named[] = {"p/0.png {\"n\":0,\"deep\":[0]} 0 0",
        "p/1.png {\"n\":1,\"deep\":[1]} 0 0", "- {\"n\":2,\"deep\":[2]} 0 0", "p/3.png - 0 0",
        "p/4.png - 0 0"};
    static const char *const numbered[] = {"- {\"n\":0,\"deep\":[0],\"id\":0} 1.5 -2.5",
        "- {\"n\":1,\"deep\":[1],\"id\":1} 1.5 -2.5", "- {\"n\":2,\"deep\":[2],\"id\":2} 1.5 -2.5",
        "- {\"id\":3} 1.5 -2.5", "- {\"id\":4} 1.5 -2.5"};
    expect_items("f32.pgvector", "path,metadata,embedding", named);
    expect_items("f16.pgvector", "id,embedding,metadata,lat,lon", numbered);
}

static void expect_refusal(const char *name, const char *columns, enum err_code code, const char *says)
{
    char *path = in_folder("refused.dip"), *from;
    assert_true(asprintf(&from, GOLDEN "%s", name) > 0);
    const struct index_import what = {
        .from = from, .columns = columns, .options = {"m", "f00d", WIDTH, INDEX_F32, NULL}};
    struct index_imported done;
    assert_err(index_import(&done, path, &what, NULL, &err), code, says);
    assert_false(file_exists(path));
    free(from);
    free(path);
}

static void refuses_other_columns(void **state)
{
    (void)state;
    expect_refusal("f32.pgvector", NULL, ERR_ARGUMENT, "no table of 'index export': --columns names");
    expect_refusal("f32.pgvector", "path,embedding", ERR_ARGUMENT, "the names do not fit");
    expect_refusal("f32.pgvector", "path,embedding,metadata", ERR_ARGUMENT, "the names do not fit");
    expect_refusal("f32.pgvector", "path,metadata,hash", ERR_ARGUMENT, "the names do not fit");
    expect_refusal("f32.pgvector", "path,note,embedding", ERR_ARGUMENT, "'note' is no column of items");
    expect_refusal("f32.pgvector", "path,,embedding", ERR_ARGUMENT, "'' is no column of items");
    expect_refusal("f32.pgvector", "path,size,embedding", ERR_FORMAT, "row 0: column 2 is no size");
    expect_refusal("f32.pgvector", "path,lat,embedding", ERR_FORMAT, "row 0: column 2 is no lat");
    expect_refusal("f32.pgvector", "metadata,path,embedding", ERR_FORMAT, "row 0: column 1 is no metadata");
    expect_refusal("f4.npy", "path,embedding", ERR_ARGUMENT, "--columns is for a COPY of PostgreSQL");
    expect_refusal("no_vector.pgvector", NULL, ERR_UNSUPPORTED, "without pgvector's vector");
}

static int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", scratch_path("copy"));
    return mkdir(folder, 0777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_manual_says),
        cmocka_unit_test(refuses_what_has_no_place),
        cmocka_unit_test(reads_what_postgresql_writes),
        cmocka_unit_test(refuses_other_columns),
    };
    return cmocka_run_group_tests(tests, open_folder, NULL);
}
