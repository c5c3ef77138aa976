// SPDX-License-Identifier: Apache-2.0
/* What tests of training against tests/golden/train.py share: its models, batches and steps, and how far tensors are from its. */
#ifndef DIPTYCH_TESTS_GOLDEN_TRAINING_H
#define DIPTYCH_TESTS_GOLDEN_TRAINING_H

#include "compute/weights/safetensors.h"
#include "joint/train/trained_model.h"

#define GOLDEN DIPTYCH_ROOT "/tests/golden/train/"
#define OK(call) assert_ok(call, &err)

void assert_ok(int rc, const struct err *err);

/* As train.py has them. */
enum { BATCHES = 4, STEPS = 50, WARMUP = 10, SIGNS = 16 };

struct tensor_file {
    struct arena arena;
    struct file_map map;
    struct weight *tensors;
    size_t count;
};

void tensor_file_open(struct tensor_file *file, const char *path);
void tensor_file_release(struct tensor_file *file);

/* A copy of the tensor's bytes, as in the file nothing is aligned; NULL where there is none. */
void *tensor_copy_of(const struct tensor_file *file, const char *kind, const char *name);

struct golden {
    const char *name;
    enum contrastive_loss loss;
    size_t batch;
    struct model_config config;
    struct tensor_file file;
    uint8_t *pixels;                   // (BATCHES, B, S, S, 3)
    int32_t *ids, *eot;                // (BATCHES, B, context), (BATCHES, B)
    struct batch_texts texts[BATCHES]; /* of these */
    double *losses, *norms;            // (STEPS)
};

/* Of the name, loss and batch. */
void golden_open(struct golden *golden);
void golden_release(struct golden *golden);
struct contrastive_batch batch_of(const struct golden *golden, size_t step);

/* A whole batch at a time, of the golden loss; and a model that is trained, from the golden start. */
struct trained_model_options options_of(const struct golden *golden);
struct trained_model *model_of(
    const struct golden *golden, struct device *device, const struct trained_model_options *options);

/* Takes that step of train.py's, from 0 on. */
void step_take(
    struct trained_model *model, double *loss, double *norm, const struct golden *golden, size_t step);

/* Takes all of train.py's steps: losses and norms (STEPS). Averages, where they are kept, are DECAY's. */
#define DECAY 0.9
void steps_take(
    struct trained_model *model, double *losses, double *norms, const struct golden *golden, bool averages);

/* What is trained, or its gradients, as a file; and opened. */
void save_weights(const struct trained_model *model, enum parameters_kind kind, const char *path);
void save(struct tensor_file *out, const struct trained_model *model, enum parameters_kind kind);

/* As sketch() in train.py: the length, and sums with signs. */
void sketch(double out[1 + SIGNS], const float *values, size_t count);

/* How far a tensor is from the golden one of that kind, relative to its length. */
double distance(
    const char *kind, const char *name, const float *values, size_t count, const struct golden *golden);

/* Key biases have no gradient in exact arithmetic: AdamW makes steps of what is left of rounding. */
bool is_key_bias(const char *name);

/* The largest distance of all tensors but key biases, none of which may be above the limit. */
double worst_distance(
    const struct tensor_file *file, const char *kind, const struct golden *golden, double limit);

#endif
