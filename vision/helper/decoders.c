// SPDX-License-Identifier: Apache-2.0
#include "vision/helper/decoders.h"

const struct decoder decoders[] = {
#ifdef DIPTYCH_AVIF
    {"libavif", avif_decode, NULL},
#endif
#ifdef DIPTYCH_HEIF
    {"libheif", heif_decode, heif_prepare},
#endif
#ifdef DIPTYCH_TIFF
    {"libtiff", tiff_decode, tiff_prepare},
#endif
#ifdef DIPTYCH_JXL
    {"libjxl", jxl_decode, NULL},
#endif
#ifdef DIPTYCH_JP2
    {"OpenJPEG", jp2_decode, NULL},
#endif
#ifdef DIPTYCH_RAW
    {"LibRaw", raw_decode, NULL},
#endif
    {0},
};
