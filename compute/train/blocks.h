// SPDX-License-Identifier: Apache-2.0
/* Inside compute/train: the transformer's blocks while they are trained. transformer_forward.c runs them and keeps what gradients need,
 * transformer_backward.c makes these. Letters are those of compute.h. */
#ifndef DIPTYCH_COMPUTE_TRAIN_BLOCKS_H
#define DIPTYCH_COMPUTE_TRAIN_BLOCKS_H

#include "compute/train/train.h"

/* What is kept of a block: 10 W of each row where M is 4 W, or where it recomputes 4 W, which is x and qkv: to make the rest
 * again takes 5 of a block's 12 W^2 products. Norms, activations and the weights of attention are always made again.
 * R is B*T, but where the last block goes on with the tokens that are picked: then it is B. */
struct block_kept {
    struct tensor x;       // (B, T, W) float32: what goes in
    struct tensor qkv;     // (B, T, 3*W)
    struct tensor context; // (B, T, W)
    struct tensor rows;    // (R, W) float32: of x; all of it, or those that are picked
    struct tensor seen;    // (R, W): of context
    struct tensor middle;  // (R, W) float32: rows + attention
    struct tensor hidden;  // (R, M): before the activation
};

struct trained_transformer {
    struct transformer_config config;
    struct tower_training training;
    struct block_tensors *values, *gradients; // (layers)
    struct block_kept *kept;                  // (layers)
    bool picks;                               /* the forward pass gave picked tokens */
    struct tensor pick;                       // (B) int32, or no shape: the first of each
};

/* For one block at a time. */
struct scratch {
    struct tensor normed;  // (B, T, W) real: what a norm gives, which a linear layer took
    struct tensor dnormed; // (B, T, W) real: the gradients by that; of context, too
    struct tensor wide;    // (B, T, M or 3*W) real: activated; then the gradients by hidden, and those by qkv
    struct tensor dx;      // (B, T, W) real: the residual stream's gradients as linear layers take them
};

/* Whether the block goes on with some of its tokens after attention. */
bool block_picks(const struct trained_transformer *transformer, size_t layer);

/* For x (B, T, W). */
int scratch_new(struct scratch *scratch, const struct transformer_config *config, struct stream *stream,
    struct shape x, struct err *err);

/* Of a block that recomputes, again: memory for what is kept from context on, and what it is, of qkv. */
int middle_new(struct trained_transformer *transformer, size_t layer, struct stream *stream, struct err *err);
int hide_forward(const struct trained_transformer *transformer, size_t layer, struct stream *stream,
    const struct scratch *scratch, struct err *err);

#endif
