// SPDX-License-Identifier: Apache-2.0
/* Inside compute/train: the flat buffers as a whole. */
#ifndef DIPTYCH_COMPUTE_TRAIN_PARAMETERS_H
#define DIPTYCH_COMPUTE_TRAIN_PARAMETERS_H

#include "compute/internal.h"
#include "compute/train/train.h"

/* (elements) float32, a multiple of 16 */
struct tensor parameters_flat(const struct parameters *parameters, enum parameters_kind kind);

/* How many of them, from the first on, decay; likewise. */
size_t parameters_decaying(const struct parameters *parameters);

/* After values have changed: what layers take of them is what they are. */
int parameters_round(const struct parameters *parameters, struct stream *stream, struct err *err);

#endif
