// SPDX-License-Identifier: Apache-2.0
#include "index/scan_dots.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_VNNI
#include <immintrin.h>
#endif

/* ---- plain --------------------------------------------------------------------------------------------- */

static void plane_plain(int32_t *out, const uint8_t *plane, size_t rows, size_t half, const int8_t *q)
{
    for (size_t row = 0; row < rows; row++, plane += half) {
        int32_t sum = 0;
        for (size_t j = 0; j < half; j++)
            sum += (plane[j] & 15) * q[j] + (plane[j] >> 4) * q[half + j];
        out[row] = sum;
    }
}

static void unpack_plain(uint8_t *codes, const uint8_t *high, const uint8_t *low, size_t half)
{
    for (size_t j = 0; j < half; j++) {
        codes[j] = (uint8_t)((high[j] & 15) << 4 | (low[j] & 15));
        codes[half + j] = (uint8_t)((high[j] & 240) | low[j] >> 4);
    }
}

static void row_plain(
    int32_t out[2], const uint8_t *high, const uint8_t *low, size_t half, const int8_t *a, const int8_t *b)
{
    out[0] = out[1] = 0;
    for (size_t j = 0; j < half; j++) {
        const int first = (high[j] & 15) << 4 | (low[j] & 15), second = (high[j] & 240) | low[j] >> 4;
        out[0] += first * a[j] + second * a[half + j];
        out[1] += first * b[j] + second * b[half + j];
    }
}

static void product_plain(
    int32_t *out, const uint8_t *codes, size_t rows, size_t stride, const int8_t *packed, size_t tiles)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t tile = 0; tile < tiles; tile++)
            for (size_t i = 0; i < TILE; i++) {
                const int8_t *q = packed + tile * stride * TILE + 4 * i;
                int32_t sum = 0;
                for (size_t j = 0; j < stride; j++)
                    sum += codes[row * stride + j] * q[j / 4 * TILE * 4 + j % 4];
                out[(row * tiles + tile) * TILE + i] = sum;
            }
}

static unsigned sift_plain(const int32_t dots[TILE], const struct sieve *sieve, float s, float e, float n)
{
    unsigned survive = 0;
    for (size_t i = 0; i < TILE; i++) {
        const float score = s * sieve->scale[i] * (float)(2 * dots[i] - sieve->offset[i]);
        const float upper = score + (e * sieve->error[i] + n * sieve->norm[i]);
        survive |= (unsigned)!(upper <= sieve->limit[i]) << i;
    }
    return survive;
}

const struct scan_dots scan_dots_plain = {plane_plain, row_plain, unpack_plain, product_plain, sift_plain};

/* ---- AVX-512 with VNNI --------------------------------------------------------------------------------- */

#ifdef HAVE_VNNI
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

/* As many as are left, up to 64 bytes. */
VNNI static inline __m512i load(const void *from, size_t left)
{
    return left >= 64 ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(0xffffffff, from);
}

VNNI static void plane_vnni(int32_t *out, const uint8_t *plane, size_t rows, size_t half, const int8_t *q)
{
    const __m512i low_bits = _mm512_set1_epi8(15);
    for (size_t row = 0; row < rows; row++, plane += half) {
        __m512i a = _mm512_setzero_si512(), b = a;
        for (size_t j = 0; j < half; j += 64) {
            const __m512i both = load(plane + j, half - j);
            const __m512i first = _mm512_and_si512(both, low_bits);
            const __m512i second = _mm512_and_si512(_mm512_srli_epi16(both, 4), low_bits);
            a = _mm512_dpbusd_epi32(a, first, load(q + j, half - j));
            b = _mm512_dpbusd_epi32(b, second, load(q + half + j, half - j));
        }
        out[row] = _mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
    }
}

/* The codes of as many bytes of two planes: those of the low bits, and those of the high ones. */
VNNI static inline __m512i first_codes(__m512i high, __m512i low)
{
    const __m512i low_bits = _mm512_set1_epi8(15);
    return _mm512_or_si512(
        _mm512_slli_epi16(_mm512_and_si512(high, low_bits), 4), _mm512_and_si512(low, low_bits));
}

VNNI static inline __m512i second_codes(__m512i high, __m512i low)
{
    const __m512i low_bits = _mm512_set1_epi8(15);
    return _mm512_or_si512(
        _mm512_andnot_si512(low_bits, high), _mm512_and_si512(_mm512_srli_epi16(low, 4), low_bits));
}

VNNI static void row_vnni(
    int32_t out[2], const uint8_t *high, const uint8_t *low, size_t half, const int8_t *a, const int8_t *b)
{
    __m512i sums_a = _mm512_setzero_si512(), sums_b = sums_a;
    for (size_t j = 0; j < half; j += 64) {
        const __m512i h = load(high + j, half - j), l = load(low + j, half - j);
        const __m512i first = first_codes(h, l), second = second_codes(h, l);
        sums_a = _mm512_dpbusd_epi32(sums_a, first, load(a + j, half - j));
        sums_b = _mm512_dpbusd_epi32(sums_b, first, load(b + j, half - j));
        sums_a = _mm512_dpbusd_epi32(sums_a, second, load(a + half + j, half - j));
        sums_b = _mm512_dpbusd_epi32(sums_b, second, load(b + half + j, half - j));
    }
    out[0] = _mm512_reduce_add_epi32(sums_a);
    out[1] = _mm512_reduce_add_epi32(sums_b);
}

VNNI static void unpack_vnni(uint8_t *codes, const uint8_t *high, const uint8_t *low, size_t half)
{
    for (size_t j = 0; j < half; j += 64) {
        const __m512i h = load(high + j, half - j), l = load(low + j, half - j);
        const __mmask64 there = half - j >= 64 ? ~(__mmask64)0 : 0xffffffff;
        _mm512_mask_storeu_epi8(codes + j, there, first_codes(h, l));
        _mm512_mask_storeu_epi8(codes + half + j, there, second_codes(h, l));
    }
}

/* A few rows with a few tiles, whose sums all fit into registers. */
VNNI static inline __attribute__((always_inline)) void product_part(int32_t *out, const uint8_t *codes,
    size_t stride, const int8_t *packed, size_t tiles, const size_t rows, const size_t columns)
{
    __m512i sums[ROWS_TOGETHER / 4];
    for (size_t i = 0; i < rows * columns; i++)
        sums[i] = _mm512_setzero_si512();
    for (size_t j = 0; j < stride; j += 4, packed += 4 * TILE) {
        __m512i q[4];
        for (size_t c = 0; c < columns; c++)
            q[c] = _mm512_loadu_si512(packed + c * stride * TILE);
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            __builtin_memcpy(&four, codes + r * stride + j, sizeof four);
            for (size_t c = 0; c < columns; c++)
                sums[r * columns + c] =
                    _mm512_dpbusd_epi32(sums[r * columns + c], _mm512_set1_epi32(four), q[c]);
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            _mm512_storeu_si512(out + (r * tiles + c) * TILE, sums[r * columns + c]);
}

VNNI static void product_vnni(
    int32_t *out, const uint8_t *codes, size_t rows, size_t stride, const int8_t *packed, size_t tiles)
{
    for (size_t tile = 0; tile < tiles;) {
        const size_t columns = tiles - tile == 1 ? 1 : 2, step = columns == 1 ? 16 : 8;
        const int8_t *queries = packed + tile * stride * TILE;
        for (size_t row = 0; row < rows; row += step) {
            int32_t *at = out + (row * tiles + tile) * TILE;
            if (columns == 1)
                product_part(at, codes + row * stride, stride, queries, tiles, 16, 1);
            else
                product_part(at, codes + row * stride, stride, queries, tiles, 8, 2);
        }
        tile += columns;
    }
}

VNNI static unsigned sift_vnni(const int32_t dots[TILE], const struct sieve *sieve, float s, float e, float n)
{
    const __m512i twice = _mm512_slli_epi32(_mm512_loadu_si512(dots), 1);
    const __m512 whole = _mm512_cvtepi32_ps(_mm512_sub_epi32(twice, _mm512_loadu_si512(sieve->offset)));
    const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(s), _mm512_loadu_ps(sieve->scale));
    const __m512 error = _mm512_mul_ps(_mm512_set1_ps(e), _mm512_loadu_ps(sieve->error));
    const __m512 radius = _mm512_fmadd_ps(_mm512_set1_ps(n), _mm512_loadu_ps(sieve->norm), error);
    const __m512 upper = _mm512_fmadd_ps(scale, whole, radius);
    return _mm512_cmp_ps_mask(upper, _mm512_loadu_ps(sieve->limit), _CMP_NLE_UQ);
}

static const struct scan_dots scan_dots_vnni = {plane_vnni, row_vnni, unpack_vnni, product_vnni, sift_vnni};

const struct scan_dots *scan_dots_fast(void)
{
    const bool have = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni");
    return have ? &scan_dots_vnni : NULL;
}
#else
const struct scan_dots *scan_dots_fast(void)
{
    return NULL;
}
#endif
