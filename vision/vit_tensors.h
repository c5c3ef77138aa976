// SPDX-License-Identifier: Apache-2.0
/* Inside vision: what is trained of the tower beside its blocks. */
#ifndef DIPTYCH_VISION_VIT_TENSORS_H
#define DIPTYCH_VISION_VIT_TENSORS_H

#include "compute/train/train.h"
#include "vision/vision.h"

/* Or the gradients of these. The projection comes last: see vit_parameters. */
struct vit_tensors {
    struct affine_tensors patch;  // (W, 3*P*P)
    struct tensor class_token;    // (W), or none
    struct tensor positions;      // (T, W)
    struct norm_tensors pre_norm; // W, or none
    struct end_tensors end;       // W; (E, W)
};

/* Adds the tower's rows, but for its blocks', as that part is trained. */
int vit_parameters(const struct vit_config *config, enum tower_part part, struct parameters *parameters,
    struct vit_tensors *values, struct vit_tensors *gradients, struct err *err);

/* What is pooled by attention. */
struct attention_pool_config vit_pool_config(const struct vit_config *config);

/* A model input is byte * scale + shift, by channel. */
void vit_scaling(float scale[3], float shift[3], const struct preprocess *preprocess);

extern const char vit_block_prefix[];

#endif
