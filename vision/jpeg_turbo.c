// SPDX-License-Identifier: Apache-2.0
/*
 * JPEG through libjpeg-turbo, with the choices that Pillow makes: the accurate integer DCT, smooth
 * upsampling of colour, and CMYK taken for inverted, as Adobe stores it.
 *
 * libjpeg leaves by longjmp where it gives up. What it only warns of, damage that it can go on from, ends the
 * decoding here as well.
 */
#include "vision/format.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf gave_up;
};

static void give_up(j_common_ptr jpeg)
{
    struct decoder *decoder = jpeg->client_data;
    longjmp(decoder->gave_up, 1);
}

/* Bytes that mean nothing before a marker: some cameras leave them behind the pixels or between segments. Before a
 * restart they are damage. */
static bool is_harmless(const struct jpeg_error_mgr *errors)
{
    switch (errors->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
        return errors->msg_parm.i[1] < JPEG_RST0 || errors->msg_parm.i[1] > JPEG_RST0 + 7;
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
        return true;
    default:
        return false;
    }
}

static void note_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && !is_harmless(jpeg->err))
        give_up(jpeg);
}

/* libjpeg's messages about files that are well-formed, and those that need more than its words. */
static const struct {
    int message;
    enum err_code code;
    const char *meaning;
} reasons[] = {
    {JERR_BAD_PRECISION, ERR_UNSUPPORTED, "this kind is not read: its samples have more than 8 bits"},
    {JERR_EMPTY_IMAGE, ERR_UNSUPPORTED, "this kind is not read: its height stands behind its pixels"},
    {JERR_FRACT_SAMPLE_NOTIMPL, ERR_UNSUPPORTED,
        "this kind is not read: its channels' sizes are no multiples of each other"},
    {JERR_IMAGE_TOO_BIG, ERR_LIMIT, "an edge has more pixels than libjpeg allows"},
    {JERR_OUT_OF_MEMORY, ERR_MEMORY, "out of memory"},
};

/* In libjpeg's words, less what they begin with ("Corrupt JPEG data: ..."), as our messages are written. */
static int describe(struct decoder *decoder, struct span file, size_t max_pixels, struct err *err)
{
    char text[JMSG_LENGTH_MAX];
    const int message = decoder->errors.msg_code;
    const struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

    if (message == JERR_IMAGE_TOO_BIG || (message == JERR_EMPTY_IMAGE && !jpeg->image_width)) {
        int rc = picture_check_size(jpeg->image_width, jpeg->image_height, max_pixels, err);
        if (rc)
            return rc;
    }
    if (message == JWRN_JPEG_EOF)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (message == reasons[i].message)
            return err_set(err, reasons[i].code, "%s", reasons[i].meaning);

    decoder->errors.format_message((j_common_ptr)&decoder->jpeg, text);
    char *words = strstr(text, ": ");
    words = words ? words + 2 : text;
    if (!isupper((unsigned char)words[1]))
        words[0] = (char)tolower((unsigned char)words[0]);
    const size_t left = jpeg->src ? jpeg->src->bytes_in_buffer : file.length;
    return err_set(err, ERR_FORMAT, "%s, after byte %zu", words, file.length - left);
}

/* The largest reduction, 1, 1/2, 1/4 or 1/8, that leaves both edges at least min_edge pixels. */
static unsigned reduction(const struct jpeg_decompress_struct *jpeg, int min_edge)
{
    const unsigned width = jpeg->image_width, height = jpeg->image_height;
    const unsigned shorter = width < height ? width : height;
    unsigned by = 1;
    while (min_edge > 0 && by < 8 && shorter / (2 * by) >= (unsigned)min_edge)
        by *= 2;
    return by;
}

static void read_rows(struct picture *out, struct jpeg_decompress_struct *jpeg)
{
    enum { AT_ONCE = 16 };
    const size_t stride = (size_t)out->width * picture_channels(out);
    JSAMPROW rows[AT_ONCE];

    while (jpeg->output_scanline < jpeg->output_height) {
        const unsigned left = jpeg->output_height - jpeg->output_scanline;
        const unsigned count = left < AT_ONCE ? left : AT_ONCE;
        for (size_t i = 0; i < count; i++)
            rows[i] = out->pixels + (jpeg->output_scanline + i) * stride;
        jpeg_read_scanlines(jpeg, rows, count);
    }
}

/* From 255 being no ink, as JPEG files have it, to 255 being full ink. */
static void invert(struct picture *picture)
{
    const size_t bytes = (size_t)picture->width * (size_t)picture->height * picture_channels(picture);
    for (size_t i = 0; i < bytes; i++)
        picture->pixels[i] = (uint8_t)(255 - picture->pixels[i]);
}

static int start(struct picture *out, struct jpeg_decompress_struct *jpeg, struct span file,
    const struct picture_options *options, struct err *err)
{
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, span_bytes(file), file.length);
    jpeg_read_header(jpeg, TRUE);
    const int channels = jpeg->num_components;
    if (channels != 1 && channels != 3 && channels != 4)
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: it has %d channels", channels);
    int rc = picture_check_size(jpeg->image_width, jpeg->image_height, options->max_pixels, err);
    if (rc)
        return rc;
    jpeg->out_color_space = channels == 4 ? JCS_CMYK : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->scale_num = 1;
    jpeg->scale_denom = reduction(jpeg, options->min_edge);
    jpeg_start_decompress(jpeg);
    const enum picture_mode mode = channels == 4 ? PICTURE_CMYK : PICTURE_RGB;
    return picture_alloc(out, mode, (int)jpeg->output_width, (int)jpeg->output_height, err);
}

static int decode(struct picture *out, struct decoder *decoder, struct span file,
    const struct picture_options *options, struct err *err)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

    if (setjmp(decoder->gave_up))
        return describe(decoder, file, options->max_pixels, err);
    int rc = start(out, jpeg, file, options, err);
    if (rc)
        return rc;
    read_rows(out, jpeg);
    jpeg_finish_decompress(jpeg);
    if (out->mode == PICTURE_CMYK)
        invert(out);
    return 0;
}

int turbo_decode(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct decoder decoder = {.jpeg.err = jpeg_std_error(&decoder.errors), .jpeg.client_data = &decoder};

    decoder.errors.error_exit = give_up;
    decoder.errors.emit_message = note_message;
    int rc = decode(out, &decoder, file, options, err);
    jpeg_destroy_decompress(&decoder.jpeg);
    return rc;
}
