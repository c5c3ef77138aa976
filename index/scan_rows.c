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

/* The order of a score's sum, once for each type of element. */
enum { LANES = 8 };

#define DOT(NAME, TYPE, VALUE)                                                                               \
    static double NAME(const TYPE *row, const float *query, size_t width)                                    \
    {                                                                                                        \
        double sums[LANES] = {0};                                                                            \
        size_t j = 0;                                                                                        \
        for (; j + LANES <= width; j += LANES)                                                               \
            for (size_t lane = 0; lane < LANES; lane++)                                                      \
                sums[lane] += (double)VALUE(row[j + lane]) * (double)query[j + lane];                        \
        for (size_t lane = 0; j + lane < width; lane++)                                                      \
            sums[lane] += (double)VALUE(row[j + lane]) * (double)query[j + lane];                            \
        return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));    \
    }

DOT(dot_f32, float, )
DOT(dot_f16, uint16_t, f16_to_f32)
DOT(dot_i8, int8_t, )

double rows_score(const struct index_rows *rows, int64_t i, const float *query)
{
    const uint8_t *row = row_bytes(rows, i);
    const size_t width = rows->width;
    switch (rows->storage) {
    case INDEX_F32:
        return dot_f32((const float *)row, query, width);
    case INDEX_F16:
        return dot_f16((const uint16_t *)row, query, width);
    default:
        return dot_i8((const int8_t *)row, query, width) * (double)i8_scale(row, width);
    }
}
