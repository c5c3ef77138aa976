// SPDX-License-Identifier: Apache-2.0
/* Inside compute/train: sums over rows, which several gradients are. */
#ifndef DIPTYCH_COMPUTE_TRAIN_ROWS_H
#define DIPTYCH_COMPUTE_TRAIN_ROWS_H

#include "compute/train/train.h"

/* out (N) float32 += the sum of the rows of in (..., N), real or float32: the gradient of a bias. */
int add_column_sums(struct stream *stream, struct tensor out, struct tensor in, struct err *err);

#endif
