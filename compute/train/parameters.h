// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute/train: what is trained, in flat buffers of one layout:
 *
 *   | weights, which decay | gains, biases and other vectors, which do not |
 *
 * and what is frozen, in two more: float32, and the operands of products in activations' type where that is another one. Each
 * tensor lies at a multiple of 16 elements, in the order in which parameter tables were added.
 */
#ifndef DIPTYCH_COMPUTE_TRAIN_PARAMETERS_H
#define DIPTYCH_COMPUTE_TRAIN_PARAMETERS_H

#include "compute/internal.h"
#include "compute/train/train.h"
#include "compute/weights/internal.h"

enum region {
    REGION_DECAYING,
    REGION_OTHERS, /* in the same buffers, behind those */
    REGION_FROZEN,
    REGION_FROZEN_REALS,
    REGIONS
};

struct parameter {
    const struct param *row;
    const char *prefix;
    size_t layer;
    struct shape shape;
    bool frozen;
    enum region region;
    size_t offset;                   /* in the region's buffers */
    struct tensor *value, *gradient; /* what it is to those who use it */
};

struct flat {
    cl_mem buffer;
    void *host;
};

struct parameters {
    struct parameter *items;
    size_t count, room;
    size_t sizes[REGIONS]; /* elements */
    uint64_t seed;         /* of what no weights have */
    unsigned layers;       /* that LoRA changes */
    struct flat flats[PARAMETERS_KINDS], frozen, frozen_reals,
        reals; /* values of what decays as activations are, where these are not float32 */
    enum dtype real;
    bool averages; /* are kept */
};

/* Of what is trained: (elements) float32, a multiple of 16. */
struct tensor parameters_flat(const struct parameters *parameters, enum parameters_kind kind);

/* How many of them, from the first on, decay; likewise. */
size_t parameters_decaying(const struct parameters *parameters);

/* One of them in there; of what is frozen its only values. */
struct tensor parameter_tensor(
    const struct parameters *parameters, const struct parameter *item, enum parameters_kind kind);

/* Room for a host's copy of the largest of them, to free(); NULL is ERR_MEMORY. */
float *parameters_room(const struct parameters *parameters, struct err *err);

/* Whether there is such a buffer. */
bool parameters_have(const struct parameters *parameters, enum parameters_kind kind);

/* After values lie elsewhere, to those who use them. */
void parameters_hand_out(const struct parameters *parameters);

/* After values have changed: what layers take of them is what they are. */
int parameters_round(const struct parameters *parameters, struct stream *stream, struct err *err);

#endif
