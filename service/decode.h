// SPDX-License-Identifier: Apache-2.0
/* Inside service: pictures decoded on a pool that many requests share. */
#ifndef DIPTYCH_SERVICE_DECODE_H
#define DIPTYCH_SERVICE_DECODE_H

#include "vision/vision.h"

struct decode {
    struct picture_source source;
    enum alpha_rule alpha;
    size_t input;        /* which input of its request it is, for messages */
    int *edges;          // (2): gets its width and height; NULL: nobody asks
    struct err *problem; /* gets what is wrong with it, which is no error then; NULL: it is */
    char *warning;       // (PICTURE_WARNING_SIZE): gets the picture's; NULL: nobody asks
    uint8_t *pixels;     // (S, S, 3): what the model sees of it
};

/* Decodes and preprocesses all, side by side as far as the pool has threads, and waits. The first in order that fails
 * is the error: picture_read's codes. ERR_CANCELLED where the job ends it: pictures not begun are left out. */
int decode_all(struct pool *pool, struct decode *decodes, size_t count, const struct preprocess *preprocess,
    const struct picture_options *options, const struct job *job, struct err *err);

/* thumbnail_read on a thread of the pool, so that no more pictures are in memory at once than it has threads, however
 * many ask. ERR_CANCELLED too, where the job ends it before its turn has come. */
int decode_thumbnail(struct thumbnail *out, struct pool *pool, struct picture_source source, int edge,
    const struct picture_options *options, const struct job *job, struct err *err);

#endif
