// SPDX-License-Identifier: Apache-2.0
/* Inside joint/train: the two towers of a model that is trained, each of which is trained itself, or locked and only runs. */
#ifndef DIPTYCH_JOINT_TRAIN_TRAINED_TOWERS_H
#define DIPTYCH_JOINT_TRAIN_TRAINED_TOWERS_H

#include "joint/train/trained_model.h"

/* Of each pair one. */
struct trained_towers {
    struct model_config config;
    struct trained_vit *vision;
    struct vit *locked_vision;
    struct trained_text *text;
    struct text_tower *locked_text;
};

/* Adds the parameters of what is trained. A locked tower is loaded. Release it also after an error. */
int trained_towers_open(struct trained_towers *out, const struct model_config *config,
    const struct preprocess *preprocess, const struct weights *weights, struct device *device,
    const struct trained_what_is *what, const struct tower_training *training, struct parameters *parameters,
    struct err *err);
void trained_towers_release(struct trained_towers *towers);

/* Embeddings float32 by one tower: images (B, E) of pixels (B, S, S, 3), and texts (B, E) of ids (B, tokens). What gradients need stays in
 * the stream's memory. */
int trained_towers_images(const struct trained_towers *towers, struct stream *stream, struct tensor images,
    const uint8_t *pixels, struct err *err);
int trained_towers_texts(const struct trained_towers *towers, struct stream *stream, struct tensor texts,
    const int32_t *ids, const int32_t *eot, size_t tokens, struct err *err);

/* Gradients of what is trained in the tower that ran last, by those of its embeddings. A locked tower has none. */
int trained_towers_images_backward(
    const struct trained_towers *towers, struct stream *stream, struct tensor dimages, struct err *err);
int trained_towers_texts_backward(
    const struct trained_towers *towers, struct stream *stream, struct tensor dtexts, struct err *err);

#endif
