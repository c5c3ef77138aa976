// SPDX-License-Identifier: Apache-2.0
/* Stored rows on the host: what they mean, and their exact scores. */
#include "index/scan.h"

#include <string.h>

static const uint8_t *row_bytes(const struct index_rows *rows, int64_t i)
{
    return (const uint8_t *)rows->data + (size_t)i * rows->stride;
}

void rows_prefetch(const struct index_rows *rows, int64_t i)
{
#if defined(__GNUC__)
    enum { LINE = 64 };
    const uint8_t *row = row_bytes(rows, i);
    for (size_t at = 0; at < rows->stride; at += LINE)
        __builtin_prefetch(row + at);
#else
    (void)rows;
    (void)i;
#endif
}

static float i8_scale(const uint8_t *row, size_t width)
{
    float scale;
    memcpy(&scale, row + width, sizeof scale); /* not aligned */
    return scale;
}

void rows_decode(double *vector, const struct index_rows *rows, int64_t i)
{
    const uint8_t *row = row_bytes(rows, i);
    const size_t width = rows->width;
    if (rows->storage == INDEX_F32) {
        const float *values = (const float *)row;
        for (size_t j = 0; j < width; j++)
            vector[j] = values[j];
    } else if (rows->storage == INDEX_F16) {
        const uint16_t *values = (const uint16_t *)row;
        for (size_t j = 0; j < width; j++)
            vector[j] = f16_to_f32(values[j]);
    } else {
        const int8_t *codes = (const int8_t *)row;
        const double scale = i8_scale(row, width);
        for (size_t j = 0; j < width; j++)
            vector[j] = scale * codes[j];
    }
}

/* f16_to_f32 without branches, which compilers make vector code of: a score in half the time. */
static void widen(float *out, const uint16_t *halves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t half = halves[i], magnitude = (half & 0x7fff) << 13;
        const uint32_t special = magnitude >= 0x7c00 << 13 ? 0x7f800000 : 0; /* infinity and NaN */
        float value;
        uint32_t bits;
        memcpy(&value, &magnitude, sizeof value);
        value *= 0x1p112f;
        memcpy(&bits, &value, sizeof bits);
        bits |= special | (half & 0x8000) << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

enum { LANES = 8, PIECE = 256 }; /* partial sums of a score; halves widened together */

/* sums (LANES) += products of a part of a row that begins at a multiple of LANES. */
#define ADD_PRODUCTS(NAME, TYPE)                                                                             \
    static void NAME(double *sums, const TYPE *row, const float *query, size_t count)                        \
    {                                                                                                        \
        size_t i = 0;                                                                                        \
        for (; i + LANES <= count; i += LANES)                                                               \
            for (size_t lane = 0; lane < LANES; lane++)                                                      \
                sums[lane] += (double)row[i + lane] * (double)query[i + lane];                               \
        for (size_t lane = 0; i + lane < count; lane++)                                                      \
            sums[lane] += (double)row[i + lane] * (double)query[i + lane];                                   \
    }

ADD_PRODUCTS(add_f32, float)
ADD_PRODUCTS(add_i8, int8_t)

static void add_f16(double *sums, const uint16_t *row, const float *query, size_t count)
{
    float values[PIECE];
    for (size_t i = 0; i < count; i += PIECE) {
        const size_t piece = count - i < PIECE ? count - i : PIECE;
        widen(values, row + i, piece);
        add_f32(sums, values, query + i, piece);
    }
}

static double sum_of(const double *sums) /* (LANES) */
{
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static double sum_plain(const struct index_rows *rows, const uint8_t *row, const float *query)
{
    double sums[LANES] = {0};
    if (rows->storage == INDEX_F32)
        add_f32(sums, (const float *)row, query, rows->width);
    else if (rows->storage == INDEX_F16)
        add_f16(sums, (const uint16_t *)row, query, rows->width);
    else
        add_i8(sums, (const int8_t *)row, query, rows->width);
    return sum_of(sums);
}

/* The same sums, a register of LANES: the order of additions is the same, and products are exact, so that they need no rounding
 * of their own. GCC 12 makes registers of half the width of the code above. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c")))

/* The first `left` elements of a row from i on, LANES at most, and zeros. */
AVX512 static inline __attribute__((always_inline)) __m512d load_row(
    const uint8_t *row, enum index_storage storage, size_t i, size_t left)
{
    const __mmask8 mask = (__mmask8)(left < LANES ? (1 << left) - 1 : UINT8_MAX);
    switch (storage) {
    case INDEX_F32:
        return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, (const float *)row + i));
    case INDEX_F16:
        return _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_maskz_loadu_epi16(mask, (const uint16_t *)row + i)));
    default:
        return _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, (const int8_t *)row + i)));
    }
}

/* storage is a constant where this is inlined. */
AVX512 static inline __attribute__((always_inline)) double sum_lanes(
    const uint8_t *row, enum index_storage storage, const float *query, size_t width)
{
    __m512d sums = _mm512_setzero_pd();
    double lanes[LANES];
    for (size_t i = 0; i < width; i += LANES)
        sums = _mm512_fmadd_pd(load_row(row, storage, i, width - i),
            load_row((const uint8_t *)query, INDEX_F32, i, width - i), sums);
    _mm512_storeu_pd(lanes, sums);
    return sum_of(lanes);
}

AVX512 static double sum_avx512(const struct index_rows *rows, const uint8_t *row, const float *query)
{
    switch (rows->storage) {
    case INDEX_F32:
        return sum_lanes(row, INDEX_F32, query, rows->width);
    case INDEX_F16:
        return sum_lanes(row, INDEX_F16, query, rows->width);
    default:
        return sum_lanes(row, INDEX_I8, query, rows->width);
    }
}

static bool have_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("f16c");
}
#else
#define sum_avx512 sum_plain

static bool have_avx512(void)
{
    return false;
}
#endif

double rows_score(const struct index_rows *rows, int64_t i, const float *query)
{
    const uint8_t *row = row_bytes(rows, i);
    const double sum = have_avx512() ? sum_avx512(rows, row, query) : sum_plain(rows, row, query);
    return rows->storage == INDEX_I8 ? sum * (double)i8_scale(row, rows->width) : sum;
}
