// SPDX-License-Identifier: Apache-2.0
/* The chunks of a PNG: those before its pixels, and new ones. Private to vision. */
#ifndef DIPTYCH_VISION_PNG_H
#define DIPTYCH_VISION_PNG_H

#include "base/base.h"

enum png_color { PNG_GREY = 0, PNG_RGB = 2, PNG_INDEXED = 3, PNG_GREY_ALPHA = 4, PNG_RGB_ALPHA = 6 };
enum { PNG_AROUND = 12 /* bytes of a chunk besides its data */ };

struct png_header {
    uint32_t width, height;
    int depth;
    enum png_color type;
    bool interlaced;
    struct span palette, transparency; /* empty where the file has none */
    size_t pixels;                     /* where its first chunk of them begins */
};

/* ERR_FORMAT: a chunk before the pixels is damaged or missing. */
int png_find_pixels(struct png_header *out, struct span file, struct err *err);

/* Puts length, type and checksum around `length` bytes of data that stand at out + 8 already; the bytes of the chunk. */
size_t png_close_chunk(uint8_t *out, const char *type, size_t length);

#endif
