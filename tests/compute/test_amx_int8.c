// SPDX-License-Identifier: Apache-2.0
/* Products in int8 on tiles against those of AVX-512's instruction for the same, bit for bit: sums are whole numbers, and what becomes
 * of them is one code. */
#include "compute/gemm/amx.h"
#include "compute/gemm/avx512.h"
#include "tests/compute/twins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void multiply_words(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece);

/* Rows `cut` and on are another piece, and so are columns from the second block on. */
static void multiply_int8(multiply_words *multiply_piece, const struct native_product *product,
    const struct native_rows *rows, size_t cut)
{
    const size_t n = product->weight->n;
    for (size_t row = 0; row < product->rows; row += cut)
        for (size_t column = 0; column < n; column = column ? n : AVX512_COLUMNS) {
            const struct native_piece piece = {.first_row = row,
                .last_row = row + cut < product->rows ? row + cut : product->rows,
                .first_column = column,
                .last_column = column || n < AVX512_COLUMNS ? n : AVX512_COLUMNS};
            multiply_piece(product, rows, &piece);
        }
}

/* The memory of rows and weights ends where they do. */
static void check_int8(size_t rows, size_t n, size_t k, size_t cut, bool normed, enum epilogue epilogue)
{
    const size_t blocks = groups_of(n, AVX512_COLUMNS), stride = groups_of(k, 64) * 64;
    struct native_weight weight = {.kernel = &avx512_kernel, .precision = PRECISION_INT8, .n = n, .k = k};
    const size_t block = native_block_bytes(&weight);
    uint16_t *halves = malloc(rows * k * sizeof *halves);
    float *floats = malloc(rows * k * sizeof *floats), *w = malloc(n * k * sizeof *w),
          *bias = malloc(blocks * AVX512_COLUMNS * sizeof *bias), *want = malloc(rows * n * sizeof *want),
          *got = malloc(rows * n * sizeof *got);
    struct native_rows words = {aligned_alloc(64, rows * stride), stride, malloc(rows * sizeof *words.scale),
        malloc(rows * sizeof *words.start)};
    struct native_product product = {.rows = rows,
        .in = normed ? (void *)floats : (void *)halves,
        .normed = normed,
        .eps = 1e-5f,
        .weight = &weight,
        .bias = bias,
        .out = want,
        .out_dtype = DTYPE_F32,
        .epilogue = epilogue};
    weight.values = aligned_alloc(64, blocks * block);
    weight.scale = calloc(blocks * AVX512_COLUMNS, sizeof *weight.scale);
    fill_random(floats, rows * k, rows);
    for (size_t i = 0; i < rows * k; i++)
        halves[i] = f32_to_bf16(floats[i]);
    fill_random(w, n * k, 2);
    fill_random(bias, blocks * AVX512_COLUMNS, 3);
    fill_random(want, rows * n, 4);
    memcpy(got, want, rows * n * sizeof *got);
    for (size_t i = 0; i < blocks; i++)
        avx512_pack_block(
            weight.values + i * block / sizeof *weight.values, &weight, w, NULL, i * AVX512_COLUMNS);
    avx512_fill_rows(&words, &product, 0, rows);
    multiply_int8(avx512_multiply, &product, &words, rows);
    product.out = got;
    multiply_int8(amx_multiply_int8, &product, &words, cut);
    for (size_t i = 0; i < rows * n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got))
            fail_msg("int8 %zu x %zu x %zu, epilogue %d: element %zu is %.9g, not %.9g", rows, n, k,
                (int)epilogue, i, (double)got[i], (double)want[i]);
    free(halves), free(floats), free(w), free(bias), free(want), free(got);
    free(words.values), free(words.scale), free(words.start), free(weight.values), free(weight.scale);
}

/* One row to a batch of them and a little more; K of less than a step, of whole ones, with words left over, and of chunks. */
static void int8_is_as_without_tiles(void **state)
{
    static const size_t shapes[][4] = {{1, 1, 1, 1}, {13, 32, 64, 13}, {16, 33, 60, 16}, {17, 47, 80, 17},
        {32, 64, 192, 32}, {33, 70, 588, 33}, {50, 96, 768, 50}, {101, 40, 130, 48}, {300, 70, 1100, 290}};
    (void)state;
    if (!amx_serves(PRECISION_INT8))
        skip();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int epilogue = EPILOGUE_NONE; epilogue <= EPILOGUE_ADD; epilogue++) {
            const size_t *shape = shapes[i];
            check_int8(shape[0], shape[1], shape[2], shape[3], false, (enum epilogue)epilogue);
            if (shape[2] % 16 == 0)
                check_int8(shape[0], shape[1], shape[2], shape[3], true, (enum epilogue)epilogue);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(int8_is_as_without_tiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
