// SPDX-License-Identifier: Apache-2.0
/*
 * Attention of one head. Keys and values are brought into tiles once; then queries come in blocks of 32.
 * Their scores over all keys are few enough to stay in the L1 or L2 cache, so the softmax is the plain one:
 * largest score, exponentials, sum. Weights are rounded to bfloat16 for the product with the values, and
 * their sum is that of the numbers before.
 */
#include "compute/gemm/amx_tiles.h"

#include <math.h>

/* Where things lie in the scratch memory, with what is missing to whole blocks of 32 as zeros. */
struct parts {
    size_t blocks;     /* of tokens */
    size_t depth;      /* blocks of the head's width */
    uint16_t *keys;    // (blocks, depth, 2 tiles): as weights of a product with N = T and K = D
    uint16_t *values;  // (depth, blocks, 2 tiles): as weights of a product with N = D and K = T
    uint16_t *queries; // (depth, 2 tiles)
    uint16_t *weights; // (blocks, 2 tiles): of the values, by query
    float *scores;     // (blocks, 32, 32)
    float *sums;       // (32, 32) of the context
    float *totals;     // (32) of the weights, by query
};

/* The number of bytes; memory may be NULL where only that is asked for. */
static size_t parts_place(struct parts *parts, void *memory, size_t tokens, size_t head_width)
{
    const size_t blocks = amx_blocks(tokens), depth = amx_blocks(head_width),
                 tiles = 2 * TILE * sizeof(uint16_t), sums = BLOCK_SUMS * sizeof(float);
    const uintptr_t first = (uintptr_t)memory;
    uintptr_t at = first;
    *parts = (struct parts){.blocks = blocks, .depth = depth};
    parts->keys = (uint16_t *)at, at += blocks * depth * tiles;
    parts->values = (uint16_t *)at, at += blocks * depth * tiles;
    parts->queries = (uint16_t *)at, at += depth * tiles;
    parts->weights = (uint16_t *)at, at += blocks * tiles;
    parts->scores = (float *)at, at += blocks * sums;
    parts->sums = (float *)at, at += sums;
    parts->totals = (float *)at, at += AMX_BLOCK * sizeof(float);
    return at - first;
}

size_t amx_attention_bytes(size_t tokens, size_t head_width)
{
    struct parts parts;
    return parts_place(&parts, NULL, tokens, head_width);
}

#ifdef AMX_COMPILED

/* Rows of one of q, k and v: `width` elements each, `pitch` apart. */
struct rows {
    const uint16_t *first;
    size_t pitch, count, width;
};

/* 32 elements of row `row` from column `column` on; zeros where there are none. */
AMX_INLINE __m512i row_load(const struct rows *rows, size_t row, size_t column)
{
    const size_t left = row < rows->count ? rows->width - column : 0;
    const __mmask32 mask = mask32(left);
    return _mm512_maskz_loadu_epi16(mask, rows->first + row * rows->pitch + column);
}

/* A tile of keys holds 16 pairs of the width x 16 keys x 2. */
AMX_INLINE void pack_keys(const struct parts *parts, const struct rows *rows)
{
    uint16_t *tile = parts->keys;
    for (size_t block = 0; block < parts->blocks; block++)
        for (size_t step = 0; step < parts->depth; step++)
            for (size_t half = 0; half < 2; half++, tile += TILE) {
                __m512i x[16];
                for (size_t i = 0; i < 16; i++)
                    x[i] = row_load(rows, block * AMX_BLOCK + half * 16 + i, step * AMX_BLOCK);
                transpose16(x);
                for (size_t i = 0; i < 16; i++)
                    _mm512_store_si512(tile + i * 32, x[i]);
            }
}

/* A tile of values holds 16 pairs of tokens x 16 of the width x 2. */
AMX_INLINE void pack_values(const struct parts *parts, const struct rows *rows)
{
    const __m512i evens = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39,
                      7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0),
                  upper = _mm512_add_epi16(evens, _mm512_set1_epi16(16));
    uint16_t *tiles = parts->values;
    for (size_t block = 0; block < parts->depth; block++)
        for (size_t step = 0; step < parts->blocks; step++, tiles += 2 * TILE)
            for (size_t pair = 0; pair < 16; pair++) {
                const size_t row = step * AMX_BLOCK + 2 * pair;
                const __m512i even = row_load(rows, row, block * AMX_BLOCK),
                              odd = row_load(rows, row + 1, block * AMX_BLOCK);
                _mm512_store_si512(tiles + pair * 32, _mm512_permutex2var_epi16(even, evens, odd));
                _mm512_store_si512(tiles + TILE + pair * 32, _mm512_permutex2var_epi16(even, upper, odd));
            }
}

AMX_INLINE void pack_queries(const struct parts *parts, const struct rows *rows, size_t first)
{
    for (size_t step = 0; step < parts->depth; step++)
        for (size_t i = 0; i < AMX_BLOCK; i++)
            _mm512_store_si512(parts->queries + step * 2 * TILE + i * AMX_BLOCK,
                row_load(rows, first + i, step * AMX_BLOCK));
}

/* 16 scores of a query from key `key` on; -infinity from `keys` on. */
AMX_INLINE __m512 score_load(const struct parts *parts, size_t query, size_t key, size_t keys)
{
    const size_t left = keys > key ? keys - key : 0;
    const __mmask16 mask = mask16(left);
    return _mm512_mask_load_ps(_mm512_set1_ps(-INFINITY), mask,
        parts->scores + key / AMX_BLOCK * BLOCK_SUMS + query * AMX_BLOCK + key % AMX_BLOCK);
}

/* The weights of a query, which sees `keys` keys, at least one; those up to `limit` are 0. */
AMX_INLINE void softmax_row(const struct parts *parts, size_t query, size_t keys, size_t limit, float scale)
{
    __m512 largest = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    for (size_t key = 0; key < keys; key += 16)
        largest = _mm512_max_ps(largest, score_load(parts, query, key, keys));
    const float most = _mm512_reduce_max_ps(largest);
    for (size_t key = 0; key < limit; key += AMX_BLOCK) {
        const __m512 low = exp16((score_load(parts, query, key, keys) - most) * scale),
                     high = exp16((score_load(parts, query, key + 16, keys) - most) * scale);
        total += low + high;
        _mm512_store_si512(parts->weights + key / AMX_BLOCK * 2 * TILE + query * AMX_BLOCK,
            (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    parts->totals[query] = _mm512_reduce_add_ps(total);
}

AMX_INLINE void context_store(
    const struct parts *parts, size_t query, size_t width, float scale, uint16_t *out)
{
    const __mmask32 mask = mask32(width);
    const float *sums = parts->sums + query * AMX_BLOCK;
    const __m512 low = _mm512_load_ps(sums) * scale, high = _mm512_load_ps(sums + 16) * scale;
    _mm512_mask_storeu_epi16(out, mask, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

/* 32 queries from `first` on; out: the first one's place in the context. */
AMX_INLINE void attend_block(const struct native_attention *attention, const struct parts *parts,
    const struct rows *queries, size_t first, uint16_t *out)
{
    const size_t tokens = queries->count, width = attention->head_width, seen = tokens - attention->unseen,
                 count = tokens - first < AMX_BLOCK ? tokens - first : AMX_BLOCK,
                 blocks = attention->causal ? first / AMX_BLOCK + 1 : parts->blocks;
    const float scale = 1 / sqrtf((float)width);

    pack_queries(parts, queries, first);
    for (size_t block = 0; block < blocks; block++) {
        sums_zero();
        for (size_t step = 0; step < parts->depth; step++)
            sums_add(
                parts->queries + step * 2 * TILE, parts->keys + (block * parts->depth + step) * 2 * TILE);
        sums_store(parts->scores + block * BLOCK_SUMS);
    }
    for (size_t i = 0; i < count; i++) {
        const size_t keys = attention->causal && first + i < seen ? first + i + 1 : seen;
        softmax_row(parts, i, keys, blocks * AMX_BLOCK, scale);
    }
    for (size_t block = 0; block < parts->depth; block++) {
        sums_zero();
        for (size_t step = 0; step < blocks; step++)
            sums_add(
                parts->weights + step * 2 * TILE, parts->values + (block * parts->blocks + step) * 2 * TILE);
        sums_store(parts->sums);
        for (size_t i = 0; i < count; i++)
            context_store(parts, i, width - block * AMX_BLOCK, 1 / parts->totals[i],
                out + i * attention->heads * width + block * AMX_BLOCK);
    }
}

AMX_TARGET void amx_attend(const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    const int32_t *starts = attention->starts;
    const size_t begin = starts ? (size_t)starts[batch] : batch * attention->tokens;
    const size_t tokens = starts ? (size_t)starts[batch + 1] - begin : attention->tokens;
    const size_t width = attention->heads * attention->head_width;
    const struct rows queries = {
        .first = (const uint16_t *)attention->qkv + begin * 3 * width + head * attention->head_width,
        .pitch = 3 * width,
        .count = tokens,
        .width = attention->head_width,
    };
    struct rows keys = queries, values = queries;
    uint16_t *context = (uint16_t *)attention->context + begin * width + head * attention->head_width;
    struct parts parts;
    parts_place(&parts, scratch, tokens, attention->head_width);
    keys.first += width;
    values.first += 2 * width;
    pack_keys(&parts, &keys);
    pack_values(&parts, &values);
    _tile_loadconfig(&amx_tile_config);
    for (size_t first = 0; first < tokens; first += AMX_BLOCK)
        attend_block(attention, &parts, &queries, first, context + first * width);
    _tile_release();
}

#else

void amx_attend(const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    (void)attention, (void)batch, (void)head, (void)scratch;
}

#endif
