// SPDX-License-Identifier: Apache-2.0
/*
 * ICO, every number little-endian:
 *
 *     header (6)      0 (2) | 1 (2) | how many pictures there are (2)
 *     of each (16)    width, height (1 each, 0 is 256) | colours (1) | 0 (1) | planes, bits (2 each) | size, offset (4 each)
 *     a picture       a PNG file; or a BMP file without its first header, twice as high as it says: its pixels, then, a bit
 *                     each, those that are clear
 *
 * Of them Pillow opens the largest, and of several sizes the one of least colours.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 6, ENTRY = 16 };

struct entry {
    size_t pixels;  /* as it says */
    unsigned depth; /* Pillow's color_depth */
    unsigned bits;
    size_t size, offset;
};

bool ico_tells(struct span file)
{
    enum { RESERVED = 3 };
    return file.length >= HEADER + ENTRY && !memcmp(file.data, "\0\0\1\0", 4) &&
           read_le16(span_bytes(file) + 4) && !file.data[HEADER + RESERVED];
}

static struct entry read_entry(const uint8_t *at)
{
    struct entry entry = {.pixels = (at[0] ? at[0] : 256u) * (at[1] ? at[1] : 256u),
        .bits = read_le16(at + 6),
        .size = read_le32(at + 8),
        .offset = read_le32(at + 12)};
    entry.depth = entry.bits;
    while (!entry.bits && at[2] > 1u << entry.depth)
        entry.depth++;
    if (!entry.depth)
        entry.depth = 256;
    return entry;
}

static int find_best(struct entry *best, struct span file, struct err *err)
{
    *best = (struct entry){0};
    const size_t count = file.length >= HEADER ? read_le16(span_bytes(file) + 4) : 0;
    if (file.length < HEADER + count * ENTRY)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    for (size_t i = 0; i < count; i++) {
        const struct entry entry = read_entry(span_bytes(file) + HEADER + i * ENTRY);
        if (entry.pixels > best->pixels || (entry.pixels == best->pixels && entry.depth < best->depth))
            *best = entry;
    }
    if (!count)
        return err_set(err, ERR_FORMAT, "it holds no picture");
    if (best->offset >= file.length)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    return 0;
}

/* ---- pictures without a file header -------------------------------------------------------------------- */

/* Every fourth byte where pixels have 32 bits; else the bits behind them, up to the end of the entry, in rows of 4 bytes. Both
 * from the lowest row. */
static int read_alpha(uint8_t *rgba, const struct picture *picture, struct span file,
    const struct entry *entry, size_t pixels, struct err *err)
{
    const size_t width = (size_t)picture->width, height = (size_t)picture->height;
    const bool bytes = entry->bits == 32;
    const size_t stride = bytes ? 4 * width : (width + 31) / 32 * 4, need = stride * height;
    const size_t end = entry->offset + entry->size, at = bytes ? pixels : end - need;
    const size_t padding = bytes ? 0 : stride - (width + 7) / 8; /* which may be left out */

    if ((!bytes && end < need) || need - padding > bytes_behind(file, at))
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    for (size_t y = 0; y < height; y++) {
        const uint8_t *row = span_bytes(file) + at + (height - 1 - y) * stride;
        for (size_t x = 0; x < width; x++, rgba += 4)
            rgba[3] = bytes ? row[4 * x + 3] : row[x / 8] << (x % 8) & 0x80 ? 0 : 255;
    }
    return 0;
}

/* Of a truncated file without a whole mask the picture stays as it is. */
static int add_alpha(struct picture *picture, struct span file, const struct entry *entry, size_t pixels,
    const struct picture_options *options, struct err *err)
{
    struct err damage = {0};
    const size_t count = (size_t)picture->width * (size_t)picture->height, from = picture_channels(picture);
    struct picture out;
    int rc = picture_alloc(&out, NULL, PICTURE_RGBA, picture->width, picture->height, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        memcpy(out.pixels + 4 * i, picture->pixels + from * i, 3);
    rc = read_alpha(out.pixels, picture, file, entry, pixels, &damage);
    if (rc) {
        picture_release(&out);
        return picture_damaged(picture, rc, &damage, options, err);
    }
    memcpy(out.warning, picture->warning, sizeof out.warning);
    picture_release(picture); /* its palette, too, which counts for nothing any more */
    *picture = out;
    return rc;
}

int ico_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct entry entry;
    size_t pixels;
    int rc = find_best(&entry, file, err);
    if (rc)
        return rc;
    const struct span found = span_from(file, entry.offset);
    const struct format *format = format_find(found);
    if (format && format->decode == png_decode)
        return format_decode_here(out, format, found, options, err);
    rc = bmp_icon_decode(out, &pixels, found, options, err);
    return rc ? rc : add_alpha(out, file, &entry, entry.offset + pixels, options, err);
}
