// SPDX-License-Identifier: Apache-2.0
/*
 * Attention of one head on AVX-512, of bfloat16 in memory. Queries, keys and values are words of 32 bits, as in avx512.h: where
 * VDPBF16PS is fast two bfloat16, whose products it adds, elsewhere one float32. Keys and values are made so once: keys
 * turned, so that a register holds the same element of 16 of them. Then queries come in blocks of six: their scores are
 * products of a query's word, in all lanes, with 16 keys' words, and the context those of a word of weights with 16 words of the
 * values. Either way 24 sums stay in registers, and they are float32, as is the softmax between them: the plain one, of a
 * row of scores.
 */
#include "compute/gemm/avx512.h"
#include "compute/gemm/avx512_instructions.h"
#include "compute/gemm/native_attention.h"

#include <math.h>

enum { LANES = 16, QUERIES = 6, VECTORS = 4 /* of sums, for each query */, PANEL = VECTORS * LANES };

/* Where things lie in the scratch memory, which has room for words of either kind. A panel is what 64 columns of sums
 * are made of, one word of each after the other, so that it is read from its beginning to its end. */
struct parts {
    size_t keys_up;    /* tokens, rounded up to PANEL */
    size_t width_up;   /* of the head, likewise */
    uint32_t *keys;    // (T up / PANEL, D up in words, PANEL)
    uint32_t *values;  // (D up / PANEL, T up in words, PANEL)
    uint32_t *queries; // (QUERIES, D up)
    uint32_t *weights; // (QUERIES, T up)
    float *scores;     // (QUERIES, T up)
    float *sums;       // (QUERIES, D up): of the context
};

/* The number of bytes; memory may be NULL where only that is asked for. */
static size_t parts_place(struct parts *parts, void *memory, size_t tokens, size_t head_width)
{
    const size_t keys_up = groups_of(tokens, PANEL) * PANEL, width_up = groups_of(head_width, PANEL) * PANEL;
    uint32_t *const first = memory;
    size_t at = 0;
    *parts = (struct parts){.keys_up = keys_up, .width_up = width_up};
    parts->keys = first + at, at += width_up * keys_up;
    parts->values = first + at, at += keys_up * width_up;
    parts->queries = first + at, at += QUERIES * width_up;
    parts->weights = first + at, at += QUERIES * keys_up;
    parts->scores = (float *)(first + at), at += QUERIES * keys_up;
    parts->sums = (float *)(first + at), at += QUERIES * width_up;
    return at * sizeof *first;
}

size_t avx512_attention_bytes(size_t tokens, size_t head_width)
{
    struct parts parts;
    return parts_place(&parts, NULL, tokens, head_width);
}

#ifdef WORDS_COMPILED

/* What a word holds; constant where functions are inlined that take it. */
enum word { FLOAT = 1, PAIR = 2 /* of bfloat16 */ };

/* Rows of one of q, k and v: `width` elements each, `pitch` apart. */
struct rows {
    const uint16_t *first;
    size_t pitch, count, width;
};

/* 16 elements of row `row` from column `column` on as float32; zeros where there are none. */
WORDS_INLINE __m512i floats_load(const struct rows *rows, size_t row, size_t column)
{
    const size_t left = row < rows->count && column < rows->width ? rows->width - column : 0;
    const __m256i halves = _mm256_maskz_loadu_epi16(mask16(left), rows->first + row * rows->pitch + column);
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
}

/* 16 words of a row. */
WORDS_INLINE __m512i words_load(const struct rows *rows, size_t row, size_t at, enum word word)
{
    if (word == FLOAT)
        return floats_load(rows, row, at);
    const size_t column = at * PAIR,
                 left = row < rows->count && column < rows->width ? rows->width - column : 0;
    return _mm512_maskz_loadu_epi16(mask32(left), rows->first + row * rows->pitch + column);
}

WORDS_INLINE void pack_keys(const struct parts *parts, const struct rows *rows, enum word word)
{
    const size_t depth = parts->width_up / word;
    for (size_t key = 0; key < rows->count; key += LANES)
        for (size_t at = 0; at < depth; at += LANES) {
            uint32_t *to = parts->keys + key / PANEL * PANEL * depth + at * PANEL + key % PANEL;
            __m512i x[16];
            for (size_t i = 0; i < 16; i++)
                x[i] = words_load(rows, key + i, at, word);
            transpose16(x);
            for (size_t i = 0; i < 16; i++)
                _mm512_store_si512(to + i * PANEL, x[i]);
        }
}

/* A pair is of two tokens. */
WORDS_INLINE void pack_values(const struct parts *parts, const struct rows *rows, enum word word)
{
    const size_t depth = parts->keys_up / word;
    for (size_t token = 0; token < rows->count; token += word)
        for (size_t column = 0; column < rows->width; column += LANES) {
            __m512i x = floats_load(rows, token, column);
            if (word == PAIR)
                x = _mm512_or_si512(_mm512_srli_epi32(x, 16), floats_load(rows, token + 1, column));
            _mm512_store_si512(
                parts->values + column / PANEL * PANEL * depth + token / word * PANEL + column % PANEL, x);
        }
}

/* Of a block from `first` on. */
WORDS_INLINE void pack_queries(
    const struct parts *parts, const struct rows *rows, size_t first, enum word word)
{
    for (size_t i = 0; i < QUERIES; i++)
        for (size_t at = 0; at * word < rows->width; at += LANES)
            _mm512_store_si512(
                parts->queries + i * parts->width_up + at, words_load(rows, first + i, at, word));
}

/* Rows and factors of a product, in words, and where its sums go; the distances are of rows of either. */
struct terms {
    const uint32_t *factors; // (QUERIES, depth)
    size_t factors_pitch;
    const uint32_t *panel; // (depth, PANEL)
    size_t depth;
    float *out; // (QUERIES, PANEL)
    size_t out_pitch;
};

WORDS_INLINE __m512 add_product(__m512 sum, __m512i factor, __m512i row, enum word word)
{
    return word == PAIR ? _mm512_dpbf16_ps(sum, (__m512bh)factor, (__m512bh)row)
                        : _mm512_fmadd_ps((__m512)factor, (__m512)row, sum);
}

/* Of the first `vectors` * 16 columns, a constant where this is inlined. */
WORDS_INLINE void multiply_some(const struct terms *terms, int vectors, enum word word)
{
    __m512 sums[QUERIES][VECTORS];
#pragma GCC unroll 6
    for (int i = 0; i < QUERIES; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sums[i][v] = _mm512_setzero_ps();
    for (size_t k = 0; k < terms->depth; k++) {
        __m512i row[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            row[v] = _mm512_load_si512(terms->panel + k * PANEL + (size_t)v * LANES);
#pragma GCC unroll 6
        for (int i = 0; i < QUERIES; i++) {
            const __m512i factor =
                _mm512_set1_epi32((int)terms->factors[(size_t)i * terms->factors_pitch + k]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                sums[i][v] = add_product(sums[i][v], factor, row[v], word);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < QUERIES; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            _mm512_store_ps(terms->out + (size_t)i * terms->out_pitch + (size_t)v * LANES, sums[i][v]);
}

/* All panels of `columns` columns, `panel_words` apart. */
WORDS_INLINE void multiply(struct terms terms, size_t columns, size_t panel_words, enum word word)
{
    for (size_t column = 0; column < columns; column += PANEL) {
        switch (groups_of(columns - column, LANES)) {
        case 1:
            multiply_some(&terms, 1, word);
            break;
        case 2:
            multiply_some(&terms, 2, word);
            break;
        case 3:
            multiply_some(&terms, 3, word);
            break;
        default:
            multiply_some(&terms, VECTORS, word);
        }
        terms.panel += panel_words;
        terms.out += PANEL;
    }
}

/* 16 weights of a query, which sees `keys` keys, from `key` on; 0 of what it does not see. */
WORDS_INLINE __m512 weigh(const float *scores, size_t key, size_t keys, __m512 scale, __m512 offset)
{
    const __m512 power = _mm512_fmsub_ps(_mm512_load_ps(scores + key), scale, offset);
    return _mm512_maskz_mov_ps(mask16(keys > key ? keys - key : 0), power16(power));
}

/* Turns the scores of a query, which sees `keys` keys, at least one, into words of weights, up to key `last`. Returns the
 * weights' sum. */
WORDS_INLINE float softmax_row(
    const float *scores, uint32_t *weights, size_t keys, size_t last, float scale, enum word word)
{
    __m512 largest = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    for (size_t key = 0; key < keys; key += LANES)
        largest = _mm512_max_ps(
            largest, _mm512_mask_load_ps(_mm512_set1_ps(-INFINITY), mask16(keys - key), scores + key));
    const float to_power = scale * 1.44269504f;
    const __m512 factor = _mm512_set1_ps(to_power),
                 offset = _mm512_set1_ps(_mm512_reduce_max_ps(largest) * to_power);
    for (size_t key = 0; key < last; key += LANES * word, weights += LANES) {
        const __m512 low = weigh(scores, key, keys, factor, offset);
        total += low;
        if (word == FLOAT) {
            _mm512_store_ps(weights, low);
            continue;
        }
        const __m512 high = weigh(scores, key + LANES, keys, factor, offset);
        total += high;
        _mm512_store_si512(weights, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    return _mm512_reduce_add_ps(total);
}

/* sums (D) times `scale` as bfloat16, rounded to the nearest, ties away from zero. */
WORDS_INLINE void context_store(uint16_t *out, const float *sums, size_t width, float scale)
{
    for (size_t column = 0; column < width; column += LANES) {
        const __m512i bits = (__m512i)(_mm512_load_ps(sums + column) * scale),
                      rounded = _mm512_add_epi32(bits, _mm512_set1_epi32(0x8000));
        _mm256_mask_storeu_epi16(
            out + column, mask16(width - column), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
    }
}

/* Queries from `first` on, `count` of them; out: the first one's place in the context. */
WORDS_INLINE void attend_block(const struct native_attention *attention, const struct parts *parts,
    const struct rows *queries, size_t first, size_t count, uint16_t *out, enum word word)
{
    const size_t tokens = queries->count, width = attention->head_width, seen = tokens - attention->unseen,
                 last = attention->causal && first + count < seen ? first + count : seen;
    const float scale = 1 / sqrtf((float)width);
    const struct terms scores = {.factors = parts->queries,
        .factors_pitch = parts->width_up,
        .panel = parts->keys,
        .depth = groups_of(width, word),
        .out = parts->scores,
        .out_pitch = parts->keys_up};
    const struct terms context = {.factors = parts->weights,
        .factors_pitch = parts->keys_up,
        .panel = parts->values,
        .depth = groups_of(last, word),
        .out = parts->sums,
        .out_pitch = parts->width_up};
    float totals[QUERIES];
    pack_queries(parts, queries, first, word);
    multiply(scores, last, parts->width_up / word * PANEL, word);
    for (size_t i = 0; i < QUERIES; i++) {
        const size_t keys = attention->causal && first + i < last ? first + i + 1 : last;
        totals[i] = softmax_row(
            parts->scores + i * parts->keys_up, parts->weights + i * parts->keys_up, keys, last, scale, word);
    }
    multiply(context, width, parts->keys_up / word * PANEL, word);
    for (size_t i = 0; i < count; i++)
        context_store(
            out + i * attention->heads * width, parts->sums + i * parts->width_up, width, 1 / totals[i]);
}

/* The next head's part of rows lies beside this one's, and has most often been in no cache since it was made. */
WORDS_INLINE void fetch_next(const struct rows *rows, size_t first, size_t last)
{
    for (size_t row = first; row < last; row++)
        for (size_t column = 0; column < rows->width; column += 64 / sizeof *rows->first)
            _mm_prefetch((const char *)(rows->first + row * rows->pitch + rows->width + column), _MM_HINT_T1);
}

WORDS_INLINE void attend(
    const struct native_attention *attention, size_t batch, size_t head, void *scratch, enum word word)
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
    pack_keys(&parts, &keys, word);
    pack_values(&parts, &values, word);
    for (size_t i = 0; i < blocks; i++) {
        const size_t first = tokens * i / blocks, last = tokens * (i + 1) / blocks;
        fetch_next(&queries, first, last);
        fetch_next(&keys, first, last);
        fetch_next(&values, first, last);
        attend_block(attention, &parts, &queries, first, last - first, context + first * width, word);
    }
}

WORDS_TARGET void avx512_attend(
    const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    attend(attention, batch, head, scratch, FLOAT);
}

WORDS_TARGET void avx512_attend_pairs(
    const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    attend(attention, batch, head, scratch, PAIR);
}

#else

void avx512_attend(const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    (void)attention, (void)batch, (void)head, (void)scratch;
}

void avx512_attend_pairs(const struct native_attention *attention, size_t batch, size_t head, void *scratch)
{
    (void)attention, (void)batch, (void)head, (void)scratch;
}

#endif
