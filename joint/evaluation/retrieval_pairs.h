// SPDX-License-Identifier: Apache-2.0
/*
 * Inside joint: all pairs of an image and a caption, each compared with two marks.
 *
 * The cosine of a pair is its float32 dot product (pair_cosine), and a pair is ahead of a mark where that is not
 * below it. Most pairs are settled by matrix products on the device, whose last digits are others: with images a and
 * captions b multiplied as a' and b', which are a and b in the type of activations, a product p is off by
 *
 *   |p - pair_cosine| <= |<a, b> - <a', b'>| + g |a'| |b'| + g |a| |b|
 *                     <= |a - a'| |b| + |a'| |b - b'| + g (|a'| |b'| + |a| |b|),   g = linear_sum_error(E)
 *
 * at most. A mark that is nearer to a product than the largest of these bounds is compared with pair_cosine itself.
 * So the counts are those of pair_cosine, on every device and in every precision.
 */
#ifndef DIPTYCH_JOINT_EVALUATION_RETRIEVAL_PAIRS_H
#define DIPTYCH_JOINT_EVALUATION_RETRIEVAL_PAIRS_H

#include "joint/evaluation/evaluation.h"

struct pairs {
    const float *images;   // (image_count, E)
    const float *captions; // (caption_count, E)
    const size_t
        *image_of; // (caption_count): a caption's own image, which is not counted; SIZE_MAX: none of these
    size_t image_count, caption_count, width;

    float *image_marks, *caption_marks;  // (image_count), (caption_count)
    size_t *image_ahead, *caption_ahead; // likewise, zeros at first: pairs ahead of the mark
};

float pair_cosine(const struct pairs *pairs, size_t image, size_t caption);

/* Fills image_ahead and caption_ahead. Errors are those of layers, ERR_MEMORY and ERR_CANCELLED. */
int pairs_count(struct pairs *pairs, struct device *device, const struct job *job, struct err *err);

#endif
