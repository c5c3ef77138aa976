// SPDX-License-Identifier: Apache-2.0
#include "tests/compute/twins.h"

#include <math.h>
#include <stdlib.h>

/* In float32, as the device computes it: else a number between two int8 could go to the other one. */
void twin_round_rows(float *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, x += width) {
        float largest = 0;
        for (size_t i = 0; i < width; i++)
            largest = fmaxf(largest, fabsf(x[i]));
        const float by = largest > 0 ? 127 / largest : 0, step = largest / 127;
        for (size_t i = 0; i < width; i++)
            x[i] = rintf(x[i] * by) * step;
    }
}

/* The number of the patch in column x and row y. */
static size_t patch_number(size_t y, size_t x, size_t grid, enum patch_order order)
{
    if (order == PATCHES_BY_ROW)
        return y * grid + x;
    const size_t square = y / 4 * (grid / 4) + x / 4, half = y % 4 / 2 * 2 + x % 4 / 2,
                 quarter = y % 2 * 2 + x % 2;
    return square * 16 + half * 4 + quarter;
}

void twin_patchify(float *patches, const uint8_t *pixels, size_t batch, size_t image_size, size_t patch_size,
    enum patch_order order, const float scale[3], const float shift[3])
{
    const size_t grid = image_size / patch_size;
    for (size_t b = 0; b < batch; b++)
        for (size_t y = 0; y < grid * patch_size; y++)
            for (size_t x = 0; x < grid * patch_size; x++)
                for (size_t c = 0; c < 3; c++) {
                    const size_t patch =
                        b * grid * grid + patch_number(y / patch_size, x / patch_size, grid, order);
                    const size_t at = (c * patch_size + y % patch_size) * patch_size + x % patch_size;
                    const uint8_t pixel = pixels[((b * image_size + y) * image_size + x) * 3 + c];
                    patches[patch * 3 * patch_size * patch_size + at] = pixel * scale[c] + shift[c];
                }
}

void twin_rotate_pairs(
    float *qkv, const float *rotation, size_t batch, size_t tokens, size_t heads, size_t head_width)
{
    for (size_t row = 0; row < batch * tokens; row++)
        for (size_t head = 0; head < 2 * heads; head++) /* of q, then of k */
            for (size_t d = 0; d < head_width; d += 2) {
                float *pair = qkv + (row * 3 * heads + head) * head_width + d;
                const float *turn = rotation + row % tokens * head_width + d;
                const double a = pair[0], b = pair[1], cosine = turn[0], sine = turn[1];
                pair[0] = (float)(a * cosine - b * sine);
                pair[1] = (float)(a * sine + b * cosine);
            }
}

void twin_gate(float *out, const float *in, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++) {
            const double g = in[r * 2 * width + i], x = in[r * 2 * width + width + i];
            out[r * width + i] = (float)(g / (1 + exp(-g)) * x);
        }
}

void twin_mean_rows(float *rows, const float *tokens, size_t batch, size_t count, size_t width, size_t first)
{
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < width; i++) {
            double sum = 0;
            for (size_t t = first; t < count; t++)
                sum += tokens[(b * count + t) * width + i];
            rows[b * width + i] = (float)(sum / (double)(count - first));
        }
}

void twin_normalize_rows(float *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, x += width) {
        double squares = 0;
        for (size_t i = 0; i < width; i++)
            squares += (double)x[i] * x[i];
        for (size_t i = 0; i < width && squares > 0; i++)
            x[i] = (float)(x[i] / sqrt(squares));
    }
}

void fill_random(float *out, size_t count, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < 4; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            sum += (double)(state >> 40) / (1 << 24) - 0.5;
        }
        out[i] = (float)(sum * (state >> 33 & 127 ? 1.7 : 12));
    }
}
