// SPDX-License-Identifier: Apache-2.0
/* Inside compute: what AMX code shares: how functions are compiled for it, its tiles, and functions of 16
 * numbers. */
#ifndef DIPTYCH_COMPUTE_GEMM_AMX_TILES_H
#define DIPTYCH_COMPUTE_GEMM_AMX_TILES_H

#include "compute/gemm/amx.h"

enum { TILE_ROWS = 16, TILE = TILE_ROWS * AMX_BLOCK /* elements */, TILE_PITCH = 64 /* bytes */ };
enum { BLOCK_SUMS = AMX_BLOCK * AMX_BLOCK, SUMS_PITCH = AMX_BLOCK * sizeof(float) };

static inline size_t amx_blocks(size_t count)
{
    return groups_of(count, AMX_BLOCK);
}

/* What the code below and in amx_*.c is written in; tests compile it with plain C in its place. */
#ifndef AMX_INSTRUCTIONS
#define AMX_INSTRUCTIONS "compute/gemm/amx_instructions.h"
#endif
#include AMX_INSTRUCTIONS

#ifdef AMX_COMPILED
#define AMX_INLINE AMX_TARGET static inline __attribute__((always_inline))

/* As LDTILECFG reads it: eight tiles of 16 rows of 64 bytes. */
extern const struct amx_tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} amx_tile_config;

/* ---- tiles 0 to 3: a block of 32 x 32 sums ------------------------------------------------------------- */

/* GCC's _tile_loadd does not say that it reads memory: what was stored before sums_zero or sums_load is there
 * when tiles are loaded after them. */
AMX_INLINE void stores_before(void)
{
    __asm__ volatile("" ::: "memory");
}

AMX_INLINE void sums_zero(void)
{
    stores_before();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

AMX_INLINE void sums_load(const float *sums)
{
    stores_before();
    _tile_loadd(0, sums, SUMS_PITCH);
    _tile_loadd(1, sums + 16, SUMS_PITCH);
    _tile_loadd(2, sums + BLOCK_SUMS / 2, SUMS_PITCH);
    _tile_loadd(3, sums + BLOCK_SUMS / 2 + 16, SUMS_PITCH);
}

AMX_INLINE void sums_store(float *sums)
{
    _tile_stored(0, sums, SUMS_PITCH);
    _tile_stored(1, sums + 16, SUMS_PITCH);
    _tile_stored(2, sums + BLOCK_SUMS / 2, SUMS_PITCH);
    _tile_stored(3, sums + BLOCK_SUMS / 2 + 16, SUMS_PITCH);
}

/* One step along K: two tiles of rows, 4 and 5, with two of columns, 6 and 7. Loads come late, since the
 * tile unit takes what follows each at once. */
AMX_INLINE void sums_add(const uint16_t *rows, const uint16_t *columns)
{
    _tile_loadd(4, rows, TILE_PITCH);
    _tile_loadd(6, columns, TILE_PITCH);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, columns + TILE, TILE_PITCH);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, rows + TILE, TILE_PITCH);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

/* ---- packing ------------------------------------------------------------------------------------------- */

AMX_INLINE __mmask16 mask16(size_t left)
{
    return (__mmask16)(left < 16 ? (1u << left) - 1 : UINT16_MAX);
}

AMX_INLINE __mmask32 mask32(size_t left)
{
    return left < 32 ? (1u << left) - 1 : UINT32_MAX;
}

/* 16 x 16 numbers of 32 bits, in place: pairs of elements change places as one. */
AMX_INLINE void transpose16(__m512i x[16])
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

/* ---- 16 numbers at a time ------------------------------------------------------------------------------ */

/* terms[0] x^(count-1) + ... + terms[count-1] */
AMX_INLINE __m512 polynomial16(__m512 x, const float *terms, int count)
{
    __m512 sum = _mm512_set1_ps(terms[0]);
    for (int i = 1; i < count; i++)
        sum = _mm512_fmadd_ps(sum, x, _mm512_set1_ps(terms[i]));
    return sum;
}

/* e^x = 2^n e^r with r in [-ln 2 / 2, ln 2 / 2] and Taylor's polynomial for e^r, which is good to 6e-5 of it:
 * a thirtieth of what the rounding to bfloat16 costs that comes next. Becomes 0 or infinity where float32
 * ends. */
AMX_INLINE __m512 exp16(__m512 x)
{
    static const float terms[] = {1 / 24.f, 1 / 6.f, 1 / 2.f, 1, 1};
    const __m512 n = _mm512_roundscale_ps(x * 1.44269504f, _MM_FROUND_TO_NEAREST_INT);
    const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693147181f), x);
    return _mm512_scalef_ps(polynomial16(r, terms, 5), n);
}

/* 1 / x to 14 bits. */
AMX_INLINE __m512 reciprocal16(__m512 x)
{
    return _mm512_rcp14_ps(x);
}

/* Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26; good to 2e-4 with what is above. */
AMX_INLINE __m512 erf16(__m512 x)
{
    static const float terms[] = {1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f, 0};
    const __m512 size = _mm512_abs_ps(x), t = reciprocal16(1 + 0.3275911f * size);
    const __m512 erf = 1 - polynomial16(t, terms, 6) * exp16(-size * size);
    return _mm512_mask_mul_ps(
        erf, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), erf, _mm512_set1_ps(-1));
}

AMX_INLINE __m512 activate(__m512 y, enum epilogue epilogue)
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
