// SPDX-License-Identifier: Apache-2.0
/*
 * The merged picture of a Photoshop file, every number big-endian:
 *
 *     "8BPS" | version 1 (2) | zeros (6) | channels (2) | height, width (4 each) | bits, colour mode (2 each)
 *     colours, resources, layers: each a length (4) and so many bytes
 *     compression (2): 0 none, 1 by rows
 *     of each channel all rows; where compressed, before them the length of each row (2) of each channel
 *
 * A compressed row is bytes n and what belongs to them: up to 127, n + 1 bytes as they are; from 129 on, one byte that
 * is there 257 - n times; 128 is nothing.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <stdlib.h>
#include <string.h>

enum color_mode { BITMAP, GREY, INDEXED, RGB, CMYK, MULTICHANNEL = 7, DUOTONE = 8 };

/* As Pillow reads them: of multichannel and duotone the first channel, as grey. */
static const struct kind {
    enum color_mode color;
    unsigned bits;
    size_t channels; /* that are read */
    enum picture_mode mode;
} kinds[] = {
    {BITMAP, 1, 1, PICTURE_RGB},
    {GREY, 8, 1, PICTURE_RGB},
    {INDEXED, 8, 1, PICTURE_RGB},
    {RGB, 8, 3, PICTURE_RGB},
    {RGB, 16, 3, PICTURE_RGB},
    {CMYK, 8, 4, PICTURE_CMYK},
    {MULTICHANNEL, 8, 1, PICTURE_RGB},
    {DUOTONE, 8, 1, PICTURE_RGB},
};

struct psd {
    struct span file;
    size_t at; /* of the next byte to read */
    struct kind kind;
    size_t width, height, channels; /* channels: in the file */
    struct span colors;
    const uint8_t *lengths; // (channels, height, 2): of packed rows; NULL: they are not
};

static int ends_early(const struct psd *psd, struct err *err)
{
    return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", psd->file.length);
}

/* The next bytes; NULL where the file has not so many left. */
static const uint8_t *take(struct psd *psd, size_t count)
{
    if (count > psd->file.length - psd->at)
        return NULL;
    psd->at += count;
    return span_bytes(psd->file) + psd->at - count;
}

static int take_section(struct span *out, struct psd *psd, struct err *err)
{
    const uint8_t *length = take(psd, 4);
    const uint8_t *bytes = length ? take(psd, read_be32(length)) : NULL;
    if (!bytes)
        return ends_early(psd, err);
    *out = (struct span){(const char *)bytes, read_be32(length)};
    return 0;
}

static int find_kind(struct psd *psd, unsigned bits, unsigned color, struct err *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].bits == bits && kinds[i].color == color) {
            psd->kind = kinds[i];
            return 0;
        }
    return err_set(
        err, ERR_UNSUPPORTED, "this kind is not read: %u bits a sample in colour mode %u", bits, color);
}

/* With just one channel more than its colours RGB has alpha; further ones are masks. */
static void find_alpha(struct psd *psd)
{
    if (psd->kind.color != RGB || psd->channels != 4)
        return;
    psd->kind.channels = 4;
    psd->kind.mode = PICTURE_RGBA;
}

static int read_headers(struct psd *psd, const struct picture_options *options, struct err *err)
{
    enum { HEADER = 26, PALETTE = 3 * PALETTE_COLORS };
    struct span passed;
    const uint8_t *header = take(psd, HEADER);
    if (!header)
        return ends_early(psd, err);
    if (read_be16(header + 4) != 1)
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: it is of another version of the format");
    psd->channels = read_be16(header + 12);
    psd->height = read_be32(header + 14);
    psd->width = read_be32(header + 18);
    int rc = find_kind(psd, read_be16(header + 22), read_be16(header + 24), err);
    if (!rc)
        rc = picture_check_size((long long)psd->width, (long long)psd->height, options, err);
    if (!rc && psd->channels < psd->kind.channels)
        rc = err_set(err, ERR_FORMAT, "it has %zu channels and not %zu", psd->channels, psd->kind.channels);
    if (!rc)
        rc = take_section(&psd->colors, psd, err);
    for (int i = 0; i < 2 && !rc; i++)
        rc = take_section(&passed, psd, err);
    const uint8_t *compression = rc ? NULL : take(psd, 2);
    if (rc)
        return rc;
    if (!compression)
        return ends_early(psd, err);
    if (read_be16(compression) > 1)
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: compression %u", read_be16(compression));
    if (psd->kind.color == INDEXED && psd->colors.length != PALETTE)
        return err_set(err, ERR_FORMAT, "its palette has %zu bytes and not %d", psd->colors.length, PALETTE);
    find_alpha(psd);
    if (!read_be16(compression))
        return 0;
    psd->lengths = take(psd, 2 * psd->channels * psd->height);
    return psd->lengths ? 0 : ends_early(psd, err);
}

/* row: `size` bytes from `packed`; whether it holds so many. What goes beyond is left out. */
static bool unpack(uint8_t *row, size_t size, const uint8_t *packed, size_t packed_size)
{
    enum { NOTHING = 128 };
    size_t x = 0;
    for (size_t i = 0; i < packed_size && x < size;) {
        const size_t n = packed[i++], count = n < NOTHING ? n + 1 : n > NOTHING ? 257 - n : 0;
        const size_t stored = n < NOTHING ? count : n > NOTHING, fit = count < size - x ? count : size - x;
        if (stored > packed_size - i)
            return false;
        if (n < NOTHING)
            memcpy(row + x, packed + i, fit);
        else if (n > NOTHING)
            memset(row + x, packed[i], fit);
        i += stored;
        x += fit;
    }
    return x == size;
}

static void put_row(struct picture *out, const struct psd *psd, size_t y, size_t channel, const uint8_t *row)
{
    const size_t channels = picture_channels(out);
    const uint8_t *colors = span_bytes(psd->colors);
    uint8_t *to = out->pixels + y * psd->width * channels;

    for (size_t x = 0; x < psd->width; x++, to += channels) {
        const uint8_t sample = row[psd->kind.bits == 16 ? 2 * x : psd->kind.bits == 1 ? x / 8 : x];
        if (psd->kind.color == BITMAP)
            memset(to, sample >> (7 - x % 8) & 1 ? 255 : 0, 3);
        else if (psd->kind.color == INDEXED) /* all reds, then all greens, then all blues */
            memcpy(to, (uint8_t[]){colors[sample], colors[256 + sample], colors[512 + sample]}, 3);
        else if (psd->kind.channels == 1)
            memset(to, sample, 3);
        else
            to[channel] = psd->kind.color == CMYK ? (uint8_t)(255 - sample) : sample;
    }
}

static int read_rows(struct picture *out, struct psd *psd, uint8_t *row, size_t row_size, struct err *err)
{
    const size_t rows = psd->kind.channels * psd->height;
    for (size_t i = 0; i < rows; i++) {
        const size_t stored = psd->lengths ? read_be16(psd->lengths + 2 * i) : row_size;
        const uint8_t *bytes = take(psd, stored);
        if (!bytes)
            return ends_early(psd, err);
        if (psd->lengths && !unpack(row, row_size, bytes, stored))
            return err_set(err, ERR_FORMAT, "a row before byte %zu is coded wrongly", psd->at);
        put_row(out, psd, i % psd->height, i / psd->height, psd->lengths ? row : bytes);
    }
    return 0;
}

static int note_palette(struct picture *out, const struct psd *psd, struct err *err)
{
    uint8_t colors[3 * PALETTE_COLORS];
    if (psd->kind.color == BITMAP)
        return picture_set_bits(out, err);
    if (psd->kind.color != INDEXED)
        return 0;
    for (size_t i = 0; i < sizeof colors; i++)
        colors[i] = span_bytes(psd->colors)[i % 3 * PALETTE_COLORS + i / 3];
    return picture_set_palette(out, colors, PALETTE_COLORS, err);
}

int psd_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct psd psd = {.file = file};
    int rc = read_headers(&psd, options, err);
    if (!rc)
        rc = picture_alloc(out, options, psd.kind.mode, (int)psd.width, (int)psd.height, err);
    if (!rc)
        rc = note_palette(out, &psd, err);
    if (rc)
        return rc;
    const size_t row_size = (psd.width * psd.kind.bits + 7) / 8;
    uint8_t *row = mem_new(row_size, 1);
    struct err damage = {0};
    picture_blank(out, options);
    rc = row ? read_rows(out, &psd, row, row_size, &damage) : err_memory(&damage, row_size);
    free(row);
    return picture_damaged(out, rc, &damage, options, err);
}
