// SPDX-License-Identifier: Apache-2.0
/* JPEG 2000 through OpenJPEG, as a file (JP2) or as its code stream alone: grey, RGB, YCC or CMYK, the first three with alpha
 * or without. Samples of more than 8 bits are rounded to 8, as Pillow does for colour. */
#include "vision/helper/decoders.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openjpeg.h>

/* ---- the file in memory -------------------------------------------------------------------------------- */

struct source {
    struct span file;
    size_t at;
    char failure[256]; /* the first thing that OpenJPEG has said */
};

static OPJ_SIZE_T source_read(void *out, OPJ_SIZE_T size, void *context)
{
    struct source *source = context;
    const size_t left = source->file.length - source->at, count = size < left ? size : left;
    if (!count)
        return (OPJ_SIZE_T)-1;
    memcpy(out, source->file.data + source->at, count);
    source->at += count;
    return count;
}

static OPJ_OFF_T source_skip(OPJ_OFF_T count, void *context)
{
    struct source *source = context;
    if (count < 0 || (uint64_t)count > source->file.length - source->at)
        return -1;
    source->at += (size_t)count;
    return count;
}

static OPJ_BOOL source_seek(OPJ_OFF_T offset, void *context)
{
    struct source *source = context;
    if (offset < 0 || (uint64_t)offset > source->file.length)
        return OPJ_FALSE;
    source->at = (size_t)offset;
    return OPJ_TRUE;
}

static void note_failure(const char *message, void *context)
{
    struct source *source = context;
    if (source->failure[0])
        return;
    snprintf(source->failure, sizeof source->failure, "%s", message);
    for (size_t end = strlen(source->failure); end && isspace((unsigned char)source->failure[end - 1]);)
        source->failure[--end] = '\0';
}

static int fail(const struct source *source, struct err *err)
{
    return err_set(err, ERR_FORMAT, "OpenJPEG says '%s'", source->failure[0] ? source->failure : "nothing");
}

/* ---- pixels -------------------------------------------------------------------------------------------- */

/* A sample of component `c` where the picture's pixel (x, y) is, rounded to 8 bits. */
static uint8_t sample_at(const opj_image_comp_t *component, uint32_t x, uint32_t y)
{
    const uint32_t column = x / component->dx, row = y / component->dy;
    if (column >= component->w || row >= component->h)
        return 0;
    int64_t value = component->data[(size_t)row * component->w + column];
    if (component->sgnd)
        value += (int64_t)1 << (component->prec - 1);
    if (component->prec > 8)
        value = (value + ((int64_t)1 << (component->prec - 9))) >> (component->prec - 8);
    else
        value *= 1 << (8 - component->prec);
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static uint8_t clamp(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

/* JFIF's conversion, in place. */
static void make_rgb(uint8_t *pixel)
{
    const double y = pixel[0], cb = pixel[1] - 128, cr = pixel[2] - 128;
    pixel[0] = clamp(y + 1.402 * cr);
    pixel[1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
    pixel[2] = clamp(y + 1.772 * cb);
}

static void read_pixels(struct picture *out, const opj_image_t *image)
{
    const size_t channels = picture_channels(out);
    const bool grey = image->numcomps < 3;
    const bool ycc = image->color_space == OPJ_CLRSPC_SYCC || image->color_space == OPJ_CLRSPC_EYCC;
    uint8_t *pixel = out->pixels;

    for (uint32_t y = 0; y < (uint32_t)out->height; y++)
        for (uint32_t x = 0; x < (uint32_t)out->width; x++, pixel += channels) {
            if (grey) {
                memset(pixel, sample_at(&image->comps[0], x, y), 3);
                if (channels == 4)
                    pixel[3] = sample_at(&image->comps[1], x, y);
                continue;
            }
            for (uint32_t c = 0; c < channels; c++)
                pixel[c] = sample_at(&image->comps[c], x, y);
            if (ycc)
                make_rgb(pixel);
        }
}

/* Before decoding, so that it says what would be allocated. */
static int check_header(const opj_image_t *image, const struct picture_options *options, struct err *err)
{
    if (image->x1 <= image->x0 || image->y1 <= image->y0)
        return err_set(err, ERR_FORMAT, "it has no pixels");
    const int rc = picture_check_size(image->x1 - image->x0, image->y1 - image->y0, options, err);
    if (rc)
        return rc;
    if (image->numcomps < 1 || image->numcomps > 4)
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: it has %u components", image->numcomps);
    for (uint32_t c = 0; c < image->numcomps; c++)
        if (image->comps[c].prec < 1 || image->comps[c].prec > 31 || !image->comps[c].dx ||
            !image->comps[c].dy)
            return err_set(
                err, ERR_UNSUPPORTED, "this kind is not read: a component has %u bits", image->comps[c].prec);
    return 0;
}

static struct edges edges_of(const opj_image_t *image)
{
    return (struct edges){image->x1 - image->x0, image->y1 - image->y0};
}

/* How often the picture is stored at half its size: 0 where its first component is coarser than it. */
static unsigned halvings_stored(opj_codec_t *codec, const opj_image_t *image)
{
    opj_codestream_info_v2_t *info = opj_get_cstr_info(codec);
    unsigned least = info && image->comps[0].dx == 1 && image->comps[0].dy == 1 ? UINT_MAX : 0;
    for (uint32_t c = 0; least && c < image->numcomps; c++) {
        const uint32_t resolutions = info->m_default_tile_info.tccp_info[c].numresolutions;
        if (resolutions - 1 < least)
            least = resolutions ? resolutions - 1 : 0;
    }
    opj_destroy_cstr_info(&info);
    return least;
}

static int decode(struct picture *out, opj_codec_t *codec, opj_stream_t *stream, opj_image_t **image,
    const struct source *source, const struct picture_options *options, struct err *err)
{
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec, &parameters) || !opj_read_header(stream, codec, image))
        return fail(source, err);
    int rc = check_header(*image, options, err);
    if (rc)
        return rc;
    struct edges edges = edges_of(*image);
    const unsigned halvings = picture_halvings(edges, halvings_stored(codec, *image), options);
    if (halvings && !opj_set_decoded_resolution_factor(codec, halvings))
        return fail(source, err);
    if (!opj_decode(codec, stream, *image) || !opj_end_decompress(codec, stream))
        return fail(source, err);
    rc = check_header(*image, options, err); /* a palette has made more components */
    if (rc)
        return rc;
    if (halvings)
        edges = (struct edges){(*image)->comps[0].w, (*image)->comps[0].h};
    for (uint32_t c = 0; c < (*image)->numcomps; c++)
        if (!(*image)->comps[c].data)
            return err_set(err, ERR_FORMAT, "a component has no pixels");
    const bool cmyk = (*image)->color_space == OPJ_CLRSPC_CMYK && (*image)->numcomps == 4;
    const enum picture_mode mode = cmyk                          ? PICTURE_CMYK
                                   : (*image)->numcomps % 2 == 0 ? PICTURE_RGBA
                                                                 : PICTURE_RGB;
    rc = picture_alloc(out, options, mode, (int)edges.width, (int)edges.height, err);
    if (!rc)
        read_pixels(out, *image);
    return rc;
}

int jp2_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    enum { BUFFER = 1 << 16 };
    const bool bare = file.length && span_bytes(file)[0] == 0xff;
    struct source source = {.file = file};
    opj_codec_t *codec = opj_create_decompress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
    opj_stream_t *stream = opj_stream_create(BUFFER, OPJ_TRUE);
    opj_image_t *image = NULL;
    int rc;

    if (codec && stream) {
        opj_set_error_handler(codec, note_failure, &source);
        opj_stream_set_user_data(stream, &source, NULL);
        opj_stream_set_user_data_length(stream, file.length);
        opj_stream_set_read_function(stream, source_read);
        opj_stream_set_skip_function(stream, source_skip);
        opj_stream_set_seek_function(stream, source_seek);
        rc = decode(out, codec, stream, &image, &source, options, err);
    } else {
        rc = err_set(err, ERR_MEMORY, "out of memory");
    }
    if (rc)
        picture_release(out);
    opj_image_destroy(image);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    return rc;
}
