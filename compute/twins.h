// SPDX-License-Identifier: Apache-2.0
/* Inside compute: the layers that a device is checked by, in plain C and double precision. Layouts as in compute.h; the other
 * kernels' twins are in tests/compute. */
#ifndef DIPTYCH_COMPUTE_TWINS_H
#define DIPTYCH_COMPUTE_TWINS_H

#include "compute/compute.h"

void twin_layer_norm(float *out, const float *in, const float *gamma, const float *beta, size_t rows,
    size_t width, double eps);
void twin_attention(float *context, const float *qkv, size_t batch, size_t tokens, size_t heads,
    size_t head_width, bool causal, size_t unseen);
void twin_attend_once(float *context, const float *query, const float *kv, size_t batch, size_t tokens,
    size_t heads, size_t head_width); /* the query is scaled already */
void twin_linear(float *out, const float *in, const float *weight, const float *bias, size_t rows, size_t n,
    size_t k, enum epilogue epilogue); /* bias may be NULL; EPILOGUE_ADD adds to out */

#endif
