// SPDX-License-Identifier: Apache-2.0
/* Bringing the factors of a product into tiles. */
#include "compute/gemm/amx_tiles.h"

#include <math.h>

#ifdef AMX_COMPILED

/* 32 elements of `weight` (N, K) from (column, k) on, zeros where there are none. */
AMX_INLINE __m512i weight_load(const float *weight, size_t n, size_t k, size_t column, size_t at)
{
    const size_t left = column < n ? k - at : 0, more = left > 16 ? left - 16 : 0;
    const float *from = weight + column * k + at;
    const __m512 low = _mm512_maskz_loadu_ps(mask16(left), from),
                 high = _mm512_maskz_loadu_ps(mask16(more), from + 16);
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

AMX_TARGET void amx_pack_weight(uint16_t *packed, const float *weight, size_t n, size_t k)
{
    for (size_t column = 0; column < amx_blocks(n) * AMX_BLOCK; column += AMX_BLOCK)
        for (size_t at = 0; at < k; at += AMX_BLOCK)
            for (size_t half = 0; half < AMX_BLOCK; half += 16, packed += TILE) {
                __m512i x[16];
                for (size_t i = 0; i < 16; i++)
                    x[i] = weight_load(weight, n, k, column + half + i, at);
                transpose16(x);
                for (size_t i = 0; i < 16; i++)
                    _mm512_store_si512(packed + i * 32, x[i]);
            }
}

/* Where the AMX_BLOCK elements of step `step` of row `row` go in a panel. */
AMX_INLINE uint16_t *row_place(uint16_t *panel, size_t blocks, size_t steps, size_t row, size_t step)
{
    const size_t chunk = step / AMX_CHUNK_STEPS * AMX_CHUNK_STEPS,
                 chunk_steps = steps - chunk < AMX_CHUNK_STEPS ? steps - chunk : AMX_CHUNK_STEPS;
    return panel + (chunk * blocks + row / AMX_BLOCK * chunk_steps + step - chunk) * 2 * TILE +
           row % AMX_BLOCK * AMX_BLOCK;
}

/* 32 numbers after the norm. The last columns may be no more than 16. */
AMX_INLINE __m512i normed32(
    const struct amx_product *product, const float *row, size_t column, float mean, float scale)
{
    const float *gamma = product->gamma + column, *beta = product->beta + column;
    const __m512 low =
        (_mm512_loadu_ps(row + column) - mean) * scale * _mm512_loadu_ps(gamma) + _mm512_loadu_ps(beta);
    __m512 high = _mm512_setzero_ps();
    if (column + 16 < product->k)
        high = (_mm512_loadu_ps(row + column + 16) - mean) * scale * _mm512_loadu_ps(gamma + 16) +
               _mm512_loadu_ps(beta + 16);
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

AMX_INLINE void pack_normed_row(
    uint16_t *panel, size_t blocks, size_t at, const struct amx_product *product, size_t row)
{
    const size_t k = product->k, steps = amx_blocks(k);
    const float *from = (const float *)product->in + row * k, mean = row_mean(from, k),
                scale = 1 / sqrtf(row_variance(from, k, mean) + product->eps);
    for (size_t step = 0; step < steps; step++)
        _mm512_store_si512(row_place(panel, blocks, steps, at, step),
            normed32(product, from, step * AMX_BLOCK, mean, scale));
}

AMX_INLINE void pack_row(
    uint16_t *panel, size_t blocks, size_t at, const struct amx_product *product, size_t row)
{
    const size_t k = product->k, steps = amx_blocks(k);
    const uint16_t *from = (const uint16_t *)product->in + row * k;
    for (size_t step = 0; step < steps; step++) {
        const size_t left = k - step * AMX_BLOCK;
        const __mmask32 mask = mask32(left);
        _mm512_store_si512(row_place(panel, blocks, steps, at, step),
            _mm512_maskz_loadu_epi16(mask, from + step * AMX_BLOCK));
    }
}

AMX_TARGET void amx_pack_rows(uint16_t *panel, size_t panel_rows, size_t row,
    const struct amx_product *product, size_t first_row, size_t last_row)
{
    const size_t blocks = amx_blocks(panel_rows), steps = amx_blocks(product->k),
                 count = last_row - first_row;
    for (size_t i = 0; i < amx_blocks(count) * AMX_BLOCK; i++)
        if (i >= count)
            for (size_t step = 0; step < steps; step++)
                _mm512_store_si512(row_place(panel, blocks, steps, row + i, step), _mm512_setzero_si512());
        else if (product->gamma)
            pack_normed_row(panel, blocks, row + i, product, first_row + i);
        else
            pack_row(panel, blocks, row + i, product, first_row + i);
}

#else

void amx_pack_weight(uint16_t *packed, const float *weight, size_t n, size_t k)
{
    (void)packed, (void)weight, (void)n, (void)k;
}

void amx_pack_rows(uint16_t *panel, size_t panel_rows, size_t row, const struct amx_product *product,
    size_t first_row, size_t last_row)
{
    (void)panel, (void)panel_rows, (void)row, (void)product, (void)first_row, (void)last_row;
}

#endif
