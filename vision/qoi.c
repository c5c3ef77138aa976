// SPDX-License-Identifier: Apache-2.0
/*
 * QOI, the quite OK image format (qoiformat.org/qoi-specification.pdf): "qoif", width (4, big-endian), height (4), channels (1),
 * colour space (1), then a stream of chunks, each one pixel or a run of them, then seven zeros and a one.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <string.h>

enum { WIDTH = 4, HEIGHT = 8, CHANNELS = 12, HEADER = 14, SEEN = 64 };

/* Two bits tell a chunk, but for the two of eight. */
enum tag { INDEX = 0, DIFFERENCE = 1, LUMA = 2, RUN = 3, RGB = 0xfe, RGBA = 0xff };

struct stream {
    struct span file;
    size_t at;
    uint8_t pixel[4];
    uint8_t seen[SEEN][4]; /* pixels that were, each where its hash is */
    int run;               /* how often the pixel comes again */
};

static uint8_t *seen_of(struct stream *stream)
{
    const uint8_t *p = stream->pixel;
    return stream->seen[(p[0] * 3 + p[1] * 5 + p[2] * 7 + p[3] * 11) % SEEN];
}

static void add(uint8_t *pixel, int red, int green, int blue)
{
    pixel[0] = (uint8_t)(pixel[0] + red);
    pixel[1] = (uint8_t)(pixel[1] + green);
    pixel[2] = (uint8_t)(pixel[2] + blue);
}

/* Bytes of a chunk. */
static size_t chunk_size(uint8_t first)
{
    return first == RGBA ? 5 : first == RGB ? 4 : first >> 6 == LUMA ? 2 : 1;
}

/* Makes stream->pixel and stream->run of the next chunk; false where the file ends in it. */
static bool read_chunk(struct stream *stream)
{
    const uint8_t *chunk = span_bytes(stream->file) + stream->at;
    const size_t left = stream->file.length - stream->at;

    if (!left || left < chunk_size(chunk[0]))
        return false;
    stream->at += chunk_size(chunk[0]);
    const int low = chunk[0] & 63;
    if (chunk[0] == RGB || chunk[0] == RGBA) {
        memcpy(stream->pixel, chunk + 1, chunk[0] == RGB ? 3 : 4);
    } else if (chunk[0] >> 6 == RUN) {
        stream->run = low;
        return true;
    } else if (chunk[0] >> 6 == INDEX) {
        memcpy(stream->pixel, stream->seen[low], 4);
    } else if (chunk[0] >> 6 == DIFFERENCE) {
        add(stream->pixel, (low >> 4) - 2, (low >> 2 & 3) - 2, (low & 3) - 2);
    } else {
        const int green = low - 32;
        add(stream->pixel, green + (chunk[1] >> 4) - 8, green, green + (chunk[1] & 15) - 8);
    }
    memcpy(seen_of(stream), stream->pixel, 4);
    return true;
}

int qoi_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct stream stream = {.file = file, .at = HEADER, .pixel = {0, 0, 0, 255}};
    const uint8_t *bytes = span_bytes(file);

    if (file.length < HEADER)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    if (bytes[CHANNELS] != 3 && bytes[CHANNELS] != 4)
        return err_set(err, ERR_FORMAT, "it says it has %d channels", bytes[CHANNELS]);
    const uint32_t width = read_be32(bytes + WIDTH), height = read_be32(bytes + HEIGHT);
    int rc = picture_check_size(width, height, options, err);
    if (!rc)
        rc = picture_alloc(
            out, options, bytes[CHANNELS] == 4 ? PICTURE_RGBA : PICTURE_RGB, (int)width, (int)height, err);
    if (rc)
        return rc;
    const size_t channels = picture_channels(out), count = (size_t)width * height;
    for (size_t i = 0; i < count; i++) {
        if (stream.run)
            stream.run--;
        else if (!read_chunk(&stream))
            return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
        memcpy(out->pixels + i * channels, stream.pixel, channels);
    }
    return 0;
}
