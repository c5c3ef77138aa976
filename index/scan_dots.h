// SPDX-License-Identifier: Apache-2.0
/* Inside the scan: products of whole numbers, exact, with the instructions of AVX-512 for them (VNNI), or in plain C, which
 * is what those are tested against. */
#ifndef DIPTYCH_INDEX_SCAN_DOTS_H
#define DIPTYCH_INDEX_SCAN_DOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TILE = 16,         /* queries side by side */
    ROWS_TOGETHER = 64 /* rows multiplied together with many queries */
};

/* For each query of a tile what makes a bound of a row's product with it: scan_group.c has the formula. */
struct sieve {
    float scale[TILE], error[TILE], norm[TILE], limit[TILE];
    int32_t offset[TILE];
};

struct scan_dots {
    /* out (rows): of each row of plane (rows, half), two numbers from 0 to 15 in a byte, the product with q (2 half):
     * those in the low bits with its first half, those in the high bits with its second. half is a multiple of 32. */
    void (*plane)(int32_t *out, const uint8_t *plane, size_t rows, size_t half, const int8_t *q);

    /* out[0] = the product with a (2 half) of the whole codes, 16 high + low, of a row of two planes; out[1] with b. */
    void (*row)(int32_t out[2], const uint8_t *high, const uint8_t *low, size_t half, const int8_t *a,
        const int8_t *b);

    /* codes (2 half): 16 high + low of the halves of a row of two planes. */
    void (*unpack)(uint8_t *codes, const uint8_t *high, const uint8_t *low, size_t half);

    /* out (rows, tiles, TILE) = codes (rows, stride) times packed (tiles, stride/4, TILE, 4); rows is a multiple of 16. */
    void (*product)(
        int32_t *out, const uint8_t *codes, size_t rows, size_t stride, const int8_t *packed, size_t tiles);

    /* Bit i: !(scale s (2 dots[i] - offset) + e error + n norm <= limit), each i with its own, in float. */
    unsigned (*sift)(const int32_t dots[TILE], const struct sieve *sieve, float s, float e, float n);
};

extern const struct scan_dots scan_dots_plain;

/* The fast ones, or NULL where this CPU has none. */
const struct scan_dots *scan_dots_fast(void);

#endif
