// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: products in bfloat16 and in int8 with AVX-512's instructions for them.
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

#include "compute/gemm/native_product.h"

/* Of avx512_kernel. */
enum { AVX512_COLUMNS = 32, AVX512_ROWS = 12 };
extern const struct native_kernel avx512_kernel;

/* Whether the CPU has the instructions: of PRECISION_BF16 and _INT8, never of others. */
bool avx512_serves(enum precision precision);

/* Whether the CPU is one of Intel's since Sapphire Rapids (which brought avx512_fp16): they leave bfloat16 to AMX, and have
 * avx512_bf16 beside it at half of float32's speed (two cores of model 207: 150 to 270 GFLOP/s). Hypervisors may hide AMX and show
 * the rest. Elsewhere avx512_bf16 is twice as fast as float32. */
bool cpu_leaves_bf16_to_amx(void);

/* avx512_words.c and avx512_multiply.c: as struct native_kernel has them. */
void avx512_pack_block(uint32_t *block, const struct native_weight *weight, const float *values,
    const float *gain, size_t column);
void avx512_fill_rows(
    const struct native_rows *rows, const struct native_product *product, size_t first, size_t last);
void avx512_multiply(
    const struct native_product *product, const struct native_rows *rows, const struct native_piece *piece);

/* What becomes of sums (count, AVX512_COLUMNS) at a multiple of 64, float32 or in int8 whole numbers: the result's rows from `row`
 * on, in the block of columns at `column`. row_scales (count): of int8. */
void avx512_finish(const struct native_product *product, const void *sums, const float *row_scales,
    size_t row, size_t column, size_t count);

#endif
