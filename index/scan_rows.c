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

enum {
    LANES = 8,    /* partial sums of a score */
    PIECE = 256,  /* halves widened together */
    TOGETHER = 4, /* queries side by side */
};

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

static void sum_plain(
    double *out, const struct index_rows *rows, const uint8_t *row, const float *const *queries, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        double sums[LANES] = {0};
        if (rows->storage == INDEX_F32)
            add_f32(sums, (const float *)row, queries[k], rows->width);
        else if (rows->storage == INDEX_F16)
            add_f16(sums, (const uint16_t *)row, queries[k], rows->width);
        else
            add_i8(sums, (const int8_t *)row, queries[k], rows->width);
        out[k] = sum_of(sums);
    }
}

/* The same sums, a register of LANES: the order of additions is the same, and products are exact, so that they need no rounding
 * of their own. GCC 12 makes registers of half the width of the code above. Each addition waits for the one before,
 * so that a few queries take little longer than one. */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c")))

/* Elements i to i + LANES of a row, zeros in place of those that the mask leaves out. */
AVX512 static inline __attribute__((always_inline)) __m512d load_row(
    const uint8_t *row, enum index_storage storage, size_t i, __mmask8 mask)
{
    switch (storage) {
    case INDEX_F32:
        return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, (const float *)row + i));
    case INDEX_F16:
        return _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_maskz_loadu_epi16(mask, (const uint16_t *)row + i)));
    default:
        return _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, (const int8_t *)row + i)));
    }
}

/* The sums of one row with count queries. storage and count, TOGETHER at most, are constants where this is inlined. */
AVX512 static inline __attribute__((always_inline)) void sum_lanes(double *out, const uint8_t *row,
    enum index_storage storage, const float *const *queries, size_t width, const size_t count)
{
    __m512d sums[TOGETHER];
    double lanes[LANES];
    for (size_t k = 0; k < count; k++)
        sums[k] = _mm512_setzero_pd();
    for (size_t i = 0; i < width; i += LANES) {
        const __mmask8 mask = (__mmask8)(width - i < LANES ? (1 << (width - i)) - 1 : UINT8_MAX);
        const __m512d values = load_row(row, storage, i, mask);
        for (size_t k = 0; k < count; k++)
            sums[k] =
                _mm512_fmadd_pd(values, load_row((const uint8_t *)queries[k], INDEX_F32, i, mask), sums[k]);
    }
    for (size_t k = 0; k < count; k++) {
        _mm512_storeu_pd(lanes, sums[k]);
        out[k] = sum_of(lanes);
    }
}

AVX512 static inline __attribute__((always_inline)) void sum_storage(double *out, const uint8_t *row,
    enum index_storage storage, const float *const *queries, size_t width, size_t count)
{
    size_t k = 0;
    for (; k + TOGETHER <= count; k += TOGETHER)
        sum_lanes(out + k, row, storage, queries + k, width, TOGETHER);
    for (; k < count; k++)
        sum_lanes(out + k, row, storage, queries + k, width, 1);
}

AVX512 static void sum_avx512(
    double *out, const struct index_rows *rows, const uint8_t *row, const float *const *queries, size_t count)
{
    switch (rows->storage) {
    case INDEX_F32:
        sum_storage(out, row, INDEX_F32, queries, rows->width, count);
        break;
    case INDEX_F16:
        sum_storage(out, row, INDEX_F16, queries, rows->width, count);
        break;
    default:
        sum_storage(out, row, INDEX_I8, queries, rows->width, count);
        break;
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

void rows_scores(
    double *scores, const struct index_rows *rows, int64_t i, const float *const *queries, size_t count)
{
    const uint8_t *row = row_bytes(rows, i);
    if (have_avx512())
        sum_avx512(scores, rows, row, queries, count);
    else
        sum_plain(scores, rows, row, queries, count);
    for (size_t k = 0; k < count && rows->storage == INDEX_I8; k++)
        scores[k] *= (double)i8_scale(row, rows->width);
}

double rows_score(const struct index_rows *rows, int64_t i, const float *query)
{
    double score;
    rows_scores(&score, rows, i, &query, 1);
    return score;
}
