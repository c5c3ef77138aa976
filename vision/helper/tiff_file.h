// SPDX-License-Identifier: Apache-2.0
/* Private to vision/helper: a TIFF file in memory, as libtiff reads it. */
#ifndef DIPTYCH_VISION_HELPER_TIFF_FILE_H
#define DIPTYCH_VISION_HELPER_TIFF_FILE_H

#include "vision/format.h"

#include <tiffio.h>

struct tiff_file {
    struct span bytes;
    uint64_t at;
    bool padded;       /* what lies behind the end is zeros, and not an error... */
    bool ended;        /* ...and was read */
    char failure[256]; /* the first thing that libtiff has said */
};

/* For TIFFClose, while the file is there. NULL: file->failure says why. */
TIFF *tiff_file_open(struct tiff_file *file);

/* ERR_FORMAT with it. */
int tiff_file_fail(const struct tiff_file *file, struct err *err);

#endif
