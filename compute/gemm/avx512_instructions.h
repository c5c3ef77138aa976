// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: AVX-512's instructions for bfloat16 and int8 as functions, where the compiler has them. Then WORDS_COMPILED is
 * defined, and WORDS_TARGET stands before functions that may use them: either kind, since they share all else. None uses one that is
 * not of the product's precision, which avx512_serves has asked the CPU for.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_AVX512_INSTRUCTIONS_H
#define DIPTYCH_COMPUTE_GEMM_AVX512_INSTRUCTIONS_H

#include "compute/gemm/avx512_math.h"

#if defined(__x86_64__)
#define WORDS_COMPILED 1
#define WORDS_TARGET                                                                                         \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,prfchw")))
#define WORDS_INLINE WORDS_TARGET static inline __attribute__((always_inline))

/* 32 numbers as bfloat16, rounded to the nearest, ties away from zero. */
WORDS_INLINE __m512i narrow32(__m512 low, __m512 high)
{
    const __m512i half = _mm512_set1_epi32(0x8000), order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i low_bits = _mm512_srli_epi32(_mm512_add_epi32((__m512i)low, half), 16),
                  high_bits = _mm512_srli_epi32(_mm512_add_epi32((__m512i)high, half), 16);
    return _mm512_permutexvar_epi64(order, _mm512_packus_epi32(low_bits, high_bits));
}

/* 64 numbers as int8, rounded to the nearest; none is beyond them. */
WORDS_INLINE __m512i narrow64(const __m512 x[4])
{
    /* packing takes elements of the one and of the other in turns of 128 bits */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(
        order, _mm512_packs_epi16(_mm512_packs_epi32(_mm512_cvtps_epi32(x[0]), _mm512_cvtps_epi32(x[1])),
                   _mm512_packs_epi32(_mm512_cvtps_epi32(x[2]), _mm512_cvtps_epi32(x[3]))));
}

/* int8: the largest magnitude becomes MOST. What numbers are multiplied by; those of a row of zeros stay. */
enum { MOST = 127 };
static inline float inverse_of(float largest)
{
    return largest > 0 ? MOST / largest : 0;
}
#endif

#endif
