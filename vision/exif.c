// SPDX-License-Identifier: Apache-2.0
/* EXIF and XMP: the one thing that a model needs to know. */
#include "vision/format.h"

#include <string.h>

uint32_t tiff_number(struct span exif, size_t at, int bytes)
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
 * of 12 bytes: tag (2), type (2), count (4), value (4, left-aligned where it is shorter). Where the entry of a tag
 * stands. */
size_t tiff_entry(struct span tiff, uint32_t tag)
{
    enum { HEADER = 8, ENTRY = 12 };

    if (tiff.length < HEADER || (memcmp(tiff.data, "II*\0", 4) && memcmp(tiff.data, "MM\0*", 4)))
        return 0;
    const size_t directory = tiff_number(tiff, 4, 4);
    const size_t count = tiff_number(tiff, directory, 2);
    for (size_t i = 0; i < count; i++) {
        const size_t entry = directory + 2 + i * ENTRY;
        if (tiff_number(tiff, entry, 2) == tag)
            return entry;
    }
    return 0;
}

enum { TYPE_SHORT = 3 };

/* 0: it has none. */
static int exif_orientation(struct span exif)
{
    enum { ORIENTATION = 0x0112 };
    const size_t entry = tiff_entry(exif, ORIENTATION);
    if (!entry)
        return 0;
    if (tiff_number(exif, entry + 2, 2) != TYPE_SHORT)
        return 1;
    const uint32_t value = tiff_number(exif, entry + 8, 2);
    return value >= 1 && value <= 8 ? (int)value : 1;
}

/* As Pillow 13 finds it: at the first place where its name stands before a digit, as an attribute or an element. */
static int xmp_orientation(struct span xmp)
{
    static const char name[] = "tiff:Orientation";

    if (!xmp.length)
        return 1;
    const char *at = xmp.data, *end = xmp.data + xmp.length;

    while ((at = memmem(at, (size_t)(end - at), name, sizeof name - 1))) {
        at += sizeof name - 1;
        const size_t before = end - at > 2 && !memcmp(at, "=\"", 2) ? 2 : end - at > 1 && *at == '>' ? 1 : 0;
        const int value = before ? at[before] - '0' : -1;
        if (value >= 0 && value <= 9)
            return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

int metadata_orientation(struct span exif, struct span xmp)
{
    const int orientation = exif_orientation(exif);
    return orientation ? orientation : xmp_orientation(xmp);
}

bool tiff_is_raw(struct span file)
{
    enum { SUBFILE = 254, PHOTOMETRIC = 262, MAKE = 271, DNG_VERSION = 50706 };
    enum { REDUCED = 1, COLOR_FILTERS = 32803 };
    const size_t subfile = tiff_entry(file, SUBFILE), photometric = tiff_entry(file, PHOTOMETRIC);

    if (tiff_entry(file, DNG_VERSION))
        return true;
    if (!tiff_entry(file, MAKE))
        return false;
    return (photometric && tiff_number(file, photometric + 8, 2) == COLOR_FILTERS) ||
           (subfile && tiff_number(file, subfile + 8, 4) & REDUCED);
}
