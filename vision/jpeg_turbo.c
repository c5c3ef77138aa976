// SPDX-License-Identifier: Apache-2.0
/*
 * JPEG through libjpeg-turbo, with the choices that Pillow makes: the accurate integer DCT, smooth
 * upsampling of colour, and CMYK taken for inverted, as Adobe stores it.
 *
 * libjpeg leaves by longjmp where it gives up. What it only warns of, damage that it can go on from, is a warning here as
 * well, unless options are strict.
 *
 * A file is whole, as Pillow sees it, where libjpeg has all pixels without asking for more than its bytes: those behind the
 * pixels may be missing, but not be wrong. One that is not ends here; where options allow for truncated files it is given an
 * end as Pillow gives it, FF D9, once, and rows that libjpeg has no pixels of, whatever it fails by, are zeros.
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
    struct jpeg_progress_mgr progress;
    jmp_buf gave_up;
    struct span file;
    const struct picture_options *options;
    enum { HEADER, PIXELS, DONE } phase;
    bool too_many_scans;
    bool ended; /* libjpeg has been given an end that the file lacks */
    size_t warnings;
    char warning[JMSG_LENGTH_MAX + 32]; /* the first */
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

/* In libjpeg's words, less what they begin with ("Corrupt JPEG data: ..."), as our messages are written. */
static void put_words(char *out, size_t size, struct decoder *decoder)
{
    char text[JMSG_LENGTH_MAX];
    const struct jpeg_source_mgr *src = decoder->jpeg.src;
    decoder->errors.format_message((j_common_ptr)&decoder->jpeg, text);
    char *words = strstr(text, ": ");
    words = words ? words + 2 : text;
    if (!isupper((unsigned char)words[1]))
        words[0] = (char)tolower((unsigned char)words[0]);
    const size_t left = src ? src->bytes_in_buffer : decoder->file.length;
    snprintf(out, size, "%s, after byte %zu", words, decoder->file.length - left);
}

static void note_message(j_common_ptr jpeg, int level)
{
    struct decoder *decoder = jpeg->client_data;
    const bool end = jpeg->err->msg_code == JWRN_JPEG_EOF;
    if (level >= 0 || is_harmless(jpeg->err) || (decoder->phase == DONE && !end))
        return;
    if (end && (decoder->phase != PIXELS || decoder->ended || !decoder->options->truncated))
        give_up(jpeg);
    if (decoder->options->strict && !end)
        give_up(jpeg);
    decoder->ended |= end;
    if (decoder->warnings++ && !end)
        return;
    if (end) /* says more than what it comes from */
        snprintf(decoder->warning, sizeof decoder->warning, "the file ends early, at byte %zu",
            decoder->file.length);
    else if (!decoder->ended)
        put_words(decoder->warning, sizeof decoder->warning, decoder);
}

/* Called before each part of the input that libjpeg takes in before it gives out pixels. */
static void note_progress(j_common_ptr jpeg)
{
    struct decoder *decoder = jpeg->client_data;
    decoder->too_many_scans = decoder->jpeg.input_scan_number > JPEG_SCANS_MAX;
    if (decoder->too_many_scans)
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
    {JERR_SOF_UNSUPPORTED, ERR_UNSUPPORTED, "this kind is not read: lossless or hierarchical"},
    {JERR_ARITH_NOTIMPL, ERR_UNSUPPORTED, "this kind is not read: arithmetically coded"},
    {JERR_IMAGE_TOO_BIG, ERR_LIMIT, "an edge has more pixels than libjpeg allows"},
    {JERR_OUT_OF_MEMORY, ERR_MEMORY, "out of memory"},
};

static int describe(struct decoder *decoder, struct err *err)
{
    char text[sizeof decoder->warning];
    const int message = decoder->errors.msg_code;
    const struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

    if (decoder->too_many_scans)
        return err_set(err, ERR_LIMIT, "more than %d scans", JPEG_SCANS_MAX);
    if (message == JERR_IMAGE_TOO_BIG || (message == JERR_EMPTY_IMAGE && !jpeg->image_width)) {
        int rc = picture_check_size(jpeg->image_width, jpeg->image_height, decoder->options, err);
        if (rc)
            return rc;
    }
    if (message == JWRN_JPEG_EOF)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", decoder->file.length);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (message == reasons[i].message)
            return err_set(err, reasons[i].code, "%s", reasons[i].meaning);
    put_words(text, sizeof text, decoder);
    return err_set(err, ERR_FORMAT, "%s", text);
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

/* Up to the first pixels: of files of several scans, up to their end. */
static int start(struct picture *out, struct decoder *decoder, struct err *err)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    const struct picture_options *options = decoder->options;

    jpeg_create_decompress(jpeg);
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, span_bytes(decoder->file), decoder->file.length);
    jpeg_read_header(jpeg, TRUE);
    const int channels = jpeg->num_components;
    if (channels != 1 && channels != 3 && channels != 4)
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: it has %d channels", channels);
    int rc = picture_check_size(jpeg->image_width, jpeg->image_height, options, err);
    if (rc)
        return rc;
    jpeg->out_color_space = channels == 4 ? JCS_CMYK : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->scale_num = 1;
    jpeg->scale_denom =
        1u << picture_halvings((struct edges){jpeg->image_width, jpeg->image_height}, 3, options);
    jpeg_calc_output_dimensions(jpeg);
    const enum picture_mode mode = channels == 4 ? PICTURE_CMYK : PICTURE_RGB;
    rc = picture_alloc(out, options, mode, (int)jpeg->output_width, (int)jpeg->output_height, err);
    if (!rc && options->truncated) /* before they are inverted */
        memset(out->pixels, mode == PICTURE_CMYK ? 255 : 0,
            (size_t)out->width * (size_t)out->height * picture_channels(out));
    decoder->phase = PIXELS;
    if (!rc)
        jpeg_start_decompress(jpeg);
    return rc;
}

/* Whether what there is of the pixels is to do, where libjpeg has given up. */
static bool goes_so_far(struct decoder *decoder)
{
    if (!decoder->options->truncated || decoder->phase == HEADER || decoder->too_many_scans)
        return false;
    if (!decoder->warnings++)
        put_words(decoder->warning, sizeof decoder->warning, decoder);
    return true;
}

static int decode(struct picture *out, struct decoder *decoder, struct err *err)
{
    if (setjmp(decoder->gave_up)) {
        const bool behind = decoder->phase == DONE && decoder->errors.msg_code == JWRN_JPEG_EOF;
        return behind || goes_so_far(decoder) ? 0 : describe(decoder, err);
    }
    int rc = start(out, decoder, err);
    if (rc)
        return rc;
    read_rows(out, &decoder->jpeg);
    decoder->phase = DONE;
    jpeg_finish_decompress(&decoder->jpeg);
    return 0;
}

static void warn(struct picture *out, const struct decoder *decoder)
{
    if (decoder->warnings > 1 && !decoder->ended)
        picture_warn(out, "%s, and more (%zu)", decoder->warning, decoder->warnings);
    else if (decoder->warnings)
        picture_warn(out, "%s", decoder->warning);
}

static int decode_file(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct decoder decoder = {.jpeg.err = jpeg_std_error(&decoder.errors),
        .jpeg.client_data = &decoder,
        .progress.progress_monitor = note_progress,
        .file = file,
        .options = options};

    decoder.errors.error_exit = give_up;
    decoder.errors.emit_message = note_message;
    int rc = decode(out, &decoder, err);
    jpeg_destroy_decompress(&decoder.jpeg);
    if (rc)
        return rc;
    if (out->mode == PICTURE_CMYK)
        invert(out);
    warn(out, &decoder);
    return 0;
}

int turbo_decode(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    const struct span preview = jpeg_preview(file, options);
    if (preview.length && !decode_file(out, preview, options, NULL) && !*out->warning)
        return 0;
    picture_release(out);
    return decode_file(out, file, options, err);
}
