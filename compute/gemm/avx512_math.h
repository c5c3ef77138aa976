// SPDX-License-Identifier: Apache-2.0
/* Inside compute: functions of 16 numbers in a register of AVX-512, for code that is written in its instructions. In
 * tests what stands in for these is included before, and has defined AVX512_TARGET. */
#ifndef DIPTYCH_COMPUTE_GEMM_AVX512_MATH_H
#define DIPTYCH_COMPUTE_GEMM_AVX512_MATH_H

#include "compute/compute.h"

#if defined(__x86_64__) && !defined(AVX512_TARGET)
#include <immintrin.h>

#define AVX512_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#endif

#ifdef AVX512_TARGET
#define AVX512_INLINE AVX512_TARGET static inline __attribute__((always_inline))

/* The first `left` lanes. */
AVX512_INLINE __mmask16 mask16(size_t left)
{
    return (__mmask16)(left < 16 ? (1u << left) - 1 : UINT16_MAX);
}

AVX512_INLINE __mmask32 mask32(size_t left)
{
    return left < 32 ? (1u << left) - 1 : UINT32_MAX;
}

/* 16 x 16 numbers of 32 bits, in place: pairs of elements change places as one. */
AVX512_INLINE void transpose16(__m512i x[16])
{
    __m512i a[16], b[16];
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) { /* b[i + c]: in lane l column 4 l + c of rows i to i + 3 */
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (int c = 0; c < 4; c++) {
        enum { EVEN = 0x88, ODD = 0xdd }; /* lanes of either operand */
        const __m512i even_low = _mm512_shuffle_i32x4(b[c], b[4 + c], EVEN),
                      even_high = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], EVEN),
                      odd_low = _mm512_shuffle_i32x4(b[c], b[4 + c], ODD),
                      odd_high = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], ODD);
        x[c] = _mm512_shuffle_i32x4(even_low, even_high, EVEN);
        x[4 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, EVEN);
        x[8 + c] = _mm512_shuffle_i32x4(even_low, even_high, ODD);
        x[12 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, ODD);
    }
}

/* Sums of 16 columns at a time, then of all. */
AVX512_INLINE float row_mean(const float *x, size_t count)
{
    __m512 sum = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += 16)
        sum += _mm512_loadu_ps(x + i);
    return _mm512_reduce_add_ps(sum) / (float)count;
}

AVX512_INLINE float row_variance(const float *x, size_t count, float mean)
{
    __m512 sum = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += 16) {
        const __m512 d = _mm512_loadu_ps(x + i) - mean;
        sum += d * d;
    }
    return _mm512_reduce_add_ps(sum) / (float)count;
}

/* terms[0] x^(count-1) + ... + terms[count-1] */
AVX512_INLINE __m512 polynomial16(__m512 x, const float *terms, int count)
{
    __m512 sum = _mm512_set1_ps(terms[0]);
    for (int i = 1; i < count; i++)
        sum = _mm512_fmadd_ps(sum, x, _mm512_set1_ps(terms[i]));
    return sum;
}

/* 2^x = 2^n 2^r with r in [-1/2, 1/2] and Taylor's polynomial for 2^r, which is good to 6e-5 of it: a thirtieth of what the
 * rounding to bfloat16 costs that comes next. Becomes 0 or infinity where float32 ends. */
AVX512_INLINE __m512 power16(__m512 x)
{
    static const float terms[] = {
        9.61812911e-3f, 5.55041087e-2f, 2.40226507e-1f, 6.93147181e-1f, 1}; /* ln^k 2 / k! */
    const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT);
    return _mm512_scalef_ps(polynomial16(x - n, terms, 5), n);
}

/* e^x = 2^n e^r with r in [-ln 2 / 2, ln 2 / 2] and Taylor's polynomial for e^r, which is good to 6e-5 of it:
 * a thirtieth of what the rounding to bfloat16 costs that comes next. Becomes 0 or infinity where float32
 * ends. */
AVX512_INLINE __m512 exp16(__m512 x)
{
    static const float terms[] = {1 / 24.f, 1 / 6.f, 1 / 2.f, 1, 1};
    const __m512 n = _mm512_roundscale_ps(x * 1.44269504f, _MM_FROUND_TO_NEAREST_INT);
    const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693147181f), x);
    return _mm512_scalef_ps(polynomial16(r, terms, 5), n);
}

/* 1 / x to 14 bits. */
AVX512_INLINE __m512 reciprocal16(__m512 x)
{
    return _mm512_rcp14_ps(x);
}

/* Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26; good to 2e-4 with what is above. */
AVX512_INLINE __m512 erf16(__m512 x)
{
    static const float terms[] = {1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f, 0};
    const __m512 size = _mm512_abs_ps(x), t = reciprocal16(1 + 0.3275911f * size);
    const __m512 erf = 1 - polynomial16(t, terms, 6) * exp16(-size * size);
    return _mm512_mask_mul_ps(
        erf, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), erf, _mm512_set1_ps(-1));
}

AVX512_INLINE __m512 activate(__m512 y, enum epilogue epilogue)
{
    switch (epilogue) {
    case EPILOGUE_QUICK_GELU:
        return y * reciprocal16(1 + exp16(-1.702f * y));
    case EPILOGUE_GELU:
        return 0.5f * y * (1 + erf16(y * 0.707106781f));
    case EPILOGUE_GELU_TANH: /* (1 + tanh z) / 2 = 1 / (1 + e^-2z), 2z = sqrt(8/pi) (y + 0.044715 y^3) */
        return y * reciprocal16(1 + exp16(-1.595769122f * (y + 0.044715f * y * y * y)));
    case EPILOGUE_RELU:
        return _mm512_max_ps(y, _mm512_setzero_ps());
    default:
        return y;
    }
}

#endif
#endif
