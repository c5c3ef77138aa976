// SPDX-License-Identifier: Apache-2.0
/*
 * The tile instructions of AMX in plain C, for CPUs that have none: the sources of compute/gemm/ are compiled
 * a second time with this in the place of compute/gemm/amx_instructions.h, and linked before the library, so
 * that what brings factors into tiles, cuts products, finishes them, and attends is run and tested anywhere.
 *
 * The 512-bit instructions beside the tiles are the CPU's own, AVX-512 with its part for bfloat16, or, with
 * AMX_STAND_IN_VECTORS, plain C too. Then all that is needed is a compiler with GCC's vector extensions.
 *
 * It is strict where the hardware faults: tiles before their configuration, addresses that are not aligned.
 */
#ifndef DIPTYCH_TESTS_COMPUTE_AMX_STAND_IN_H
#define DIPTYCH_TESTS_COMPUTE_AMX_STAND_IN_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#ifdef AMX_STAND_IN_VECTORS
#include "tests/compute/avx512_stand_in.h"
#define AMX_TARGET
#else
#include <immintrin.h>
#define AMX_TARGET __attribute__((target("avx512f,avx512bw,avx512bf16,avx512vl,avx512dq,prfchw")))
#endif
#define AMX_COMPILED 1

/* One tile register as floats or bfloat16, and whether a configuration is loaded. */
union stand_in_tile {
    float sums[16][16];
    uint16_t halves[16][32];
};

static _Thread_local struct {
    bool ready;
    union stand_in_tile tiles[8];
} stand_in;

static inline union stand_in_tile *stand_in_tile(int number)
{
    if (!stand_in.ready || number < 0 || number > 7) {
        fprintf(stderr, "tile %d is used without a configuration\n", number);
        abort();
    }
    return &stand_in.tiles[number];
}

/* 64 bytes as LDTILECFG wants them: palette 1 and eight tiles of 16 rows of 64 bytes, which is all that the
 * stand-in knows. */
static inline void stand_in_configure(const void *config)
{
    static const uint8_t head[16] = {1};
    const uint8_t *bytes = config;
    stand_in.ready = !memcmp(bytes, head, sizeof head);
    for (int tile = 0; tile < 8; tile++)
        stand_in.ready &= bytes[16 + 2 * tile] == 64 && bytes[17 + 2 * tile] == 0 && bytes[48 + tile] == 16;
    memset(stand_in.tiles, 0, sizeof stand_in.tiles);
}

static inline void stand_in_load(int tile, const void *from, size_t pitch)
{
    for (size_t row = 0; row < 16; row++)
        memcpy(stand_in_tile(tile)->sums[row], (const char *)from + row * pitch, 64);
}

static inline void stand_in_store(int tile, void *to, size_t pitch)
{
    for (size_t row = 0; row < 16; row++)
        memcpy((char *)to + row * pitch, stand_in_tile(tile)->sums[row], 64);
}

/* bf16_to_f32 where the compiler can see it: this is called some thousand times a product of tiles. */
static inline float stand_in_float(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Intel's manual: pairs of K in turn, the first of each and the second in sums of their own, which are then
 * added. A product of two bfloat16 is exact in float32. */
static inline void stand_in_multiply(int out, int rows, int columns)
{
    union stand_in_tile *sum = stand_in_tile(out), *left = stand_in_tile(rows),
                        *right = stand_in_tile(columns);
    float first[16][16], second[16][16]; // (pairs of K, columns)
    for (size_t pair = 0; pair < 16; pair++)
        for (size_t n = 0; n < 16; n++) {
            first[pair][n] = stand_in_float(right->halves[pair][2 * n]);
            second[pair][n] = stand_in_float(right->halves[pair][2 * n + 1]);
        }
    for (size_t m = 0; m < 16; m++) {
        float sums[16] = {0}, others[16] = {0};
        for (size_t pair = 0; pair < 16; pair++) {
            const float a = stand_in_float(left->halves[m][2 * pair]),
                        b = stand_in_float(left->halves[m][2 * pair + 1]);
            for (size_t n = 0; n < 16; n++) {
                sums[n] += a * first[pair][n];
                others[n] += b * second[pair][n];
            }
        }
        for (size_t n = 0; n < 16; n++)
            sum->sums[m][n] += sums[n] + others[n];
    }
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig(config) stand_in_configure(config)
#define _tile_release() (stand_in.ready = false)
#define _tile_zero(tile) memset(stand_in_tile(tile), 0, sizeof(union stand_in_tile))
#define _tile_loadd(tile, from, pitch) stand_in_load(tile, from, pitch)
#define _tile_stored(tile, to, pitch) stand_in_store(tile, to, pitch)
#define _tile_dpbf16ps(out, rows, columns) stand_in_multiply(out, rows, columns)

#endif
