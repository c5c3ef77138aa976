// SPDX-License-Identifier: Apache-2.0
/* Real vectors: CLIP ViT-B/32's of the 1203 class names of LVIS, halves of length about 10, put into an index
 * of each storage. Searching with each of them must find what float64 finds among the stored vectors, in that
 * order; and the violin's neighbours are what one expects of it. */
#include "compute/compute.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/matrix.h"
#include "tests/index/synthetic.h"

static const struct job two = {.threads = 2};

#define EMBEDDINGS DIPTYCH_FIXTURES "/embeddings/"

enum { COUNT = 1203, WIDTH = 512, K = 10 };

static struct err err;
static struct device *device;
static json_t *names; /* an array of {"name": ...} */
static float vectors[COUNT * WIDTH];

static const char *name_of(int64_t row)
{
    return json_string_value(json_object_get(json_array_get(names, (size_t)row), "name"));
}

static void normalise(float *vector)
{
    double squares = 0;
    for (size_t e = 0; e < WIDTH; e++)
        squares += (double)vector[e] * (double)vector[e];
    for (size_t e = 0; e < WIDTH; e++)
        vector[e] = (float)((double)vector[e] / sqrt(squares));
}

static void load_fixtures(void)
{
    struct matrix_file file;
    char *bytes;
    size_t size;
    assert_ok(matrix_file_open(&file, EMBEDDINGS "lvis_v1_clip_a+cname.npy", &err));
    assert_true(file.element == ELEMENT_F16 && file.count == COUNT && file.width == WIDTH);
    matrix_file_rows(vectors, &file, 0, COUNT);
    matrix_file_release(&file);
    for (size_t i = 0; i < COUNT; i++)
        normalise(vectors + i * WIDTH);
    assert_ok(file_read(&bytes, &size, EMBEDDINGS "lvis_v1_train_cat_info.json", SIZE_MAX, &err));
    assert_ok(json_parse_value(&names, bytes, size, "names", &err));
    assert_int_equal(json_array_size(names), COUNT);
    free(bytes);
}

static struct index *make_index(enum index_storage storage)
{
    const struct index_options options = {
        .model = "ViT-B/32", .fingerprint = "f", .width = WIDTH, .storage = storage};
    static struct index_item items[COUNT];
    struct index *index;
    for (size_t i = 0; i < COUNT; i++)
        items[i] = (struct index_item){.kind = INDEX_TEXT, .caption = name_of((int64_t)i)};
    assert_ok(index_create(&index, scratch_path(index_storage_names[storage]), &options, &err));
    assert_ok(index_add(index, items, vectors, COUNT, &err));
    assert_ok(index_commit(index, &err));
    assert_ok(index_prepare(index, &two, &err));
    return index;
}

/* stored (COUNT, E): the vectors as they are kept, i8 as a code and a scale. */
static void load_stored(double *stored, const struct index_rows *rows)
{
    for (size_t i = 0; i < COUNT * WIDTH; i++) {
        const uint8_t *row = (const uint8_t *)rows->data + i / WIDTH * rows->stride;
        const size_t e = i % WIDTH;
        float number;
        uint16_t half;
        memcpy(&number, row + (rows->storage == INDEX_F32 ? e * sizeof number : WIDTH), sizeof number);
        memcpy(&half, row + (rows->storage == INDEX_F16 ? e * sizeof half : 0), sizeof half);
        stored[i] = rows->storage == INDEX_F32   ? (double)number
                    : rows->storage == INDEX_F16 ? (double)f16_to_f32(half)
                                                 : (double)number * (int8_t)row[e];
    }
}

/* The K best rows for a query among stored (COUNT, E), ties by row. */
static void best_rows(struct index_hit hits[K], const double *stored, const float *query)
{
    size_t count = 0;
    for (int64_t row = 0; row < COUNT; row++) {
        double score = 0;
        for (size_t e = 0; e < WIDTH; e++)
            score += stored[(size_t)row * WIDTH + e] * (double)query[e];
        size_t at = count;
        while (at && hits[at - 1].score < score)
            at--;
        if (at == K)
            continue;
        count += count < K;
        memmove(hits + at + 1, hits + at, (count - at - 1) * sizeof *hits);
        hits[at] = (struct index_hit){row, score};
    }
}

/* What faiss 1.15's IndexFlatIP finds for the same vectors. */
static void expect_neighbours_of_violin(const struct index_hit *hits)
{
    static const char *const expected[K] = {"violin", "guitar", "gun", "musical_instrument", "rifle",
        "pistol", "sword", "alcohol", "saxophone", "liquor"};
    for (size_t i = 0; i < K; i++)
        assert_string_equal(name_of(hits[i].row), expected[i]);
}

static void finds_what_float64_finds(void **state)
{
    const enum index_storage *storage = *state;
    static struct index_hit hits[COUNT * K];
    static size_t counts[COUNT];
    static double stored[COUNT * WIDTH];
    bool violin = false;
    struct index *index = make_index(*storage);
    struct index_searcher *searcher;
    struct index_rows rows;
    assert_ok(index_searcher_open(&searcher, index, device, &err));
    assert_ok(index_rows(&rows, index, NULL, &err));
    load_stored(stored, &rows);
    assert_ok(index_search(searcher, &rows, vectors, COUNT, K, hits, counts, NULL, &err));
    for (size_t q = 0; q < COUNT; q++) {
        struct index_hit expected[K];
        best_rows(expected, stored, vectors + q * WIDTH);
        assert_int_equal(counts[q], K);
        for (size_t i = 0; i < K; i++) {
            assert_int_equal(hits[q * K + i].row, expected[i].row);
            assert_true(fabs(hits[q * K + i].score - expected[i].score) < 1e-12);
        }
        if (!strcmp(name_of((int64_t)q), "violin")) {
            expect_neighbours_of_violin(&hits[q * K]);
            violin = true;
        }
    }
    assert_true(violin);
    index_rows_release(&rows);
    index_searcher_free(searcher);
    index_free(index);
}

int main(void)
{
    static enum index_storage storages[] = {INDEX_F32, INDEX_F16, INDEX_I8};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(finds_what_float64_finds, &storages[0]),
        cmocka_unit_test_prestate(finds_what_float64_finds, &storages[1]),
        cmocka_unit_test_prestate(finds_what_float64_finds, &storages[2]),
    };
    if (!file_exists(EMBEDDINGS)) {
        printf("no %s: searches among real vectors are not tested\n", EMBEDDINGS);
        return 77; /* skipped, for ctest */
    }
    if (device_open(&device, &(struct device_options){0}, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    load_fixtures();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(names);
    device_free(device);
    return failed;
}
