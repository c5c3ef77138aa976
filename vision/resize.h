// SPDX-License-Identifier: Apache-2.0
/* The resize behind picture_resize and preprocess_run. Private to vision. */
#ifndef DIPTYCH_VISION_RESIZE_H
#define DIPTYCH_VISION_RESIZE_H

#include "vision/vision.h"

struct region {
    int x, y, width, height;
};

/* The part `region` of what `in`, of any mode, would be at width x height, to rows of region.width pixels of that
 * mode that stand `stride` bytes apart. Each channel is resized by itself. The region lies inside width x height and is not empty; what is outside is not
 * computed. */
int resize_region(uint8_t *out, size_t stride, const struct picture *in, int width, int height,
    struct region region, enum resample filter, struct err *err);

#endif
