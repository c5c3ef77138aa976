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

/* 16 numbers times `by`, the first `left` of them stored. */
VNNI_INLINE __m512i round16(int8_t *out, __m512 x, float by, size_t left)
{
    const __m512i whole = _mm512_cvtps_epi32(x * by);
    _mm512_mask_cvtsepi32_storeu_epi8(out, mask16(left), whole);
    return whole;
}

VNNI_INLINE float largest_of(const float *x, size_t count)
{
    __m512 largest = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += 16)
        largest = _mm512_max_ps(largest, _mm512_abs_ps(_mm512_maskz_loadu_ps(mask16(count - i), x + i)));
    return _mm512_reduce_max_ps(largest);
}

VNNI_TARGET void vnni_pack_weight(struct vnni_weight *packed, const float *weight, size_t n, size_t k)
{
    const size_t quads = groups_of(k, VNNI_QUAD);
    memset(packed->values, 128, vnni_weight_bytes(n, k));
    for (size_t column = 0; column < n; column++) {
        const float *from = weight + column * k, largest = largest_of(from, k), by = inverse_of(largest);
        uint8_t *to = packed->values +
                      (column / VNNI_COLUMNS * quads * VNNI_COLUMNS + column % VNNI_COLUMNS) * VNNI_QUAD;
        packed->scale[column] = largest / MOST;
        for (size_t i = 0; i < k; i += 16) {
            int8_t values[16] = {0};
            round16(values, _mm512_maskz_loadu_ps(mask16(k - i), from + i), by, 16);
            for (size_t j = 0; j < 16 && i + j < k; j++)
                to[(i + j) / VNNI_QUAD * VNNI_COLUMNS * VNNI_QUAD + j % VNNI_QUAD] =
                    (uint8_t)(values[j] + 128);
        }
    }
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* 16 bfloat16 as float32. */
VNNI_INLINE __m512 widen16(const uint16_t *from, size_t left)
{
    const __m256i halves = _mm256_maskz_loadu_epi16(mask16(left), from);
    return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
}

VNNI_INLINE void round_row(const struct vnni_rows *rows, size_t row, const uint16_t *from, size_t k)
{
    int8_t *to = rows->values + row * rows->stride;
    __m512 largest = _mm512_setzero_ps();
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < k; i += 16)
        largest = _mm512_max_ps(largest, _mm512_abs_ps(widen16(from + i, k - i)));
    const float most = _mm512_reduce_max_ps(largest), by = inverse_of(most);
    for (size_t i = 0; i < k; i += 16)
        sum = _mm512_add_epi32(sum, round16(to + i, widen16(from + i, k - i), by, 16));
    rows->scale[row] = most / MOST;
    rows->start[row] = -128 * _mm512_reduce_add_epi32(sum);
}

/* The layer norm divides a row by its deviation, which does not change what its int8 are. */
VNNI_INLINE void round_normed_row(
    const struct vnni_rows *rows, size_t row, const float *from, size_t k, float eps)
{
    int8_t *to = rows->values + row * rows->stride;
    const float mean = row_mean(from, k), scale = 1 / sqrtf(row_variance(from, k, mean) + eps);
    __m512 largest = _mm512_setzero_ps();
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < k; i += 16)
        largest = _mm512_max_ps(largest, _mm512_abs_ps(_mm512_loadu_ps(from + i) - mean));
    const float most = _mm512_reduce_max_ps(largest), by = inverse_of(most);
    for (size_t i = 0; i < k; i += 16)
        sum = _mm512_add_epi32(sum, round16(to + i, _mm512_loadu_ps(from + i) - mean, by, 16));
    rows->scale[row] = most * scale / MOST;
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

/* Rounded to the nearest, ties to even. */
VNNI_INLINE __m256i narrow16(__m512 x)
{
    const __m512i bits = (__m512i)x,
                  odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1)),
                  rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

/* 16 columns of a row. */
VNNI_INLINE void finish16(
    const struct vnni_product *product, const int32_t *sums, float scale, size_t row, size_t column)
{
    if (column >= product->n)
        return;
    const __mmask16 mask = mask16(product->n - column);
    const size_t at = row * product->n + column;
    __m512 y = _mm512_cvtepi32_ps(_mm512_load_si512(sums)) *
               (scale * _mm512_loadu_ps(product->weight.scale + column));
    if (product->bias)
        y += _mm512_loadu_ps(product->bias + column);
    y = activate(y, product->epilogue);
    if (product->out_dtype == DTYPE_BF16) {
        _mm256_mask_storeu_epi16((uint16_t *)product->out + at, mask, narrow16(y));
        return;
    }
    float *out = (float *)product->out + at;
    if (product->epilogue == EPILOGUE_ADD)
        y += _mm512_maskz_loadu_ps(mask, out);
    _mm512_mask_storeu_ps(out, mask, y);
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
            for (size_t r = row; r < last; r++)
                for (size_t half = 0; half < VNNI_COLUMNS; half += 16)
                    finish16(
                        product, sums + (r - row) * VNNI_COLUMNS + half, rows->scale[r], r, column + half);
        }
    }
}

#else

bool vnni_available(void)
{
    return false;
}

void vnni_pack_weight(struct vnni_weight *packed, const float *weight, size_t n, size_t k)
{
    (void)packed, (void)weight, (void)n, (void)k;
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
