// SPDX-License-Identifier: Apache-2.0
/* What one learns from an index: outliers and map against numpy, near duplicates against scipy (tests/golden/analysis.py),
 * clusters and duplicates against what was put in. */
#include "compute/compute.h"
#include "index/linkage.h"

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
    assert_ok(index_duplicates(&groups, searcher, &rows, -2, NULL, &err)); /* everything is near */
    assert_int_equal(groups.count, 1);
    assert_int_equal(groups.ends[0], rows.chosen);
    index_groups_release(&groups);
    index_rows_release(&rows);
    index_searcher_free(searcher);
    index_free(index);
    device_free(device);
}

/* An index of golden vectors, or of others, and what finds duplicates in it. */
struct searched {
    struct device *device;
    struct index *index;
    struct index_searcher *searcher;
    struct index_rows rows;
};

static void open_searched(struct searched *s, const char *name, enum index_storage storage,
    const float *vectors, size_t count, size_t width)
{
    const struct index_options options = {
        .model = "m", .fingerprint = "f", .width = width, .storage = storage};
    assert_ok(device_open(&s->device, &(struct device_options){0}, &err));
    assert_ok(index_create(&s->index, scratch_path(name), &options, &err));
    for (size_t i = 0; i < count; i++)
        assert_ok(index_add(s->index, &(struct index_item){.kind = INDEX_TEXT, .caption = "words"},
            vectors + i * width, 1, &err));
    assert_ok(index_commit(s->index, &err));
    assert_ok(index_searcher_open(&s->searcher, s->index, s->device, &err));
    assert_ok(index_rows(&s->rows, s->index, NULL, &err));
}

static void close_searched(struct searched *s)
{
    index_rows_release(&s->rows);
    index_searcher_free(s->searcher);
    index_free(s->index);
    device_free(s->device);
}

/* group (rows): a number for each row, the same for those of one group, from 1 on; 0 for a row of none. */
static void number_groups(size_t *group, const struct index_groups *groups, size_t rows)
{
    memset(group, 0, rows * sizeof *group);
    for (size_t g = 0, i = 0; g < groups->count; g++)
        for (; i < groups->ends[g]; i++)
            group[groups->rows[i]] = g + 1;
}

static void duplicates_are_scipys(void **state)
{
    (void)state;
    static const size_t most[] = {SIZE_MAX / 2, 100, 7, 1};
    float vectors[COUNT][WIDTH];
    json_t *root = golden(vectors), *thresholds = json_object_get(root, "thresholds");
    struct searched s;
    size_t group[COUNT], together = 0;
    open_searched(&s, "scipy.dip", INDEX_F32, vectors[0], COUNT, WIDTH);
    for (size_t t = 0; t < json_array_size(thresholds); t++)
        for (size_t m = 0; m < sizeof most / sizeof *most; m++) {
            const json_t *labels = json_array_get(json_object_get(root, "groups"), t);
            const double threshold = json_number_value(json_array_get(thresholds, t));
            struct index_groups groups;
            assert_ok(duplicates_find(&groups, s.searcher, &s.rows, threshold, most[m], NULL, &err));
            number_groups(group, &groups, COUNT);
            for (size_t i = 0; i < COUNT; i++)
                for (size_t j = 0; j < i; j++) {
                    const bool same = json_equal(json_array_get(labels, i), json_array_get(labels, j));
                    together += same;
                    if (same != (group[i] && group[i] == group[j]))
                        fail_msg("at %g, of %zu pairs: rows %zu and %zu", threshold, most[m], i, j);
                }
            index_groups_release(&groups);
        }
    assert_true(together > 1000);
    close_searched(&s);
    json_decref(root);
}

/* Crowds of near and of equal vectors: two of a group are always near, the score is the highest in the group, no two
 * groups could be one, and memory for few pairs at a time changes nothing. */
static void groups_are_whole(void **state)
{
    (void)state;
    enum { CROWDS = 6, EACH = 50, ALL = CROWDS * EACH, WIDE = 16 };
    static float vectors[ALL][WIDE], stored[ALL][WIDE];
    const double threshold = 0.95;
    int64_t rows[ALL];
    static bool apart[2 * ALL][2 * ALL];
    size_t group[ALL], limited[ALL], unit[ALL];
    struct index_groups groups;
    struct searched s;
    for (uint64_t i = 0; i < ALL; i++) {
        float noise[WIDE];
        double square = 0;
        make_vector(vectors[i], WIDE, i % CROWDS);
        make_vector(noise, WIDE, 100 + (i % 5 ? i : 0)); /* every fifth of a crowd is the same */
        for (size_t e = 0; e < WIDE; e++) {
            vectors[i][e] += 0.25f * noise[e];
            square += (double)vectors[i][e] * vectors[i][e];
        }
        for (size_t e = 0; e < WIDE; e++)
            vectors[i][e] /= (float)sqrt(square);
        rows[i] = (int64_t)i;
    }
    open_searched(&s, "crowds.dip", INDEX_F16, vectors[0], ALL, WIDE);
    assert_ok(index_vectors(stored[0], s.index, rows, ALL, &err));
    assert_ok(index_duplicates(&groups, s.searcher, &s.rows, threshold, NULL, &err));
    number_groups(group, &groups, ALL);
    assert_true(groups.count > CROWDS && groups.ends[groups.count - 1] > ALL / 2);
    for (size_t g = 0, i = 0; g < groups.count; g++) {
        const size_t begin = i;
        for (; i < groups.ends[g]; i++) {
            double best = -1;
            for (size_t j = begin; j < groups.ends[g]; j++) {
                const double score = index_score(&s.rows, groups.rows[i], stored[groups.rows[j]]);
                assert_true(score >= threshold);
                best = j == i ? best : fmax(best, score);
            }
            assert_true(fabs(groups.scores[i] - index_cosine(best)) < 1e-12);
        }
    }
    for (size_t i = 0; i < ALL; i++) /* alone, it is a group of its own */
        unit[i] = group[i] ? group[i] - 1 : groups.count + i;
    for (size_t i = 0; i < ALL; i++)
        for (size_t j = 0; j < ALL; j++)
            apart[unit[i]][unit[j]] |= index_score(&s.rows, rows[i], stored[j]) < threshold;
    for (size_t i = 0; i < ALL; i++)
        for (size_t j = 0; j < i; j++)
            if (unit[i] != unit[j] && !apart[unit[i]][unit[j]])
                fail_msg("the groups of %zu and %zu could be one", i, j);
    for (size_t most = 1; most < 4000; most *= 5) {
        struct index_groups again;
        assert_ok(duplicates_find(&again, s.searcher, &s.rows, threshold, most, NULL, &err));
        number_groups(limited, &again, ALL);
        assert_memory_equal(limited, group, sizeof group);
        index_groups_release(&again);
    }
    index_groups_release(&groups);
    close_searched(&s);
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
        cmocka_unit_test(duplicates_are_scipys),
        cmocka_unit_test(groups_are_whole),
        cmocka_unit_test(identical_items_are_grouped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
