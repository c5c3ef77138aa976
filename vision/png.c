// SPDX-License-Identifier: Apache-2.0
/*
 * PNG containers: a signature of 8 bytes, then chunks
 *
 *     length (4, big-endian) | type (4 letters) | data (length) | CRC-32 of type and data (4)
 *
 * up to IEND. stb_image does not look at the checksums; this does, for the chunks whose first letter is a
 * capital, which are the ones that a picture cannot be shown without. It also finds what stb_image does not tell:
 * palettes, bits and the transparent colour.
 */
#include "vision/png.h"
#include "vision/bytes.h"
#include "vision/format.h"

#include <string.h>
#include <zlib.h>

enum {
    SIGNATURE = 8,
    LOWER_CASE = 0x20, /* the bit of a letter */
};

struct chunk {
    const char *type; /* 4 letters, not terminated */
    struct span data;
};

static bool is_capital(int letter)
{
    return letter >= 'A' && letter <= 'Z';
}

/* Reads the chunk at byte `at`. */
static int read_chunk(struct chunk *chunk, struct span file, size_t at, struct err *err)
{
    const size_t left = file.length - at;
    if (left < PNG_AROUND)
        return err_set(err, ERR_FORMAT, "the file ends at byte %zu with no IEND chunk", file.length);

    const uint8_t *bytes = span_bytes(file) + at;
    *chunk = (struct chunk){(const char *)bytes + 4, {(const char *)bytes + 8, read_be32(bytes)}};
    for (int i = 0; i < 4; i++)
        if (!is_capital(chunk->type[i] & ~LOWER_CASE))
            return err_set(err, ERR_FORMAT, "there is no chunk at byte %zu where one should be", at);
    if (chunk->data.length > left - PNG_AROUND)
        return err_set(err, ERR_FORMAT, "chunk '%.4s' at byte %zu runs past the end of the file at byte %zu",
            chunk->type, at, file.length);
    return 0;
}

static bool is_type(const struct chunk *chunk, const char *type)
{
    return !memcmp(chunk->type, type, 4);
}

static int check_sum(const struct chunk *chunk, struct span file, size_t at, struct err *err)
{
    const uint8_t *type = span_bytes(file) + at + 4, *sum = span_bytes(chunk->data) + chunk->data.length;
    if (is_capital(chunk->type[0]) && crc32_z(0, type, 4 + chunk->data.length) != read_be32(sum))
        return err_set(err, ERR_FORMAT, "chunk '%.4s' at byte %zu has a wrong checksum", chunk->type, at);
    return 0;
}

int png_check(struct span file, struct err *err)
{
    struct chunk chunk = {0};

    for (size_t at = SIGNATURE;; at += PNG_AROUND + chunk.data.length) {
        int rc = read_chunk(&chunk, file, at, err);
        if (rc)
            return rc;
        if (is_type(&chunk, "CgBI"))
            return err_set(err, ERR_UNSUPPORTED, "this kind is not read: Apple's CgBI");
        rc = check_sum(&chunk, file, at, err);
        if (rc || is_type(&chunk, "IEND"))
            return rc;
    }
}

struct span png_exif(struct span file)
{
    struct chunk chunk = {0};

    for (size_t at = SIGNATURE; !read_chunk(&chunk, file, at, NULL); at += PNG_AROUND + chunk.data.length)
        if (is_type(&chunk, "eXIf"))
            return chunk.data;
    return (struct span){0};
}

/* In an international text: keyword, zero, whether it is compressed, which is for longer texts, and how, language, zero,
 * translated keyword, zero. */
struct span png_xmp(struct span file)
{
    static const char keyword[] = "XML:com.adobe.xmp"; /* with its zero */
    struct chunk chunk = {0};
    struct span found = {0};

    for (size_t at = SIGNATURE; !read_chunk(&chunk, file, at, NULL); at += PNG_AROUND + chunk.data.length) {
        const struct span data = chunk.data;
        if (!is_type(&chunk, "iTXt") || data.length < sizeof keyword + 2 ||
            memcmp(data.data, keyword, sizeof keyword) || data.data[sizeof keyword])
            continue;
        const struct span rest = span_from(data, sizeof keyword + 2);
        const char *language = memchr(rest.data, 0, rest.length);
        const char *end = rest.data + rest.length;
        const char *translated = language ? memchr(language + 1, 0, (size_t)(end - language - 1)) : NULL;
        if (translated)
            found = (struct span){translated + 1, (size_t)(end - translated - 1)};
    }
    return found;
}

/* ---- what the pixels are ------------------------------------------------------------------------------- */

static int read_ihdr(struct png_header *out, const struct chunk *chunk, struct err *err)
{
    enum { WIDTH = 0, HEIGHT = 4, DEPTH = 8, TYPE = 9, INTERLACED = 12, SIZE = 13 };
    const uint8_t *bytes = span_bytes(chunk->data);
    if (!is_type(chunk, "IHDR") || chunk->data.length != SIZE)
        return err_set(err, ERR_FORMAT, "it has no IHDR chunk");
    const int depth = bytes[DEPTH], type = bytes[TYPE];
    if (!depth || depth > 16 || depth & (depth - 1) || type > PNG_RGB_ALPHA || type == 1 || type == 5)
        return err_set(err, ERR_FORMAT, "it says that it has %d bits of colour type %d", depth, type);
    out->width = read_be32(bytes + WIDTH);
    out->height = read_be32(bytes + HEIGHT);
    out->depth = depth;
    out->type = (enum png_color)type;
    out->interlaced = bytes[INTERLACED];
    return 0;
}

int png_find_pixels(struct png_header *out, struct span file, struct err *err)
{
    struct chunk chunk = {0};
    *out = (struct png_header){0};
    for (size_t at = SIGNATURE;; at += PNG_AROUND + chunk.data.length) {
        if (file.length - at >= 8 && !memcmp(file.data + at + 4, "IDAT", 4)) {
            out->pixels = at; /* which may end early */
            return out->depth ? 0 : err_set(err, ERR_FORMAT, "it has no IHDR chunk");
        }
        int rc = read_chunk(&chunk, file, at, err);
        if (!rc)
            rc = check_sum(&chunk, file, at, err);
        if (!rc && at == SIGNATURE)
            rc = read_ihdr(out, &chunk, err);
        if (rc)
            return rc;
        if (is_type(&chunk, "PLTE"))
            out->palette = chunk.data;
        else if (is_type(&chunk, "tRNS"))
            out->transparency = chunk.data;
    }
}

/* As Pillow compares it: the low byte of what the file says, which may be a sample of less or more than 8 bits, with
 * a sample of 8; of bits, black or white. Pillow clips 16-bit grey before it compares, so that there it is left out. */
static void note_key(struct picture *out, const struct png_header *header)
{
    const size_t samples = header->type == PNG_GREY ? 1 : 3;
    if (header->transparency.length < 2 * samples || (header->type == PNG_GREY && header->depth == 16))
        return;
    out->has_key = true;
    for (size_t c = 0; c < 3; c++) {
        const uint8_t *at = span_bytes(header->transparency) + (samples == 1 ? 0 : 2 * c);
        out->key[c] = header->depth == 1 ? (read_be16(at) ? 255 : 0) : at[1];
    }
}

int png_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct png_header header;
    png_find_pixels(&header, file, NULL); /* what is wrong with them stb_image says */
    const bool alpha = header.type == PNG_GREY_ALPHA || header.type == PNG_RGB_ALPHA ||
                       (header.type == PNG_INDEXED && header.transparency.length);
    const int rc = stb_load(out, file, alpha ? PICTURE_RGBA : PICTURE_RGB, options, err);
    if (rc)
        return rc;
    if (header.type == PNG_GREY || header.type == PNG_RGB)
        note_key(out, &header);
    if (header.type == PNG_GREY && header.depth == 1)
        return picture_set_bits(out, err);
    const size_t colors = header.palette.length / 3;
    return header.type != PNG_INDEXED ? 0
                                      : picture_set_palette(out, span_bytes(header.palette),
                                            colors < PALETTE_COLORS ? colors : PALETTE_COLORS, err);
}
