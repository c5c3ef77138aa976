// SPDX-License-Identifier: Apache-2.0
/* Inside compute: what a transformer is made of, for those who run it and for those who pool what it gives. */
#ifndef DIPTYCH_COMPUTE_TRANSFORMER_H
#define DIPTYCH_COMPUTE_TRANSFORMER_H

#include "compute/gemm/gemm.h"
#include "compute/train/train.h"

struct norm {
    struct tensor gamma, beta; // both of the width that is normed
};

struct block {
    struct linear *qkv;         // (3*W, W), rows of q, then k, then v; with NORM_BEFORE ln_1 comes first
    struct linear *out;         // (W, W)
    struct linear *fc_1;        // (M, W), or (2*M, W) with a gate, whose rows come first; ln_2 as ln_1
    struct linear *fc_2;        // (W, M)
    struct norm norm_1, norm_2; // W; where they do not come before
    struct norm attention_norm, mlp_norm; // W and M; with inner_norm
};

struct transformer {
    struct transformer_config config;
    struct tensor rotation; // (T, D) float32; of rotary
    struct block *blocks;   // (layers)
};

/* What a block needs while it runs; all of them use the same memory. */
struct workspace {
    struct tensor context; // (B, T, W)
    struct tensor wide;    // qkv (B, T, 3*W), then the MLP's hidden layer (B, T, M), with a gate (B, T, 2*M)
    struct tensor gated;   // (B, T, M); with a gate
    struct tensor branch;  // (B, T, W) float32: what a norm makes ready to be added; with NORM_OF_BRANCH
};

/* *out (T, D) float32: what rotate_pairs() takes. */
int rotation_load(
    struct tensor *out, const struct transformer_config *config, struct device *device, struct err *err);

/* For x (B, T, W). */
int workspace_new(struct workspace *workspace, const struct transformer_config *config, struct stream *stream,
    struct shape x, struct err *err);

/* A block is these two, one after the other: workspace->context = attention(ln_1(x)), before its output
 * projection; then, of all rows or of some, x (R, W) += projection of context (R, W); x += mlp(ln_2(x)). */
int block_attend(const struct block *block, const struct transformer *transformer, struct stream *stream,
    const struct workspace *workspace, struct tensor x, const struct sequences *sequences, struct err *err);
int block_finish(const struct block *block, const struct transformer *transformer, struct stream *stream,
    const struct workspace *workspace, struct tensor x, struct tensor context, struct err *err);

/* parameters_add of a pool by attention. */
int attention_pool_parameters(const struct attention_pool_config *config, size_t trained_from,
    struct parameters *parameters, struct attention_pool_tensors *values,
    struct attention_pool_tensors *gradients, struct err *err);

/* The sizes of a block's parameters. */
void block_dims(size_t dims[DIM_COUNT], const struct transformer_config *config);

/* parameters_add of all blocks: values and gradients (layers). */
int transformer_parameters(const struct transformer_config *config, const char *prefix, size_t trained_from,
    struct parameters *parameters, struct block_tensors *values, struct block_tensors *gradients,
    struct err *err);

#endif
