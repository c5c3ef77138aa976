// SPDX-License-Identifier: Apache-2.0
/* Private to vision/helper: pixels of TIFF that are luminance and colour. */
#ifndef DIPTYCH_VISION_HELPER_YCBCR_H
#define DIPTYCH_VISION_HELPER_YCBCR_H

#include "vision/format.h"

#include <tiffio.h>

/* A picture of PICTURE_RGB whose channels are such, in place. */
void ycbcr_to_rgb(struct picture *picture);

/* Pixels that libtiff makes RGB, as they are stored, into a picture of PICTURE_RGB of the file's size. libtiff has said why where
 * it is false. */
bool ycbcr_read(struct picture *out, TIFF *tiff);

#endif
