// SPDX-License-Identifier: Apache-2.0
/* EXIF: the one tag that a model needs, and what it asks for. */
#include "vision/format.h"

#include <string.h>

/* `bytes` of the block as a number in its own byte order; 0 outside the block. */
static uint32_t read_number(struct span exif, size_t at, int bytes)
{
    const bool little = exif.data[0] == 'I';
    uint32_t value = 0;

    if (exif.size < (size_t)bytes || at > exif.size - (size_t)bytes)
        return 0;
    for (int i = 0; i < bytes; ++i)
        value = value << 8 | exif.data[at + (size_t)(little ? bytes - 1 - i : i)];
    return value;
}

/* A TIFF header (byte order, 42, offset of the first directory), then in that directory a count and entries
 * of 12 bytes: tag (2), type (2), count (4), value (4, left-aligned where it is shorter). */
int exif_orientation(struct span exif)
{
    enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3 };

    if (exif.size < HEADER || (memcmp(exif.data, "II*\0", 4) && memcmp(exif.data, "MM\0*", 4)))
        return 1;
    const size_t directory = read_number(exif, 4, 4);
    const size_t count = read_number(exif, directory, 2);
    for (size_t i = 0; i < count; ++i) {
        const size_t entry = directory + 2 + i * ENTRY;
        if (read_number(exif, entry, 2) == ORIENTATION && read_number(exif, entry + 2, 2) == SHORT) {
            const uint32_t value = read_number(exif, entry + 8, 2);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

/* A square at a time, so that what lies near in one of the pictures stays in the cache until the other has
 * come to its neighbours. */
enum { TILE = 32 };

/* The tile at (left, top) of `out`. Its pixel (x, y) is at first + x * step + y * next_row. */
static void copy_tile(
    struct picture *out, int left, int top, const uint8_t *first, ptrdiff_t step, ptrdiff_t next_row)
{
    const int right = out->width - left < TILE ? out->width : left + TILE;
    const int bottom = out->height - top < TILE ? out->height : top + TILE;

    for (int y = top; y < bottom; ++y) {
        const uint8_t *from = first + left * step + y * next_row;
        uint8_t *to = out->rgb + 3 * ((size_t)y * (size_t)out->width + (size_t)left);
        for (int x = left; x < right; ++x, from += step, to += 3)
            memcpy(to, from, 3);
    }
}

int picture_orient(struct picture *picture, int orientation, struct err *err)
{
    /* Where the upright picture's first pixel is stored, and whether its rows are stored as columns. */
    static const struct {
        bool right, bottom, columns;
    } ways[] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 1}, {0, 1, 1}, {1, 1, 1}, {1, 0, 1}};
    const bool right = ways[orientation - 1].right, bottom = ways[orientation - 1].bottom;
    const bool columns = ways[orientation - 1].columns;
    const ptrdiff_t width = picture->width, height = picture->height;
    struct picture out;

    if (orientation == 1)
        return 0;
    int rc = picture_alloc(&out, (int)(columns ? height : width), (int)(columns ? width : height), err);
    if (rc)
        return rc;
    const ptrdiff_t step_x = right ? -3 : 3, step_y = bottom ? -3 * width : 3 * width;
    const ptrdiff_t step = columns ? step_y : step_x, next_row = columns ? step_x : step_y;
    const uint8_t *first = picture->rgb + 3 * ((bottom ? (height - 1) * width : 0) + (right ? width - 1 : 0));
    for (int top = 0; top < out.height; top += TILE)
        for (int left = 0; left < out.width; left += TILE)
            copy_tile(&out, left, top, first, step, next_row);
    picture_release(picture);
    *picture = out;
    return 0;
}
