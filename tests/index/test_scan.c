// SPDX-License-Identifier: Apache-2.0
/* The scan against a plain search of every row in double, bit for bit: rows, order and scores, for every
 * storage, kind of data, way of multiplying and shape of kernel. */
#include "compute/internal.h"
#include "index/rotate.h"
#include "index/scan_batch.h"
#include "tests/index/scan_data.h"
#include "tests/support/work.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct job two = {.threads = 2};

enum { QUERIES = 9 }; /* more than are multiplied row by row */

struct setup {
    const char *name;
    struct device_options options;
    struct tuning tuning; /* lanes 0: as the device likes */
    /* What multiplies coded rows: what a scanner has itself, which on many CPUs are these instructions; plain C; kernels. */
    enum { DOTS_OWN, DOTS_PLAIN, DOTS_KERNELS } dots;
};

static const struct setup setups[] = {
    {"as the device likes", {0}, {0, 0}, DOTS_OWN},
    {"plain C", {0}, {0, 0}, DOTS_PLAIN},
    {"float32", {.precision = "f32"}, {0, 0}, DOTS_KERNELS},
    {"float16", {.precision = "f16"}, {0, 0}, DOTS_KERNELS},
    {"CLBlast and kernels as on a GPU", {.gemm = "clblast", .precision = "f32"}, {16, 1}, DOTS_KERNELS},
    {"kernels as on a GPU", {.precision = "f32"}, {16, 1}, DOTS_KERNELS},
    {"kernels as on a CPU", {.precision = "bf16"}, {1, 32}, DOTS_KERNELS},
};

enum { SETUPS = 5, SETUPS_ALL = sizeof setups / sizeof *setups }; /* the others are test_ends' */

static struct device *devices[SETUPS_ALL];
static struct scanner *scanners[SETUPS_ALL];
static const char codes_path[] = DIPTYCH_SCRATCH "/codes";

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* ---- the plain search ---------------------------------------------------------------------------------- */

static double plain_score(const struct index_rows *rows, size_t row, const float *q)
{
    const uint8_t *bytes = (const uint8_t *)rows->data + row * rows->stride;
    double p[8] = {0};
    float scale = 1;
    for (size_t i = 0; i < rows->width; i++) {
        double value;
        if (rows->storage == INDEX_F32)
            value = ((const float *)bytes)[i];
        else if (rows->storage == INDEX_F16)
            value = f16_to_f32(((const uint16_t *)bytes)[i]);
        else
            value = ((const int8_t *)bytes)[i];
        p[i % 8] += value * q[i];
    }
    if (rows->storage == INDEX_I8)
        memcpy(&scale, bytes + rows->width, sizeof scale);
    const double score = (((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))) * scale;
    return isnan(score) ? -INFINITY : score;
}

static int by_score(const void *a, const void *b)
{
    const struct index_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static size_t plain_search(struct index_hit *all, const struct index_rows *rows, const float *q)
{
    size_t count = 0;
    for (int64_t row = 0; row < rows->count; row++)
        if (!rows->mask || rows->mask[row / 64] >> row % 64 & 1)
            all[count++] = (struct index_hit){row, plain_score(rows, (size_t)row, q)};
    qsort(all, count, sizeof *all, by_score);
    return count;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/* Queries (QUERIES, E): noise, a stored row so that something is near, zeros, and extreme sizes. */
static float *queries_make(const struct index_rows *rows)
{
    float *queries = malloc(QUERIES * rows->width * sizeof *queries);
    double *vector = malloc(rows->width * sizeof *vector);
    uint64_t seed = 7;
    for (size_t q = 0; q < QUERIES; q++)
        for (size_t i = 0; i < rows->width; i++)
            queries[q * rows->width + i] = noise(&seed) * (q == 3 ? 0 : q == 4 ? 3e38f : q == 5 ? 1e-40f : 1);
    if (rows->count) {
        rows_decode(vector, rows, rows->count / 2);
        for (size_t i = 0; i < rows->width; i++)
            queries[i] = isfinite((float)vector[i]) ? (float)vector[i] : 0;
    }
    free(vector);
    return queries;
}

struct check {
    const struct index_rows *rows;
    const struct coarse *coarse;
    const float *queries;
    const char *name;
};

static void check_query(const struct check *check, size_t q, struct index_hit *all, size_t k,
    const struct index_hit *hits, size_t count, const char *setup)
{
    const size_t found = plain_search(all, check->rows, check->queries + q * check->rows->width);
    const size_t want = found < k ? found : k;
    if (count != want)
        fail_msg(
            "%s, %s: query %zu finds %zu rows for k %zu, not %zu", check->name, setup, q, count, k, want);
    for (size_t i = 0; i < want; i++)
        if (hits[i].row != all[i].row || hits[i].score != all[i].score)
            fail_msg("%s, %s: hit %zu of %zu for query %zu is row %lld (%.17g), not %lld (%.17g)",
                check->name, setup, i, k, q, (long long)hits[i].row, hits[i].score, (long long)all[i].row,
                all[i].score);
}

static void check_top(const struct check *check, size_t setup, size_t query_count, size_t k)
{
    struct index_hit *hits = calloc(query_count * k + 1, sizeof *hits);
    struct index_hit *all = malloc(((size_t)check->rows->count + 1) * sizeof *all);
    size_t counts[QUERIES];
    struct err err;
    check_ok(scan_top(scanners[setup], check->rows, check->coarse, check->queries, query_count, k, hits,
                 counts, NULL, &err),
        &err);
    for (size_t q = 0; q < query_count; q++)
        check_query(check, q, all, k, hits + q * k, counts[q], setups[setup].name);
    free(all);
    free(hits);
}

/* One and all queries; with and without codes; all rows and some. */
static void check_data(const struct index_rows *rows, size_t setup, size_t k, const char *name)
{
    const size_t words = ((size_t)rows->count + 63) / 64;
    uint64_t *mask = malloc((words + 1) * sizeof *mask);
    float *queries = queries_make(rows);
    struct index_rows some = *rows;
    struct coarse coarse;
    struct err err;
    for (size_t i = 0; i < words; i++)
        mask[i] = i % 3 ? 0x5a00ff1234567890u << i % 5 : 0x8000000000000001u;
    some.mask = mask;
    unlink(codes_path);
    check_ok(coarse_update(codes_path, rows, 1, &two, &err), &err);
    check_ok(coarse_open(&coarse, codes_path, rows, 1, &err), &err);
    assert_int_equal(coarse.count, rows->count / COARSE_BLOCK);
    const struct check checks[] = {
        {rows, &coarse, queries, name},
        {&some, &coarse, queries, name},
        {rows, NULL, queries, name},
        {&some, NULL, queries, name},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        check_top(&checks[i], setup, 1, k);
        check_top(&checks[i], setup, QUERIES, k);
    }
    coarse_release(&coarse);
    free(queries);
    free(mask);
}

/* ---- the tests ----------------------------------------------------------------------------------------- */

static void skip_above(size_t work)
{
    if (!work_fits(work))
        skip();
}

/* A few rows here and there, up to the ends of a word, a group, a block of codes and all: each kernel in the shapes of
 * a CPU and of a GPU, and little enough work for a checker. */
static void test_ends(void **state)
{
    enum { COUNT = COARSE_BLOCK + 9, WIDTH = 37, K = 10 };
    uint64_t mask[(COUNT + 63) / 64];
    (void)state;
    for (size_t i = 0; i < sizeof mask / sizeof *mask; i++)
        mask[i] = 0x8000000001000101u;
    for (int storage = INDEX_F32; storage <= INDEX_I8; storage++) {
        struct index_rows rows = data_make((enum index_storage)storage, KIND_RANDOM, WIDTH, COUNT);
        float *queries = queries_make(&rows);
        struct coarse coarse;
        struct err err;
        rows.mask = mask;
        unlink(codes_path);
        check_ok(coarse_update(codes_path, &rows, 1, &two, &err), &err);
        check_ok(coarse_open(&coarse, codes_path, &rows, 1, &err), &err);
        const struct check coded = {&rows, &coarse, queries, "ends"}, stored = {&rows, NULL, queries, "ends"};
        for (size_t setup = SETUPS; setup < SETUPS_ALL; setup++) {
            check_top(&coded, setup, 1, K);
            check_top(&coded, setup, QUERIES, K);
            check_top(&stored, setup, 1, K);
            check_top(&stored, setup, QUERIES, K);
        }
        coarse_release(&coarse);
        free(queries);
        data_free(&rows);
    }
}

static void test_sizes(void **state)
{
    static const size_t counts[] = {0, 1, 15, 1000, 1024, 3087}, widths[] = {1, 5, 64, 100};
    (void)state;
    skip_above(3087 * 100);
    for (int storage = INDEX_F32; storage <= INDEX_I8; storage++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
                struct index_rows rows =
                    data_make((enum index_storage)storage, KIND_RANDOM, widths[w], counts[c]);
                char name[64];
                snprintf(
                    name, sizeof name, "%zu x %zu %s", counts[c], widths[w], index_storage_names[storage]);
                check_data(&rows, c % SETUPS, 10, name);
                data_free(&rows);
            }
}

/* Every kind in every storage, for each way of multiplying; k as few, some, and all. */
static void test_kinds(void **state)
{
    enum { ROWS_MADE = 2500 };
    static const size_t ks[] = {1, 10, ROWS_MADE};
    (void)state;
    skip_above(ROWS_MADE * 72);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        for (int storage = INDEX_F32; storage <= INDEX_I8; storage++) {
            struct index_rows rows = data_make((enum index_storage)storage, (enum kind)kind, 72, ROWS_MADE);
            for (size_t setup = 0; setup < SETUPS; setup++) {
                const size_t k = ks[(setup + (size_t)kind + (size_t)storage) % 3];
                char name[64];
                snprintf(name, sizeof name, "%s %s", kind_names[kind], index_storage_names[storage]);
                check_data(&rows, setup, k, name);
            }
            data_free(&rows);
        }
}

static void test_wide(void **state)
{
    static const size_t widths[] = {512, 768};
    (void)state;
    skip_above(5000 * 768);
    for (size_t w = 0; w < 2; w++)
        for (int storage = INDEX_F32; storage <= INDEX_I8; storage++) {
            struct index_rows rows = data_make(
                (enum index_storage)storage, storage ? KIND_RANDOM : KIND_CLUSTERED, widths[w], 5000);
            check_data(&rows, 0, w ? 1000 : 10, index_storage_names[storage]);
            data_free(&rows);
        }
}

/* Rows that get better and better: nearly all of them survive, so lists and candidates overflow. */
static void test_rising(void **state)
{
    enum { COUNT = 20011, WIDTH = 16 };
    skip_above(COUNT * WIDTH);
    float *values = malloc(COUNT * WIDTH * sizeof *values);
    uint64_t seed = 3;
    (void)state;
    for (size_t i = 0; i < COUNT * WIDTH; i++)
        values[i] = (float)(i / WIDTH) * 1e-3f + noise(&seed) * 1e-2f;
    struct index_rows rows = {.data = values,
        .count = COUNT,
        .stride = sizeof(float) * WIDTH,
        .width = WIDTH,
        .storage = INDEX_F32};
    check_data(&rows, 0, 10, "rising");
    check_data(&rows, 0, COUNT, "rising, all");
    free(values);
}

/* ---- bounds that are met ------------------------------------------------------------------------------- */

enum { MET_WIDTH = 64, MET_COUNT = 2 * COARSE_BLOCK, MET_BETTER = 1500 };

/* v = the vector that rotate() makes v of. */
static void rotate_back(double *v)
{
    double back[MET_WIDTH];
    for (size_t i = 0; i < MET_WIDTH; i++) {
        double unit[MET_WIDTH] = {0};
        unit[i] = 1;
        rotate(unit, MET_WIDTH);
        back[i] = 0;
        for (size_t j = 0; j < MET_WIDTH; j++)
            back[i] += unit[j] * v[j];
    }
    memcpy(v, back, sizeof back);
}

/* Rotated rows and queries of which codes are the nearest half numbers, as the first element is the largest. Of what is
 * lost each time, all that can points along the query in the better rows, and against it in the others, which therefore
 * look better by as much as a bound of nine tenths would not make up for. */
static void met_error(double *u, double *q, bool better)
{
    for (size_t i = 1; i < MET_WIDTH; i++) {
        q[i] = 1;
        u[i] = better ? 10.5 + 0.49 : (i < 62 ? 11.5 : 10.5) - 0.49;
    }
}

static void met_high_error(double *u, double *q, bool better)
{
    for (size_t i = 1; i < MET_WIDTH; i++) {
        q[i] = 1;
        u[i] = better ? 7.5 + 8 : i < 57 ? 8 - 7.5 + 16 : 8 - 7.5;
    }
}

static void met_query_rounding(double *u, double *q, bool better)
{
    q[0] = 127;
    for (size_t i = 1; i < MET_WIDTH - 1; i++) {
        q[i] = 100 + (i % 2 ? 0.49 : -0.49);
        u[i] = better ? (i % 2 ? 120.5 : -120.5) : (i % 2 ? -119.5 : 121.5) + (i < 11);
    }
    q[MET_WIDTH - 1] = 100;
    u[MET_WIDTH - 1] = 0.5;
}

static void check_met(void (*make)(double *u, double *q, bool better), const char *name)
{
    float *values = malloc(MET_COUNT * MET_WIDTH * sizeof *values), queries[QUERIES * MET_WIDTH];
    double u[MET_WIDTH], q[MET_WIDTH];
    struct coarse coarse;
    struct err err;
    for (size_t row = 0; row < MET_COUNT; row += 2) { /* and its opposite, so that the centre is 0 */
        u[0] = 127.5;
        q[0] = 1;
        make(u, q, row >= MET_BETTER);
        rotate_back(u);
        for (size_t i = 0; i < MET_WIDTH; i++) {
            values[row * MET_WIDTH + i] = (float)u[i];
            values[(row + 1) * MET_WIDTH + i] = -(float)u[i];
        }
    }
    rotate_back(q);
    for (size_t i = 0; i < QUERIES * MET_WIDTH; i++)
        queries[i] = (float)(q[i % MET_WIDTH] * (1 + (double)(i / MET_WIDTH)));
    const struct index_rows rows = {.data = values,
        .count = MET_COUNT,
        .stride = sizeof(float) * MET_WIDTH,
        .width = MET_WIDTH,
        .storage = INDEX_F32};
    unlink(codes_path);
    check_ok(coarse_update(codes_path, &rows, 1, &two, &err), &err);
    check_ok(coarse_open(&coarse, codes_path, &rows, 1, &err), &err);
    const struct check check = {&rows, &coarse, queries, name};
    for (size_t setup = 0; setup < SETUPS; setup++) {
        check_top(&check, setup, 1, 5);
        check_top(&check, setup, QUERIES, 5);
    }
    coarse_release(&coarse);
    free(values);
}

static void test_met(void **state)
{
    (void)state;
    skip_above(MET_COUNT * MET_WIDTH);
    check_met(met_error, "errors of codes");
    check_met(met_high_error, "errors of high halves");
    check_met(met_query_rounding, "rounding of queries");
}

/* The instructions against plain C, and that against a loop over codes, in numbers as large as they come. */
static void test_dots(void **state)
{
    enum { HALF = 96, STRIDE = 2 * HALF, TILES = 3 };
    static uint8_t high[ROWS_TOGETHER * HALF], low[ROWS_TOGETHER * HALF], codes[ROWS_TOGETHER * STRIDE],
        fast_codes[STRIDE];
    static int8_t packed[TILES * STRIDE * TILE];
    static int32_t product[ROWS_TOGETHER * TILES * TILE], fast_product[ROWS_TOGETHER * TILES * TILE];
    const struct scan_dots *plain = &scan_dots_plain, *fast = scan_dots_fast();
    struct sieve sieve;
    uint64_t seed = 9;
    (void)state;
    for (size_t i = 0; i < sizeof high; i++) {
        high[i] = i < HALF ? 255 : (uint8_t)(noise(&seed) * 128 + 128);
        low[i] = i < HALF ? 255 : (uint8_t)(noise(&seed) * 128 + 128);
    }
    for (size_t i = 0; i < sizeof packed; i++)
        packed[i] = (int8_t)(i % 64 < 4 ? -127 : i % 64 < 8 ? 127 : noise(&seed) * 127);
    for (size_t row = 0; row < ROWS_TOGETHER; row++) {
        const uint8_t *h = high + row * HALF, *l = low + row * HALF;
        uint8_t *c = codes + row * STRIDE;
        int32_t dots[2], row_dots[2], sum = 0, other = 0;
        plain->unpack(c, h, l, HALF);
        plain->plane(&dots[0], h, 1, HALF, packed);
        plain->plane(&dots[1], l, 1, HALF, packed);
        plain->row(row_dots, h, l, HALF, packed, packed + STRIDE);
        for (size_t i = 0; i < STRIDE; i++) {
            sum += c[i] * packed[i];
            other += c[i] * packed[STRIDE + i];
        }
        assert_int_equal(16 * dots[0] + dots[1], sum);
        assert_true(row_dots[0] == sum && row_dots[1] == other);
        if (!fast)
            continue;
        int32_t fast_dot, fast_dots[2];
        fast->unpack(fast_codes, h, l, HALF);
        assert_memory_equal(fast_codes, c, STRIDE);
        fast->plane(&fast_dot, h, 1, HALF, packed);
        assert_int_equal(fast_dot, dots[0]);
        fast->row(fast_dots, h, l, HALF, packed, packed + STRIDE);
        assert_memory_equal(fast_dots, row_dots, sizeof row_dots);
    }
    plain->product(product, codes, ROWS_TOGETHER, STRIDE, packed, TILES);
    int32_t sum = 0;
    for (size_t i = 0; i < STRIDE; i++)
        sum += codes[5 * STRIDE + i] * packed[(2 * STRIDE + i / 4 * 4) * TILE + 7 * 4 + i % 4];
    assert_int_equal(product[(5 * TILES + 2) * TILE + 7], sum);
    for (size_t i = 0; i < TILE; i++) {
        sieve = (struct sieve){.limit = {1, NAN, INFINITY, -INFINITY}};
        sieve.scale[i] = 1;
        sieve.offset[i] = 3;
        sieve.error[i] = 0.5f;
        sieve.norm[i] = 0.25f;
        const int32_t at_limit[TILE] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
        assert_int_equal(
            plain->sift(at_limit, &sieve, 2, 3, 4), 2 | 8 | (i > 3) << i); /* -2 + 1.5 + 1 = 0.5 */
        if (fast)
            assert_int_equal(fast->sift(at_limit, &sieve, 2, 3, 4), 2 | 8 | (i > 3) << i);
    }
    for (size_t tiles = 1; fast && tiles <= TILES; tiles++) {
        const size_t rows = tiles == 2 ? 16 : ROWS_TOGETHER;
        plain->product(product, codes, rows, STRIDE, packed, tiles);
        fast->product(fast_product, codes, rows, STRIDE, packed, tiles);
        assert_memory_equal(fast_product, product, rows * tiles * TILE * sizeof *product);
    }
}

/* Candidates of one query, more than there is room for, the last rows first: the smallest row numbers win
 * ties, and the threshold is the k-th largest lower bound. */
static void test_best(void **state)
{
    enum { COUNT = 30000, K = 100, WIDTH = 3 };
    struct index_rows rows = data_make(INDEX_F32, KIND_DUPLICATES, WIDTH, COUNT);
    const float query[WIDTH] = {1, 2, 3};
    const double score = rows_score(&rows, 0, query);
    struct best best = {0};
    struct err err;
    (void)state;
    check_ok(best_init(&best, &rows, query, K, &err), &err);
    assert_true(best.room < COUNT);
    for (int64_t row = COUNT; row-- > 0;)
        best_add(&best, (struct candidate){.row = row, .lower = score - 1, .upper = score});
    best_settle(&best);
    assert_int_equal(best.count, K);
    for (size_t i = 0; i < K; i++)
        assert_true(best.items[i].row == (int64_t)i && best.items[i].lower == score);
    best_release(&best);

    uint64_t seed = 5;
    double lowers[300];
    check_ok(best_init(&best, &rows, query, K, &err), &err);
    for (size_t i = 0; i < 300; i++) {
        lowers[i] = truncf(noise(&seed) * 20); /* with ties */
        best_add(&best, (struct candidate){.row = (int64_t)i, .lower = lowers[i], .upper = INFINITY});
    }
    best_tighten(&best);
    size_t above = 0, from = 0;
    for (size_t i = 0; i < 300; i++) {
        above += lowers[i] > best.threshold;
        from += lowers[i] >= best.threshold;
    }
    assert_true(above < K && from >= K);
    best_release(&best);

    float foreseen[300] = {NAN, -INFINITY};
    check_ok(best_init(&best, &rows, query, K, &err), &err);
    best_foresee(&best, foreseen, K - 1, 2);
    assert_true(isinf(best.threshold)); /* too few to say */
    for (size_t i = 2; i < 300; i++)
        foreseen[i] = (float)lowers[i];
    best_foresee(&best, foreseen, 300, 2);
    const double kth = nextafter(best.threshold, INFINITY);
    above = from = 0;
    for (size_t i = 0; i < 300; i++) {
        above += 2.0 * foreseen[i] > kth;
        from += 2.0 * foreseen[i] > best.threshold; /* even one that is the k-th itself is not out */
    }
    assert_true(above < K && from >= K);
    best_release(&best);
    data_free(&rows);
}

static void test_many_queries(void **state)
{
    enum { COUNT = 3000, WIDTH = 24, MANY = 300, K = 3 };
    skip_above(COUNT * WIDTH);
    struct index_rows rows = data_make(INDEX_F32, KIND_RANDOM, WIDTH, COUNT);
    struct index_hit *hits = calloc(MANY * K, sizeof *hits), *all = malloc(COUNT * sizeof *all);
    float *queries = malloc(MANY * WIDTH * sizeof *queries);
    size_t counts[MANY];
    uint64_t seed = 11;
    struct coarse coarse;
    struct err err;
    (void)state;
    for (size_t i = 0; i < MANY * WIDTH; i++)
        queries[i] = noise(&seed);
    unlink(codes_path);
    check_ok(coarse_update(codes_path, &rows, 1, &two, &err), &err);
    check_ok(coarse_open(&coarse, codes_path, &rows, 1, &err), &err);
    const struct check check = {&rows, &coarse, queries, "many queries"};
    check_ok(scan_top(scanners[0], &rows, &coarse, queries, MANY, K, hits, counts, NULL, &err), &err);
    for (size_t q = 0; q < MANY; q++)
        check_query(&check, q, all, K, hits + q * K, counts[q], setups[0].name);
    coarse_release(&coarse);
    free(queries);
    free(all);
    free(hits);
    data_free(&rows);
}

static void test_arguments(void **state)
{
    struct index_rows rows = data_make(INDEX_F32, KIND_RANDOM, 5, 20);
    struct index_hit hits[2];
    float query[10] = {1, 2, 3, 4, 5, 6, 7, NAN, 9, 10};
    size_t counts[2];
    struct err err;
    (void)state;
    assert_int_equal(scan_top(scanners[0], &rows, NULL, query, 2, 1, hits, counts, NULL, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "element 2 of query 1 is not a finite number");
    query[7] = -INFINITY;
    assert_int_equal(scan_top(scanners[0], &rows, NULL, query, 2, 1, hits, counts, NULL, &err), ERR_ARGUMENT);
    assert_int_equal(scan_top(scanners[0], &rows, NULL, query, 1, 0, hits, counts, NULL, &err), ERR_ARGUMENT);
    const uint64_t none = 0;
    rows.mask = &none;
    check_ok(scan_top(scanners[0], &rows, NULL, query, 1, 1, hits, counts, NULL, &err), &err);
    assert_int_equal(counts[0], 0);
    data_free(&rows);
}

static int open_devices(void **state)
{
    struct err err;
    (void)state;
    for (size_t i = 0; i < SETUPS_ALL; i++) {
        const struct tuning *tuning = setups[i].tuning.lanes ? &setups[i].tuning : NULL;
        if (device_open_tuned(&devices[i], &setups[i].options, tuning, &err) ||
            scanner_open(&scanners[i], devices[i], &err)) {
            print_error("%s\n", err.msg);
            return -1;
        }
        if (setups[i].dots != DOTS_OWN)
            scanner_set_dots(scanners[i], setups[i].dots == DOTS_PLAIN ? &scan_dots_plain : NULL);
    }
    return 0;
}

static int close_devices(void **state)
{
    (void)state;
    for (size_t i = 0; i < SETUPS_ALL; i++) {
        scanner_free(scanners[i]);
        device_free(devices[i]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_rising),
        cmocka_unit_test(test_met),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_many_queries),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, open_devices, close_devices);
}
