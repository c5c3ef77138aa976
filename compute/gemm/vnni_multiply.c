// SPDX-License-Identifier: Apache-2.0
/*
 * A product in int8: columns come in blocks of 32, two registers of 16, whose weights fit in the L1 cache (K of 768: 24 kB)
 * and meet one group of rows after the other. A step along K takes four elements of each row of a group, brings them
 * into all lanes, and multiplies them with four elements of each column: of a register of weights and one element of a row 16
 * sums of four products. A group's sums stay in registers all along K.
 *
 * Source of VPDPBUSD: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
#include "compute/gemm/vnni.h"

#ifndef VNNI_INSTRUCTIONS
#define VNNI_INSTRUCTIONS "compute/gemm/vnni_instructions.h"
#endif
#include VNNI_INSTRUCTIONS

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t up(size_t count, size_t unit)
{
    return groups_of(count, unit) * unit;
}

size_t vnni_weight_bytes(size_t n, size_t k)
{
    return up(n, VNNI_COLUMNS) * up(k, VNNI_QUAD);
}

size_t vnni_rows_place(struct vnni_rows *rows, void *memory, size_t count, size_t k)
{
    enum { LINE = 64 };
    const size_t stride = up(k, LINE) + LINE, values = count * stride,
                 scale = up(count * sizeof(float), LINE);
    char *at = memory;
    if (at)
        *rows = (struct vnni_rows){
            (int8_t *)at, stride, (float *)(at + values), (int32_t *)(at + values + scale)};
    return values + scale + count * sizeof(int32_t);
}

#ifdef VNNI_COMPILED
#include "compute/gemm/avx512_math.h"

#define VNNI_INLINE VNNI_TARGET static inline __attribute__((always_inline))

bool vnni_available(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
}

/* ---- rounding to int8 ---------------------------------------------------------------------------------- */

enum { MOST = 127 };

/* What numbers are multiplied by; those of a row of zeros stay. */
static float inverse_of(float largest)
{
    return largest > 0 ? MOST / largest : 0;
}

/* 16 elements of a row of the weight, zeros where there are none. */
VNNI_INLINE __m512 weight_load(const float *weight, const float *gain, size_t left)
{
    const __mmask16 mask = mask16(left);
    __m512 x = _mm512_maskz_loadu_ps(mask, weight);
    if (gain)
        x *= _mm512_maskz_loadu_ps(mask, gain);
    return x;
}

VNNI_TARGET void vnni_pack_weight(
    struct vnni_weight *packed, const float *weight, const float *gain, size_t n, size_t k)
{
    const size_t quads = groups_of(k, VNNI_QUAD);
    memset(packed->values, 128, vnni_weight_bytes(n, k));
    for (size_t column = 0; column < n; column++) {
        const float *from = weight + column * k;
        uint8_t *to = packed->values +
                      (column / VNNI_COLUMNS * quads * VNNI_COLUMNS + column % VNNI_COLUMNS) * VNNI_QUAD;
        __m512 most = _mm512_setzero_ps();
        for (size_t i = 0; i < k; i += 16)
            most = _mm512_max_ps(most, _mm512_abs_ps(weight_load(from + i, gain ? gain + i : NULL, k - i)));
        const float largest = _mm512_reduce_max_ps(most), by = inverse_of(largest);
        packed->scale[column] = largest / MOST;
        for (size_t i = 0; i < k; i += 16) {
            int32_t values[16];
            const __m512 x = weight_load(from + i, gain ? gain + i : NULL, k - i);
            _mm512_storeu_si512(values, _mm512_cvtps_epi32(x * by));
            for (size_t j = 0; j < 16 && i + j < k; j++)
                to[(i + j) / VNNI_QUAD * VNNI_COLUMNS * VNNI_QUAD + j % VNNI_QUAD] =
                    (uint8_t)(values[j] + 128);
        }
    }
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* 64 elements of a row as int8, and what they add to the row's sum. */
VNNI_INLINE __m512i store64(int8_t *out, const __m512i words[2], __m512i sum)
{
    /* packing takes words of the one and of the other in turns of eight */
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i bytes = _mm512_permutexvar_epi64(order, _mm512_packs_epi16(words[0], words[1]));
    _mm512_storeu_si512(out, bytes);
    return _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), bytes);
}

/* The first `left` of 32 bfloat16 times `by`, as whole numbers. */
VNNI_INLINE __m512i round32(const uint16_t *from, size_t left, __m512 by)
{
    const __m512i pairs = _mm512_maskz_loadu_epi16(mask32(left), from),
                  even = _mm512_cvtps_epi32((__m512)_mm512_slli_epi32(pairs, 16) * by),
                  odd = _mm512_cvtps_epi32((__m512)_mm512_and_si512(pairs, _mm512_set1_epi32(-65536)) * by);
    return _mm512_mask_blend_epi16(0xaaaaaaaa, even, _mm512_slli_epi32(odd, 16));
}

/* bfloat16 without their signs are in the order of whole numbers. */
VNNI_INLINE float largest_half(const uint16_t *x, size_t count)
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

VNNI_INLINE void round_row(const struct vnni_rows *rows, size_t row, const uint16_t *from, size_t k)
{
    int8_t *to = rows->values + row * rows->stride;
    const float largest = largest_half(from, k);
    const __m512 by = _mm512_set1_ps(inverse_of(largest));
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < k; i += 64) {
        const size_t left = k - i;
        const __m512i words[2] = {round32(from + i, left, by),
            left > 32 ? round32(from + i + 32, left - 32, by) : _mm512_setzero_si512()};
        sum = store64(to + i, words, sum);
    }
    rows->scale[row] = largest / MOST;
    rows->start[row] = -128 * _mm512_reduce_add_epi32(sum);
}

/* What a layer norm has to know of a row, in four chains of sums. */
struct moments {
    float mean, variance, largest; /* largest: distance from the mean */
};

VNNI_INLINE struct moments row_moments(const float *x, size_t count)
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

/* The layer norm divides a row by its deviation, which does not change what its int8 are. K is a multiple of 16. */
VNNI_INLINE void round_normed_row(
    const struct vnni_rows *rows, size_t row, const float *from, size_t k, float eps)
{
    int8_t *to = rows->values + row * rows->stride;
    const struct moments moments = row_moments(from, k);
    const float by = inverse_of(moments.largest);
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < k; i += 64) {
        __m512i whole[4];
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++)
            whole[j] = i + j * 16 < k
                           ? _mm512_cvtps_epi32((_mm512_loadu_ps(from + i + j * 16) - moments.mean) * by)
                           : _mm512_setzero_si512();
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        const __m512i bytes =
            _mm512_permutexvar_epi32(order, _mm512_packs_epi16(_mm512_packs_epi32(whole[0], whole[1]),
                                                _mm512_packs_epi32(whole[2], whole[3])));
        _mm512_storeu_si512(to + i, bytes);
        sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), bytes);
    }
    rows->scale[row] = moments.largest / (MOST * sqrtf(moments.variance + eps));
    rows->start[row] = -128 * _mm512_reduce_add_epi32(sum);
}

VNNI_TARGET void vnni_round_rows(
    const struct vnni_rows *rows, const struct vnni_product *product, size_t first, size_t last)
{
    const size_t k = product->k;
    for (size_t row = first; row < last; row++)
        if (product->normed)
            round_normed_row(rows, row, (const float *)product->in + row * k, k, product->eps);
        else
            round_row(rows, row, (const uint16_t *)product->in + row * k, k);
}

/* ---- the product --------------------------------------------------------------------------------------- */

/* A group of rows and a block of columns. */
struct group {
    const int8_t *rows;    // (count, stride)
    const int32_t *start;  // (count)
    const uint8_t *weight; // (quads, 32, 4)
    const uint8_t *ahead;  /* as many bytes that are needed soon */
    size_t stride, quads;
    int32_t *sums; // (count, 32)
};

/* count is a constant where this is inlined, and loops over rows are unrolled, so that sums are registers. */
VNNI_INLINE void multiply_rows(const struct group *group, int count)
{
    __m512i low[VNNI_ROWS], high[VNNI_ROWS];
#pragma GCC unroll 12
    for (int i = 0; i < count; i++)
        low[i] = high[i] = _mm512_set1_epi32(group->start[i]);
    for (size_t quad = 0; quad < group->quads; quad++) {
        const uint8_t *weight = group->weight + quad * VNNI_COLUMNS * VNNI_QUAD;
        const __m512i first = _mm512_load_si512(weight), second = _mm512_load_si512(weight + 64);
        _mm_prefetch((const char *)group->ahead + quad * 64, _MM_HINT_T1);
#pragma GCC unroll 12
        for (int i = 0; i < count; i++) {
            int32_t four;
            memcpy(&four, group->rows + (size_t)i * group->stride + quad * VNNI_QUAD, sizeof four);
            const __m512i row = _mm512_set1_epi32(four);
            low[i] = _mm512_dpbusd_epi32(low[i], first, row);
            high[i] = _mm512_dpbusd_epi32(high[i], second, row);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < count; i++) {
        _mm512_store_si512(group->sums + i * VNNI_COLUMNS, low[i]);
        _mm512_store_si512(group->sums + i * VNNI_COLUMNS + 16, high[i]);
    }
}

VNNI_TARGET static void multiply_group(const struct group *group, size_t count)
{
    switch (count) {
    case 1:
        multiply_rows(group, 1);
        return;
    case 2:
        multiply_rows(group, 2);
        return;
    case 3:
        multiply_rows(group, 3);
        return;
    case 4:
        multiply_rows(group, 4);
        return;
    case 5:
        multiply_rows(group, 5);
        return;
    case 6:
        multiply_rows(group, 6);
        return;
    case 7:
        multiply_rows(group, 7);
        return;
    case 8:
        multiply_rows(group, 8);
        return;
    case 9:
        multiply_rows(group, 9);
        return;
    case 10:
        multiply_rows(group, 10);
        return;
    case 11:
        multiply_rows(group, 11);
        return;
    default:
        multiply_rows(group, VNNI_ROWS);
    }
}

/* 32 columns as bfloat16, rounded to the nearest, ties away from zero. */
VNNI_INLINE __m512i narrow32(__m512 low, __m512 high)
{
    const __m512i half = _mm512_set1_epi32(0x8000), order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i low_bits = _mm512_srli_epi32(_mm512_add_epi32((__m512i)low, half), 16),
                  high_bits = _mm512_srli_epi32(_mm512_add_epi32((__m512i)high, half), 16);
    return _mm512_permutexvar_epi64(order, _mm512_packus_epi32(low_bits, high_bits));
}

/* The rows of a group, from `row` on, in a block of columns; epilogue is a constant where this is inlined. */
VNNI_INLINE void finish_rows(const struct vnni_product *product, const struct group *group,
    const float *scales, size_t row, size_t column, size_t count, enum epilogue epilogue)
{
    const size_t left = product->n - column;
    const __mmask32 mask = mask32(left);
    const __mmask16 low_mask = (__mmask16)mask, high_mask = (__mmask16)(mask >> 16);
    const __m512 low_scale = _mm512_loadu_ps(product->weight.scale + column),
                 high_scale = _mm512_loadu_ps(product->weight.scale + column + 16);
    __m512 low_bias = _mm512_setzero_ps(), high_bias = _mm512_setzero_ps();
    if (product->bias) {
        low_bias = _mm512_loadu_ps(product->bias + column);
        high_bias = _mm512_loadu_ps(product->bias + column + 16);
    }
    for (size_t i = 0; i < count; i++) {
        const int32_t *sums = group->sums + i * VNNI_COLUMNS;
        const __m512 scale = _mm512_set1_ps(scales[i]);
        const size_t at = (row + i) * product->n + column;
        __m512 low =
                   _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums)), scale * low_scale, low_bias),
               high = _mm512_fmadd_ps(
                   _mm512_cvtepi32_ps(_mm512_load_si512(sums + 16)), scale * high_scale, high_bias);
        low = activate(low, epilogue);
        high = activate(high, epilogue);
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

VNNI_TARGET static void finish_group(const struct vnni_product *product, const struct group *group,
    const float *scales, size_t row, size_t column, size_t count)
{
    switch (product->epilogue) {
    case EPILOGUE_QUICK_GELU:
        finish_rows(product, group, scales, row, column, count, EPILOGUE_QUICK_GELU);
        return;
    case EPILOGUE_GELU:
        finish_rows(product, group, scales, row, column, count, EPILOGUE_GELU);
        return;
    case EPILOGUE_GELU_TANH:
        finish_rows(product, group, scales, row, column, count, EPILOGUE_GELU_TANH);
        return;
    case EPILOGUE_ADD:
        finish_rows(product, group, scales, row, column, count, EPILOGUE_ADD);
        return;
    default:
        finish_rows(product, group, scales, row, column, count, product->epilogue);
    }
}

VNNI_TARGET void vnni_multiply(
    const struct vnni_product *product, const struct vnni_rows *rows, const struct vnni_piece *piece)
{
    const size_t quads = groups_of(product->k, VNNI_QUAD), bytes = quads * VNNI_COLUMNS * VNNI_QUAD,
                 count = piece->last_row - piece->first_row, groups = groups_of(count, VNNI_ROWS);
    int32_t sums[VNNI_ROWS * VNNI_COLUMNS] __attribute__((aligned(64)));
    struct group group = {.stride = rows->stride, .quads = quads, .sums = sums};
    for (size_t column = piece->first_column; column < piece->last_column; column += VNNI_COLUMNS) {
        group.weight = product->weight.values + column / VNNI_COLUMNS * bytes;
        const uint8_t *next =
            column + VNNI_COLUMNS < piece->last_column ? group.weight + bytes : group.weight;
        for (size_t i = 0; i < groups; i++) {
            const size_t row = piece->first_row + count * i / groups,
                         last = piece->first_row + count * (i + 1) / groups;
            group.rows = rows->values + row * rows->stride;
            group.start = rows->start + row;
            group.ahead = i == 0   ? next
                          : i == 1 ? next + bytes / 2
                                   : group.weight; /* which is here already */
            multiply_group(&group, last - row);
            finish_group(product, &group, rows->scale + row, row, column, last - row);
        }
    }
}

#else

bool vnni_available(void)
{
    return false;
}

void vnni_pack_weight(struct vnni_weight *packed, const float *weight, const float *gain, size_t n, size_t k)
{
    (void)packed, (void)weight, (void)gain, (void)n, (void)k;
}

void vnni_round_rows(
    const struct vnni_rows *rows, const struct vnni_product *product, size_t first, size_t last)
{
    (void)rows, (void)product, (void)first, (void)last;
}

void vnni_multiply(
    const struct vnni_product *product, const struct vnni_rows *rows, const struct vnni_piece *piece)
{
    (void)product, (void)rows, (void)piece;
}

#endif
