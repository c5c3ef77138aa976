// SPDX-License-Identifier: Apache-2.0
/* The products of compute/gemm/amx.h by themselves, where bfloat16 operands and float32 results leave no room for
 * anything but the order of sums. */
#include "compute/gemm/amx.h"
#include "tests/compute/native_checks.h"
#include "tests/compute/twins.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- products ------------------------------------------------------------------------------------------ */

/* How far numbers may be off that are a few roundings of float32 from the exact ones; and those behind an
 * activation, which is good to 1e-4 and then usually rounded to bfloat16. */
static double tolerance(enum epilogue epilogue)
{
    return epilogue == EPILOGUE_NONE || epilogue == EPILOGUE_ADD ? 2e-6 : 1e-4;
}

/* Rows `cut` and on are another panel, columns 32 and on another piece. */
static void multiply(const struct amx_product *product, size_t cut)
{
    uint16_t *panel = aligned_alloc(64, amx_packed_count(cut, product->k) * sizeof *panel);
    float *sums = aligned_alloc(64, amx_sums_count(cut) * sizeof *sums);
    for (size_t row = 0; row < product->rows; row += cut) {
        const size_t last = row + cut < product->rows ? row + cut : product->rows;
        struct amx_piece piece = {.first_row = row,
            .last_row = last,
            .last_column = product->n < AMX_BLOCK ? product->n : AMX_BLOCK};
        for (size_t block = row; block < last; block += AMX_BLOCK)
            amx_pack_rows(panel, last - row, block - row, product, block,
                block + AMX_BLOCK < last ? block + AMX_BLOCK : last);
        amx_multiply(product, &piece, panel, sums);
        piece.first_column = AMX_BLOCK;
        piece.last_column = product->n;
        if (product->n > AMX_BLOCK)
            amx_multiply(product, &piece, panel, sums);
    }
    free(panel), free(sums);
}

static void check_product(size_t rows, size_t n, size_t k, size_t cut, enum epilogue epilogue)
{
    uint16_t *in = malloc(rows * k * sizeof *in), *weight_bits = malloc(n * k * sizeof *weight_bits);
    uint16_t *packed = aligned_alloc(64, amx_packed_count(n, k) * sizeof *packed);
    float *x = random_bf16(in, rows * k, rows, 1),
          *w = random_bf16(weight_bits, n * k, n, 1 / sqrtf((float)k)), *bias = malloc(n * sizeof *bias),
          *want = malloc(rows * n * sizeof *want), *got = malloc(rows * n * sizeof *got);
    const struct amx_product product = {.rows = rows,
        .n = n,
        .k = k,
        .in = in,
        .packed = packed,
        .bias = bias,
        .out = got,
        .out_dtype = DTYPE_F32,
        .epilogue = epilogue};

    fill_random(bias, n, 3);
    fill_random(want, rows * n, 4);
    memcpy(got, want, rows * n * sizeof *got);
    amx_pack_weight(packed, w, n, k);
    multiply(&product, cut);
    twin_linear(want, x, w, bias, rows, n, k, epilogue);
    char what[80];
    snprintf(what, sizeof what, "%zu x %zu x %zu, epilogue %d", rows, n, k, (int)epilogue);
    check_near(got, want, rows * n, tolerance(epilogue), what);
    free(in), free(weight_bits), free(packed);
    free(x), free(w), free(bias), free(want), free(got);
}

/* K of one step and less, of a chunk and a little more, of several. */
static void products_are_exact(void **state)
{
    static const size_t shapes[][4] = {{1, 1, 1, 32}, {33, 47, 31, 32}, {32, 32, 32, 32}, {70, 97, 65, 64},
        {40, 64, 256, 64}, {100, 80, 400, 96}, {17, 16, 1100, 32}};
    (void)state;
    if (!amx_serves(PRECISION_BF16))
        skip();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int epilogue = EPILOGUE_NONE; epilogue <= EPILOGUE_ADD; epilogue++)
            check_product(shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], (enum epilogue)epilogue);
}

/* Results of 16 bits, which are streamed past the caches where they fill lines of 64 bytes, and else are not. */
static void results_are_rounded(void **state)
{
    enum { ROWS = 33, N = 96, K = 40 };
    (void)state;
    if (!amx_serves(PRECISION_BF16))
        skip();
    uint16_t in[ROWS * K], weight_bits[N * K];
    uint16_t *packed = aligned_alloc(64, amx_packed_count(N, K) * sizeof *packed),
             *out = aligned_alloc(64, (ROWS * N + 32) * sizeof *out);
    float *x = random_bf16(in, ROWS * K, 1, 1), *w = random_bf16(weight_bits, N * K, 2, 0.2f),
          *exact = malloc(ROWS * N * sizeof *exact);
    struct amx_product product = {
        .rows = ROWS, .n = N, .k = K, .in = in, .packed = packed, .out = exact, .out_dtype = DTYPE_F32};
    amx_pack_weight(packed, w, N, K);
    multiply(&product, 64);
    product.out_dtype = DTYPE_BF16;
    for (size_t shift = 0; shift < 2; shift++) {
        product.out = out + shift;
        multiply(&product, 64);
        for (size_t i = 0; i < ROWS * N; i++)
            assert_int_equal(out[shift + i], f32_to_bf16(exact[i]));
    }
    free(packed), free(out), free(x), free(w), free(exact);
}

/* With the identity as weights a product shows its rows. */
static void rows_are_normed_first(void **state)
{
    static const size_t widths[] = {16, 48, 272};
    enum { ROWS = 37 };
    (void)state;
    if (!amx_serves(PRECISION_BF16))
        skip();
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const size_t k = widths[i];
        float *x = malloc(ROWS * k * sizeof *x), *gamma = malloc(k * sizeof *gamma),
              *beta = malloc(k * sizeof *beta), *want = malloc(ROWS * k * sizeof *want),
              *got = malloc(ROWS * k * sizeof *got), *identity = calloc(k * k, sizeof *identity);
        uint16_t *packed = aligned_alloc(64, amx_packed_count(k, k) * sizeof *packed);
        const struct amx_product product = {.rows = ROWS,
            .n = k,
            .k = k,
            .in = x,
            .gamma = gamma,
            .beta = beta,
            .eps = 1e-5f,
            .packed = packed,
            .out = got,
            .out_dtype = DTYPE_F32};
        fill_random(x, ROWS * k, 1);
        fill_random(gamma, k, 2);
        fill_random(beta, k, 3);
        for (size_t j = 0; j < k; j++)
            identity[j * k + j] = 1;
        amx_pack_weight(packed, identity, k, k);
        multiply(&product, 64);
        twin_layer_norm(want, x, gamma, beta, ROWS, k, 1e-5);
        for (size_t j = 0; j < ROWS * k; j++) /* half of bfloat16's last bit */
            if (!(fabs((double)got[j] - (double)want[j]) <= 0x1.01p-8 * fabs((double)want[j]) + 1e-6))
                fail_msg("width %zu: element %zu is %.9g, not %.9g", k, j, (double)got[j], (double)want[j]);
        free(x), free(gamma), free(beta), free(want), free(got), free(identity), free(packed);
    }
}

/* Far from zero an activation is the number itself or 0, and never NaN; next to zero it is half of it,
 * but for a ReLU. */
static void activations_end_well(void **state)
{
    static const float values[] = {-3e38f, -1e4f, -200, -90, -40, -1e-3f, 0, 1e-3f, 40, 90, 200, 1e4f, 3e38f};
    enum { COUNT = sizeof values / sizeof *values };
    (void)state;
    if (!amx_serves(PRECISION_BF16))
        skip();
    for (int epilogue = EPILOGUE_QUICK_GELU; epilogue <= EPILOGUE_RELU; epilogue++) {
        _Alignas(64) uint16_t packed[1024];
        const uint16_t zero = 0;
        const float weight[COUNT] = {0};
        float got[COUNT];
        const struct amx_product product = {.rows = 1,
            .n = COUNT,
            .k = 1,
            .in = &zero,
            .packed = packed,
            .bias = values,
            .out = got,
            .out_dtype = DTYPE_F32,
            .epilogue = (enum epilogue)epilogue};
        amx_pack_weight(packed, weight, COUNT, 1);
        multiply(&product, 32);
        for (size_t i = 0; i < COUNT; i++) {
            const float want = fmaxf(values[i], 0);
            if (epilogue == EPILOGUE_RELU)
                assert_float_equal(got[i], want, 0);
            else if (fabsf(values[i]) >= 40)
                assert_true(fabsf(got[i] - want) <= 1e-4f * want + 1e-6f);
            else /* half of the number and a little more or less */
                assert_true(fabsf(got[i] - values[i] / 2) <= 2e-3f * fabsf(values[i]));
        }
    }
}

/* ---- attention ----------------------------------------------------------------------------------------- */

static void attention_matches(void **state)
{
    static const struct attention_kernel kernel = {amx_attention_bytes, amx_attend};
    (void)state;
    if (!amx_serves(PRECISION_BF16))
        skip();
    check_attention(&kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_exact),
        cmocka_unit_test(results_are_rounded),
        cmocka_unit_test(rows_are_normed_first),
        cmocka_unit_test(activations_end_well),
        cmocka_unit_test(attention_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
