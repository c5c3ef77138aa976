// SPDX-License-Identifier: Apache-2.0
/* Matrices in files: read as numpy, faiss and others wrote them, written byte for byte as they do
 * (tests/golden/matrices.py), and damaged ones. */
#include "index/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#define GOLDEN DIPTYCH_ROOT "/tests/golden/matrices/"

enum { COUNT = 5, WIDTH = 3 };

static struct err err;

static float element(size_t i)
{
    return ((float)i - 7) / 4;
}

static void expect_rows(const char *path, enum matrix_element kind)
{
    struct matrix_file file;
    float rows[COUNT * WIDTH];
    assert_ok(matrix_file_open(&file, path, &err));
    assert_int_equal(file.count, COUNT);
    assert_int_equal(file.width, WIDTH);
    assert_int_equal(file.element, kind);
    assert_null(file.ids);
    matrix_file_rows(rows, &file, 0, COUNT);
    for (size_t i = 0; i < COUNT * WIDTH; i++)
        assert_true(rows[i] == element(i));
    matrix_file_rows(rows, &file, 3, 2);
    assert_true(rows[0] == element(9) && rows[5] == element(14));
    matrix_file_release(&file);
}

/* Row i of the file is row order[i] of those that were written, under ids[i]. */
static void expect_named(const char *path, enum matrix_element kind, const size_t *order, const int64_t *ids)
{
    struct matrix_file file;
    float row[WIDTH];
    assert_ok(matrix_file_open(&file, path, &err));
    assert_int_equal(file.count, COUNT);
    assert_int_equal(file.width, WIDTH);
    assert_int_equal(file.element, kind);
    assert_memory_equal(file.ids, ids, COUNT * sizeof *ids);
    for (int64_t i = 0; i < COUNT; i++) {
        matrix_file_rows(row, &file, i, 1);
        for (size_t e = 0; e < WIDTH && kind != ELEMENT_I8; e++)
            assert_true(row[e] == element(order[i] * WIDTH + e));
    }
    matrix_file_release(&file);
}

static void reads_what_others_write(void **state)
{
    (void)state;
    struct matrix_file file;
    expect_rows(GOLDEN "f4.npy", ELEMENT_F32);
    expect_rows(GOLDEN "f2.npy", ELEMENT_F16);
    expect_rows(GOLDEN "f8.npy", ELEMENT_F64);
    expect_rows(GOLDEN "version2.npy", ELEMENT_F32);
    expect_rows(GOLDEN "fortran.npy", ELEMENT_F32);
    expect_rows(GOLDEN "big.npy", ELEMENT_F32);
    expect_rows(GOLDEN "big_fortran.npy", ELEMENT_F16);
    expect_rows(GOLDEN "ip.faiss", ELEMENT_F32);
    expect_rows(GOLDEN "l2.faiss", ELEMENT_F32);
    expect_rows(GOLDEN "hnsw.faiss", ELEMENT_F32);
    expect_rows(GOLDEN "f32.pgvector", ELEMENT_F32);
    expect_rows(GOLDEN "f16.pgvector", ELEMENT_F16);
    assert_ok(matrix_file_open(&file, GOLDEN "none.npy", &err));
    assert_int_equal(file.count, 0);
    matrix_file_release(&file);
}

static void reads_ids_and_keys(void **state)
{
    (void)state;
    static const size_t as_added[COUNT] = {0, 1, 2, 3, 4}, by_key[COUNT] = {1, 4, 0, 2, 3};
    static const int64_t ids[COUNT] = {10, 7, -3, INT64_C(1) << 40, 5},
                         keys[COUNT] = {1, 2, 3, 4, INT64_C(1) << 40};
    static const float codes[WIDTH] = {-94, -70, -47}; /* 127 * (-1, -0.75, -0.5) / length, cut */
    expect_named(GOLDEN "ids.faiss", ELEMENT_F32, as_added, ids);
    expect_named(GOLDEN "ids2.faiss", ELEMENT_F32, as_added, ids);
    expect_named(GOLDEN "ids_hnsw.faiss", ELEMENT_F32, as_added, ids);
    expect_named(GOLDEN "f64.usearch", ELEMENT_F64, by_key, keys);
    expect_named(GOLDEN "f32.usearch", ELEMENT_F32, by_key, keys);
    expect_named(GOLDEN "f16.usearch", ELEMENT_F16, by_key, keys);
    expect_named(GOLDEN "bf16.usearch", ELEMENT_BF16, by_key, keys);
    expect_named(GOLDEN "i8.usearch", ELEMENT_I8, by_key, keys);
    expect_named(GOLDEN "removed.usearch", ELEMENT_F32, by_key, keys);
    struct matrix_file file;
    float row[WIDTH];
    assert_ok(matrix_file_open(&file, GOLDEN "i8.usearch", &err));
    matrix_file_rows(row, &file, 0, 1);
    assert_memory_equal(row, codes, sizeof row);
    matrix_file_release(&file);
}

/* An IndexIDMap of an IndexIDMap: the outer ids hold. */
static void the_outer_ids_hold(void **state)
{
    (void)state;
    enum { HEADER = 37, IDS = COUNT * sizeof(int64_t), LENGTH = 8 };
    static const size_t as_added[COUNT] = {0, 1, 2, 3, 4};
    static const int64_t outer[COUNT] = {5, 4, 3, 2, 1};
    const char *path = DIPTYCH_SCRATCH "/twice.faiss";
    size_t size;
    char *bytes;
    assert_ok(file_read(&bytes, &size, GOLDEN "ids.faiss", 1 << 20, &err));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(bytes, 1, HEADER, file);
    fwrite(bytes, 1, size, file);
    fwrite(bytes + size - IDS - LENGTH, 1, LENGTH, file);
    fwrite(outer, 1, IDS, file);
    assert_int_equal(fclose(file), 0);
    free(bytes);
    expect_named(path, ELEMENT_F32, as_added, outer);
}

static void refuses_other_kinds(void **state)
{
    (void)state;
    struct matrix_file file;
    assert_err(matrix_file_open(&file, GOLDEN "i4.npy", &err), ERR_UNSUPPORTED,
        "not float16, float32 or float64: '<i4'");
    assert_err(matrix_file_open(&file, GOLDEN "vector.npy", &err), ERR_UNSUPPORTED, "no matrix");
    assert_err(matrix_file_open(&file, GOLDEN "cube.npy", &err), ERR_UNSUPPORTED, "no matrix");
    assert_err(matrix_file_open(&file, GOLDEN "sq.faiss", &err), ERR_UNSUPPORTED, "IndexScalarQuantizer");
    assert_err(matrix_file_open(&file, GOLDEN "l1.faiss", &err), ERR_UNSUPPORTED, "not known here");
    assert_err(matrix_file_open(&file, GOLDEN "e5m2.usearch", &err), ERR_UNSUPPORTED, "index of e5m2");
    assert_err(matrix_file_open(&file, DIPTYCH_ROOT "/README.md", &err), ERR_UNSUPPORTED, "neither numpy's");
    assert_err(matrix_file_open(&file, GOLDEN "no.npy", &err), ERR_IO, "no.npy");
}

static void write_rows(
    const char *path, enum matrix_format format, bool half, size_t announced, bool keep, int rc)
{
    struct matrix_writer *writer;
    float rows[COUNT * WIDTH];
    for (size_t i = 0; i < COUNT * WIDTH; i++)
        rows[i] = element(i);
    assert_ok(matrix_writer_open(&writer, path, format, (int64_t)announced, WIDTH, half, &err));
    assert_ok(matrix_writer_add(writer, rows, 2, &err));
    assert_ok(matrix_writer_add(writer, rows + 2 * WIDTH, COUNT - 2, &err));
    assert_int_equal(matrix_writer_close(writer, keep, &err), rc);
}

static char *bytes_of(size_t *size, const char *path)
{
    char *bytes;
    assert_ok(file_read(&bytes, size, path, 1 << 20, &err));
    return bytes;
}

static void expect_same_file(const char *path, const char *golden)
{
    size_t size, golden_size;
    char *bytes = bytes_of(&size, path), *expected = bytes_of(&golden_size, golden);
    assert_int_equal(size, golden_size);
    assert_memory_equal(bytes, expected, size);
    free(expected);
    free(bytes);
}

static void writes_what_others_write(void **state)
{
    (void)state;
    const char *path = DIPTYCH_SCRATCH "/written";
    write_rows(path, MATRIX_NPY, false, COUNT, true, 0);
    expect_same_file(path, GOLDEN "f4.npy");
    write_rows(path, MATRIX_NPY, true, COUNT, true, 0);
    expect_same_file(path, GOLDEN "f2.npy");
    write_rows(path, MATRIX_FAISS, false, COUNT, true, 0);
    expect_same_file(path, GOLDEN "ip.faiss");

    write_rows(path, MATRIX_NPY, false, COUNT, false, 0); /* thrown away: what was there stays */
    expect_same_file(path, GOLDEN "ip.faiss");
    write_rows(path, MATRIX_NPY, false, COUNT + 1, true, ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "1 rows are missing"));
    expect_same_file(path, GOLDEN "ip.faiss");
    struct matrix_writer *writer;
    assert_err(
        matrix_writer_open(&writer, path, MATRIX_FAISS, 1, 1, true, &err), ERR_ARGUMENT, "float32 only");
    assert_err(matrix_writer_open(&writer, "/dev/null", MATRIX_NPY, 1, 1, false, &err), ERR_IO,
        "not a regular file");
}

/* Cut anywhere, a file is refused; with any byte of it changed it is refused or read within its bounds. */
static void damaged_files(void **state)
{
    (void)state;
    static const char *const names[] = {GOLDEN "f4.npy", GOLDEN "f2.npy", GOLDEN "version2.npy",
        GOLDEN "big_fortran.npy", GOLDEN "ip.faiss", GOLDEN "ids_hnsw.faiss", GOLDEN "bf16.usearch",
        GOLDEN "f16.pgvector"};
    const char *path = DIPTYCH_SCRATCH "/damaged";
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        size_t size;
        char *bytes = bytes_of(&size, names[n]);
        for (size_t cut = 0; cut < size; cut++) {
            FILE *file = fopen(path, "wb");
            assert_int_equal(fwrite(bytes, 1, cut, file), cut);
            assert_int_equal(fclose(file), 0);
            struct matrix_file matrix;
            assert_int_not_equal(matrix_file_open(&matrix, path, &err), 0);
        }
        for (size_t at = 0; at < size; at++) {
            const char before = bytes[at];
            bytes[at] = (char)0xff;
            FILE *file = fopen(path, "wb");
            assert_int_equal(fwrite(bytes, 1, size, file), size);
            assert_int_equal(fclose(file), 0);
            bytes[at] = before;
            struct matrix_file matrix;
            if (!matrix_file_open(&matrix, path, &err)) {
                float row[64];
                assert_true(matrix.width <= sizeof row / sizeof *row);
                for (int64_t i = 0; i < matrix.count; i++)
                    matrix_file_rows(row, &matrix, i, 1);
                matrix_file_release(&matrix);
            }
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_others_write),
        cmocka_unit_test(reads_ids_and_keys),
        cmocka_unit_test(the_outer_ids_hold),
        cmocka_unit_test(refuses_other_kinds),
        cmocka_unit_test(writes_what_others_write),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
