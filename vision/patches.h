// SPDX-License-Identifier: Apache-2.0
/* Inside vision: pictures as patches. */
#ifndef DIPTYCH_VISION_PATCHES_H
#define DIPTYCH_VISION_PATCHES_H

#include "vision/vision.h"

/* A struct patches of a plain RGB picture. ERR_LIMIT: there is no scale at which it has few enough; ERR_MEMORY. */
int patches_make(
    uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture, struct err *err);

#endif
