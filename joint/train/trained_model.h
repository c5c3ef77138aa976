// SPDX-License-Identifier: Apache-2.0
/* Inside joint/train: the two towers of a model while they are trained on pictures and their captions.
 *
 *     trained_model_open -> (trained_model_learn -> trained_model_step) again and again -> trained_model_save
 */
#ifndef DIPTYCH_JOINT_TRAIN_TRAINED_MODEL_H
#define DIPTYCH_JOINT_TRAIN_TRAINED_MODEL_H

#include "joint/train/train.h"

struct trained_model;

/* What is said of the pictures of a batch, a text each. */
struct batch_texts {
    size_t tokens;       /* T: the most text_tokens of them */
    const int32_t *ids;  // (B, T), filled up with any id
    const int32_t *eot;  // (B): text_eot
    const uint8_t *fits; // (B, B), or NULL: as loss_options has it
};

/* Pictures and texts that belong together, row by row. Where several texts are said of each picture the loss is the mean of what it is of
 * the pictures with the first texts, with the second and so on, and the pictures run once. */
struct contrastive_batch {
    size_t count;                    /* B */
    const uint8_t *pixels;           // (B, S, S, 3), as preprocess_run makes them
    const struct batch_texts *texts; // (each)
    size_t each;                     /* texts of a picture */
    uint64_t number; /* from 1 on, another one each time: what drops out of it; 0: nothing does */
};

struct trained_model_options {
    enum contrastive_loss loss;
    float smoothing; /* as loss_options has it */
    size_t batch;    /* pictures in a batch at most, which the loss compares with each other */
    size_t
        chunk; /* and in memory at a time: where that is less, the towers run over a batch twice, as in GradCache (Gao et al.,
                    * 2021), first for embeddings alone */
    size_t tokens;   /* of a text at most */
    bool recomputes; /* as trained_transformer_new has it */
    bool averages;   /* are kept: parameters_keep_averages */
    enum trained_what what;
    struct lora_options lora; /* of TRAINED_LORA */
};

/* Values are those of the weights, which need not outlive it where no tower is locked; the device does. ERR_UNSUPPORTED for a model that
 * cannot be trained, with the reason; ERR_ARGUMENT: options of LoRA that are none; ERR_DEVICE, ERR_MEMORY. */
int trained_model_open(struct trained_model **out, const struct model_config *config,
    const struct preprocess *preprocess, const struct weights *weights, struct device *device,
    const struct trained_model_options *options, struct err *err);
void trained_model_free(struct trained_model *model);

/* Loss and gradients of a batch; report->right is out of count * each. ERR_LIMIT where it is larger than there is memory for; ERR_DEVICE, ERR_MEMORY. */
int trained_model_learn(struct trained_model *model, struct loss_report *report,
    const struct contrastive_batch *batch, struct err *err);

/* embeddings (count, E) of length 1, of pixels (count, S, S, 3), and of texts as a batch has them: by the model as it is, of up to
 * a chunk. */
int trained_model_images(
    struct trained_model *model, float *embeddings, const uint8_t *pixels, size_t count, struct err *err);
int trained_model_texts(struct trained_model *model, float *embeddings, const int32_t *ids,
    const int32_t *eot, size_t count, size_t tokens, struct err *err);

/* A step along these gradients. The scale of logits stays between 1 and 100, as in open_clip, or with the sigmoid loss between 1 and
 * where it began, as published SigLIPs begin at 117. *norm is as parameters_step has it. */
int trained_model_step(
    struct trained_model *model, const struct adamw_options *options, double *norm, struct err *err);

/* parameters_save of what is trained: of TRAINED_ALL the whole model, in Hugging Face's layout. */
int trained_model_save(const struct trained_model *model, enum parameters_kind kind,
    struct weights_writer *writer, struct err *err);

/* parameters_keep and parameters_restore. */
int trained_model_keep(const struct trained_model *model, struct weights_writer *writer, struct err *err);
int trained_model_restore(struct trained_model *model, const struct weights *weights, struct err *err);

/* What cosines are multiplied by. */
int trained_model_scale(const struct trained_model *model, double *scale, struct err *err);

/* parameters_write: the whole model, whatever is trained, in the layout of the file that the weights are of. */
int trained_model_write(const struct trained_model *model, enum parameters_kind kind, struct weights *weights,
    struct weights_writer *writer, struct err *err);

/* Whether it could be, as parameters_can_write says; that costs nothing, and is to be known before the first step. */
int trained_model_can_write(
    const struct trained_model *model, const struct weights *weights, struct err *err);

/* Of TRAINED_LORA: parameters_save_adapter, and parameters_load_adapter, to go on with an adapter that there is. */
int trained_model_save_adapter(const struct trained_model *model, enum parameters_kind kind,
    struct weights_writer *writer, struct err *err);
int trained_model_load_adapter(struct trained_model *model, const struct weights *tensors, struct err *err);

/* The tensors of the adapter at `path`, as --lora takes it, of peft for the model of these weights, to be loaded so; and what it is trained
 * with, but for dropout and seed, which stay. ERR_UNSUPPORTED: not the same matrices of all blocks of both towers, of one rank and
 * alpha, or more than these, or DoRA; and those of reading an adapter. */
int trained_adapter_open(struct lora_options *lora, struct weights **tensors, const char *path,
    const struct model_config *config, const struct weights *model, struct err *err);

/* Where averages are kept: parameters_average after a step, and parameters_exchange_averages. */
int trained_model_average(struct trained_model *model, double decay, struct err *err);
int trained_model_exchange_averages(struct trained_model *model, struct err *err);

/* parameters_blend: share 1 is what was trained, 0 where it began. */
int trained_model_blend(
    struct trained_model *model, const struct weights *weights, float share, struct err *err);

/* The adapter in a folder that is there, as peft's save_pretrained writes it and both peft and model_open_adapted load it: onto the
 * model of that name or path, `base`, which may be NULL, and is left out where it is no UTF-8. ERR_LIMIT for a value that dtype does not hold; ERR_IO, ERR_DEVICE, ERR_MEMORY. */
int trained_model_write_adapter(const struct trained_model *model, enum parameters_kind kind,
    const char *directory, const char *base, enum dtype dtype, struct err *err);

/* What it is trained with; of TRAINED_LORA. */
const struct lora_options *trained_model_lora(const struct trained_model *model);

/* Bytes on the device: of what is trained or frozen (of a locked tower only what it needs to run a batch), and of a batch. */
size_t trained_model_bytes(const struct trained_model *model);

/* How many numbers are trained. */
size_t trained_model_trained(const struct trained_model *model);

/* Its stream, to be profiled. */
struct stream *trained_model_stream(struct trained_model *model);

#endif
