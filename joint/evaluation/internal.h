// SPDX-License-Identifier: Apache-2.0
/* Inside joint/evaluation: the arithmetic of CLIPScore for itself, and images that have no picture. */
#ifndef DIPTYCH_JOINT_EVALUATION_INTERNAL_H
#define DIPTYCH_JOINT_EVALUATION_INTERNAL_H

#include "joint/evaluation/evaluation.h"
#include "joint/internal.h"

/* The cosine of two vectors (E) of any length, and the largest of one with each of others (count, E), count
 * from 1 on. */
double cosine_of(const float *a, const float *b, size_t width);
double best_cosine_of(const float *a, const float *others, size_t count, size_t width);

/* Counts an image without a picture, of which `problem` says why; `first` becomes that of the first. ERR_ARGUMENT where it has
 * several. */
int captioned_pictures_miss(
    struct captioned_pictures *out, struct err *first, const struct err *problem, struct err *err);

/* After the last of so many images, of which out->count have one of so many pictures: without_captions, and ERR_NOT_FOUND as
 * captioned_pictures_find has it. */
int captioned_pictures_check(struct captioned_pictures *out, const struct err *first, size_t images,
    size_t pictures, bool allow_missing, struct err *err);

#endif
