// SPDX-License-Identifier: Apache-2.0
/* Inside joint: one batch through a tower, from host memory to host memory. While a stream plans, all that is in host
 * memory may be NULL. raw: embeddings keep their length, which is 1 otherwise. */
#ifndef DIPTYCH_JOINT_BATCH_H
#define DIPTYCH_JOINT_BATCH_H

#include "joint/joint.h"

/* embeddings (B, E) of pictures as preprocess_run makes them. */
int batch_pictures(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const uint8_t *pixels, size_t batch, struct err *err);

/* embeddings (B, E) of ids (B, T), pooled at eot (B). */
int batch_ids(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const int32_t *ids, const int32_t *eot, size_t batch, size_t tokens, struct err *err);

/* Texts of a model that packs them, side by side. */
struct packed_texts {
    size_t rows;                /* R, of all of them */
    const int32_t *ids;         // (R)
    const int32_t *places;      // (R): text_pack
    const int32_t *eot;         // (B): the rows that are pooled
    struct sequences sequences; /* without starts on the device */
};

/* embeddings (B, E) of them. */
int batch_packed(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const struct packed_texts *texts, struct err *err);

#endif
