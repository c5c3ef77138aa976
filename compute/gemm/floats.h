// SPDX-License-Identifier: Apache-2.0
/* Inside compute: kernels of products and of attention in float32, on x86-64. */
#ifndef DIPTYCH_COMPUTE_GEMM_FLOATS_H
#define DIPTYCH_COMPUTE_GEMM_FLOATS_H

#include "compute/gemm/native_attention.h"
#include "compute/gemm/native_product.h"

/* Whether the CPU has the instructions. */
bool floats_have_avx2(void);
bool floats_have_avx512(void);

extern const struct native_kernel floats_avx2, floats_avx512;
extern const struct attention_kernel floats_attention_avx2, floats_attention_avx512;

#endif
