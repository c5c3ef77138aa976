// SPDX-License-Identifier: Apache-2.0
/*
 * PNGs whose end is missing, or whose pixels cannot be inflated from some byte on, as Pillow reads them with LOAD_TRUNCATED_IMAGES:
 * rows that there are none of are zeros, and so is one that is not whole.
 *
 * stb_image takes whole files only, so that one is made: the chunks before the pixels as they are, then the pixels with those
 * zeros, stored and not compressed.
 */
#include "vision/bytes.h"
#include "vision/format.h"
#include "vision/png.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* One of the seven passes of an interlaced picture, or all of one that is not. A row has a byte for its filter before its pixels. */
struct pass {
    size_t rows, row; /* how many, of how many bytes */
};

enum { PASSES = 7 };

static size_t steps(size_t length, size_t first, size_t step)
{
    return length > first ? (length - first + step - 1) / step : 0;
}

static void find_passes(struct pass passes[PASSES], const struct png_header *header)
{
    static const uint8_t first_x[] = {0, 4, 0, 2, 0, 1, 0}, first_y[] = {0, 0, 4, 0, 2, 0, 1};
    static const uint8_t step_x[] = {8, 8, 4, 4, 2, 2, 1}, step_y[] = {8, 8, 8, 4, 4, 2, 2};
    static const uint8_t samples[] = {1, 0, 3, 1, 2, 0, 4}; /* by the type of colour */
    const size_t bits = (size_t)header->depth * samples[header->type];
    for (int i = 0; i < PASSES; i++) {
        const bool whole = !header->interlaced;
        const size_t width = whole ? header->width : steps(header->width, first_x[i], step_x[i]);
        const size_t height = whole ? i ? 0 : header->height : steps(header->height, first_y[i], step_y[i]);
        passes[i] = (struct pass){width ? height : 0, 1 + (width * bits + 7) / 8};
    }
}

/* The bytes of the rows that are whole in the first `size`. */
static size_t whole_rows(const struct pass passes[PASSES], size_t size)
{
    size_t at = 0;
    for (int i = 0; i < PASSES; i++) {
        const size_t rows = (size - at) / passes[i].row;
        if (rows < passes[i].rows)
            return at + rows * passes[i].row;
        at += passes[i].rows * passes[i].row;
    }
    return at;
}

size_t png_close_chunk(uint8_t *out, const char *type, size_t length)
{
    put_be32(out, (uint32_t)length);
    memcpy(out + 4, type, 4);
    put_be32(out + 8 + length, (uint32_t)crc32_z(0, out + 4, 4 + length));
    return PNG_AROUND + length;
}

/* Inflates what there is of the chunks IDAT, the last of which may be cut off, to (size) bytes; how many there are. */
static size_t inflate_pixels(uint8_t *out, size_t size, struct span file, size_t at)
{
    z_stream stream = {.next_out = out, .avail_out = (uInt)size};
    if (inflateInit(&stream) != Z_OK)
        return 0;
    for (int rc = Z_OK; rc == Z_OK && file.length - at >= 8 && stream.avail_out;) {
        const uint8_t *bytes = span_bytes(file) + at;
        const size_t left = file.length - at - 8, length = read_be32(bytes);
        if (memcmp(bytes + 4, "IDAT", 4))
            break;
        stream.next_in = (Bytef *)bytes + 8;
        stream.avail_in = (uInt)(length < left ? length : left);
        rc = stream.avail_in ? inflate(&stream, Z_NO_FLUSH) : Z_OK;
        at += length + PNG_AROUND < file.length - at ? length + PNG_AROUND : file.length - at;
    }
    const size_t done = size - stream.avail_out;
    inflateEnd(&stream);
    return done;
}

/* The file's first bytes, then the rows in a chunk, then the last one. */
static int write_whole(
    char **out, size_t *size, struct span before, const uint8_t *rows, size_t row_bytes, struct err *err)
{
    uLong stored = compressBound((uLong)row_bytes);
    const size_t room = before.length + stored + 2 * PNG_AROUND;
    uint8_t *bytes = malloc(room);
    if (!bytes)
        return err_memory(err, room);
    memcpy(bytes, before.data, before.length);
    uint8_t *chunk = bytes + before.length;
    if (compress2(chunk + 8, &stored, rows, (uLong)row_bytes, Z_NO_COMPRESSION) != Z_OK) {
        free(bytes);
        return err_memory(err, room);
    }
    *size = before.length + png_close_chunk(chunk, "IDAT", stored);
    *size += png_close_chunk(bytes + *size, "IEND", 0);
    *out = (char *)bytes;
    return 0;
}

int png_mend(
    char **out, size_t *size, struct span file, const struct picture_options *options, struct err *err)
{
    struct png_header header;
    struct pass passes[PASSES];
    size_t row_bytes = 0;

    int rc = png_find_pixels(&header, file, err);
    if (!rc)
        rc = picture_check_size(header.width, header.height, options, err);
    if (rc)
        return rc;
    find_passes(passes, &header);
    for (int i = 0; i < PASSES; i++)
        row_bytes += passes[i].rows * passes[i].row;
    uint8_t *rows = row_bytes < INT32_MAX ? calloc(1, row_bytes) : NULL;
    if (!rows)
        return err_memory(err, row_bytes);
    const size_t kept = whole_rows(passes, inflate_pixels(rows, row_bytes, file, header.pixels));
    memset(rows + kept, 0, row_bytes - kept);
    rc = write_whole(out, size, (struct span){file.data, header.pixels}, rows, row_bytes, err);
    free(rows);
    return rc;
}
