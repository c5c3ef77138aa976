// SPDX-License-Identifier: Apache-2.0
/* Inside joint/evaluation: the arithmetic of CLIPScore for itself. */
#ifndef DIPTYCH_JOINT_EVALUATION_INTERNAL_H
#define DIPTYCH_JOINT_EVALUATION_INTERNAL_H

#include "joint/evaluation/evaluation.h"
#include "joint/internal.h"

/* The cosine of two vectors (E) of any length, and the largest of one with each of others (count, E), count
 * from 1 on. */
double cosine_of(const float *a, const float *b, size_t width);
double best_cosine_of(const float *a, const float *others, size_t count, size_t width);

#endif
