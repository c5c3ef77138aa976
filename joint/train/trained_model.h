// SPDX-License-Identifier: Apache-2.0
/* Inside joint/train: the two towers of a model while they are trained on pictures and their captions.
 *
 *     trained_model_open -> (trained_model_learn -> trained_model_step) again and again -> trained_model_save
 */
#ifndef DIPTYCH_JOINT_TRAIN_TRAINED_MODEL_H
#define DIPTYCH_JOINT_TRAIN_TRAINED_MODEL_H

#include "compute/train/train.h"
#include "joint/joint.h"

struct trained_model;

/* Pictures and texts that belong together, row by row. */
struct contrastive_batch {
    size_t count;          /* B */
    size_t tokens;         /* T: the most text_tokens of the texts */
    const uint8_t *pixels; // (B, S, S, 3), as preprocess_run makes them
    const int32_t *ids;    // (B, T), filled up with any id
    const int32_t *eot;    // (B): text_eot
};

struct trained_model_options {
    enum contrastive_loss loss;
    size_t batch; /* pictures in a batch at most, which the loss compares with each other */
    size_t
        chunk; /* and in memory at a time: where that is less, the towers run over a batch twice, as in GradCache (Gao et al.,
                    * 2021), first for embeddings alone */
    size_t tokens;   /* of a text at most */
    bool recomputes; /* as trained_transformer_new has it */
};

/* Values are those of the weights, which need not outlive it; the device does. ERR_UNSUPPORTED for a model that cannot be trained,
 * with the reason; ERR_DEVICE, ERR_MEMORY. */
int trained_model_open(struct trained_model **out, const struct model_config *config,
    const struct preprocess *preprocess, const struct weights *weights, struct device *device,
    const struct trained_model_options *options, struct err *err);
void trained_model_free(struct trained_model *model);

/* Loss and gradients of a batch. ERR_LIMIT where it is larger than there is memory for; ERR_DEVICE, ERR_MEMORY. */
int trained_model_learn(struct trained_model *model, struct loss_report *report,
    const struct contrastive_batch *batch, struct err *err);

/* A step along these gradients; the scale of logits stays between 1 and 100, as in open_clip. *norm is as parameters_step has
 * it. */
int trained_model_step(
    struct trained_model *model, const struct adamw_options *options, double *norm, struct err *err);

/* parameters_save of all. */
int trained_model_save(const struct trained_model *model, enum parameters_kind kind,
    struct weights_writer *writer, struct err *err);

/* Bytes on the device: of what is trained, and of a batch. */
size_t trained_model_bytes(const struct trained_model *model);

/* Its stream, to be profiled. */
struct stream *trained_model_stream(struct trained_model *model);

#endif
