// SPDX-License-Identifier: Apache-2.0
/* Inside compute: what AMX code shares: how functions are compiled for it, and its tiles. */
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
#include "compute/gemm/avx512_math.h"

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

#endif
#endif
