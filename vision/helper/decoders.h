// SPDX-License-Identifier: Apache-2.0
/* The libraries that diptych-decode was built with. Private to vision/helper. */
#ifndef DIPTYCH_VISION_HELPER_DECODERS_H
#define DIPTYCH_VISION_HELPER_DECODERS_H

#include "vision/helper/serve.h"

extern const struct decoder decoders[];

format_decode avif_decode, heif_decode, jp2_decode, jxl_decode, raw_decode, tiff_decode;

/* Whether two items of a HEIF file are turned and mirrored alike. */
bool heif_same_turns(struct span file, uint32_t item, uint32_t other);

void heif_prepare(void), tiff_prepare(void);

#endif
