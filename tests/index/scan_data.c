// SPDX-License-Identifier: Apache-2.0
#include "tests/index/scan_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const kind_names[KIND_COUNT] = {"random", "clustered", "ties", "near", "duplicates", "outlier",
    "cone", "zero", "tiny", "huge", "damaged"};

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static uint64_t random_bits(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

float noise(uint64_t *seed)
{
    return (float)(int64_t)random_bits(seed) * 0x1p-63f;
}

static void unit(float *v, size_t width, uint64_t seed)
{
    double squares = 0;
    for (size_t i = 0; i < width; i++) {
        v[i] = noise(&seed) + noise(&seed) + noise(&seed);
        squares += (double)v[i] * v[i];
    }
    for (size_t i = 0; i < width && squares > 0; i++)
        v[i] = (float)(v[i] / sqrt(squares));
}

static void vector_make(
    float *v, enum index_storage storage, enum kind kind, size_t width, size_t row, uint64_t *seed)
{
    const float huge = storage == INDEX_F16 ? 60000 : 3e38f, tiny = storage == INDEX_F16 ? 6e-8f : 1e-42f;
    unit(v, width, kind == KIND_CLUSTERED ? row % 8 : kind == KIND_RANDOM ? 1000 + row : 1);
    for (size_t i = 0; i < width; i++) {
        if (kind == KIND_CLUSTERED)
            v[i] += noise(seed) * 1e-4f;
        else if (kind == KIND_TIES)
            v[i] = truncf(noise(seed) * 2.5f);
        else if (kind == KIND_NEAR && random_bits(seed) % 4 == 0)
            v[i] = nextafterf(v[i], noise(seed));
        else if (kind == KIND_OUTLIER)
            v[i] = noise(seed) * (i == width / 2 ? 1 : 1e-3f);
        else if (kind == KIND_CONE)
            v[i] += noise(seed) / sqrtf((float)i + 1) + (i % 31 == 5 ? 2.0f : 0);
        else if (kind == KIND_ZERO)
            v[i] = row % 2 ? 0 : noise(seed);
        else if (kind == KIND_TINY)
            v[i] = noise(seed) * tiny * 100;
        else if (kind == KIND_HUGE)
            v[i] = noise(seed) * huge;
        else if (kind == KIND_DAMAGED)
            v[i] = row % 7 == 3 && i == row % width ? (row % 2      ? NAN
                                                          : row % 4 ? INFINITY
                                                                    : -INFINITY)
                                                    : noise(seed);
    }
}

static void row_store(uint8_t *row, enum index_storage storage, const float *v, size_t width)
{
    float largest = 0, scale;
    if (storage == INDEX_F32)
        memcpy(row, v, width * sizeof *v);
    for (size_t i = 0; i < width && storage == INDEX_F16; i++)
        ((uint16_t *)row)[i] = f32_to_f16(v[i]);
    if (storage != INDEX_I8)
        return;
    for (size_t i = 0; i < width; i++)
        largest = isfinite(v[i]) && isfinite(largest) ? fmaxf(largest, fabsf(v[i])) : NAN;
    scale = largest / 127;
    for (size_t i = 0; i < width; i++)
        row[i] = (uint8_t)(int8_t)(scale > 0 ? lrintf(v[i] / scale) : 0);
    memcpy(row + width, &scale, sizeof scale);
}

struct index_rows data_make(enum index_storage storage, enum kind kind, size_t width, size_t count)
{
    const size_t stride = index_stride(storage, width);
    uint8_t *bytes = malloc(count * stride + 1);
    float *v = malloc(width * sizeof *v);
    uint64_t seed = 42;
    for (size_t row = 0; row < count; row++) {
        vector_make(v, storage, kind, width, row, &seed);
        row_store(bytes + row * stride, storage, v, width);
    }
    free(v);
    return (struct index_rows){
        .data = bytes, .count = (int64_t)count, .stride = stride, .width = width, .storage = storage};
}

void data_free(struct index_rows *rows)
{
    free((uint8_t *)rows->data);
    *rows = (struct index_rows){0};
}
