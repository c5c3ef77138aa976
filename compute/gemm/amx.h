// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: arithmetic in bfloat16 and int8 on the tile registers of x86 CPUs (AMX), one thread's share at a time.
 * amx.c makes providers of it, with threads.
 *
 * A tile register holds 16 rows of 64 bytes: 16 x 16 sums of 32 bits, or 16 x 32 elements of bfloat16, or 16 x 64 of int8. In
 * tests the instructions are plain C (tests/compute/amx_stand_in.h), which any CPU runs.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_AMX_H
#define DIPTYCH_COMPUTE_GEMM_AMX_H

#include "compute/gemm/native_attention.h"

/* A product is made in blocks of AMX_BLOCK x AMX_BLOCK, and K goes in steps of AMX_BLOCK too; what is missing
 * to a whole block is filled up with zeros. AMX_CHUNK of K are worked on at a time: that much of a block of
 * weights takes a third of the L1 cache. */
enum { AMX_BLOCK = 32, AMX_CHUNK = 256, AMX_CHUNK_STEPS = AMX_CHUNK / AMX_BLOCK };

/* Whether the CPU has AMX for PRECISION_BF16 or _INT8, with AVX-512's instructions for the same, and Linux and the compiler let us
 * use it; asks Linux for it. Never of other precisions. */
bool amx_serves(enum precision precision);

/* ---- products in bfloat16 ------------------------------------------------------------------------------------------ */

/* out (R, N) = epilogue(in (R, K) * weight^T + bias) */
struct amx_product {
    size_t rows, n, k;
    const void *in;            // (R, K) bfloat16; with gamma and beta float32, and a layer norm comes first
    const float *gamma, *beta; // (K), or NULL
    float eps;
    const uint16_t *packed; // the weights, as amx_pack_weight lays them out
    const float *bias;      // (N), or NULL
    void *out;              // (R, N) float32 or bfloat16
    enum dtype out_dtype;
    enum epilogue epilogue;
};

/* packed (N/32, K/32, 2, 16, 16, 2) = weight (N, K) float32, rounded to the nearest, as the CPU wants its
 * second factor. N and K are rounded up; element (n, k) goes to
 *
 *     block n/32, step k/32, tile n/16 % 2, pair of K k/2 % 16, column n % 16, half of the pair k % 2 */
void amx_pack_weight(uint16_t *packed, const float *weight, size_t n, size_t k);

/* Elements of rows in tiles: of `in`, or of weights with rows = N. */
size_t amx_packed_count(size_t rows, size_t k);

/* Rows [first_row, last_row) of `in`, after the layer norm where there is one, as the CPU wants its first
 * factor; a panel is the rows that are multiplied together. They go to the panel's rows from `row` on, a
 * multiple of AMX_BLOCK. With P = panel_rows, and P and K rounded up,
 *
 *     panel (K/256, P/32, 8, 2, 16, 32)    chunk of K, block of rows, step of K, tile, row, element
 *
 * where the last chunk has as many steps as are left. */
void amx_pack_rows(uint16_t *panel, size_t panel_rows, size_t row, const struct amx_product *product,
    size_t first_row, size_t last_row);

/* A part of the result: rows that are a panel, and columns of which the first is a multiple of AMX_BLOCK. */
struct amx_piece {
    size_t first_row, last_row, first_column, last_column;
};

/* The piece, of its rows in a panel. sums: scratch memory of amx_sums_count(rows of the panel), at a multiple
 * of 64 bytes. Panel and sums are read once for each block of columns, so they should fit in the L2 cache. */
size_t amx_sums_count(size_t rows); /* elements */
void amx_multiply(
    const struct amx_product *product, const struct amx_piece *piece, const uint16_t *panel, float *sums);

/* ---- products in int8 ---------------------------------------------------------------------------------- */

struct native_product; /* native_product.h */
struct native_rows;
struct native_piece;

/* As struct native_kernel has it, of what avx512_pack_block and avx512_fill_rows make. */
void amx_multiply_int8(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece);

/* ---- attention ----------------------------------------------------------------------------------------- */

/* One head of one sequence, with scratch memory of so many bytes that begins at a multiple of 64. Never more
 * than AMX_BLOCK rows of scores are there at a time. The memory is for a sequence of so many tokens or fewer. */
size_t amx_attention_bytes(size_t tokens, size_t head_width);
void amx_attend(const struct native_attention *attention, size_t batch, size_t head, void *scratch);

#endif
