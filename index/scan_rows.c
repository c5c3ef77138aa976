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

/* Compiled into each of its callers, with the instructions that those may use. */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* f16_to_f32 without branches, which compilers make vector code of: a score in half the time. */
INLINE void widen(float *out, const uint16_t *halves, size_t count)
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
    INLINE void NAME(double *sums, const TYPE *row, const float *query, size_t count)                        \
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

INLINE void add_f16(double *sums, const uint16_t *row, const float *query, size_t count)
{
    float values[PIECE];
    for (size_t i = 0; i < count; i += PIECE) {
        const size_t piece = count - i < PIECE ? count - i : PIECE;
        widen(values, row + i, piece);
        add_f32(sums, values, query + i, piece);
    }
}

INLINE double sum_products(const struct index_rows *rows, const uint8_t *row, const float *query)
{
    double sums[LANES] = {0};
    if (rows->storage == INDEX_F32)
        add_f32(sums, (const float *)row, query, rows->width);
    else if (rows->storage == INDEX_F16)
        add_f16(sums, (const uint16_t *)row, query, rows->width);
    else
        add_i8(sums, (const int8_t *)row, query, rows->width);
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static double sum_plain(const struct index_rows *rows, const uint8_t *row, const float *query)
{
    return sum_products(rows, row, query);
}

/* The same sums: the order of additions is the code's, and products are exact. */
#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))) static double sum_avx512(
    const struct index_rows *rows, const uint8_t *row, const float *query)
{
    return sum_products(rows, row, query);
}

static bool have_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
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
