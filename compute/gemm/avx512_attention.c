// SPDX-License-Identifier: Apache-2.0
/*
 * Attention of one head in float32 on AVX-512, of bfloat16 in memory. Keys and values are brought into float32 once: keys
 * turned, so that a register holds the same element of 16 of them. Then queries come in blocks of six: their scores are
 * products of a query's element, in all lanes, with 16 keys' elements, and the context those of a key's weight with 16 of its
 * values. Either way 24 sums stay in registers. The softmax between them is the plain one, of a row of scores.
 */
#include "compute/gemm/avx512_math.h"
#include "compute/gemm/native_attention.h"

#include <math.h>

enum { LANES = 16, QUERIES = 6, VECTORS = 4 /* of sums, for each query */ };

/* Where things lie in the scratch memory. */
struct parts {
    size_t keys_up;  /* tokens, rounded up to LANES */
    size_t width_up; /* of the head, likewise */
    float *keys;     // (D, T up)
    float *values;   // (T, D up)
    float *queries;  // (QUERIES, D up)
    float *scores;   // (QUERIES, T up): then weights
};

/* The number of bytes; memory may be NULL where only that is asked for. */
static size_t parts_place(struct parts *parts, void *memory, size_t tokens, size_t head_width)
{
    const size_t keys_up = groups_of(tokens, LANES) * LANES, width_up = groups_of(head_width, LANES) * LANES;
    float *const first = memory;
    size_t at = 0;
    *parts = (struct parts){.keys_up = keys_up, .width_up = width_up};
    parts->keys = first + at, at += width_up * keys_up;
    parts->values = first + at, at += keys_up * width_up;
    parts->queries = first + at, at += QUERIES * width_up;
    parts->scores = first + at, at += QUERIES * keys_up;
    return at * sizeof(float);
}

size_t avx512_attention_bytes(size_t tokens, size_t head_width)
{
    struct parts parts;
    return parts_place(&parts, NULL, tokens, head_width);
}

#ifdef AVX512_TARGET

/* Rows of one of q, k and v: `width` elements each, `pitch` apart. */
struct rows {
    const uint16_t *first;
    size_t pitch, count, width;
};

/* 16 elements of row `row` from column `column` on; zeros where there are none. */
AVX512_INLINE __m512 row_load(const struct rows *rows, size_t row, size_t column)
{
    const size_t left = row < rows->count ? rows->width - column : 0;
    const __m256i halves = _mm256_maskz_loadu_epi16(mask16(left), rows->first + row * rows->pitch + column);
    return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
}

AVX512_INLINE void turn_keys(const struct parts *parts, const struct rows *rows)
{
    for (size_t key = 0; key < parts->keys_up; key += LANES)
        for (size_t column = 0; column < parts->width_up; column += LANES) {
            __m512i x[16];
            for (size_t i = 0; i < 16; i++)
                x[i] = (__m512i)row_load(rows, key + i, column);
            transpose16(x);
            for (size_t i = 0; i < 16; i++)
                _mm512_store_si512(parts->keys + (column + i) * parts->keys_up + key, x[i]);
        }
}

/* Rows of `rows` from `first` on, the last one again where there are no more. */
AVX512_INLINE void widen_rows(
    const struct parts *parts, float *to, const struct rows *rows, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t row = first + i < rows->count ? first + i : rows->count - 1;
        for (size_t column = 0; column < parts->width_up; column += LANES)
            _mm512_store_ps(to + i * parts->width_up + column, row_load(rows, row, column));
    }
}

/* out (QUERIES, vectors * 16) = factors (QUERIES, depth) * rows (depth, vectors * 16), of rows that are `pitch` apart, and
 * factors and results likewise. vectors is a constant where this is inlined. */
AVX512_INLINE void multiply_some(float *out, size_t out_pitch, const float *factors, size_t factor_pitch,
    const float *rows, size_t pitch, size_t depth, int vectors)
{
    __m512 sums[QUERIES][VECTORS];
#pragma GCC unroll 6
    for (int i = 0; i < QUERIES; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sums[i][v] = _mm512_setzero_ps();
    for (size_t k = 0; k < depth; k++) {
        __m512 row[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            row[v] = _mm512_load_ps(rows + k * pitch + (size_t)v * LANES);
#pragma GCC unroll 6
        for (int i = 0; i < QUERIES; i++) {
            const __m512 factor = _mm512_set1_ps(factors[(size_t)i * factor_pitch + k]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                sums[i][v] = _mm512_fmadd_ps(factor, row[v], sums[i][v]);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < QUERIES; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            _mm512_store_ps(out + (size_t)i * out_pitch + (size_t)v * LANES, sums[i][v]);
}

/* The same for any multiple of 16 columns. */
AVX512_TARGET static void multiply(float *out, size_t out_pitch, const float *factors, size_t factor_pitch,
    const float *rows, size_t pitch, size_t depth, size_t columns)
{
    for (size_t column = 0; column < columns; column += VECTORS * LANES) {
        float *to = out + column;
        const float *from = rows + column;
        switch ((columns - column) / LANES) {
        case 1:
            multiply_some(to, out_pitch, factors, factor_pitch, from, pitch, depth, 1);
            break;
        case 2:
            multiply_some(to, out_pitch, factors, factor_pitch, from, pitch, depth, 2);
            break;
        case 3:
            multiply_some(to, out_pitch, factors, factor_pitch, from, pitch, depth, 3);
            break;
        default:
            multiply_some(to, out_pitch, factors, factor_pitch, from, pitch, depth, VECTORS);
        }
    }
}

/* Turns the scores of a query, which sees `keys` keys, at least one, into weights; those up to `limit` are 0. Returns their
 * sum. */
AVX512_INLINE float softmax_row(float *scores, size_t keys, size_t limit, float scale)
{
    __m512 largest = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    for (size_t key = 0; key < keys; key += LANES)
        largest = _mm512_max_ps(
            largest, _mm512_mask_load_ps(_mm512_set1_ps(-INFINITY), mask16(keys - key), scores + key));
    const float most = _mm512_reduce_max_ps(largest);
    for (size_t key = 0; key < limit; key += LANES) {
        const size_t left = keys > key ? keys - key : 0;
        const __m512 weight =
            _mm512_maskz_mov_ps(mask16(left), exp16((_mm512_load_ps(scores + key) - most) * scale));
        total += weight;
        _mm512_store_ps(scores + key, weight);
    }
    return _mm512_reduce_add_ps(total);
}

/* sums (D) times `scale` as bfloat16, rounded to the nearest, ties away from zero. */
AVX512_INLINE void context_store(uint16_t *out, const float *sums, size_t width, float scale)
{
    for (size_t column = 0; column < width; column += LANES) {
        const __m512i bits = (__m512i)(_mm512_load_ps(sums + column) * scale),
                      rounded = _mm512_add_epi32(bits, _mm512_set1_epi32(0x8000));
        _mm256_mask_storeu_epi16(
            out + column, mask16(width - column), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
    }
}

/* Queries from `first` on, `count` of them; out: the first one's place in the context. */
AVX512_INLINE void attend_block(const struct native_attention *attention, const struct parts *parts,
    const struct rows *queries, size_t first, size_t count, uint16_t *out)
{
    const size_t tokens = queries->count, width = attention->head_width, seen = tokens - attention->unseen,
                 last = attention->causal && first + count < seen ? first + count : seen,
                 limit = groups_of(last, LANES) * LANES;
    const float scale = 1 / sqrtf((float)width);
    float totals[QUERIES];
    widen_rows(parts, parts->queries, queries, first, QUERIES);
    multiply(parts->scores, parts->keys_up, parts->queries, parts->width_up, parts->keys, parts->keys_up,
        width, limit);
    for (size_t i = 0; i < QUERIES; i++) {
        const size_t keys = attention->causal && first + i < last ? first + i + 1 : last;
        totals[i] = softmax_row(parts->scores + i * parts->keys_up, keys, limit, scale);
    }
    multiply(parts->queries, parts->width_up, parts->scores, parts->keys_up, parts->values, parts->width_up,
        last, parts->width_up);
    for (size_t i = 0; i < count; i++)
        context_store(
            out + i * attention->heads * width, parts->queries + i * parts->width_up, width, 1 / totals[i]);
}

AVX512_TARGET void avx512_attend(
    const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    const int32_t *starts = attention->starts;
    const size_t begin = starts ? (size_t)starts[batch] : batch * attention->tokens;
    const size_t tokens = starts ? (size_t)starts[batch + 1] - begin : attention->tokens;
    const size_t width = attention->heads * attention->head_width, blocks = groups_of(tokens, QUERIES);
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
    turn_keys(&parts, &keys);
    widen_rows(&parts, parts.values, &values, 0, tokens);
    for (size_t i = 0; i < blocks; i++) {
        const size_t first = tokens * i / blocks, last = tokens * (i + 1) / blocks;
        attend_block(attention, &parts, &queries, first, last - first, context + first * width);
    }
}

#else

void avx512_attend(const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    (void)attention, (void)batch, (void)head, (void)scratch;
}

#endif
