// SPDX-License-Identifier: Apache-2.0
/* Every kernel's twin in plain C, in double precision: what the device's results are compared with. Layouts
 * as in compute.h. */
#ifndef DIPTYCH_TESTS_TWINS_H
#define DIPTYCH_TESTS_TWINS_H

#include "compute/twins.h"

void twin_round_rows(
    float *x, size_t rows, size_t width); /* to int8, 127 for the largest magnitude of a row */
void twin_patchify(float *patches, const uint8_t *pixels, size_t batch, size_t image_size, size_t patch_size,
    enum patch_order order, const float scale[3], const float shift[3]);
void twin_rotate_pairs(
    float *qkv, const float *rotation, size_t batch, size_t tokens, size_t heads, size_t head_width);
void twin_gate(float *out, const float *in, size_t rows, size_t width);
void twin_mean_rows(float *rows, const float *tokens, size_t batch, size_t count, size_t width, size_t first);
void twin_normalize_rows(float *x, size_t rows, size_t width);

/* Numbers a trained network might hold: near normal, with an outlier now and then. Same seed, same numbers. */
void fill_random(float *out, size_t count, uint64_t seed);

#endif
