// SPDX-License-Identifier: Apache-2.0
/*
 * A PNG file of a picture, for pages and thumbnails: a signature, IHDR, one IDAT, IEND (see png.c for
 * chunks). A row begins with the number of its filter, which says what its bytes are differences to; of the
 * five, each row takes the one with the smallest sum of absolute differences, as the PNG specification
 * advises (12.8).
 */
#include "vision/bytes.h"
#include "vision/png.h"
#include "vision/vision.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { FILTERS = 5 };

/* ---- filters ------------------------------------------------------------------------------------------- */

/* What each filter expects of a byte from those to the left, above, and above left. */
static int expected(int filter, int left, int above, int corner)
{
    const int plane = left + above - corner; /* Paeth: the neighbour closest to the plane through all three */
    const int to_left = abs(plane - left), to_above = abs(plane - above), to_corner = abs(plane - corner);
    switch (filter) {
    case 0:
        return 0;
    case 1:
        return left;
    case 2:
        return above;
    case 3:
        return (left + above) / 2;
    default:
        return to_left <= to_above && to_left <= to_corner ? left : to_above <= to_corner ? above : corner;
    }
}

/* A row of pixels; above is NULL for the first one. */
struct row {
    const uint8_t *bytes, *above; // (length)
    size_t length, channels;
};

/* The filter's differences of a row to out (length). Returns their sum. */
static size_t filter_row(uint8_t *out, int filter, const struct row *row)
{
    size_t sum = 0;
    for (size_t i = 0; i < row->length; i++) {
        const bool first = i < row->channels;
        const int left = first ? 0 : row->bytes[i - row->channels], up = row->above ? row->above[i] : 0;
        const int corner = first || !row->above ? 0 : row->above[i - row->channels];
        out[i] = (uint8_t)(row->bytes[i] - expected(filter, left, up, corner));
        sum += out[i] < 128 ? out[i] : (size_t)256 - out[i];
    }
    return sum;
}

/* out (1 + length): the number of the best filter and its differences; scratch is as long. */
static void choose_filter(uint8_t *out, uint8_t *scratch, const struct row *row)
{
    size_t least = SIZE_MAX;
    for (int filter = 0; filter < FILTERS; filter++) {
        scratch[0] = (uint8_t)filter;
        const size_t sum = filter_row(scratch + 1, filter, row);
        if (sum < least) {
            least = sum;
            memcpy(out, scratch, 1 + row->length);
        }
    }
}

/* ---- chunks -------------------------------------------------------------------------------------------- */

static size_t put_file(
    uint8_t *out, const struct picture *picture, const uint8_t *rows, size_t rows_size, size_t packed_room)
{
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const uint8_t colour = picture->mode == PICTURE_RGBA ? 6 : 2;
    const uint8_t kind[] = {8, colour, 0, 0, 0}; /* bits, RGB or RGBA, deflate, filters, not interlaced */
    uint8_t *at = mempcpy(out, signature, sizeof signature);
    put_be32(at + 8, (uint32_t)picture->width);
    put_be32(at + 12, (uint32_t)picture->height);
    memcpy(at + 16, kind, sizeof kind);
    at += png_close_chunk(at, "IHDR", 8 + sizeof kind);
    uLongf packed = packed_room;
    if (compress2(at + 8, &packed, rows, rows_size, Z_BEST_COMPRESSION) != Z_OK)
        return 0;
    at += png_close_chunk(at, "IDAT", packed);
    at += png_close_chunk(at, "IEND", 0);
    return (size_t)(at - out);
}

int picture_write_png(uint8_t **out, size_t *size, const struct picture *picture, struct err *err)
{
    const size_t channels = picture_channels(picture), length = (size_t)picture->width * channels;
    const size_t height = (size_t)picture->height;
    size_t rows_size;
    if (!size_mul(&rows_size, 1 + length, height) || rows_size > INT32_MAX / 2)
        return err_set(err, ERR_LIMIT, "%d x %d pixels are too many for a PNG file of one chunk",
            picture->width, picture->height);
    const size_t packed_room = compressBound(rows_size), room = packed_room + 3 * PNG_AROUND + 8 + 13;
    uint8_t *rows = mem_new(rows_size + 1 + length, 1), *scratch = rows + rows_size, *file = mem_new(room, 1);
    int rc = rows && file ? 0 : err_memory(err, rows_size + room);
    for (size_t y = 0; y < height && !rc; y++) {
        const uint8_t *bytes = picture->pixels + y * length;
        const struct row row = {bytes, y ? bytes - length : NULL, length, channels};
        choose_filter(rows + y * (1 + length), scratch, &row);
    }
    if (!rc && !(*size = put_file(file, picture, rows, rows_size, packed_room)))
        rc = err_memory(err, packed_room); /* all that compress2 can lack */
    free(rows);
    if (rc)
        free(file);
    else
        *out = file;
    return rc;
}
