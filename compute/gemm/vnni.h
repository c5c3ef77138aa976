// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: int8 products in VNNI, AVX-512's instructions for them, one thread's share at a time. vnni.c makes a
 * provider of it, with threads.
 *
 * Weights have a scale for each column of the result, rows one each, made on the fly: the largest magnitude becomes 127, and
 * the rest is rounded to the nearest. Sums are of 32 bits and exact, so that no result depends on how a product is cut.
 *
 * The instruction (VPDPBUSD) multiplies unsigned by signed bytes. Weights are the unsigned ones, 128 too large; the sum of a
 * row times that, which is known when the row is rounded, is where its sums begin.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_VNNI_H
#define DIPTYCH_COMPUTE_GEMM_VNNI_H

#include "compute/compute.h"

/* Columns of the result that are made together, elements of K that the instruction takes at once, and the most rows that the
 * registers hold sums for. */
enum { VNNI_COLUMNS = 32, VNNI_QUAD = 4, VNNI_ROWS = 12 };

/* K of more than this could overflow a sum of 32 bits. */
enum { VNNI_K_MAX = INT32_MAX / (127 * 255) };

bool vnni_available(void);

struct vnni_weight {
    uint8_t *values; // (N/32, K/4, 32, 4), 128 added; N and K rounded up, what is missing to K is 128
    float *scale;    // (N), rounded up likewise
};

size_t vnni_weight_bytes(size_t n, size_t k);

/* weight (N, K) float32, its columns times gain (K), unless that is NULL. */
void vnni_pack_weight(struct vnni_weight *packed, const float *weight, const float *gain, size_t n, size_t k);

/* out (R, N) = epilogue(in (R, K) * weight^T + bias) */
struct vnni_product {
    size_t rows, n, k;
    const void *in; // (R, K) bfloat16; or with `normed` float32, and the layer norm without gains comes first
    bool normed;
    float eps;
    struct vnni_weight weight;
    const float *bias; // (N) rounded up to VNNI_COLUMNS, or NULL
    void *out;         // (R, N) float32 or bfloat16
    enum dtype out_dtype;
    enum epilogue epilogue;
};

/* Rows in int8. */
struct vnni_rows {
    int8_t *values; // (R, stride), zeros from K on
    size_t stride;  /* bytes: not a power of two, which would put columns of them in one place of the cache */
    float *scale;   // (R)
    int32_t *start; // (R): of a row's sums
};

/* How many bytes for so many rows; with memory, at a multiple of 64, also where in it they lie. */
size_t vnni_rows_place(struct vnni_rows *rows, void *memory, size_t count, size_t k);

/* Rows [first, last) of `in`. */
void vnni_round_rows(
    const struct vnni_rows *rows, const struct vnni_product *product, size_t first, size_t last);

/* A part of the result: some rows, and columns of which the first is a multiple of VNNI_COLUMNS. */
struct vnni_piece {
    size_t first_row, last_row, first_column, last_column;
};
void vnni_multiply(
    const struct vnni_product *product, const struct vnni_rows *rows, const struct vnni_piece *piece);

#endif
