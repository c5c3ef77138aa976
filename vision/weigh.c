// SPDX-License-Identifier: Apache-2.0
#include "vision/weigh.h"

#if defined __x86_64__ && defined __GNUC__
#define HAVE_AVX2
#include <immintrin.h>
#endif

enum { ONE_HALF = 1 << (FRACTION_BITS - 1) };

static int32_t weight(const struct weight_pair *pair, int which)
{
    return pair->high[which] * (1 << LOW_BITS) + pair->low[which];
}

/* A piece of the rows at a time, so that its sums stay near. */
void weigh_rows_plain(
    uint8_t *out, const uint8_t *from, size_t step, const struct weight_pair *weights, int rows, size_t size)
{
    enum { PIECE = 256 };
    int32_t sums[PIECE];

    for (size_t at = 0; at < size; at += PIECE) {
        const size_t count = size - at < PIECE ? size - at : PIECE;
        for (size_t i = 0; i < count; i++)
            sums[i] = ONE_HALF;
        for (int k = 0; k < rows; k += 2) {
            const uint8_t *a = from + (size_t)k * step + at, *b = k + 1 < rows ? a + step : a;
            const int32_t by_a = weight(&weights[k / 2], 0), by_b = weight(&weights[k / 2], 1);
            for (size_t i = 0; i < count; i++)
                sums[i] += a[i] * by_a + b[i] * by_b;
        }
        for (size_t i = 0; i < count; i++) {
            const int32_t value = sums[i] >> FRACTION_BITS;
            out[at + i] = value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
        }
    }
}

#ifdef HAVE_AVX2
enum { BLOCK = 16 };

/* A pair of numbers of 16 bits, repeated. */
__attribute__((target("avx2"))) static inline __m256i repeat(const int16_t *pair)
{
    int32_t both;
    __builtin_memcpy(&both, pair, sizeof both);
    return _mm256_set1_epi32(both);
}

/* Half a block's sums from those with the low and the high parts of the weights. */
__attribute__((target("avx2"))) static inline __m256i join(__m256i low, __m256i high)
{
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, LOW_BITS), low);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(ONE_HALF)), FRACTION_BITS);
}

/*
 * Two rows at a time: their bytes are interleaved and widened to 16 bits, so that one multiplication makes
 * products of both with their weights and adds them.
 *
 *     row k        a0 a1 a2 ...
 *     row k + 1    b0 b1 b2 ...
 *     interleaved  a0 b0 a1 b1 ...
 *     madd with (wa, wb)  a0 wa + b0 wb, a1 wa + b1 wb, ...
 */
__attribute__((target("avx2"))) static inline void weigh_block(
    uint8_t *out, const uint8_t *from, size_t step, const struct weight_pair *weights, int rows)
{
    __m256i low_1 = _mm256_setzero_si256(), low_2 = low_1, high_1 = low_1, high_2 = low_1;

    for (int k = 0; k < rows; k += 2, from += 2 * step, weights++) {
        const __m128i a = _mm_loadu_si128((const __m128i *)from);
        const __m128i b = _mm_loadu_si128((const __m128i *)(k + 1 < rows ? from + step : from));
        const __m256i first = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
        const __m256i second = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
        const __m256i low = repeat(weights->low), high = repeat(weights->high);
        low_1 = _mm256_add_epi32(low_1, _mm256_madd_epi16(first, low));
        low_2 = _mm256_add_epi32(low_2, _mm256_madd_epi16(second, low));
        high_1 = _mm256_add_epi32(high_1, _mm256_madd_epi16(first, high));
        high_2 = _mm256_add_epi32(high_2, _mm256_madd_epi16(second, high));
    }
    /* Packing works on halves of 128 bits each and leaves the quarters in the order 0 2 1 3. */
    const __m256i words = _mm256_packs_epi32(join(low_1, high_1), join(low_2, high_2));
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
    _mm_storeu_si128((__m128i *)out,
        _mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
}

/* The last block overlaps the one before it. */
__attribute__((target("avx2"))) static void weigh_rows_avx2(
    uint8_t *out, const uint8_t *from, size_t step, const struct weight_pair *weights, int rows, size_t size)
{
    if (size < BLOCK) {
        weigh_rows_plain(out, from, step, weights, rows, size);
        return;
    }
    for (size_t at = 0; at + BLOCK <= size; at += BLOCK)
        weigh_block(out + at, from + at, step, weights, rows);
    if (size % BLOCK)
        weigh_block(out + size - BLOCK, from + size - BLOCK, step, weights, rows);
}
#endif

weigh_rows *weigh_rows_best(void)
{
#ifdef HAVE_AVX2
    if (__builtin_cpu_supports("avx2"))
        return weigh_rows_avx2;
#endif
    return weigh_rows_plain;
}
