// SPDX-License-Identifier: Apache-2.0
/* Those of AVX-512's instructions that compute/gemm/ uses, in plain C over GCC's vector types and under the
 * names that <immintrin.h> has for them. Lanes are counted from the lowest address. */
#ifndef DIPTYCH_TESTS_COMPUTE_AVX512_STAND_IN_H
#define DIPTYCH_TESTS_COMPUTE_AVX512_STAND_IN_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define AVX512_TARGET /* of compute/gemm/avx512_math.h: nothing is asked of the CPU */

typedef float __m512 __attribute__((vector_size(64)));
typedef long long __m512i __attribute__((vector_size(64)));
typedef uint16_t __mmask16;
typedef uint32_t __mmask32;

enum { _CMP_LT_OQ = 17, _MM_FROUND_TO_NEAREST_INT = 0, _MM_HINT_T1 = 2 };

/* The lanes of a register one by one. */
union lanes {
    __m512 floats;
    __m512i whole;
    float f[16];
    uint16_t u16[32];
    uint32_t u32[16];
    uint64_t u64[8];
};

static inline void must_be_aligned(const void *address)
{
    if ((uintptr_t)address % 64) {
        fprintf(stderr, "%p is no multiple of 64\n", address);
        abort();
    }
}

/* ---- loads and stores ---------------------------------------------------------------------------------- */

static inline __m512 _mm512_loadu_ps(const void *from)
{
    __m512 x;
    memcpy(&x, from, sizeof x);
    return x;
}

static inline __m512 _mm512_load_ps(const void *from)
{
    must_be_aligned(from);
    return _mm512_loadu_ps(from);
}

static inline __m512 _mm512_mask_load_ps(__m512 otherwise, __mmask16 mask, const float *from)
{
    union lanes x = {otherwise};
    must_be_aligned(from);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            x.f[i] = from[i];
    return x.floats;
}

static inline __m512 _mm512_maskz_loadu_ps(__mmask16 mask, const float *from)
{
    union lanes x = {{0}};
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            x.f[i] = from[i];
    return x.floats;
}

static inline __m512i _mm512_maskz_loadu_epi16(__mmask32 mask, const uint16_t *from)
{
    union lanes x = {{0}};
    for (int i = 0; i < 32; i++)
        if (mask >> i & 1)
            x.u16[i] = from[i];
    return x.whole;
}

static inline void _mm512_store_si512(void *to, __m512i x)
{
    must_be_aligned(to);
    memcpy(to, &x, sizeof x);
}

static inline void _mm512_stream_si512(void *to, __m512i x)
{
    _mm512_store_si512(to, x);
}

static inline void _mm512_mask_storeu_ps(float *to, __mmask16 mask, __m512 x)
{
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            to[i] = x[i];
}

static inline void _mm512_mask_storeu_epi16(uint16_t *to, __mmask32 mask, __m512i whole)
{
    const union lanes x = {.whole = whole};
    for (int i = 0; i < 32; i++)
        if (mask >> i & 1)
            to[i] = x.u16[i];
}

#define _mm_prefetch(address, hint) __builtin_prefetch(address)
#define _mm_sfence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* ---- moving lanes -------------------------------------------------------------------------------------- */

#define _mm512_setzero_ps() ((__m512){0})
#define _mm512_setzero_si512() ((__m512i){0})

static inline __m512 _mm512_set1_ps(float value)
{
    return value - (__m512){0}; /* each lane of it, a zero's sign too */
}

static inline __m512i _mm512_set1_epi16(int16_t value)
{
    union lanes x;
    for (int i = 0; i < 32; i++)
        x.u16[i] = (uint16_t)value;
    return x.whole;
}

/* The highest lane comes first. */
#define _mm512_set_epi16(...) lanes_from_highest((const int16_t[32]){__VA_ARGS__})

static inline __m512i lanes_from_highest(const int16_t values[32])
{
    union lanes x;
    for (int i = 0; i < 32; i++)
        x.u16[i] = (uint16_t)values[31 - i];
    return x.whole;
}

static inline __m512i _mm512_add_epi16(__m512i a, __m512i b)
{
    union lanes x = {.whole = a};
    const union lanes y = {.whole = b};
    for (int i = 0; i < 32; i++)
        x.u16[i] = (uint16_t)(x.u16[i] + y.u16[i]);
    return x.whole;
}

/* Of each 128 bits the lower or the upper half, a's and b's lanes by turns. */
static inline __m512i unpack32(__m512i first, __m512i second, int half)
{
    const union lanes a = {.whole = first}, b = {.whole = second};
    union lanes x;
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            x.u32[i + 2 * j] = a.u32[i + 2 * half + j];
            x.u32[i + 2 * j + 1] = b.u32[i + 2 * half + j];
        }
    return x.whole;
}

static inline __m512i unpack64(__m512i a, __m512i b, int half)
{
    __m512i x;
    for (int i = 0; i < 8; i += 2) {
        x[i] = a[i + half];
        x[i + 1] = b[i + half];
    }
    return x;
}

#define _mm512_unpacklo_epi32(a, b) unpack32(a, b, 0)
#define _mm512_unpackhi_epi32(a, b) unpack32(a, b, 1)
#define _mm512_unpacklo_epi64(a, b) unpack64(a, b, 0)
#define _mm512_unpackhi_epi64(a, b) unpack64(a, b, 1)

/* Four times 128 bits: two of a's and two of b's, as pairs of bits of `which` say. */
static inline __m512i _mm512_shuffle_i32x4(__m512i a, __m512i b, int which)
{
    __m512i x;
    for (int i = 0; i < 4; i++) {
        const int from = which >> 2 * i & 3;
        x[2 * i] = i < 2 ? a[2 * from] : b[2 * from];
        x[2 * i + 1] = i < 2 ? a[2 * from + 1] : b[2 * from + 1];
    }
    return x;
}

/* Lane i is number index[i] of a's 32 lanes and then b's. */
static inline __m512i _mm512_permutex2var_epi16(__m512i first, __m512i numbers, __m512i second)
{
    const union lanes a = {.whole = first}, b = {.whole = second}, index = {.whole = numbers};
    union lanes x;
    for (int i = 0; i < 32; i++) {
        const int from = index.u16[i] & 63;
        x.u16[i] = from < 32 ? a.u16[from] : b.u16[from - 32];
    }
    return x.whole;
}

/* ---- arithmetic ---------------------------------------------------------------------------------------- */

/* To the nearest, ties to even; numbers too small to be normal become 0. high's lanes are the upper ones. */
static inline __m512i _mm512_cvtne2ps_pbh(__m512 high, __m512 low)
{
    union lanes x;
    for (int i = 0; i < 32; i++) {
        const float value = i < 16 ? low[i] : high[i - 16];
        x.u16[i] = f32_to_bf16(fpclassify(value) == FP_SUBNORMAL ? copysignf(0, value) : value);
    }
    return x.whole;
}

static inline __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c)
{
    for (int i = 0; i < 16; i++)
        a[i] = fmaf(a[i], b[i], c[i]);
    return a;
}

static inline __m512 _mm512_fnmadd_ps(__m512 a, __m512 b, __m512 c)
{
    return _mm512_fmadd_ps(-a, b, c);
}

/* b where either is NaN. */
static inline __m512 _mm512_max_ps(__m512 a, __m512 b)
{
    for (int i = 0; i < 16; i++)
        a[i] = a[i] > b[i] ? a[i] : b[i];
    return a;
}

static inline __m512 _mm512_abs_ps(__m512 x)
{
    for (int i = 0; i < 16; i++)
        x[i] = fabsf(x[i]);
    return x;
}

#define _mm512_roundscale_ps(x, how) round_lanes(x) /* how: to the nearest integer, and no other way */

static inline __m512 round_lanes(__m512 x)
{
    for (int i = 0; i < 16; i++)
        x[i] = nearbyintf(x[i]);
    return x;
}

/* x 2^floor(n); an infinite n decides what becomes of NaN. */
static inline __m512 _mm512_scalef_ps(__m512 x, __m512 n)
{
    for (int i = 0; i < 16; i++)
        if (isnan(x[i]) && isinf(n[i]))
            x[i] = n[i] > 0 ? INFINITY : 0;
        else
            x[i] = ldexpf(x[i], (int)fmaxf(-1000, fminf(floorf(n[i]), 1000)));
    return x;
}

/* The instruction's has 14 bits. */
static inline __m512 _mm512_rcp14_ps(__m512 x)
{
    return 1 / x;
}

#define _mm512_cmp_ps_mask(a, b, how) lanes_less(a, b) /* how: less, and no other way */

static inline __mmask16 lanes_less(__m512 a, __m512 b)
{
    unsigned mask = 0;
    for (int i = 0; i < 16; i++)
        mask |= (unsigned)(a[i] < b[i]) << i;
    return (__mmask16)mask;
}

static inline __m512 _mm512_mask_mul_ps(__m512 otherwise, __mmask16 mask, __m512 a, __m512 b)
{
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            otherwise[i] = a[i] * b[i];
    return otherwise;
}

/* Halves are put together until one lane is left. */
static inline float _mm512_reduce_add_ps(__m512 x)
{
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++)
            x[i] += x[i + half];
    return x[0];
}

static inline float _mm512_reduce_max_ps(__m512 x)
{
    float largest = x[0];
    for (int i = 1; i < 16; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

#endif
