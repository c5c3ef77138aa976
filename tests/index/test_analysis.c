// SPDX-License-Identifier: Apache-2.0
/* What one learns from an index: outliers and map against numpy (tests/golden/analysis.py), clusters and
 * duplicates against what was put in. */
#include "compute/compute.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

static const struct job one = {.threads = 1}, two = {.threads = 2};

static struct err err;

/* ---- against numpy ------------------------------------------------------------------------------------- */

enum { COUNT = 60, WIDTH = 8 };

static json_t *golden(float vectors[COUNT][WIDTH])
{
    json_t *root;
    assert_ok(json_read(&root, DIPTYCH_ROOT "/tests/golden/analysis.json", 1 << 20, &err));
    for (size_t i = 0; i < COUNT; i++)
        for (size_t e = 0; e < WIDTH; e++)
            vectors[i][e] = (float)json_number_value(
                json_array_get(json_array_get(json_object_get(root, "vectors"), i), e));
    return root;
}

static void expect_number(double got, const json_t *list, size_t i, double limit)
{
    const double expected = json_number_value(json_array_get(list, i));
    if (!(fabs(got - expected) <= limit))
        fail_msg("number %zu is %.17g, expected %.17g", i, got, expected);
}

static void outliers_are_numpys(void **state)
{
    (void)state;
    float vectors[COUNT][WIDTH];
    double similarities[COUNT], tails[COUNT];
    size_t order[COUNT];
    json_t *root = golden(vectors);
    assert_ok(embedding_outliers(similarities, tails, order, vectors[0], COUNT, WIDTH, 1, &two, &err));
    for (size_t i = 0; i < COUNT; i++) {
        expect_number(similarities[i], json_object_get(root, "similarities"), i, 1e-14);
        expect_number(tails[i], json_object_get(root, "tails"), i, 1e-14);
    }
    assert_true(tails[7] < 0.05 && tails[8] > 0.05);
    for (size_t i = 1; i < COUNT; i++)
        assert_true(similarities[order[i - 1]] <= similarities[order[i]]);
    assert_int_equal(order[0], 7);
    json_decref(root);
    assert_err(embedding_outliers(similarities, tails, order, vectors[0], 2, WIDTH, 1, &two, &err),
        ERR_ARGUMENT, "too few");
}

/* More than 4 million pairs are sampled; their distribution is close to that of all. */
static void outliers_of_many(void **state)
{
    (void)state;
    enum { MANY = 3000, WIDE = 4 };
    float *vectors = malloc(MANY * WIDE * sizeof *vectors);
    double *similarities = malloc(MANY * sizeof(double)), *tails = malloc(MANY * sizeof(double)),
           *again = malloc(MANY * sizeof(double));
    size_t *order = malloc(MANY * sizeof *order);
    size_t below = 0, pairs = 0;
    for (size_t i = 0; i < MANY; i++)
        make_vector(vectors + i * WIDE, WIDE, i);
    assert_ok(embedding_outliers(similarities, tails, order, vectors, MANY, WIDE, 5, &one, &err));
    assert_ok(embedding_outliers(similarities, again, order, vectors, MANY, WIDE, 5, &two, &err));
    assert_memory_equal(tails, again, MANY * sizeof *tails);
    for (size_t a = 0; a < MANY; a++)
        for (size_t b = 0; b < a; b++, pairs++) {
            double cosine = 0;
            for (size_t e = 0; e < WIDE; e++)
                cosine += (double)vectors[a * WIDE + e] * vectors[b * WIDE + e];
            below += cosine < similarities[0];
        }
    assert_true(fabs(tails[0] - (double)below / (double)pairs) < 2e-3); /* 5 sigma: 2.5e-4 each */
    free(again);
    free(order);
    free(tails);
    free(similarities);
    free(vectors);
}

static void map_is_numpys(void **state)
{
    (void)state;
    float vectors[COUNT][WIDTH], points[COUNT][2];
    double explained[2];
    json_t *root = golden(vectors);
    assert_ok(embedding_map(points[0], explained, vectors[0], COUNT, WIDTH, 1, &two, &err));
    expect_number(explained[0], json_object_get(root, "explained"), 0, 1e-10);
    expect_number(explained[1], json_object_get(root, "explained"), 1, 1e-10);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t p = 0; p < 2; p++)
            expect_number((double)points[i][p], json_array_get(json_object_get(root, "points"), i), p, 2e-6);
    json_decref(root);
}

static void map_of_few_directions(void **state)
{
    (void)state;
    float line[5][3] = {{0, 0, 0}, {1, 2, 0}, {2, 4, 0}, {3, 6, 0}, {4, 8, 0}}, points[5][2];
    double explained[2];
    assert_ok(embedding_map(points[0], explained, line[0], 5, 3, 1, &one, &err));
    assert_true(fabs(explained[0] - 1) < 1e-12 && fabs(explained[1]) < 1e-12);
    for (size_t i = 0; i < 5; i++)
        assert_true(
            fabs((double)points[i][0] - ((double)i - 2) * sqrt(5)) < 1e-6 && fabsf(points[i][1]) < 1e-6f);
    memset(line, 0, sizeof line);
    assert_ok(embedding_map(points[0], explained, line[0], 5, 3, 1, &one, &err));
    assert_true(explained[0] == 0 && points[4][0] == 0);
}

/* ---- clusters ------------------------------------------------------------------------------------------ */

/* Vector i is near direction i % 3, of which the first has most. */
static void clusters_are_found(void **state)
{
    (void)state;
    enum { MANY = 300, WIDE = 6, K = 3 };
    float vectors[MANY][WIDE], centroids[K][WIDE], noise[WIDE];
    size_t clusters[MANY], again[MANY];
    double similarity;
    for (size_t i = 0; i < MANY; i++) {
        double square = 0;
        make_vector(noise, WIDE, i);
        for (size_t e = 0; e < WIDE; e++) {
            vectors[i][e] = 0.1f * noise[e] + (e == (i < 200 ? 0 : i < 270 ? 1 : 2));
            square += (double)vectors[i][e] * vectors[i][e];
        }
        for (size_t e = 0; e < WIDE; e++)
            vectors[i][e] /= (float)sqrt(square);
    }
    assert_ok(
        embedding_clusters(clusters, centroids[0], &similarity, vectors[0], MANY, WIDE, K, 3, &two, &err));
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(clusters[i], i < 200 ? 0 : i < 270 ? 1 : 2);
    for (size_t k = 0; k < K; k++)
        assert_true(centroids[k][k] > 0.99f);
    assert_true(similarity > 0.98 && similarity < 1);
    assert_ok(embedding_clusters(again, centroids[0], &similarity, vectors[0], MANY, WIDE, K, 3, &one, &err));
    assert_memory_equal(again, clusters, sizeof again);
}

/* As many clusters as vectors, some of them equal: each has its own. */
static void clusters_are_never_empty(void **state)
{
    (void)state;
    float vectors[4][2] = {{1, 0}, {1, 0}, {1, 0}, {0, 1}}, centroids[4][2];
    size_t clusters[4];
    bool seen[4] = {false};
    double similarity;
    for (uint64_t seed = 0; seed < 20; seed++) {
        memset(seen, 0, sizeof seen);
        assert_ok(
            embedding_clusters(clusters, centroids[0], &similarity, vectors[0], 4, 2, 4, seed, &one, &err));
        for (size_t i = 0; i < 4; i++) {
            assert_false(seen[clusters[i]]);
            seen[clusters[i]] = true;
        }
        assert_true(fabs(similarity - 1) < 1e-6);
    }
    assert_err(embedding_clusters(clusters, centroids[0], &similarity, vectors[0], 4, 2, 5, 0, &one, &err),
        ERR_ARGUMENT, "4 vectors do not make 5 clusters");
}

/* ---- duplicates ---------------------------------------------------------------------------------------- */

static void duplicates_are_grouped(void **state)
{
    (void)state;
    enum { WIDE = 16 };
    const struct index_options options = {
        .model = "m", .fingerprint = "f", .width = WIDE, .storage = INDEX_F32};
    struct device *device;
    struct index *index;
    struct index_searcher *searcher;
    struct index_rows rows;
    struct index_groups groups;
    assert_ok(device_open(&device, &(struct device_options){0}, &err));
    assert_ok(index_create(&index, scratch_path("duplicates.dip"), &options, &err));
    for (uint64_t i = 0; i < 200; i++)
        add_picture(index, i < 100 ? i : i == 150 ? 3 : 1000 + i); /* row 150 takes picture 3's place */
    for (uint64_t i = 0; i < 100; i++)
        add_text(index, "the same", 5000); /* more than a query asks for at first */
    add_text(index, "as picture 9", 9);
    assert_ok(index_commit(index, &err));
    assert_ok(index_searcher_open(&searcher, index, device, &err));
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_ok(index_duplicates(&groups, searcher, &rows, 0.999, NULL, &err));
    assert_int_equal(groups.count, 2);
    assert_int_equal(groups.ends[0], 2);
    assert_int_equal(groups.rows[0], 9);
    assert_int_equal(groups.rows[1], 300);
    assert_int_equal(groups.ends[1], 102);
    for (size_t i = 2; i < 102; i++)
        assert_true(groups.rows[i] == (int64_t)(198 + i) && groups.scores[i] > 0.999999);
    index_groups_release(&groups);
    assert_ok(index_duplicates(&groups, searcher, &rows, -1, NULL, &err)); /* everything is near */
    assert_int_equal(groups.count, 1);
    assert_int_equal(groups.ends[0], rows.chosen);
    index_groups_release(&groups);
    index_rows_release(&rows);
    index_searcher_free(searcher);
    index_free(index);
    device_free(device);
}

static void add_hashed(struct index *index, enum index_kind kind, const char *hash, uint64_t number)
{
    enum { WIDE = 16 };
    float vector[WIDE];
    struct index_item item = {.kind = kind, .hash = hash, .caption = "words"};
    make_vector(vector, WIDE, number);
    assert_ok(index_add(index, &item, vector, 1, &err));
}

/* Groups by content are apart even where all vectors are the same, and together where none are. */
static void identical_items_are_grouped(void **state)
{
    (void)state;
    const struct index_options options = {.model = "m", .fingerprint = "f", .width = 16};
    const struct index_filter later = {.where = "id > 2"};
    struct index *index;
    struct index_rows rows;
    struct index_groups groups;
    assert_ok(index_create(&index, scratch_path("identical.dip"), &options, &err));
    add_hashed(index, INDEX_IMAGE, "b", 1);
    add_hashed(index, INDEX_IMAGE, "a", 1);
    add_hashed(index, INDEX_TEXT, "a", 1);
    add_hashed(index, INDEX_IMAGE, "a", 2);
    add_hashed(index, INDEX_IMAGE, NULL, 1);
    add_hashed(index, INDEX_IMAGE, "b", 1);
    add_hashed(index, INDEX_IMAGE, NULL, 1);
    add_hashed(index, INDEX_IMAGE, "a", 3);
    assert_ok(index_commit(index, &err));
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_ok(index_identical(&groups, index, &rows, NULL, &err));
    assert_int_equal(groups.count, 2);
    assert_int_equal(groups.ends[0], 2);
    assert_int_equal(groups.ends[1], 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(groups.rows[i], ((const int64_t[]){0, 5, 1, 3, 7})[i]);
        assert_true(groups.scores[i] == 1);
    }
    index_groups_release(&groups);
    index_rows_release(&rows);
    assert_ok(index_rows(&rows, index, &later, &err));
    assert_ok(index_identical(&groups, index, &rows, NULL, &err));
    assert_int_equal(groups.count, 1);
    assert_int_equal(groups.ends[0], 2);
    assert_int_equal(groups.rows[0], 3);
    assert_int_equal(groups.rows[1], 7);
    index_groups_release(&groups);
    index_rows_release(&rows);
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outliers_are_numpys),
        cmocka_unit_test(outliers_of_many),
        cmocka_unit_test(map_is_numpys),
        cmocka_unit_test(map_of_few_directions),
        cmocka_unit_test(clusters_are_found),
        cmocka_unit_test(clusters_are_never_empty),
        cmocka_unit_test(duplicates_are_grouped),
        cmocka_unit_test(identical_items_are_grouped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
