// SPDX-License-Identifier: Apache-2.0
/*
 * A product of words: columns come in blocks of 32, two registers of 16, whose weights stay in the caches next to the core
 * and meet one group of rows after the other. A step along K takes a word of each row of a group, brings it into all
 * lanes, and multiplies it with a word of each column: of a register of weights and one word of a row 16 sums. A group's
 * sums stay in registers all along K.
 *
 * Source of VDPBF16PS and VPDPBUSD: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
#include "compute/gemm/avx512.h"
#include "compute/gemm/avx512_instructions.h"

#include <stdlib.h>
#include <string.h>

#ifdef WORDS_COMPILED

/* A group of rows and a block of columns. */
struct group {
    enum precision precision;
    const char *rows;       // (count, stride)
    const int32_t *start;   // (count): where sums of int8 begin
    const uint32_t *weight; // (words, 32)
    const char *ahead;      /* half as many bytes that are needed soon */
    size_t stride, words;
    __m512i *sums; // (count, 2): 32 float32, or whole numbers of int8
};

/* sums + weight * row, element by element of the words. */
WORDS_INLINE __m512i add_products(__m512i sums, __m512i weight, __m512i row, enum precision precision)
{
    return precision == PRECISION_INT8
               ? _mm512_dpbusd_epi32(sums, weight, row)
               : (__m512i)_mm512_dpbf16_ps((__m512)sums, (__m512bh)weight, (__m512bh)row);
}

/* count and precision are constants where this is inlined, and loops over rows are unrolled, so that sums are registers. */
WORDS_INLINE void multiply_rows(const struct group *group, int count, enum precision precision)
{
    __m512i low[AVX512_ROWS], high[AVX512_ROWS];
#pragma GCC unroll 12
    for (int i = 0; i < count; i++)
        low[i] = high[i] = _mm512_set1_epi32(precision == PRECISION_INT8 ? group->start[i] : 0);
    for (size_t word = 0; word < group->words; word++) {
        const uint32_t *weight = group->weight + word * AVX512_COLUMNS;
        const __m512i first = _mm512_load_si512(weight), second = _mm512_load_si512(weight + 16);
        _mm_prefetch(group->ahead + word * 64, _MM_HINT_T1);
#pragma GCC unroll 12
        for (int i = 0; i < count; i++) {
            int32_t bits;
            memcpy(&bits, group->rows + (size_t)i * group->stride + word * sizeof bits, sizeof bits);
            const __m512i row = _mm512_set1_epi32(bits);
            low[i] = add_products(low[i], first, row, precision);
            high[i] = add_products(high[i], second, row, precision);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < count; i++) {
        group->sums[2 * i] = low[i];
        group->sums[2 * i + 1] = high[i];
    }
}

WORDS_INLINE void multiply_count(const struct group *group, size_t count, enum precision precision)
{
#define COUNT(n)                                                                                             \
    case n:                                                                                                  \
        multiply_rows(group, n, precision);                                                                  \
        return
    switch (count) {
        COUNT(1);
        COUNT(2);
        COUNT(3);
        COUNT(4);
        COUNT(5);
        COUNT(6);
        COUNT(7);
        COUNT(8);
        COUNT(9);
        COUNT(10);
        COUNT(11);
        COUNT(AVX512_ROWS);
    }
#undef COUNT
}

WORDS_TARGET static void multiply_group(const struct group *group, size_t count)
{
    if (group->precision == PRECISION_INT8)
        multiply_count(group, count, PRECISION_INT8);
    else
        multiply_count(group, count, PRECISION_BF16);
}

/* ---- what becomes of the sums -------------------------------------------------------------------------- */

/* 16 columns' sums with their bias; scale: what those of int8 are worth, for the columns. */
WORDS_INLINE __m512 sums_value(
    const struct native_product *product, __m512i sums, const float *row_scale, __m512 scale, __m512 bias)
{
    return product->weight->precision == PRECISION_INT8
               ? _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(*row_scale) * scale, bias)
               : _mm512_add_ps((__m512)sums, bias);
}

/* 16 numbers for columns from `column` on; zeros where there are none. */
WORDS_INLINE __m512 of_columns(const float *values, size_t column)
{
    return values ? _mm512_loadu_ps(values + column) : _mm512_setzero_ps();
}

/* epilogue is a constant where this is inlined. */
WORDS_INLINE void finish_rows(const struct native_product *product, const __m512i *sums,
    const float *row_scales, size_t row, size_t column, size_t count, enum epilogue epilogue)
{
    const size_t n = product->weight->n;
    const __mmask32 mask = mask32(n - column);
    const __mmask16 low_mask = (__mmask16)mask, high_mask = (__mmask16)(mask >> 16);
    const __m512 low_scale = of_columns(product->weight->scale, column),
                 high_scale = of_columns(product->weight->scale, column + 16),
                 low_bias = of_columns(product->bias, column),
                 high_bias = of_columns(product->bias, column + 16);
    for (size_t i = 0; i < count; i++, sums += 2) {
        const size_t at = (row + i) * n + column;
        const float *scale = row_scales + i;
        __m512 low = activate(sums_value(product, sums[0], scale, low_scale, low_bias), epilogue),
               high = activate(sums_value(product, sums[1], scale, high_scale, high_bias), epilogue);
        if (product->out_dtype == DTYPE_BF16) {
            _mm512_mask_storeu_epi16((uint16_t *)product->out + at, mask, narrow32(low, high));
            continue;
        }
        float *out = (float *)product->out + at;
        if (epilogue == EPILOGUE_ADD) {
            low += _mm512_maskz_loadu_ps(low_mask, out);
            high += _mm512_maskz_loadu_ps(high_mask, out + 16);
        }
        _mm512_mask_storeu_ps(out, low_mask, low);
        _mm512_mask_storeu_ps(out + 16, high_mask, high);
    }
}

WORDS_TARGET void avx512_finish(const struct native_product *product, const void *sums,
    const float *row_scales, size_t row, size_t column, size_t count)
{
    switch (product->epilogue) {
    case EPILOGUE_QUICK_GELU:
        finish_rows(product, sums, row_scales, row, column, count, EPILOGUE_QUICK_GELU);
        return;
    case EPILOGUE_GELU:
        finish_rows(product, sums, row_scales, row, column, count, EPILOGUE_GELU);
        return;
    case EPILOGUE_GELU_TANH:
        finish_rows(product, sums, row_scales, row, column, count, EPILOGUE_GELU_TANH);
        return;
    case EPILOGUE_ADD:
        finish_rows(product, sums, row_scales, row, column, count, EPILOGUE_ADD);
        return;
    default:
        finish_rows(product, sums, row_scales, row, column, count, product->epilogue);
    }
}

WORDS_TARGET void avx512_multiply(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece)
{
    const struct native_weight *weight = product->weight;
    const size_t words = native_words(weight), block = words * AVX512_COLUMNS,
                 count = piece->last_row - piece->first_row, groups = groups_of(count, AVX512_ROWS);
    __m512i sums[2 * AVX512_ROWS];
    struct group group = {
        .precision = weight->precision, .stride = rows->stride, .words = words, .sums = sums};
    for (size_t column = piece->first_column; column < piece->last_column; column += AVX512_COLUMNS) {
        const uint32_t *next = group.weight = piece->block;
        if (weight->values) {
            group.weight = weight->values + column / AVX512_COLUMNS * block;
            next = column + AVX512_COLUMNS < piece->last_column ? group.weight + block : group.weight;
        } else {
            avx512_pack_block(piece->block, weight, weight->plain, NULL, column);
        }
        for (size_t i = 0; i < groups; i++) {
            const size_t row = piece->first_row + count * i / groups,
                         last = piece->first_row + count * (i + 1) / groups;
            group.rows = rows->values + row * rows->stride;
            group.start = rows->start + row;
            group.ahead = (const char *)(i == 0   ? next
                                         : i == 1 ? next + block / 2
                                                  : group.weight); /* which is here already */
            multiply_group(&group, last - row);
            avx512_finish(product, sums, rows->scale + row, row, column, last - row);
        }
    }
}

#else

void avx512_finish(const struct native_product *product, const void *sums, const float *row_scales,
    size_t row, size_t column, size_t count)
{
    (void)product, (void)sums, (void)row_scales, (void)row, (void)column, (void)count;
}

void avx512_multiply(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece)
{
    (void)product, (void)rows, (void)piece;
}

#endif
