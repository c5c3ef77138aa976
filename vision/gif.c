// SPDX-License-Identifier: Apache-2.0
/*
 * The first picture of a GIF file:
 *
 *     "GIF89a" | screen: width, height (2 each, little-endian), flags, background, aspect | colour table?
 *     blocks:  0x21 kind sub-blocks                                             extension
 *              0x2c x, y, width, height (2 each), flags | colour table? | LZW   picture
 *              0x3b                                                             end
 *
 * A sub-block is a length byte and that many bytes; length 0 ends the list.
 *
 * A decoder of our own, because what stb_image makes of transparent pixels and of pixels outside the picture
 * is not what Pillow makes of them: Pillow keeps for transparent pixels the colour their palette has for them,
 * and fills the screen with the transparent colour, or the first. A picture whose colours are their own numbers,
 * or that has no table of them, Pillow takes for grey.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCREEN = 13, /* bytes of the header and the screen descriptor */
    HAS_TABLE = 0x80,
    INTERLACED = 0x40,
    CODES = 4096, /* LZW codes have at most 12 bits */
};

struct gif {
    struct span file;
    size_t at; /* of the next byte to read */
    uint8_t palette[256][3];
    bool grey;       /* the table says no more than none */
    int transparent; /* -1: no colour is */
    int screen_width, screen_height;
    int x, y, width, height; /* of the picture */
    bool interlaced;
    int root_bits; /* of the first LZW codes, but for the two that mean something else */
};

static int ends_early(const struct gif *gif, struct err *err)
{
    return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", gif->file.length);
}

static bool has(const struct gif *gif, size_t count)
{
    return gif->file.length - gif->at >= count;
}

static bool is_ramp(uint8_t (*colors)[3], size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            if (colors[i][c] != i)
                return false;
    return true;
}

static int read_colors(struct gif *gif, uint8_t flags, struct err *err)
{
    const size_t bytes = (size_t)3 << ((flags & 7) + 1);
    if (!(flags & HAS_TABLE))
        return 0;
    if (!has(gif, bytes))
        return ends_early(gif, err);
    memset(gif->palette, 0, sizeof gif->palette); /* colours that are missing are black */
    memcpy(gif->palette, span_bytes(gif->file) + gif->at, bytes);
    gif->grey = is_ramp(gif->palette, bytes / 3);
    gif->at += bytes;
    return 0;
}

static int read_extension(struct gif *gif, struct err *err)
{
    enum { CONTROL = 0xf9, CONTROL_SIZE = 4, IS_TRANSPARENT = 1 };

    if (!has(gif, 2))
        return ends_early(gif, err);
    const bool control = span_bytes(gif->file)[gif->at + 1] == CONTROL;
    for (gif->at += 2; has(gif, 1);) {
        const uint8_t *block = span_bytes(gif->file) + gif->at, size = block[0];
        if (!has(gif, 1 + (size_t)size))
            break;
        gif->at += 1 + (size_t)size;
        if (!size)
            return 0;
        if (control && size == CONTROL_SIZE && block[1] & IS_TRANSPARENT)
            gif->transparent = block[4];
    }
    return ends_early(gif, err);
}

static int read_descriptor(struct gif *gif, struct err *err)
{
    enum { SIZE = 10 };
    if (!has(gif, SIZE))
        return ends_early(gif, err);
    const uint8_t *fields = span_bytes(gif->file) + gif->at;
    gif->x = (int)read_le16(fields + 1);
    gif->y = (int)read_le16(fields + 3);
    gif->width = (int)read_le16(fields + 5);
    gif->height = (int)read_le16(fields + 7);
    gif->interlaced = fields[9] & INTERLACED;
    gif->at += SIZE;
    if (!gif->width || !gif->height)
        return err_set(err, ERR_FORMAT, "the first picture, before byte %zu, is empty", gif->at);
    /* As in Pillow, a picture that does not fit its screen makes the screen larger. */
    if (gif->screen_width < gif->x + gif->width)
        gif->screen_width = gif->x + gif->width;
    if (gif->screen_height < gif->y + gif->height)
        gif->screen_height = gif->y + gif->height;
    return read_colors(gif, fields[9], err);
}

static int read_code_size(struct gif *gif, struct err *err)
{
    if (!has(gif, 1))
        return ends_early(gif, err);
    gif->root_bits = span_bytes(gif->file)[gif->at++];
    if (gif->root_bits < 1 || gif->root_bits > 8)
        return err_set(err, ERR_FORMAT, "the LZW code size before byte %zu is not 1 to 8", gif->at);
    return 0;
}

/* Reads everything up to the LZW data of the first picture. */
static int read_headers(struct gif *gif, struct err *err)
{
    const uint8_t *screen = span_bytes(gif->file);

    if (!has(gif, SCREEN))
        return ends_early(gif, err);
    for (int i = 0; i < 256; i++) /* for a file with no table at all: shades of grey */
        memset(gif->palette[i], i, 3);
    gif->grey = true;
    gif->transparent = -1;
    gif->screen_width = (int)read_le16(screen + 6);
    gif->screen_height = (int)read_le16(screen + 8);
    gif->at = SCREEN;
    int rc = read_colors(gif, screen[10], err);
    while (!rc && has(gif, 1)) {
        switch (span_bytes(gif->file)[gif->at]) {
        case 0x21:
            rc = read_extension(gif, err);
            break;
        case 0x2c:
            rc = read_descriptor(gif, err);
            return rc ? rc : read_code_size(gif, err);
        case 0x3b:
            return err_set(err, ERR_FORMAT, "it ends at byte %zu and holds no picture", gif->at);
        default:
            return err_set(err, ERR_FORMAT, "there is no block at byte %zu where one should be", gif->at);
        }
    }
    return rc ? rc : ends_early(gif, err);
}

/* The bits of a list of sub-blocks, lowest first. */
struct bits {
    uint32_t buffer;
    int count;    /* bits in the buffer */
    size_t block; /* bytes left in the sub-block */
};

/* -1 where the data end. As in Pillow, of a sub-block that is cut off nothing counts. */
static int next_code(struct gif *gif, struct bits *bits, int width)
{
    while (bits->count < width) {
        if (!has(gif, 1))
            return -1;
        const uint8_t byte = span_bytes(gif->file)[gif->at++];
        if (!bits->block) {
            bits->block = byte;
            if (!byte || !has(gif, byte))
                return -1;
            continue;
        }
        bits->buffer |= (uint32_t)byte << bits->count;
        bits->count += 8;
        bits->block--;
    }
    const int code = (int)(bits->buffer & ((1u << width) - 1));
    bits->buffer >>= width;
    bits->count -= width;
    return code;
}

/* Every code stands for the string of its prefix and one colour more. */
struct strings_of_codes {
    uint16_t prefix[CODES], length[CODES];
    uint8_t first[CODES], last[CODES];
};

static void add_string(struct strings_of_codes *codes, int code, int prefix, uint8_t last)
{
    codes->prefix[code] = (uint16_t)prefix;
    codes->length[code] = (uint16_t)(codes->length[prefix] + 1);
    codes->first[code] = codes->first[prefix];
    codes->last[code] = last;
}

/* Decodes (height, width) colour numbers; those that cannot be had stay as they are. */
static int decode_lzw(uint8_t *colors, struct gif *gif, struct strings_of_codes *codes, struct err *err)
{
    const size_t count = (size_t)gif->width * (size_t)gif->height;
    const int clear = 1 << gif->root_bits, end = clear + 1;
    struct bits bits = {0};
    int next = end + 1, width = gif->root_bits + 1, previous = -1;
    size_t done = 0;

    for (int i = 0; i < clear; i++) {
        codes->length[i] = 1;
        codes->first[i] = codes->last[i] = (uint8_t)i;
    }
    while (done < count) {
        int code = next_code(gif, &bits, width);
        if (code < 0 || code == end)
            return err_set(err, ERR_FORMAT, "the picture's data end early, before byte %zu", gif->at);
        if (code == clear) {
            next = end + 1;
            width = gif->root_bits + 1;
            previous = -1;
            continue;
        }
        /* A code may be used as it is made: the previous string and that one's first colour. */
        const bool grows = previous >= 0 && next < CODES;
        if (code >= next + grows || (previous < 0 && code >= clear))
            return err_set(err, ERR_FORMAT, "wrong LZW code before byte %zu", gif->at);
        if (grows) {
            add_string(codes, next, previous, codes->first[code < next ? code : previous]);
            next++;
            if (next == 1 << width && next < CODES)
                width++;
        }
        previous = code;
        const size_t length = codes->length[code];
        for (size_t i = done + length; i-- > done; code = codes->prefix[code])
            if (i < count)
                colors[i] = codes->last[code];
        done += length;
    }
    return 0;
}

/* As Pillow has it, a transparent grey is a colour of the whole picture, and a transparent number that number's alpha
 * alone. */
static enum picture_mode mode_of(const struct gif *gif)
{
    return gif->transparent >= 0 && !gif->grey ? PICTURE_RGBA : PICTURE_RGB;
}

static int note_colors(struct picture *out, const struct gif *gif, struct err *err)
{
    if (!gif->grey)
        return picture_set_palette(out, gif->palette[0], PALETTE_COLORS, err);
    out->has_key = gif->transparent >= 0;
    if (out->has_key)
        memset(out->key, gif->transparent, 3);
    return 0;
}

static void put_color(uint8_t *pixel, const struct gif *gif, int color, size_t channels)
{
    memcpy(pixel, gif->palette[color], 3);
    if (channels == 4)
        pixel[3] = color == gif->transparent ? 0 : 255;
}

static void draw(struct picture *out, const struct gif *gif, const uint8_t *colors)
{
    static const struct {
        int start, step;
    } passes[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}, {0, 1}}; /* four for interlaced rows, the last for others */
    const int first = gif->interlaced ? 0 : 4, end = gif->interlaced ? 4 : 5;
    const size_t channels = picture_channels(out);

    for (int pass = first; pass < end; pass++)
        for (int y = passes[pass].start; y < gif->height; y += passes[pass].step) {
            const size_t row = (size_t)(gif->y + y) * (size_t)out->width + (size_t)gif->x;
            for (int x = 0; x < gif->width; x++)
                put_color(out->pixels + channels * (row + (size_t)x), gif, *colors++, channels);
        }
}

/* What has no pixel of its own. */
static int background(const struct gif *gif)
{
    return gif->transparent < 0 ? 0 : gif->transparent;
}

static void fill_screen(struct picture *out, const struct gif *gif)
{
    const size_t channels = picture_channels(out), pixels = (size_t)out->width * (size_t)out->height;
    for (size_t i = 0; i < pixels; i++)
        put_color(out->pixels + channels * i, gif, background(gif), channels);
}

int gif_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct gif gif = {.file = file};
    struct err damage = {0};
    uint8_t *colors = NULL;
    struct strings_of_codes *codes = NULL;

    int rc = read_headers(&gif, err);
    if (!rc)
        rc = picture_check_size(gif.screen_width, gif.screen_height, options, err);
    if (!rc)
        rc = picture_alloc(out, options, mode_of(&gif), gif.screen_width, gif.screen_height, err);
    if (!rc)
        rc = note_colors(out, &gif, err);
    if (rc)
        return rc;
    const size_t count = (size_t)gif.width * (size_t)gif.height;
    colors = malloc(count);
    codes = malloc(sizeof *codes);
    if (colors && options->truncated)
        memset(colors, background(&gif), count);
    rc = colors && codes ? decode_lzw(colors, &gif, codes, &damage) : err_memory(&damage, count);
    rc = picture_damaged(out, rc, &damage, options, err);
    if (!rc) {
        fill_screen(out, &gif);
        draw(out, &gif, colors);
    }
    free(colors);
    free(codes);
    return rc;
}
