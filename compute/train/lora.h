// SPDX-License-Identifier: Apache-2.0
/* Inside compute/train: LoRA's part of a linear layer, which affine_forward and affine_backward call, and its parameters. */
#ifndef DIPTYCH_COMPUTE_TRAIN_LORA_H
#define DIPTYCH_COMPUTE_TRAIN_LORA_H

#include "compute/train/train.h"

enum { LORA_ROWS = 8 };

struct lora {
    struct lora_options options;
    float scale;
    struct param rows[LORA_ROWS];
    char names[2][64]; /* of the first two */

    /* lora_draw's */
    bool drops;
    uint64_t batch;
    size_t first, count;
};

/* out (..., N), real or float32, += scale * B (A in (..., K) real). */
int lora_forward(struct stream *stream, struct tensor out, struct tensor in,
    const struct lora_tensors *values, struct err *err);

/* din (..., K) real += what comes of dout (..., N) real, where it is wanted; and the gradients of A and B, where they are. */
int lora_backward(struct stream *stream, struct tensor din, const struct lora_tensors *gradients,
    struct tensor dout, struct tensor in, const struct lora_tensors *values, struct err *err);

/* Adds the parameters of a block, and says in values what its linear layers are to do. Dims are the block's. */
int lora_parameters(const struct lora *lora, const char *prefix, size_t layer, const size_t dims[DIM_COUNT],
    struct parameters *parameters, struct block_tensors *values, struct block_tensors *gradients,
    struct err *err);

/* What A (..., K) or B is in the beginning. */
void lora_start(float *values, enum param_kind kind, struct shape shape, uint64_t seed);

#endif
