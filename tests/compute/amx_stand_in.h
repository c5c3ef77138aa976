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

/* One tile register, and its part of a configuration: rows, and bytes of each. */
struct stand_in_tile {
    size_t rows, row_bytes;
    union {
        float sums[16][16];
        int32_t whole[16][16];
        uint16_t halves[16][32];
        uint8_t bytes[16][64];
    };
};

static _Thread_local struct {
    bool ready;
    struct stand_in_tile tiles[8];
} stand_in;

static inline struct stand_in_tile *stand_in_tile(int number)
{
    if (!stand_in.ready || number < 0 || number > 7 || !stand_in.tiles[number].rows) {
        fprintf(stderr, "tile %d is used without a configuration\n", number);
        abort();
    }
    return &stand_in.tiles[number];
}

/* 64 bytes as LDTILECFG wants them: palette 1, and eight tiles, of 16 rows of 64 bytes at most, or of none. */
static inline void stand_in_configure(const void *config)
{
    static const uint8_t head[16] = {1};
    const uint8_t *bytes = config;
    memset(&stand_in, 0, sizeof stand_in);
    stand_in.ready = !memcmp(bytes, head, sizeof head);
    for (size_t i = 0; i < 8; i++) {
        struct stand_in_tile *tile = &stand_in.tiles[i];
        tile->row_bytes = (size_t)(bytes[16 + 2 * i] | bytes[17 + 2 * i] << 8);
        tile->rows = bytes[48 + i];
        stand_in.ready &= tile->row_bytes <= 64 && tile->rows <= 16 && !tile->rows == !tile->row_bytes;
    }
}

static inline void stand_in_zero(int tile)
{
    memset(stand_in_tile(tile)->bytes, 0, sizeof stand_in_tile(tile)->bytes);
}

static inline void stand_in_load(int number, const void *from, size_t pitch)
{
    struct stand_in_tile *tile = stand_in_tile(number);
    stand_in_zero(number);
    for (size_t row = 0; row < tile->rows; row++)
        memcpy(tile->bytes[row], (const char *)from + row * pitch, tile->row_bytes);
}

static inline void stand_in_store(int number, void *to, size_t pitch)
{
    const struct stand_in_tile *tile = stand_in_tile(number);
    for (size_t row = 0; row < tile->rows; row++)
        memcpy((char *)to + row * pitch, tile->bytes[row], tile->row_bytes);
}

/* The shapes of a product: (M, N) sums, (M, K) times (K, N), in words of 32 bits. */
static inline void stand_in_fit(
    const struct stand_in_tile *sum, const struct stand_in_tile *left, const struct stand_in_tile *right)
{
    if (sum->rows == left->rows && sum->row_bytes == right->row_bytes && left->row_bytes == 4 * right->rows)
        return;
    fprintf(stderr, "tiles of other shapes are multiplied\n");
    abort();
}

/* Intel's manual: four products of bytes at a time, those of rows with a sign and those of columns without, are added to a sum
 * of 32 bits, without saturation. */
static inline void stand_in_multiply_bytes(int out, int rows, int columns)
{
    struct stand_in_tile *sum = stand_in_tile(out), *left = stand_in_tile(rows),
                         *right = stand_in_tile(columns);
    stand_in_fit(sum, left, right);
    for (size_t m = 0; m < sum->rows; m++)
        for (size_t word = 0; word < right->rows; word++)
            for (size_t n = 0; n < sum->row_bytes / 4; n++)
                for (size_t i = 0; i < 4; i++)
                    sum->whole[m][n] += (int8_t)left->bytes[m][4 * word + i] * right->bytes[word][4 * n + i];
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
    struct stand_in_tile *sum = stand_in_tile(out), *left = stand_in_tile(rows),
                         *right = stand_in_tile(columns);
    stand_in_fit(sum, left, right);
    float first[16][16], second[16][16]; // (pairs of K, columns)
    for (size_t pair = 0; pair < 16; pair++)
        for (size_t n = 0; n < 16; n++) {
            first[pair][n] = stand_in_float(right->halves[pair][2 * n]);
            second[pair][n] = stand_in_float(right->halves[pair][2 * n + 1]);
        }
    for (size_t m = 0; m < sum->rows; m++) {
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
#undef _tile_dpbsud
#define _tile_loadconfig(config) stand_in_configure(config)
#define _tile_release() (stand_in.ready = false)
#define _tile_zero(tile) stand_in_zero(tile)
#define _tile_loadd(tile, from, pitch) stand_in_load(tile, from, pitch)
#define _tile_stored(tile, to, pitch) stand_in_store(tile, to, pitch)
#define _tile_dpbf16ps(out, rows, columns) stand_in_multiply(out, rows, columns)
#define _tile_dpbsud(out, rows, columns) stand_in_multiply_bytes(out, rows, columns)

#endif
