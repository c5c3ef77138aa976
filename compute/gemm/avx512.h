// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: products in bfloat16 and in int8 with AVX-512's instructions for them, one thread's share at a time.
 * avx512.c makes a provider of it, with threads.
 *
 * Both instructions multiply words of 32 bits, which hold two bfloat16 or four int8, element by element, and add what comes
 * of each pair of words to a sum of 32 bits. So a product is the same whatever the words hold; only how matrices
 * become words differs, and what a sum is worth.
 *
 * bfloat16 (VDPBF16PS): sums are float32, in the order of K, whatever the other rows and columns are.
 *
 * int8 (VPDPBUSD): weights have a scale for each column of the result, rows one each, made on the fly: the largest magnitude becomes
 * 127, and the rest is rounded to the nearest. Sums are whole numbers and exact. The instruction multiplies unsigned by signed
 * bytes: weights are the unsigned ones, 128 too large, and the sum of a row times that, which is known when the row is rounded, is
 * where its sums begin.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_AVX512_H
#define DIPTYCH_COMPUTE_GEMM_AVX512_H

#include "compute/compute.h"

/* Columns of the result that are made together, and the most rows that the registers hold sums for. */
enum { AVX512_COLUMNS = 32, AVX512_ROWS = 12 };

/* Whether the CPU has the instructions: of PRECISION_BF16 and _INT8, never of others. */
bool avx512_serves(enum precision precision);

/* Whether the CPU is one of Intel's since Sapphire Rapids (which brought avx512_fp16): they leave bfloat16 to AMX, and have
 * avx512_bf16 beside it at half of float32's speed (two cores of model 207: 150 to 270 GFLOP/s). Hypervisors may hide AMX and show
 * the rest. Elsewhere avx512_bf16 is twice as fast as float32. */
bool cpu_leaves_bf16_to_amx(void);

/* Elements of K in a word. */
size_t avx512_word(enum precision precision);

struct avx512_weight {
    enum precision precision;
    size_t n, k;
    uint32_t *values; // (N/32, words of K, 32), N rounded up; what is missing to K is zero. NULL: not packed,
    const float *plain; // (N, K), and of bfloat16; blocks of 32 columns are packed as a product comes to them
    float *scale;       // (N) rounded up likewise; of int8
};

size_t avx512_weight_bytes(const struct avx512_weight *weight);
size_t avx512_block_bytes(const struct avx512_weight *weight); /* of 32 columns */

/* block (words, 32) = 32 columns from `column` on, and their scale, from float32 (N, K), of int8 with its columns times gain (K),
 * unless that is NULL. */
void avx512_pack_block(uint32_t *block, const struct avx512_weight *weight, const float *values,
    const float *gain, size_t column);

/* out (R, N) = epilogue(in (R, K) * weight^T + bias) */
struct avx512_product {
    size_t rows;
    const void *in; // (R, K) bfloat16; or with `normed` float32, and a layer norm comes first
    bool normed;
    const float *gamma, *beta; // (K): its; NULL in int8, where weight and bias have them
    float eps;
    const struct avx512_weight *weight;
    const float *bias; // (N) rounded up to AVX512_COLUMNS, or NULL
    void *out;         // (R, N) float32 or bfloat16
    enum dtype out_dtype;
    enum epilogue epilogue;
};

/* Rows in words. */
struct avx512_rows {
    char *values;   // (R, stride), zeros from K on
    size_t stride;  /* bytes: not a power of two, which would put columns of them in one place of the cache */
    float *scale;   // (R); of int8, as is start
    int32_t *start; // (R): of a row's sums
};

/* How many bytes for the rows of a product; with memory, at a multiple of 64, also where in it they lie. */
size_t avx512_rows_place(struct avx512_rows *rows, void *memory, const struct avx512_product *product);

/* Rows [first, last) of `in`. */
void avx512_fill_rows(
    const struct avx512_rows *rows, const struct avx512_product *product, size_t first, size_t last);

/* A part of the result: some rows, and columns of which the first is a multiple of AVX512_COLUMNS. */
struct avx512_piece {
    size_t first_row, last_row, first_column, last_column;
    uint32_t *block; /* room for one at a multiple of 64; of a weight that is not packed */
};
void avx512_multiply(
    const struct avx512_product *product, const struct avx512_rows *rows, const struct avx512_piece *piece);

#endif
