// SPDX-License-Identifier: Apache-2.0
/* Products and attention in float32 with AVX2 and FMA, which CPUs have had since 2013. */
#include "compute/gemm/floats.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define ROWS 6
#define EACH_COUNT COUNT(1) COUNT(2) COUNT(3) COUNT(4) COUNT(5) COUNT(6)
#define MULTIPLY_ADD _mm256_fmadd_ps
#define MATH(name) _ZGVdN8v_##name /* names of the x86 Vector Function ABI; glibc's libmvec has these */
#define transpose transpose8
#define KERNEL floats_avx2
#define ATTENTION floats_attention_avx2

/* In steps of pairs, fours and halves. */
TARGET static inline __attribute__((always_inline)) void transpose8(__m256 x[8])
{
    __m256 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) { /* b[i + c]: in half h column 4 h + c of rows i to i + 3 */
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    for (int c = 0; c < 4; c++) {
        x[c] = _mm256_permute2f128_ps(b[c], b[4 + c], 0x20);
        x[4 + c] = _mm256_permute2f128_ps(b[c], b[4 + c], 0x31);
    }
}

#include "compute/gemm/floats_kernel.inc"

#include "compute/gemm/floats_attention.inc"
#endif
