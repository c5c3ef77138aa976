// SPDX-License-Identifier: Apache-2.0
/*
 * Inside joint/evaluation: retrieval from when the vectors of the pictures are there, wherever they come from, and whichever process
 * has them.
 */
#ifndef DIPTYCH_JOINT_EVALUATION_RETRIEVAL_RUN_H
#define DIPTYCH_JOINT_EVALUATION_RETRIEVAL_RUN_H

#include "joint/evaluation/evaluation.h"

/* The images of which this process has the vectors. */
struct retrieval_part {
    const float *images;   // (count, E)
    const size_t *numbers; // (count): which of all they are; NULL: all, in their order
    size_t count;
};

/* retrieval_compute by processes that have a part each; all else is the same on all. */
int retrieval_compute_part(struct retrieval *out, struct device *device, const struct retrieval_part *part,
    size_t image_count, const float *captions, const size_t *image_of, size_t caption_count, size_t width,
    const struct peers *peers, const struct job *job, struct err *err);

struct retrieval_run {
    struct retrieval_evaluation *out;
    struct encoder *encoder;       /* the first process's, as the next two */
    const struct caption_set *set; /* image r of the evaluation is set->images[kept[r]] */
    const size_t *kept;            // (count)
    size_t count, width;           /* width: E */
    struct retrieval_part part;
    struct device *device;
    const struct peers *peers;
    const struct job *job;
};

/* Encodes the captions of the images and computes the scores. */
int retrieval_run(struct retrieval_run *run, struct err *err);

#endif
