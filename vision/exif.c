// SPDX-License-Identifier: Apache-2.0
/* EXIF: the one tag that a model needs. */
#include "vision/format.h"

#include <string.h>

/* `bytes` of the block as a number in its own byte order; 0 outside the block. */
static uint32_t read_number(struct span exif, size_t at, int bytes)
{
    const bool little = exif.data[0] == 'I';
    uint32_t value = 0;

    if (exif.length < (size_t)bytes || at > exif.length - (size_t)bytes)
        return 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | span_bytes(exif)[at + (size_t)(little ? bytes - 1 - i : i)];
    return value;
}

/* A TIFF header (byte order, 42, offset of the first directory), then in that directory a count and entries
 * of 12 bytes: tag (2), type (2), count (4), value (4, left-aligned where it is shorter). */
int exif_orientation(struct span exif)
{
    enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3 };

    if (exif.length < HEADER || (memcmp(exif.data, "II*\0", 4) && memcmp(exif.data, "MM\0*", 4)))
        return 1;
    const size_t directory = read_number(exif, 4, 4);
    const size_t count = read_number(exif, directory, 2);
    for (size_t i = 0; i < count; i++) {
        const size_t entry = directory + 2 + i * ENTRY;
        if (read_number(exif, entry, 2) == ORIENTATION && read_number(exif, entry + 2, 2) == SHORT) {
            const uint32_t value = read_number(exif, entry + 8, 2);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}
