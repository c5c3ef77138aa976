// SPDX-License-Identifier: Apache-2.0
#include "vision/helper/decoders.h"

const struct decoder decoders[] = {
#ifdef DIPTYCH_AVIF
    {"libavif", avif_decode, NULL},
#endif
#ifdef DIPTYCH_HEIF
    {"libheif", heif_decode, heif_prepare},
#endif
    {0},
};
