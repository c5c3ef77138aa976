// SPDX-License-Identifier: Apache-2.0
/* Searching an index on disk: what the scan finds is what the catalog holds, with and without codes, through
 * removals, growth and compaction. */
#include "compute/compute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/search.h"
#include "tests/index/synthetic.h"

static const struct job two = {.threads = 2};

enum { WIDTH = 24, COUNT = 20000, K = 7 };

static struct device *device;
static struct err err;

static void add_pictures(struct index *index, uint64_t first, size_t count)
{
    struct index_item *items = calloc(count, sizeof *items);
    char(*paths)[32] = calloc(count, sizeof *paths);
    float *vectors = calloc(count * WIDTH, sizeof *vectors);
    for (size_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], "pictures/%zu.png", (size_t)first + i);
        items[i] = (struct index_item){.kind = INDEX_IMAGE, .path = paths[i]};
        make_vector(vectors + i * WIDTH, WIDTH, first + i);
    }
    assert_ok(index_add(index, items, vectors, count, &err));
    assert_ok(index_commit(index, &err));
    free(vectors);
    free(paths);
    free(items);
}

/* The query is the vector of picture `number`, so that its own item comes first, with a cosine of 1 up to the
 * storage's rounding; the rest must be sorted. */
static void expect_found(struct index_searcher *searcher, struct index *index, uint64_t number)
{
    struct index_rows rows;
    struct index_hit hits[K];
    struct index_item items[K];
    struct arena arena = {0};
    float query[WIDTH];
    int64_t numbers[K];
    size_t count;
    char path[32];
    make_vector(query, WIDTH, number);
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_ok(index_search(searcher, &rows, query, 1, K, hits, &count, NULL, &err));
    assert_int_equal(count, K);
    for (size_t i = 0; i < K; i++)
        numbers[i] = hits[i].row;
    assert_ok(index_fetch(items, index, numbers, K, &arena, &err));
    snprintf(path, sizeof path, "pictures/%zu.png", (size_t)number);
    assert_string_equal(items[0].path, path);
    assert_true(hits[0].score > 0.999 && hits[0].score < 1.001);
    for (size_t i = 1; i < K; i++) {
        assert_true(hits[i].score <= hits[i - 1].score);
        assert_true(hits[i].score < hits[i - 1].score || items[i].id > items[i - 1].id);
    }
    index_rows_release(&rows);
    arena_release(&arena);
}

/* The same queries without codes. */
static void expect_same_without_codes(struct index_searcher *searcher, struct index *index, const char *path)
{
    enum { QUERIES = 5 };
    struct index_rows rows;
    struct index_hit with[QUERIES * K], without[QUERIES * K];
    float queries[QUERIES * WIDTH];
    size_t counts[QUERIES];
    char codes[600], away[600];
    struct index_searcher *plain;
    for (size_t q = 0; q < QUERIES; q++)
        make_vector(queries + q * WIDTH, WIDTH, 77777 + q);
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_ok(index_search(searcher, &rows, queries, QUERIES, K, with, counts, NULL, &err));
    snprintf(codes, sizeof codes, "%s/coarse.i8", path);
    snprintf(away, sizeof away, "%s/away", path);
    assert_int_equal(rename(codes, away), 0);
    assert_ok(index_searcher_open(&plain, index, device, &err));
    assert_ok(index_search(plain, &rows, queries, QUERIES, K, without, counts, NULL, &err));
    assert_int_equal(rename(away, codes), 0);
    assert_memory_equal(with, without, sizeof with);
    index_searcher_free(plain);
    index_rows_release(&rows);
}

/* The high half of row 5's first codes, behind the header, a centre of 64 floats and five rows of 32 bytes. */
static void damage_a_code(const char *path)
{
    char codes[600];
    snprintf(codes, sizeof codes, "%s/coarse.i8", path);
    const long at = 4096 + 64 * 4 + 5 * 32;
    FILE *file = fopen(codes, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    const int code = getc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    putc(code ^ 0x40, file);
    assert_int_equal(fclose(file), 0);
}

static void search_storage(enum index_storage storage, const char *name)
{
    const struct index_options options = {
        .model = "made up", .fingerprint = "f", .width = WIDTH, .storage = storage};
    struct index_searcher *searcher;
    struct index *index;
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path(name));
    assert_ok(index_create(&index, path, &options, &err));
    assert_ok(index_searcher_open(&searcher, index, device, &err));
    add_pictures(index, 0, COUNT);
    assert_ok(index_prepare(index, &two, &err));
    expect_found(searcher, index, 3);
    expect_found(searcher, index, COUNT - 1);
    expect_same_without_codes(searcher, index, path);

    add_pictures(index, COUNT, 50); /* behind the codes */
    expect_found(searcher, index, COUNT + 20);
    const struct index_item third = find_picture(index, 3, 3);
    assert_ok(index_remove(index, third.id, &err));
    assert_ok(index_commit(index, &err));
    struct index_rows rows;
    struct index_hit hit;
    size_t count;
    float query[WIDTH];
    make_vector(query, WIDTH, 3);
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_ok(index_search(searcher, &rows, query, 1, 1, &hit, &count, NULL, &err));
    assert_true(hit.row != third.row);
    index_rows_release(&rows);

    assert_ok(index_compact(index, NULL, &err)); /* the codes are of rows that are no more */
    expect_found(searcher, index, 5000);         /* which had one */
    expect_found(searcher, index, COUNT + 20);
    assert_ok(index_prepare(index, &two, &err));
    index_searcher_free(searcher);
    assert_ok(index_searcher_open(&searcher, index, device, &err));
    expect_found(searcher, index, 5000);
    expect_found(searcher, index, COUNT + 20);
    expect_same_without_codes(searcher, index, path);
    index_searcher_free(searcher);
    index_free(index);
    verify_clean(path);
    damage_a_code(path);
    int64_t defects;
    char *text = verify_text(path, &defects);
    assert_int_equal(defects, 1);
    assert_non_null(strstr(text, "do not match the vectors: row 5"));
    free(text);

    char codes[600];
    snprintf(codes, sizeof codes, "%s/coarse.i8", path);
    assert_ok(index_open(&index, path, INDEX_WRITE, NULL, &err));
    for (int64_t id = 1; id <= COUNT; id++)
        if (id != third.id)
            assert_ok(index_remove(index, id, &err));
    assert_ok(index_compact(index, NULL, &err));
    assert_true(file_exists(codes));
    assert_ok(index_prepare(index, &two, &err)); /* 50 rows need no codes, and the old ones take room */
    assert_false(file_exists(codes));
    index_free(index);
    verify_clean(path);
}

static void every_storage(void **state)
{
    (void)state;
    search_storage(INDEX_F32, "search_f32.dip");
    search_storage(INDEX_F16, "search_f16.dip");
    search_storage(INDEX_I8, "search_i8.dip");
}

/* ---- a searcher that stays ----------------------------------------------------------------------------- */

/* Rows that the searcher has codes of. */
static size_t coded_rows(const struct index_searcher *searcher)
{
    return (size_t)searcher->coarse.count * COARSE_BLOCK;
}

static void whole_blocks_are_coded(const struct index_searcher *searcher, size_t rows)
{
    assert_int_equal(coded_rows(searcher), rows / COARSE_BLOCK * COARSE_BLOCK);
}

/* A service's searcher, while another process makes the index grow. */
static void rows_added_since_are_found_by_their_codes(void **state)
{
    (void)state;
    const struct index_options options = {.model = "m", .fingerprint = "f", .width = WIDTH};
    struct index_searcher *searcher;
    struct index *writer, *reader;
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path("grows.dip"));
    assert_ok(index_create(&writer, path, &options, &err));
    add_pictures(writer, 0, 100);
    assert_ok(index_open(&reader, path, INDEX_READ, NULL, &err));
    assert_ok(index_searcher_open(&searcher, reader, device, &err));
    expect_found(searcher, reader, 50);
    whole_blocks_are_coded(searcher, 0); /* there is no file of them */

    add_pictures(writer, 100, COUNT);
    assert_ok(index_refresh(reader, &err));
    expect_found(searcher, reader, 9000); /* as it is stored: the writer has not come to its codes */
    whole_blocks_are_coded(searcher, 0);
    assert_ok(index_prepare(writer, &two, &err)); /* makes the file */
    expect_found(searcher, reader, 9000);
    whole_blocks_are_coded(searcher, 100 + COUNT);

    add_pictures(writer, 100 + COUNT, 5000);
    assert_ok(index_prepare(writer, &two, &err)); /* appends to it */
    expect_found(searcher, reader, 9000);
    whole_blocks_are_coded(searcher, 100 + COUNT); /* more than the reader has rows */
    assert_ok(index_refresh(reader, &err));
    expect_found(searcher, reader, COUNT + 3000);
    whole_blocks_are_coded(searcher, 5100 + COUNT);

    const struct index_item third = find_picture(writer, 3, 3);
    assert_ok(index_remove(writer, third.id, &err));
    assert_ok(index_compact(writer, NULL, &err));
    assert_ok(index_refresh(reader, &err));
    expect_found(searcher, reader, COUNT + 3000);
    whole_blocks_are_coded(searcher, 0);          /* the file's are of rows that are no more */
    assert_ok(index_prepare(writer, &two, &err)); /* puts another in its place */
    expect_found(searcher, reader, COUNT + 3000);
    whole_blocks_are_coded(searcher, 5099 + COUNT);
    expect_same_without_codes(searcher, reader, path);
    index_searcher_free(searcher);
    index_free(reader);
    index_free(writer);
}

/* Puts a number in the header of the codes: the version, or another's. */
static void write_version(const char *path, uint32_t version)
{
    enum { AT = 8 };
    char codes[600];
    snprintf(codes, sizeof codes, "%s/coarse.i8", path);
    FILE *file = fopen(codes, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, AT, SEEK_SET), 0);
    assert_int_equal(fwrite(&version, sizeof version, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void readers_make_codes_anew(void **state)
{
    (void)state;
    const struct index_options options = {.model = "m", .fingerprint = "f", .width = WIDTH};
    struct index_searcher *searcher;
    struct index *writer, *reader;
    char path[512], codes[600];
    snprintf(path, sizeof path, "%s", scratch_path("earlier.dip"));
    snprintf(codes, sizeof codes, "%s/coarse.i8", path);
    assert_ok(index_create(&writer, path, &options, &err));
    add_pictures(writer, 0, COUNT);
    assert_ok(index_prepare(writer, &two, &err));
    write_version(path, 1);

    assert_ok(index_open(&reader, path, INDEX_READ, NULL, &err));
    assert_ok(index_prepare_reader(reader, &two, &err)); /* somebody writes */
    assert_ok(index_searcher_open(&searcher, reader, device, &err));
    expect_found(searcher, reader, 9000);
    whole_blocks_are_coded(searcher, 0);
    add_pictures(writer, COUNT, 3000);
    index_free(writer);

    assert_ok(index_prepare_reader(reader, &two, &err)); /* and of those that were added since */
    expect_found(searcher, reader, COUNT + 2000);
    whole_blocks_are_coded(searcher, COUNT + 3000);
    expect_same_without_codes(searcher, reader, path);

    assert_int_equal(unlink(codes), 0);
    assert_int_equal(mkdir(codes, 0777), 0); /* a file that cannot be made is no error */
    assert_ok(index_prepare_reader(reader, &two, &err));
    index_searcher_free(searcher);
    index_free(reader);
}

/* A thread's share is not to be seen in what is found. */
static void any_number_of_threads_finds_the_same(void **state)
{
    (void)state;
    enum { QUERIES = 9, DEEP = 3000 };
    const struct index_options options = {.model = "m", .fingerprint = "f", .width = WIDTH};
    struct index_searcher *searcher;
    struct index *index;
    struct index_rows rows;
    static struct index_hit first[QUERIES * DEEP], hits[QUERIES * DEEP];
    size_t counts[QUERIES];
    float queries[QUERIES][WIDTH];
    for (uint64_t i = 0; i < QUERIES; i++)
        make_vector(queries[i], WIDTH, 100 * i);
    assert_ok(index_create(&index, scratch_path("threads.dip"), &options, &err));
    add_pictures(index, 0, COUNT);
    assert_ok(index_prepare(index, &two, &err));
    assert_ok(index_searcher_open(&searcher, index, device, &err));
    assert_ok(index_rows(&rows, index, NULL, &err));
    for (int threads = 0; threads < 6; threads++) {
        const struct job job = {.threads = threads};
        assert_ok(index_search(
            searcher, &rows, queries[0], QUERIES, DEEP, threads ? hits : first, counts, &job, &err));
        for (size_t q = 0; q < QUERIES; q++)
            assert_int_equal(counts[q], DEEP);
        for (size_t i = 0; i < QUERIES * DEEP && threads; i++)
            assert_true(hits[i].row == first[i].row && !memcmp(&hits[i].score, &first[i].score, 8));
    }
    index_rows_release(&rows);
    index_searcher_free(searcher);
    index_free(index);
}

static void an_empty_index(void **state)
{
    (void)state;
    const struct index_options options = {.model = "m", .fingerprint = "f", .width = WIDTH};
    struct index_searcher *searcher;
    struct index *index;
    struct index_rows rows;
    struct index_hit hits[K];
    float query[WIDTH] = {1};
    size_t count = 99;
    assert_ok(index_create(&index, scratch_path("empty.dip"), &options, &err));
    assert_ok(index_searcher_open(&searcher, index, device, &err));
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_ok(index_search(searcher, &rows, query, 1, K, hits, &count, NULL, &err));
    assert_int_equal(count, 0);
    index_rows_release(&rows);
    index_searcher_free(searcher);
    index_free(index);
}

static int open_device(void **state)
{
    (void)state;
    if (device_open(&device, &(struct device_options){0}, &err))
        fail_msg("%s", err.msg);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    device_free(device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_storage),
        cmocka_unit_test(rows_added_since_are_found_by_their_codes),
        cmocka_unit_test(readers_make_codes_anew),
        cmocka_unit_test(any_number_of_threads_finds_the_same),
        cmocka_unit_test(an_empty_index),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
