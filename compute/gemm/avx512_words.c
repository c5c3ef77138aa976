// SPDX-License-Identifier: Apache-2.0
/* How matrices become words: weights once, rows before each product. */
#include "compute/gemm/avx512.h"
#include "compute/gemm/avx512_instructions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef WORDS_COMPILED
#include <cpuid.h>

bool cpu_leaves_bf16_to_amx(void)
{
    enum { AVX512_FP16 = 1 << 23 }; /* older compilers' __builtin_cpu_supports does not know it */
    unsigned a, b, c, d;
    return __builtin_cpu_is("intel") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AVX512_FP16);
}

bool avx512_serves(enum precision precision)
{
    const bool common = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    return common && ((precision == PRECISION_INT8 && __builtin_cpu_supports("avx512vnni")) ||
                         (precision == PRECISION_BF16 && __builtin_cpu_supports("avx512bf16")));
}

/* ---- weights ------------------------------------------------------------------------------------------- */

/* 16 elements of a row of K with their gains, from `at` on; zeros where there are none. */
WORDS_INLINE __m512 weight_load(const float *row, const float *gain, size_t at, size_t k)
{
    const __mmask16 mask = mask16(at < k ? k - at : 0);
    __m512 x = _mm512_maskz_loadu_ps(mask, row + at);
    if (gain)
        x *= _mm512_maskz_loadu_ps(mask, gain + at);
    return x;
}

WORDS_INLINE float weight_largest(const float *row, const float *gain, size_t k)
{
    __m512 largest = _mm512_setzero_ps();
    for (size_t i = 0; i < k; i += 16)
        largest = _mm512_max_ps(largest, _mm512_abs_ps(weight_load(row, gain, i, k)));
    return _mm512_reduce_max_ps(largest);
}

/* 16 words of a row: 64 elements times `by` in int8, 128 added, or 32 in bfloat16. */
WORDS_INLINE __m512i weight_words(
    const float *row, const float *gain, size_t at, size_t k, enum precision precision, float by)
{
    if (precision != PRECISION_INT8)
        return narrow32(weight_load(row, gain, at, k), weight_load(row, gain, at + 16, k));
    __m512 x[4];
    for (size_t i = 0; i < 4; i++)
        x[i] = weight_load(row, gain, at + i * 16, k) * by;
    return _mm512_xor_si512(narrow64(x), _mm512_set1_epi8(-128));
}

/* 16 columns of the result, from `column` on: rows of values (N, K). */
WORDS_INLINE void pack_columns(
    uint32_t *to, const struct native_weight *weight, const float *values, const float *gain, size_t column)
{
    const size_t n = weight->n, k = weight->k, words = native_words(weight),
                 word = native_word(weight->precision);
    float by[16] = {0};
    for (size_t i = 0; i < 16 && column + i < n && weight->precision == PRECISION_INT8; i++) {
        const float largest = weight_largest(values + (column + i) * k, gain, k);
        weight->scale[column + i] = largest / MOST;
        by[i] = inverse_of(largest);
    }
    for (size_t at = 0; at < words; at += 16) {
        __m512i x[16];
        for (size_t i = 0; i < 16; i++)
            x[i] = column + i < n
                       ? weight_words(values + (column + i) * k, gain, at * word, k, weight->precision, by[i])
                       : _mm512_setzero_si512();
        transpose16(x);
        for (size_t i = 0; i < 16 && at + i < words; i++)
            _mm512_store_si512(to + (at + i) * AVX512_COLUMNS, x[i]);
    }
}

WORDS_TARGET void avx512_pack_block(uint32_t *block, const struct native_weight *weight, const float *values,
    const float *gain, size_t column)
{
    pack_columns(block, weight, values, gain, column);
    pack_columns(block + 16, weight, values, gain, column + 16);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* What a layer norm has to know of a row, in four chains of sums. */
struct moments {
    float mean, variance, largest; /* largest: distance from the mean */
};

WORDS_INLINE struct moments row_moments(const float *x, size_t count)
{
    __m512 sums[4] = {0}, squares[4] = {0}, largest[4] = {0};
    for (size_t i = 0; i < count; i += 64)
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++)
            if (i + j * 16 < count)
                sums[j] += _mm512_loadu_ps(x + i + j * 16);
    const float mean = _mm512_reduce_add_ps((sums[0] + sums[1]) + (sums[2] + sums[3])) / (float)count;
    for (size_t i = 0; i < count; i += 64)
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++)
            if (i + j * 16 < count) {
                const __m512 d = _mm512_loadu_ps(x + i + j * 16) - mean;
                squares[j] += d * d;
                largest[j] = _mm512_max_ps(largest[j], _mm512_abs_ps(d));
            }
    return (struct moments){
        .mean = mean,
        .variance =
            _mm512_reduce_add_ps((squares[0] + squares[1]) + (squares[2] + squares[3])) / (float)count,
        .largest = _mm512_reduce_max_ps(
            _mm512_max_ps(_mm512_max_ps(largest[0], largest[1]), _mm512_max_ps(largest[2], largest[3]))),
    };
}

/* bfloat16 as they are, and a zero behind them, for a word that they do not fill. */
static void copy_row(char *to, const uint16_t *from, size_t k)
{
    static const uint16_t zero;
    memcpy(to, from, k * sizeof *from);
    memcpy(to + k * sizeof *from, &zero, sizeof zero);
}

/* The layer norm in bfloat16. K is a multiple of 16. */
WORDS_INLINE void norm_row(char *to, const float *from, const struct native_product *product)
{
    const size_t k = product->weight->k;
    const struct moments moments = row_moments(from, k);
    const float scale = 1 / sqrtf(moments.variance + product->eps);
    for (size_t i = 0; i < k; i += 32) {
        __m512 y[2] = {0};
#pragma GCC unroll 2
        for (size_t j = 0; j < 2; j++)
            if (i + j * 16 < k) {
                const size_t at = i + j * 16;
                y[j] = _mm512_fmadd_ps((_mm512_loadu_ps(from + at) - moments.mean) * scale,
                    _mm512_loadu_ps(product->gamma + at), _mm512_loadu_ps(product->beta + at));
            }
        _mm512_storeu_si512(to + i * sizeof(uint16_t), narrow32(y[0], y[1]));
    }
}

/* ---- rows in int8 -------------------------------------------------------------------------------------- */

/* The first `left` of 32 bfloat16 times `by`, as whole numbers. */
WORDS_INLINE __m512i round32(const uint16_t *from, size_t left, __m512 by)
{
    const __m512i pairs = _mm512_maskz_loadu_epi16(mask32(left), from),
                  even = _mm512_cvtps_epi32((__m512)_mm512_slli_epi32(pairs, 16) * by),
                  odd = _mm512_cvtps_epi32((__m512)_mm512_and_si512(pairs, _mm512_set1_epi32(-65536)) * by);
    return _mm512_mask_blend_epi16(0xaaaaaaaa, even, _mm512_slli_epi32(odd, 16));
}

/* bfloat16 without their signs are in the order of whole numbers. */
WORDS_INLINE float largest_half(const uint16_t *x, size_t count)
{
    __m512i largest = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += 32) {
        const __m512i halves = _mm512_maskz_loadu_epi16(mask32(count - i), x + i);
        largest = _mm512_max_epu16(largest, _mm512_and_si512(halves, _mm512_set1_epi16(0x7fff)));
    }
    const __m512i low = _mm512_and_si512(largest, _mm512_set1_epi32(0xffff)),
                  high = _mm512_srli_epi32(largest, 16);
    return bf16_to_f32((uint16_t)_mm512_reduce_max_epu32(_mm512_max_epu32(low, high)));
}

/* 64 elements of a row, and what they add to its sum. */
WORDS_INLINE __m512i store64(char *to, __m512i bytes, __m512i sum)
{
    _mm512_storeu_si512(to, bytes);
    return _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), bytes);
}

WORDS_INLINE void round_row(const struct native_rows *rows, size_t row, const uint16_t *from, size_t k)
{
    /* packing takes words of the one and of the other in turns of eight */
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const float largest = largest_half(from, k);
    const __m512 by = _mm512_set1_ps(inverse_of(largest));
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < k; i += 64) {
        const size_t left = k - i;
        const __m512i first = round32(from + i, left, by),
                      second = left > 32 ? round32(from + i + 32, left - 32, by) : _mm512_setzero_si512();
        sum = store64(rows->values + row * rows->stride + i,
            _mm512_permutexvar_epi64(order, _mm512_packs_epi16(first, second)), sum);
    }
    rows->scale[row] = largest / MOST;
    rows->start[row] = -128 * _mm512_reduce_add_epi32(sum);
}

/* The layer norm divides a row by its deviation, which does not change what its int8 are. K is a multiple of 16. */
WORDS_INLINE void round_normed_row(
    const struct native_rows *rows, size_t row, const float *from, size_t k, float eps)
{
    const struct moments moments = row_moments(from, k);
    const float by = inverse_of(moments.largest);
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < k; i += 64) {
        __m512 x[4] = {0};
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++)
            if (i + j * 16 < k)
                x[j] = (_mm512_loadu_ps(from + i + j * 16) - moments.mean) * by;
        sum = store64(rows->values + row * rows->stride + i, narrow64(x), sum);
    }
    rows->scale[row] = moments.largest / (MOST * sqrtf(moments.variance + eps));
    rows->start[row] = -128 * _mm512_reduce_add_epi32(sum);
}

WORDS_TARGET void avx512_fill_rows(
    const struct native_rows *rows, const struct native_product *product, size_t first, size_t last)
{
    const size_t k = product->weight->k;
    const bool int8 = product->weight->precision == PRECISION_INT8;
    for (size_t row = first; row < last; row++) {
        const float *floats = (const float *)product->in + row * k;
        const uint16_t *halves = (const uint16_t *)product->in + row * k;
        char *to = rows->values + row * rows->stride;
        if (int8 && product->normed)
            round_normed_row(rows, row, floats, k, product->eps);
        else if (int8)
            round_row(rows, row, halves, k);
        else if (product->normed)
            norm_row(to, floats, product);
        else
            copy_row(to, halves, k);
    }
}

#else

bool cpu_leaves_bf16_to_amx(void)
{
    return false;
}

bool avx512_serves(enum precision precision)
{
    (void)precision;
    return false;
}

void avx512_pack_block(uint32_t *block, const struct native_weight *weight, const float *values,
    const float *gain, size_t column)
{
    (void)block, (void)weight, (void)values, (void)gain, (void)column;
}

void avx512_fill_rows(
    const struct native_rows *rows, const struct native_product *product, size_t first, size_t last)
{
    (void)rows, (void)product, (void)first, (void)last;
}

#endif
