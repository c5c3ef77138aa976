// SPDX-License-Identifier: Apache-2.0
/* Inside vision: patches made in three steps instead of one. */
#ifndef DIPTYCH_VISION_STEM_H
#define DIPTYCH_VISION_STEM_H

#include "vision/vision.h"

/* The first convolution's pixels on a side, and how many of those on a side a patch of it all has. */
enum { STEM_PATCH = 4, STEM_SIDE = 4 };

struct stem;

/* For patches of width W. Errors are params_load's. */
int stem_load(
    struct stem **out, size_t width, const struct weights *weights, struct device *device, struct err *err);
void stem_free(struct stem *stem);

/* columns (B, G*G, W) float32 of pieces (B, 16*G*G, 3*4*4) real: 16 to a patch, in the order of PATCHES_NESTED. */
int stem_forward(const struct stem *stem, struct stream *stream, struct tensor columns, struct tensor pieces,
    struct err *err);

size_t stem_params(size_t width);
double stem_flops(size_t width); /* of one patch */

#endif
