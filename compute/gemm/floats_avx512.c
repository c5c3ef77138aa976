// SPDX-License-Identifier: Apache-2.0
/* Products and attention in float32 with AVX-512. */
#include "compute/gemm/avx512_math.h"

#ifdef AVX512_TARGET
#define TARGET AVX512_TARGET
#define BYTES 64
#define ROWS 12
#define EACH_COUNT                                                                                           \
    COUNT(1)                                                                                                 \
    COUNT(2) COUNT(3) COUNT(4) COUNT(5) COUNT(6) COUNT(7) COUNT(8) COUNT(9) COUNT(10) COUNT(11) COUNT(12)
#define MULTIPLY_ADD _mm512_fmadd_ps
#define MATH(name) _ZGVeN16v_##name /* names of the x86 Vector Function ABI; glibc's libmvec has these */
#define transpose(x) transpose16((__m512i *)(x))
#define KERNEL floats_avx512
#define ATTENTION floats_attention_avx512
#include "compute/gemm/floats_kernel.inc"

#include "compute/gemm/floats_attention.inc"
#endif
