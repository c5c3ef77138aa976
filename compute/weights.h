// SPDX-License-Identifier: Apache-2.0
/* Inside compute: how parameters get from a weights file, or from a seed, into float32 memory. */
#ifndef DIPTYCH_COMPUTE_WEIGHTS_H
#define DIPTYCH_COMPUTE_WEIGHTS_H

#include "compute/compute.h"

/* Writes tensor `name`, which must have exactly this shape, to out as float32. F32, F16 and BF16 are
 * converted; any other type, a shape that differs and a value that is not finite are ERR_FORMAT, naming file,
 * tensor and, for a value, its index. A scalar (rank 0) may be stored with shape [1]. */
int weights_fetch(float *out, const struct weights *weights, const char *name, int rank, const size_t *shape,
    struct err *err);

/* The rule of weights_random: false where no kind of tensor ends in that name. */
bool weights_random_fill(float *out, const char *name, uint64_t seed, int rank, const size_t *shape);

#endif
