// SPDX-License-Identifier: Apache-2.0
/* What is exported comes back the same, whole or not at all; items as JSON. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "index/matrix.h"
#include "tests/index/synthetic.h"

#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 8, COUNT = 1000 };

static const struct index_options options = {"models/small", "f00d", WIDTH, INDEX_F16, NULL};
static struct err err;
static char folder[4096];

static char *in_folder(const char *name)
{
    char *path;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

/* COUNT pictures, and as many texts. */
static struct index *make(const char *name)
{
    struct index *index;
    char *path = in_folder(name);
    assert_ok(index_create(&index, path, &options, &err));
    for (uint64_t i = 0; i < COUNT; i++)
        add_picture(index, i);
    for (uint64_t i = 0; i < COUNT; i++)
        add_text(index, "words", i);
    assert_ok(index_commit(index, &err));
    free(path);
    return index;
}

static int compare_next(void *context, const struct index_item *item)
{
    struct index *other = context;
    struct arena arena = {0};
    struct index_item same;
    float a[WIDTH];
    assert_ok(index_get(&same, other, item->id, &arena, &err));
    json_t *one = index_item_json(item), *two = index_item_json(&same);
    assert_true(json_equal(one, two));
    json_decref(one);
    json_decref(two);
    assert_ok(index_vectors(a, other, &same.row, 1, &err));
    float b[WIDTH], dot = 0;
    make_vector(b, WIDTH, (uint64_t)(item->id - 1) % COUNT);
    for (size_t e = 0; e < WIDTH; e++)
        dot += a[e] * b[e];
    assert_true(dot > 0.999f);
    arena_release(&arena);
    return 0;
}

static void comes_back(struct index *index, const char *exported, const char *imported)
{
    char *out = in_folder(exported), *path = in_folder(imported);
    const struct index_import what = {.from = out, .options = options};
    struct index_exported written;
    struct index_imported read;
    struct index *again;
    assert_ok(index_export(&written, index, &(struct index_export){.to = out}, NULL, &err));
    assert_int_equal(written.items, 2 * COUNT);
    assert_int_equal(written.lossy, 0);
    assert_ok(index_import(&read, path, &what, NULL, &err));
    assert_int_equal(read.rows, 2 * COUNT);
    assert_int_equal(read.replaced, 0);
    assert_int_equal(read.scaled, 0);
    assert_ok(index_open(&again, path, INDEX_READ, "f00d", &err));
    assert_int_equal(index_info(again).images, COUNT);
    assert_int_equal(index_info(again).texts, COUNT);
    assert_ok(index_each(index, NULL, compare_next, again, &err));
    index_free(again);
    assert_ok(index_import(&read, path, &what, NULL, &err));
    assert_int_equal(read.replaced, COUNT); /* texts stand beside each other */
    free(out);
    free(path);
}

static void what_is_exported_comes_back(void **state)
{
    (void)state;
    struct index *index = make("made.dip");
    comes_back(index, "all.npy", "npy.dip");
    comes_back(index, "all.faiss", "faiss.dip");
    comes_back(index, "all.pgvector", "pgvector.dip");
    char *others = in_folder("all.0.tmp"); /* of another export to the same place, under way or killed */
    assert_int_equal(mkdir(others, 0777), 0);
    comes_back(index, "all/", "folder.dip");
    assert_int_equal(rmdir(others), 0);
    free(others);
    index_free(index);
}

/* ---- points -------------------------------------------------------------------------------------------- */

/* A point as Qdrant's REST API has it: id, vector, payload. */
static void expect_point(const json_t *point, struct index *index, int64_t id)
{
    struct arena arena = {0};
    struct index_item item;
    float stored[WIDTH];
    assert_int_equal(json_object_size(point), 3);
    assert_int_equal(json_integer_value(json_object_get(point, "id")), id);
    assert_ok(index_get(&item, index, id, &arena, &err));
    assert_ok(index_vectors(stored, index, &item.row, 1, &err));
    const json_t *vector = json_object_get(point, "vector"), *payload = json_object_get(point, "payload");
    assert_int_equal(json_array_size(vector), WIDTH);
    for (size_t e = 0; e < WIDTH; e++)
        assert_true((float)json_number_value(json_array_get(vector, e)) == stored[e]);
    json_t *expected = index_item_json(&item);
    json_object_del(expected, "id");
    if (json_object_del(expected, "mtime") == 0)
        json_object_set_new(expected, "mtime_ns", json_integer(item.mtime_ns));
    assert_true(json_equal(payload, expected));
    json_decref(expected);
    arena_release(&arena);
}

static void points_are_requests(void **state)
{
    (void)state;
    enum { IN_LINE = 100 };
    struct index *index = make("points.dip");
    char *out = in_folder("all.qdrant"), *bytes;
    struct index_exported done;
    struct lines lines = {0};
    int64_t id = 1;
    assert_ok(index_export(&done, index, &(struct index_export){.to = out}, NULL, &err));
    assert_int_equal(done.items, 2 * COUNT);
    assert_ok(file_read(&bytes, &lines.rest.length, out, 1 << 24, &err));
    lines.rest.data = bytes;
    while (lines_next(&lines)) {
        json_t *request;
        assert_ok(json_parse(&request, lines.line.data, lines.line.length, out, &err));
        const json_t *points = json_object_get(request, "points");
        assert_int_equal(json_object_size(request), 1);
        assert_int_equal(json_array_size(points), IN_LINE);
        for (size_t i = 0; i < IN_LINE; i++)
            expect_point(json_array_get(points, i), index, id++);
        json_decref(request);
    }
    assert_int_equal(id, 2 * COUNT + 1);
    free(bytes);
    free(out);
    index_free(index);
}

/* ---- not at all ---------------------------------------------------------------------------------------- */

static int stop(void *context, const char *unit, size_t done, size_t total)
{
    int *left = context;
    assert_true(*unit && (!total || done <= total));
    return !(*left)--;
}

static void an_export_that_ends_leaves_what_was_there(void **state)
{
    (void)state;
    static const char *const outs[] = {"left.npy", "left.pgvector", "left.qdrant", "left/"};
    struct index *index = make("kept.dip");
    for (size_t i = 0; i < sizeof outs / sizeof *outs; i++)
        for (int last = 1; last < 8; last += 3) { /* 8 blocks */
            int left = last;
            const struct job job = {.step = stop, .context = &left};
            struct index_exported written;
            char *out = in_folder(outs[i]);
            assert_err(index_export(&written, index, &(struct index_export){.to = out}, &job, &err),
                ERR_CANCELLED, "interrupted");
            assert_false(file_exists(out));
            free(out);
        }
    char *lines = in_folder("left.jsonl");
    assert_false(file_exists(lines));
    free(lines);
    lines = in_folder("left.sql");
    assert_false(file_exists(lines));
    free(lines);
    index_free(index);
}

static void an_import_that_ends_keeps_nothing(void **state)
{
    (void)state;
    struct index *index = make("source.dip");
    char *out = in_folder("source.npy"), *path = in_folder("target.dip");
    struct index_exported written;
    struct index_imported read;
    const struct index_import what = {.from = out, .options = options};
    assert_ok(index_export(&written, index, &(struct index_export){.to = out}, NULL, &err));
    index_free(index);
    for (int last = 0; last < 16; last += 3) { /* 8 blocks are checked, then added */
        int left = last;
        const struct job job = {.step = stop, .context = &left};
        assert_err(
            index_import(&read, path, &what, &job, &err), ERR_CANCELLED, "interrupted, and nothing was kept");
        assert_int_equal(read.rows, 0);
        assert_int_equal(file_exists(path), last >= 8);
        if (last < 8)
            continue;
        assert_ok(index_open(&index, path, INDEX_READ, NULL, &err));
        assert_int_equal(index_info(index).rows, 0);
        index_free(index);
    }
    verify_clean(path);

    struct index *writer;
    assert_ok(index_open(&writer, path, INDEX_WRITE, NULL, &err));
    assert_err(index_import(&read, path, &what, NULL, &err), ERR_BUSY, "is changing it");
    index_free(writer);
    const struct index_import other = {.from = out, .options = {"other", "beef", WIDTH, INDEX_F16, NULL}};
    assert_err(index_import(&read, path, &other, NULL, &err), ERR_ARGUMENT, "another model");
    const struct index_import wide = {.from = out, .options = {"wide", "f00d", WIDTH + 1, INDEX_F16}};
    assert_err(index_import(&read, path, &wide, NULL, &err), ERR_ARGUMENT, "embeddings of 'wide' 9");
    const struct index_import bytes = {.from = out, .options = {"m", "f00d", WIDTH, INDEX_I8, NULL}};
    assert_err(index_import(&read, path, &bytes, NULL, &err), ERR_ARGUMENT, "as f16, not as i8");
    const struct index_import any = {
        .from = out, .options = {"m", "f00d", WIDTH, INDEX_I8, NULL}, .any_storage = true};
    assert_ok(index_import(&read, path, &any, NULL, &err));
    assert_int_equal(read.rows, 2 * COUNT);
    free(out);
    free(path);
}

/* The other matrix takes the place of the first once it has been looked at. */
struct swap {
    char *from, *to;
};

static int swap_files(void *context, const char *unit, size_t done, size_t total)
{
    const struct swap *swap = context;
    (void)done;
    (void)total;
    if (!strcmp(unit, "checking"))
        rename(swap->from, swap->to); /* the first time */
    return 0;
}

static void write_matrix(const char *path, size_t count, size_t width)
{
    struct matrix_writer *writer;
    float vector[2 * WIDTH] = {1};
    assert_ok(matrix_writer_open(&writer, path, MATRIX_NPY, (int64_t)count, width, false, &err));
    for (size_t i = 0; i < count; i++)
        assert_ok(matrix_writer_add(writer, vector, 1, &err));
    assert_ok(matrix_writer_close(writer, true, &err));
}

static void a_file_that_changes_meanwhile_is_refused(void **state)
{
    (void)state;
    static const size_t others[][2] = {{COUNT, 2 * WIDTH}, {COUNT + 1, WIDTH}, {COUNT - 1, WIDTH}};
    char *path = in_folder("swapped.dip");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct swap swap = {in_folder("other.npy"), in_folder("swapped.npy")};
        const struct job job = {.step = swap_files, .context = &swap};
        const struct index_import what = {.from = swap.to, .options = options};
        struct index_imported read;
        write_matrix(swap.to, COUNT, WIDTH);
        write_matrix(swap.from, others[i][0], others[i][1]);
        assert_err(index_import(&read, path, &what, &job, &err), ERR_FORMAT, "was changed while it was read");
        assert_int_equal(read.rows, 0);
        free(swap.from);
        free(swap.to);
    }
    free(path);
}

static void note(void *context, const struct err *problem)
{
    assert_int_equal(problem->code, ERR_NONE);
    assert_non_null(strstr(problem->msg, "all rows were imported, but unable to"));
    ++*(int *)context;
}

/* A folder lies where codes would. */
static void an_import_without_codes_is_kept(void **state)
{
    (void)state;
    int reports = 0;
    char *from = in_folder("plain.npy"), *path = in_folder("plain.dip");
    char *codes = in_folder("plain.dip/coarse.i8");
    const struct job job = {.report = note, .context = &reports};
    const struct index_import what = {.from = from, .options = options};
    struct index_imported read;
    write_matrix(from, COUNT, WIDTH);
    assert_ok(index_import(&read, path, &what, &job, &err));
    assert_int_equal(reports, 0);
    assert_int_equal(mkdir(codes, 0777), 0);
    assert_ok(index_import(&read, path, &what, &job, &err));
    assert_int_equal(read.rows, COUNT);
    assert_int_equal(reports, 1);
    free(codes);
    free(path);
    free(from);
}

static void two_files_of_one_path_are_refused(void **state)
{
    (void)state;
    struct index *index = make("apart.dip");
    char *out = in_folder("apart.npy"), *same = in_folder("./apart.npy"), *sql = in_folder("apart.sql"),
         *rows = in_folder("apart.pgvector");
    struct index_exported written;
    const struct index_export what = {.to = out, .metadata = same};
    assert_err(index_export(&written, index, &what, NULL, &err), ERR_ARGUMENT, "they are one file");
    assert_false(file_exists(out));
    assert_ok(index_export(&written, index, &(struct index_export){.to = rows}, NULL, &err));
    assert_int_equal(unlink(sql), 0);
    assert_int_equal(symlink(rows, sql), 0);
    assert_err(index_export(&written, index, &(struct index_export){.to = rows}, NULL, &err), ERR_ARGUMENT,
        "they are one file");
    free(rows);
    free(sql);
    free(same);
    free(out);
    index_free(index);
}

/* What a file calls its rows stays with them; usearch's come by key. */
static void ids_become_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        int64_t ids[5];
    } files[] = {
        {"ids_hnsw.faiss", {10, 7, -3, INT64_C(1) << 40, 5}}, {"i8.usearch", {1, 2, 3, 4, INT64_C(1) << 40}}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = in_folder(files[i].from), *from;
        struct index *index;
        struct index_imported read;
        struct arena arena = {0};
        assert_true(asprintf(&from, DIPTYCH_ROOT "/tests/golden/matrices/%s", files[i].from) > 0);
        const struct index_import what = {.from = from, .options = {"m", "f00d", 3, INDEX_F32, NULL}};
        assert_ok(index_import(&read, path, &what, NULL, &err));
        assert_int_equal(read.rows, 5);
        assert_ok(index_open(&index, path, INDEX_READ, NULL, &err));
        for (int64_t row = 0; row < 5; row++) {
            struct index_item item;
            char expected[64];
            snprintf(expected, sizeof expected, "{\"id\":%" PRId64 "}", files[i].ids[row]);
            assert_ok(index_get(&item, index, row + 1, &arena, &err));
            assert_string_equal(item.metadata, expected);
        }
        arena_release(&arena);
        index_free(index);
        free(from);
        free(path);
    }
}

/* ---- items --------------------------------------------------------------------------------------------- */

static void expect_json(json_t *object, const char *expected)
{
    char *text = json_dumps(object, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(object);
}

static void items_are_json(void **state)
{
    (void)state;
    const struct index_item picture = {.id = 7,
        .kind = INDEX_IMAGE,
        .path = "a\xff.png",
        .size = 10,
        .mtime_ns = 1700000000999999999,
        .hash = "aa",
        .width = 3,
        .height = 4,
        .caption = "red",
        .metadata = "{\"k\":[1]}",
        .taken = "1985-07",
        .camera = "X100",
        .lens = "23mm",
        .lat = -0.5,
        .lon = 2};
    const struct index_item text = {
        .id = 8, .kind = INDEX_TEXT, .path = "t.txt", .caption = "kite", .picture = "p"};
    const struct index_item bare = {.id = 9, .kind = INDEX_IMAGE};
    expect_json(index_item_json(&picture),
        "{\"id\":7,\"kind\":\"image\",\"path\":\"a\xEF\xBF\xBD.png\",\"size\":10,\"mtime\":1700000000,"
        "\"width\":3,"
        "\"height\":4,\"caption\":\"red\",\"metadata\":{\"k\":[1]},\"hash\":\"aa\","
        "\"taken\":\"1985-07\",\"camera\":\"X100\",\"lens\":\"23mm\",\"lat\":-0.5,\"lon\":2.0}");
    expect_json(index_item_json(&text),
        "{\"id\":8,\"kind\":\"text\",\"path\":\"t.txt\",\"text\":\"kite\",\"picture\":\"p\"}");
    expect_json(index_item_json(&bare), "{\"id\":9,\"kind\":\"image\"}");
    expect_json(
        index_item_name_json(&picture), "{\"id\":7,\"kind\":\"image\",\"path\":\"a\xEF\xBF\xBD.png\"}");
    expect_json(index_item_name_json(&text), "{\"id\":8,\"kind\":\"text\",\"text\":\"kite\"}");
    assert_string_equal(index_item_name(&text), "kite");
    assert_string_equal(index_item_name(&bare), "");
}

static void twins_have_one_kind_and_hash(void **state)
{
    (void)state;
    static const struct index_item items[] = {
        {.kind = INDEX_IMAGE, .hash = "b"},
        {.kind = INDEX_IMAGE},
        {.kind = INDEX_IMAGE, .hash = "a"},
        {.kind = INDEX_TEXT, .hash = "a"},
        {.kind = INDEX_IMAGE, .hash = "b"},
        {.kind = INDEX_IMAGE},
    };
    bool twins[6];
    assert_ok(index_twins(twins, items, 6, &err));
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(twins[i], i == 0 || i == 4);
}

static int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", scratch_path("exchange"));
    return mkdir(folder, 0777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_exported_comes_back),
        cmocka_unit_test(points_are_requests),
        cmocka_unit_test(an_export_that_ends_leaves_what_was_there),
        cmocka_unit_test(an_import_that_ends_keeps_nothing),
        cmocka_unit_test(a_file_that_changes_meanwhile_is_refused),
        cmocka_unit_test(an_import_without_codes_is_kept),
        cmocka_unit_test(two_files_of_one_path_are_refused),
        cmocka_unit_test(ids_become_metadata),
        cmocka_unit_test(items_are_json),
        cmocka_unit_test(twins_have_one_kind_and_hash),
    };
    return cmocka_run_group_tests(tests, open_folder, NULL);
}
