// SPDX-License-Identifier: Apache-2.0
/*
 * BMP, every number little-endian:
 *
 *     file header (14)   "BM" | size (4) | reserved (4) | offset of the pixels (4)
 *     header (12 or 40+) its size (4) | width, height, planes, bits | compression | ... | colours used
 *     channel masks      after a header of 40 bytes, or inside a longer one, where compression is BITFIELDS
 *     palette            blue, green, red (and a spare byte unless the header has 12)
 *     pixels             rows padded to 4 bytes, the lowest row first unless height is negative
 *
 * A decoder of our own, because stb_image reads neither run-length coding nor rows from the top, and takes
 * whatever its stack holds for a colour that the palette lacks.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <stdlib.h>
#include <string.h>

enum {
    FILE_HEADER = 14,
    CORE_HEADER = 12,
    INFO_HEADER = 40,
    MASKS_HEADER = 52,
    ALPHA_HEADER = 56,
    LARGEST_HEADER = 124,
};
enum compression { PLAIN, RLE8, RLE4, BITFIELDS };

struct bmp {
    struct span file;
    size_t header; /* where that behind the file header is: in icons, which have none, 0 */
    size_t pixels; /* their offset */
    long long width, height;
    bool top_down;
    unsigned bits; /* of a pixel */
    uint32_t compression;
    uint32_t masks[4]; /* of red, green, blue and alpha, where bits is 16 or 32; of alpha 0: there is none */
    uint8_t palette[PALETTE_COLORS][3];
    uint32_t colors; /* in the palette, by its header */
};

static int ends_early(struct span file, struct err *err)
{
    return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
}

/* Colours that are missing stay black. */
static void read_palette(struct bmp *bmp, size_t at, uint32_t colors, size_t entry)
{
    bmp->colors = colors;
    if (!bmp->header) /* nothing else says where they are */
        bmp->pixels = at + (bmp->bits <= 8 ? colors * entry : 0);
    for (uint32_t i = 0; i < PALETTE_COLORS && i < colors && bmp->file.length - at >= entry;
         i++, at += entry) {
        const uint8_t *bgr = span_bytes(bmp->file) + at;
        memcpy(bmp->palette[i], (const uint8_t[]){bgr[2], bgr[1], bgr[0]}, 3);
    }
}

static int check_kind(const struct bmp *bmp, struct err *err)
{
    static const struct {
        uint32_t compression;
        unsigned bits;
    } kinds[] = {{PLAIN, 1}, {PLAIN, 4}, {PLAIN, 8}, {PLAIN, 16}, {PLAIN, 24}, {PLAIN, 32}, {RLE8, 8},
        {RLE4, 4}, {BITFIELDS, 16}, {BITFIELDS, 32}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].compression == bmp->compression && kinds[i].bits == bmp->bits)
            return 0;
    return err_set(err, ERR_UNSUPPORTED, "this kind is not read: %u bits a pixel with compression %u",
        bmp->bits, bmp->compression);
}

static void read_core_header(struct bmp *bmp, const uint8_t *header)
{
    bmp->width = read_le16(header + 4);
    bmp->height = read_le16(header + 6);
    bmp->bits = read_le16(header + 10);
    read_palette(bmp, bmp->header + CORE_HEADER, bmp->bits < 8 ? 1u << bmp->bits : PALETTE_COLORS, 3);
}

/* Of headers that are long enough, and where no channel is said at all, Pillow takes alpha. */
static void read_masks(struct bmp *bmp, const uint8_t *header, uint32_t size)
{
    static const uint32_t bgra[4] = {0xff0000, 0xff00, 0xff, 0xff000000};
    for (int c = 0; c < 4; c++)
        bmp->masks[c] = c < 3 || size >= ALPHA_HEADER ? read_le32(header + INFO_HEADER + 4 * c) : 0;
    if (bmp->bits == 32 && !(bmp->masks[0] | bmp->masks[1] | bmp->masks[2] | bmp->masks[3]))
        memcpy(bmp->masks, bgra, sizeof bgra);
    if (bmp->bits != 32)
        bmp->masks[3] = 0;
}

static int read_info_header(struct bmp *bmp, const uint8_t *header, uint32_t size, struct err *err)
{
    static const uint32_t masks15[4] = {0x7c00, 0x03e0, 0x001f}, masks24[4] = {0xff0000, 0xff00, 0xff};
    const int32_t height = (int32_t)read_le32(header + 8);
    const uint32_t colors = read_le32(header + 32);

    bmp->width = (int32_t)read_le32(header + 4);
    bmp->height = llabs((long long)height);
    bmp->top_down = height < 0;
    bmp->bits = read_le16(header + 14);
    bmp->compression = read_le32(header + 16);
    memcpy(bmp->masks, bmp->bits == 16 ? masks15 : masks24, sizeof bmp->masks);
    if (bmp->compression == BITFIELDS) {
        if (size < MASKS_HEADER)
            size = MASKS_HEADER;
        if (bmp->file.length < bmp->header + size)
            return ends_early(bmp->file, err);
        read_masks(bmp, header, size);
    }
    read_palette(bmp, bmp->header + size, colors || bmp->bits > 8 ? colors : 1u << bmp->bits, 4);
    return 0;
}

static int read_headers(struct bmp *bmp, struct err *err)
{
    const uint8_t *header = span_bytes(bmp->file) + bmp->header;

    if (bmp->file.length < bmp->header + CORE_HEADER)
        return ends_early(bmp->file, err);
    const uint32_t size = read_le32(header);
    if (size != CORE_HEADER && (size < INFO_HEADER || size > LARGEST_HEADER))
        return err_set(err, ERR_FORMAT, "the header at byte %zu says it has %u bytes", bmp->header, size);
    if (bmp->file.length < bmp->header + size)
        return ends_early(bmp->file, err);
    if (bmp->header)
        bmp->pixels = read_le32(span_bytes(bmp->file) + 10);
    int rc = 0;
    if (size == CORE_HEADER)
        read_core_header(bmp, header);
    else
        rc = read_info_header(bmp, header, size, err);
    return rc ? rc : check_kind(bmp, err);
}

/* The bits of a mask as a byte, scaled so that all of them set is 255. */
static uint8_t masked(uint32_t pixel, uint32_t mask)
{
    if (!mask)
        return 0;
    const uint32_t lowest = mask & (0u - mask);
    return (uint8_t)((uint64_t)((pixel & mask) / lowest) * 255 / (mask / lowest));
}

static enum picture_mode mode_of(const struct bmp *bmp)
{
    return bmp->bits == 32 && bmp->masks[3] ? PICTURE_RGBA : PICTURE_RGB;
}

/* Where each colour is the grey of its number Pillow forgets the palette; of two, black and white, it makes bits. */
static int note_palette(struct picture *out, const struct bmp *bmp, struct err *err)
{
    bool grey = bmp->bits != 4;
    if (bmp->bits > 8)
        return 0;
    for (uint32_t i = 0; i < bmp->colors && i < PALETTE_COLORS; i++)
        for (int c = 0; c < 3; c++)
            grey &= bmp->palette[i][c] == (bmp->colors == 2 ? 255 * i : i);
    if (grey && bmp->bits == 1)
        return picture_set_bits(out, err);
    return grey ? 0 : picture_set_palette(out, bmp->palette[0], PALETTE_COLORS, err);
}

static void unpack_row(uint8_t *rgb, const struct bmp *bmp, const uint8_t *row)
{
    const unsigned bits = bmp->bits;
    const int channels = mode_of(bmp) == PICTURE_RGBA ? 4 : 3;

    for (size_t x = 0; x < (size_t)bmp->width; x++, rgb += channels) {
        const uint8_t *at = row + x * bits / 8;
        if (bits <= 8) {
            const unsigned color = at[0] >> (8 - bits - x * bits % 8) & ((1u << bits) - 1);
            memcpy(rgb, bmp->palette[color], 3);
        } else if (bits == 24) {
            memcpy(rgb, (const uint8_t[]){at[2], at[1], at[0]}, 3);
        } else {
            const uint32_t pixel = bits == 16 ? read_le16(at) : read_le32(at);
            for (int c = 0; c < channels; c++)
                rgb[c] = masked(pixel, bmp->masks[c]);
        }
    }
}

/* The stored row y, 0 being the first in the file, as a row of the picture. */
static uint8_t *row_of(const struct picture *out, const struct bmp *bmp, size_t y)
{
    const size_t upright = bmp->top_down ? y : (size_t)bmp->height - 1 - y;
    return out->pixels + upright * (size_t)bmp->width * picture_channels(out);
}

static int unpack_plain(struct picture *out, const struct bmp *bmp, struct err *err)
{
    const size_t row = ((size_t)bmp->width * bmp->bits + 7) / 8, stride = (row + 3) / 4 * 4;
    const size_t size = bytes_behind(bmp->file, bmp->pixels), height = (size_t)bmp->height;
    const size_t rows =
        size < row ? 0 : (size - row) / stride + 1; /* many writers leave out the last padding */

    for (size_t y = 0; y < height && y < rows; y++)
        unpack_row(row_of(out, bmp, y), bmp, span_bytes(bmp->file) + bmp->pixels + y * stride);
    return rows < height ? ends_early(bmp->file, err) : 0;
}

/* Pairs of bytes (n, v): n > 0 repeats v (of RLE4: its two halves in turn) over n pixels. (0, 0) ends a row,
 * (0, 1) the picture; (0, 2) moves right and up by two bytes that follow; (0, n) has n pixels following as
 * they are, padded to an even number of bytes. What is jumped over has colour 0. */
static int unpack_runs(struct picture *out, const struct bmp *bmp, struct err *err)
{
    enum { END_ROW, END_PICTURE, MOVE };
    const size_t width = (size_t)bmp->width, height = (size_t)bmp->height, size = bmp->file.length;
    const bool nibbles = bmp->bits == 4;
    size_t at = bmp->pixels, x = 0, y = 0;

    for (size_t i = 0; i < width * height; i++)
        memcpy(out->pixels + 3 * i, bmp->palette[0], 3);
    while (y < height && !(y == height - 1 && x >= width)) { /* nothing has to end the last row */
        if (at > size || size - at < 2)
            return ends_early(bmp->file, err);
        const uint8_t *code = span_bytes(bmp->file) + at;
        const bool literal = !code[0] && code[1] > MOVE;
        const size_t count = literal ? code[1] : code[0];
        const size_t stored = literal ? (nibbles ? (count + 1) / 2 : count) : 0;
        at += 2 + (stored + 1) / 2 * 2;
        if (stored > size - (size_t)(code + 2 - span_bytes(bmp->file)))
            return ends_early(bmp->file, err);
        for (size_t i = 0; i < count && x < width; i++, x++) {
            const uint8_t byte = literal ? code[2 + (nibbles ? i / 2 : i)] : code[1];
            const unsigned color = !nibbles ? byte : i % 2 ? byte & 15 : byte >> 4;
            memcpy(row_of(out, bmp, y) + 3 * x, bmp->palette[color], 3);
        }
        if (count)
            continue;
        if (code[1] == END_PICTURE)
            break;
        if (code[1] == END_ROW) {
            x = 0;
            y++;
        } else {
            if (at > size || size - at < 2)
                return ends_early(bmp->file, err);
            x += span_bytes(bmp->file)[at];
            y += span_bytes(bmp->file)[at + 1];
            at += 2;
        }
    }
    return 0;
}

static int decode(
    struct picture *out, const struct bmp *bmp, const struct picture_options *options, struct err *err)
{
    int rc = picture_check_size(bmp->width, bmp->height, options, err);
    if (!rc)
        rc = picture_alloc(out, options, mode_of(bmp), (int)bmp->width, (int)bmp->height, err);
    if (!rc)
        rc = note_palette(out, bmp, err);
    if (rc)
        return rc;
    if (bmp->compression == RLE8 || bmp->compression == RLE4)
        return unpack_runs(out, bmp, err); /* which Pillow does not take truncated */
    struct err damage = {0};
    picture_blank(out, options);
    rc = unpack_plain(out, bmp, &damage);
    return picture_damaged(out, rc, &damage, options, err);
}

int bmp_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct bmp bmp = {.file = file, .header = FILE_HEADER};
    const int rc = read_headers(&bmp, err);
    return rc ? rc : decode(out, &bmp, options, err);
}

int bmp_icon_decode(struct picture *out, size_t *pixels, struct span bytes,
    const struct picture_options *options, struct err *err)
{
    struct bmp bmp = {.file = bytes};
    const int rc = read_headers(&bmp, err);
    bmp.height /= 2;
    *pixels = bmp.pixels;
    return rc ? rc : decode(out, &bmp, options, err);
}
