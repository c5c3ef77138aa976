// SPDX-License-Identifier: Apache-2.0
/* Inside joint: what an encoder asks of a model. */
#ifndef DIPTYCH_JOINT_INTERNAL_H
#define DIPTYCH_JOINT_INTERNAL_H

#include "joint/joint.h"

/* embeddings (B, E) float32, not normalised, through the tower: see vit_forward and text_tower_forward. */
int model_encode_pixels(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor pixels, size_t batch, struct err *err);
int model_encode_ids(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor eot, size_t batch, size_t tokens, struct err *err);

#endif
