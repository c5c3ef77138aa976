// SPDX-License-Identifier: Apache-2.0
/*
 * TGA, every number little-endian (Truevision TGA File Format Specification, version 2.0):
 *
 *     header (18)   length of the name (1) | has a palette (1) | type (1) | palette: first, count (2 each), bits (1)
 *                   | left, top, width, height (2 each) | bits of a pixel (1) | flags (1)
 *     name | palette | pixels, blue before red
 *     footer (26)   of version 2: extension's offset, developer's offset (4 each), "TRUEVISION-XFILE.\0"
 *
 * A decoder of our own: stb_image knows neither pictures from right to left, nor the bit of alpha of 16, nor the extension
 * that says that alpha means nothing; and where the file has numbers of colours, it does not say so. Modes are Pillow's.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <string.h>

enum { HEADER = 18, FOOTER = 26, RUNS = 8, FROM_RIGHT = 0x10, FROM_TOP = 0x20 };
enum type { INDEXED = 1, COLOR = 2, GREY = 3 };

struct tga {
    struct span file;
    bool truncated; /* it may end early */
    enum type type;
    bool runs; /* run-length coded */
    int width, height;
    unsigned bits; /* of a pixel */
    uint8_t flags;
    size_t at; /* the first pixel */
    uint8_t palette[PALETTE_COLORS][4];
    bool palette_alpha;
};

/* ---- headers ------------------------------------------------------------------------------------------- */

static void read_header(struct tga *tga, struct span file)
{
    const uint8_t *header = span_bytes(file);
    *tga = (struct tga){.file = file,
        .type = (enum type)(header[2] & ~RUNS),
        .runs = header[2] & RUNS,
        .width = (int)read_le16(header + 12),
        .height = (int)read_le16(header + 14),
        .bits = header[16],
        .flags = header[17],
        .at = HEADER + (size_t)header[0]};
}

static bool is_kind(const struct tga *tga, bool palette)
{
    switch (tga->type) {
    case INDEXED:
        return palette && tga->bits == 8;
    case COLOR:
        return tga->bits == 16 || tga->bits == 24 || tga->bits == 32;
    case GREY:
        return tga->bits == 8 || tga->bits == 16 || (tga->bits == 1 && !tga->runs);
    default:
        return false;
    }
}

bool tga_may_be(struct span file)
{
    struct tga tga;
    if (file.length < HEADER)
        return false;
    read_header(&tga, file);
    const uint8_t *header = span_bytes(file);
    const bool map = header[1] == 1, map_bits = header[7] == 16 || header[7] == 24 || header[7] == 32;
    return header[1] <= 1 && is_kind(&tga, map) && (!map || (map_bits && read_le16(header + 5))) &&
           tga.width && tga.height && !(tga.flags & 0xc0);
}

/* Where the footer is; of version 1, which has none, NULL. */
static const uint8_t *footer(struct span file)
{
    static const char signature[] = "TRUEVISION-XFILE."; /* with its zero */
    const uint8_t *end = span_bytes(file) + file.length;
    return file.length >= HEADER + FOOTER && !memcmp(end - sizeof signature, signature, sizeof signature)
               ? end - FOOTER
               : NULL;
}

bool tga_tells(struct span file)
{
    return footer(file) && tga_may_be(file);
}

/* ---- colours ------------------------------------------------------------------------------------------- */

/* A pixel or a colour of the palette, of 16, 24 or 32 bits, as RGBA. */
static void put_color(uint8_t rgba[4], const uint8_t *at, unsigned bits)
{
    if (bits == 16) {
        const uint32_t value = read_le16(at);
        for (int c = 0; c < 3; c++)
            rgba[c] = (uint8_t)((value >> (10 - 5 * c) & 31) * 255 / 31);
        rgba[3] = value >> 15 ? 0 : 255;
        return;
    }
    memcpy(rgba, (const uint8_t[]){at[2], at[1], at[0], bits == 32 ? at[3] : 255}, 4);
}

static int ends_early(const struct tga *tga, struct err *err)
{
    return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", tga->file.length);
}

/* Colours before the first are zeros, and those behind the last black. */
static int read_palette(struct tga *tga, struct err *err)
{
    static const uint8_t zeros[4] = {0};
    const uint8_t *header = span_bytes(tga->file);
    const size_t first = read_le16(header + 3), count = read_le16(header + 5), bits = header[7];
    if (!header[1])
        return 0;
    if (bits != 16 && bits != 24 && bits != 32)
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: a palette of %zu bits", bits);
    const size_t stored = bytes_behind(tga->file, tga->at) * 8 / bits;
    if (stored < count && !tga->truncated)
        return ends_early(tga, err);
    for (size_t i = 0; i < PALETTE_COLORS; i++)
        if (i < first + (stored < count ? stored : count))
            put_color(tga->palette[i],
                i < first ? zeros : span_bytes(tga->file) + tga->at + (i - first) * bits / 8, (unsigned)bits);
        else
            tga->palette[i][3] = 255;
    tga->palette_alpha = bits != 24;
    tga->at += count * bits / 8;
    return 0;
}

/* An extension may say that alpha is there and means nothing. */
static bool heeds_alpha(const struct tga *tga)
{
    enum { ATTRIBUTES = 494 };
    const uint8_t *end = footer(tga->file);
    const size_t extension = end ? read_le32(end) : 0;
    return !extension || extension + ATTRIBUTES >= tga->file.length ||
           span_bytes(tga->file)[extension + ATTRIBUTES];
}

/* ---- pixels -------------------------------------------------------------------------------------------- */

static enum picture_mode mode_of(const struct tga *tga)
{
    switch (tga->type) {
    case INDEXED:
        return tga->palette_alpha ? PICTURE_RGBA : PICTURE_RGB;
    case COLOR:
        return tga->bits == 24 ? PICTURE_RGB : PICTURE_RGBA;
    default:
        return tga->bits == 16 ? PICTURE_RGBA : PICTURE_RGB;
    }
}

static void put_pixel(uint8_t *to, size_t channels, const struct tga *tga, const uint8_t *at)
{
    uint8_t rgba[4];
    if (tga->type == INDEXED)
        memcpy(rgba, tga->palette[*at], 4);
    else if (tga->type == COLOR)
        put_color(rgba, at, tga->bits);
    else
        memcpy(rgba, (const uint8_t[]){at[0], at[0], at[0], tga->bits == 16 ? at[1] : 255}, 4);
    memcpy(to, rgba, channels);
}

/* Pixel `i` in the order of the file. */
static uint8_t *place(const struct picture *out, const struct tga *tga, size_t i)
{
    const size_t width = (size_t)out->width, x = i % width, y = i / width;
    const size_t column = tga->flags & FROM_RIGHT ? width - 1 - x : x;
    const size_t row = tga->flags & FROM_TOP ? y : (size_t)out->height - 1 - y;
    return out->pixels + (row * width + column) * picture_channels(out);
}

/* The file ends before pixel `from`: that and all behind it become what Pillow makes of them. */
static int end_early(struct picture *out, const struct tga *tga, size_t from, struct err *err)
{
    static const uint8_t zeros[4] = {0};
    const size_t count = (size_t)out->width * (size_t)out->height;
    for (size_t i = from; i < count && tga->truncated; i++)
        memcpy(place(out, tga, i), tga->type == INDEXED ? tga->palette[0] : zeros, picture_channels(out));
    return ends_early(tga, err);
}

static int unpack_bits(struct picture *out, const struct tga *tga, struct err *err)
{
    const size_t width = (size_t)out->width, height = (size_t)out->height, stride = (width + 7) / 8;
    const uint8_t *rows = span_bytes(tga->file) + tga->at;
    const size_t stored = bytes_behind(tga->file, tga->at) / stride;
    for (size_t i = 0; i < width * height && i / width < stored; i++)
        memset(place(out, tga, i),
            rows[i / width * stride + i % width / 8] << (i % width % 8) & 0x80 ? 255 : 0, 3);
    return stored < height ? end_early(out, tga, stored * width, err) : 0;
}

/* The next packet: a byte n, then as many pixels as n + 1; from 128 on one pixel, n - 127 times. Without runs, a row. */
static bool next_packet(size_t *count, bool *run, const struct tga *tga, const uint8_t **at)
{
    enum { RUN = 128 };
    const uint8_t *end = span_bytes(tga->file) + tga->file.length;
    *count = (size_t)tga->width;
    *run = false;
    if (tga->runs) {
        if (*at == end)
            return false;
        *run = **at & RUN;
        *count = (*(*at)++ & (RUN - 1)) + 1u;
    }
    return (*run ? 1 : *count) <= (size_t)(end - *at) / (tga->bits / 8);
}

/* As far as the file goes, in whole rows. */
static int unpack(struct picture *out, const struct tga *tga, struct err *err)
{
    const size_t channels = picture_channels(out), pixel = tga->bits / 8, width = (size_t)out->width;
    const size_t count = width * (size_t)out->height;
    const uint8_t *at = span_bytes(tga->file) + tga->at;

    for (size_t i = 0; i < count;) {
        size_t packet;
        bool run;
        if (!next_packet(&packet, &run, tga, &at))
            return end_early(out, tga, i - i % width, err);
        for (size_t n = 0; n < packet && i < count; n++, i++)
            put_pixel(place(out, tga, i), channels, tga, at + (run ? 0 : n * pixel));
        at += (run ? 1 : packet) * pixel;
    }
    return 0;
}

static int note_palette(struct picture *out, const struct tga *tga, struct err *err)
{
    uint8_t colors[PALETTE_COLORS][3];
    if (tga->bits == 1)
        return picture_set_bits(out, err);
    for (size_t i = 0; i < PALETTE_COLORS; i++)
        memcpy(colors[i], tga->palette[i], 3);
    return tga->type == INDEXED ? picture_set_palette(out, colors[0], PALETTE_COLORS, err) : 0;
}

static void forget_alpha(struct picture *picture)
{
    const size_t count = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < count; i++)
        picture->pixels[4 * i + 3] = 255;
}

int tga_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct tga tga;
    struct err damage = {0};
    read_header(&tga, file);
    tga.truncated = options->truncated;
    int rc = picture_check_size(tga.width, tga.height, options, err);
    if (!rc)
        rc = read_palette(&tga, err);
    if (tga.at > file.length)
        tga.at = file.length;
    if (!rc)
        rc = picture_alloc(out, options, mode_of(&tga), tga.width, tga.height, err);
    if (rc)
        return rc;
    rc = tga.bits == 1 ? unpack_bits(out, &tga, &damage) : unpack(out, &tga, &damage);
    rc = picture_damaged(out, rc, &damage, options, err);
    if (!rc)
        rc = note_palette(out, &tga, err);
    if (!rc && tga.type == COLOR && out->mode == PICTURE_RGBA && !heeds_alpha(&tga))
        forget_alpha(out);
    return rc;
}
