// SPDX-License-Identifier: Apache-2.0
/*
 * Binary PNM: "P4" (bits), "P5" (grey), "P6" (RGB) or Pillow's own "PyRGBA", then width, height and, but for P4, the largest
 * sample, as decimal numbers between white space and #-comments, then one white-space byte, then the samples by row:
 * one byte each, or two, big-endian, where the largest is over 255. P4 packs 8 pixels a byte, 1 is black.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <math.h>
#include <string.h>

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Reads the number at *at and moves *at behind it and one byte on; -1 where there is none. */
static long read_number(struct span file, size_t *at)
{
    enum { DIGITS = 9 };
    long value = 0;
    int digits = 0;
    size_t i = *at;
    const char *bytes = file.data;

    for (bool comment = false; i < file.length; i++) {
        if (bytes[i] == '#')
            comment = true;
        else if (bytes[i] == '\n')
            comment = false;
        else if (!comment && !is_space(bytes[i]))
            break;
    }
    for (; i < file.length && bytes[i] >= '0' && bytes[i] <= '9' && digits < DIGITS; i++, digits++)
        value = value * 10 + (bytes[i] - '0');
    if (!digits || i >= file.length || !is_space(bytes[i]))
        return -1;
    *at = i + 1;
    return value;
}

static void unpack_bits(struct picture *out, const uint8_t *rows, size_t count)
{
    const size_t width = (size_t)out->width, stride = (width + 7) / 8;
    for (size_t y = 0; y < count; y++)
        for (size_t x = 0; x < width; x++) {
            const bool black = rows[y * stride + x / 8] >> (7 - x % 8) & 1;
            memset(out->pixels + 3 * (y * width + x), black ? 0 : 255, 3);
        }
}

/* value * 255 / largest, rounded, and from the middle to even, as Python's round(value / largest * 255) has it. */
static uint8_t scaled(long value, long largest)
{
    return value >= largest ? 255 : (uint8_t)rint((double)value / (double)largest * 255);
}

static void unpack_samples(
    struct picture *out, const uint8_t *samples, size_t rows, int channels, long largest)
{
    const size_t pixels = (size_t)out->width * rows;
    const size_t wide = largest > 255 ? 2 : 1, repeat = channels == 1 ? 3 : 1;

    if (channels > 1 && largest == 255) {
        memcpy(out->pixels, samples, pixels * (size_t)channels);
        return;
    }
    for (size_t i = 0; i < pixels * (size_t)channels; i++) {
        const long value = wide == 2 ? (long)read_be16(samples + 2 * i) : samples[i];
        memset(out->pixels + i * repeat, scaled(value, largest), repeat);
    }
}

static int ends_early(struct span file, struct err *err)
{
    return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
}

int pnm_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    const char kind = file.data[1];
    const int channels = kind == 'y' ? 4 : kind == '6' ? 3 : 1;
    const size_t numbers = kind == 'y' ? sizeof "PyRGBA" - 1 : 2;
    size_t at = numbers;
    const long width = read_number(file, &at), height = read_number(file, &at);
    const long largest = kind == '4' ? 1 : read_number(file, &at);
    struct err damage = {0};

    if (width < 0 || height < 0 || largest < 1 || largest > 65535)
        return err_set(err, ERR_FORMAT, "the header at byte %zu is not numbers in range", numbers);
    int rc = picture_check_size(width, height, options, err);
    if (rc)
        return rc;
    const size_t row =
        kind == '4' ? ((size_t)width + 7) / 8 : (size_t)width * (size_t)channels * (largest > 255 ? 2 : 1);
    const size_t stored = (file.length - at) / row;
    const bool whole = stored >= (size_t)height;
    /* Pillow has two ways to read samples, of which one does not take files that end early. */
    const bool may_end = kind == '4' || largest == 255 || (kind == '5' && largest == 65535);
    if (!whole && !(may_end && options->truncated))
        return ends_early(file, err);
    rc =
        picture_alloc(out, options, channels == 4 ? PICTURE_RGBA : PICTURE_RGB, (int)width, (int)height, err);
    if (rc)
        return rc;
    picture_blank(out, options);
    const size_t rows = whole ? (size_t)height : stored;
    if (kind == '4') {
        unpack_bits(out, span_bytes(file) + at, rows);
        rc = picture_set_bits(out, err);
    } else {
        unpack_samples(out, span_bytes(file) + at, rows, channels, largest);
    }
    return rc || whole ? rc : picture_damaged(out, ends_early(file, &damage), &damage, options, err);
}
