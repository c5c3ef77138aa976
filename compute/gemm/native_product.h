// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: products of our own on CPU devices, one design for all of them: what avx512.c and floats.c share.
 *
 * Elements of K lie in words of 32 bits: a float32, two bfloat16, or four int8. Weights become words once, in blocks of as many
 * columns of the result as are made together; rows become words before each product, after a layer norm where one comes
 * first. Both is done, and words are multiplied, by a kernel of the CPU's instructions, one thread's share at a time;
 * native_product.c cuts the work into shares.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_NATIVE_PRODUCT_H
#define DIPTYCH_COMPUTE_GEMM_NATIVE_PRODUCT_H

#include "compute/gemm/gemm.h"

struct native_weight {
    const struct native_kernel *kernel;
    enum precision precision;
    size_t n, k;
    uint32_t *
        values; // (N/columns, words of K, columns), N rounded up; what is missing to K is zero. NULL: not packed,
    const float *plain; // (N, K), and not of int8; blocks of columns are packed as a product comes to them
    float *scale;       // (N) rounded up likewise; of int8
};

/* out (R, N) = epilogue(in (R, K) * weight^T + bias) */
struct native_product {
    size_t rows;
    const void
        *in; // (R, K) of the type the provider takes; or with `normed` float32, and a layer norm comes first
    bool normed;
    const float *gamma, *beta; // (K): its; NULL in int8, where weight and bias have them
    float eps;
    const struct native_weight *weight;
    const float *bias; // (N) rounded up to whole blocks, or NULL
    void *out;         // (R, N) float32 or bfloat16
    enum dtype out_dtype;
    enum epilogue epilogue;
};

/* Rows in words. */
struct native_rows {
    char *values;   // (R, stride), zeros from K to the end of a word
    size_t stride;  /* bytes: not a power of two, which would put columns of them in one place of the cache */
    float *scale;   // (R); of int8, as is start
    int32_t *start; // (R): of a row's sums
};

/* A part of the result: some rows, and columns of which the first is that of a block. */
struct native_piece {
    size_t first_row, last_row, first_column, last_column;
    uint32_t *block; /* room for one at a multiple of 64; of a weight that is not packed */
};

struct native_kernel {
    size_t columns, rows; /* columns of a block; the most rows that registers hold sums for */

    /* block (words, columns) = those from `column` on, and their scale, from float32 (N, K), of int8 with its columns times
     * gain (K), unless that is NULL. */
    void (*pack_block)(uint32_t *block, const struct native_weight *weight, const float *values,
        const float *gain, size_t column);

    /* Rows [first, last) of `in`. */
    void (*fill_rows)(
        const struct native_rows *rows, const struct native_product *product, size_t first, size_t last);

    void (*multiply)(const struct native_product *product, const struct native_rows *rows,
        const struct native_piece *piece);
};

size_t native_word(enum precision precision);                  /* how many elements of K one holds */
size_t native_words(const struct native_weight *weight);       /* of K */
size_t native_block_bytes(const struct native_weight *weight); /* of so many columns */

/* What of a provider's functions is the same for all kernels: see struct layer_provider. */
int native_pack(
    struct linear *linear, const struct native_kernel *kernel, const float *weight, struct err *err);
int native_set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err);
void native_free(struct linear *linear);
int native_multiply(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    size_t rows, enum epilogue epilogue, struct err *err);
int native_multiply_normed(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err);

#endif
