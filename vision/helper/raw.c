// SPDX-License-Identifier: Apache-2.0
/*
 * What cameras write before they make a picture of it, through LibRaw: the JPEG preview that the camera has put into the file,
 * where both its edges have at least half of the pixels, else a development at half size, by the camera's white balance, in
 * sRGB.
 */
#include "vision/helper/decoders.h"

#include <string.h>

#include <libraw.h>

static int fail(int code, struct err *err)
{
    const char *reason = libraw_strerror(code);
    switch (code) {
    case LIBRAW_UNSUFFICIENT_MEMORY:
    case LIBRAW_TOO_BIG:
        return err_set(err, ERR_LIMIT, "it takes more memory than it may");
    case LIBRAW_FILE_UNSUPPORTED:
    case LIBRAW_NOT_IMPLEMENTED:
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: LibRaw says '%s'", reason);
    default:
        return err_set(err, ERR_FORMAT, "LibRaw says '%s'", reason);
    }
}

/* EXIF's number for the way in which LibRaw would turn the picture. */
static int orientation_of(const libraw_data_t *raw)
{
    enum { HALF_TURN = 3, LEFT = 5, RIGHT = 6 };
    return raw->sizes.flip == HALF_TURN ? 3 : raw->sizes.flip == LEFT ? 8 : raw->sizes.flip == RIGHT ? 6 : 1;
}

/* Its longer edge is its width. */
static struct edges lying(struct edges edges)
{
    const bool upright = edges.height > edges.width;
    return upright ? (struct edges){edges.height, edges.width} : edges;
}

/* ERR_NOT_FOUND: there is none that serves. */
static int decode_preview(
    struct picture *out, libraw_data_t *raw, const struct picture_options *options, struct err *err)
{
    if (libraw_unpack_thumb(raw) || raw->thumbnail.tformat != LIBRAW_THUMBNAIL_JPEG)
        return ERR_NOT_FOUND;
    const struct span jpeg = {raw->thumbnail.thumb, raw->thumbnail.tlength};
    const struct format *format = format_find(jpeg);
    const struct edges preview = lying(jpeg_edges(jpeg));
    const struct edges whole = lying((struct edges){raw->sizes.width, raw->sizes.height});
    const bool half = 2 * preview.width >= whole.width && 2 * preview.height >= whole.height;
    if (!format || strcmp(format->name, "JPEG") || !half ||
        picture_decode(out, span_bytes(jpeg), jpeg.length, options, NULL))
        return ERR_NOT_FOUND;

    /* some cameras turn it, some note in it how to, and some do neither */
    const bool noted = metadata_orientation(jpeg_exif(jpeg), jpeg_xmp(jpeg)) != 1;
    const bool turned = (out->width > out->height) != (raw->sizes.width > raw->sizes.height);
    if (options->ignore_exif || noted || turned)
        return 0;
    return picture_orient(out, orientation_of(raw), err);
}

static int develop(
    struct picture *out, libraw_data_t *raw, const struct picture_options *options, struct err *err)
{
    raw->params.half_size = 1;
    raw->params.use_camera_wb = 1;
    raw->params.output_bps = 8;
    raw->params.user_flip = options->ignore_exif ? 0 : -1;
    int code = libraw_unpack(raw);
    if (!code)
        code = libraw_dcraw_process(raw);
    libraw_processed_image_t *image = code ? NULL : libraw_dcraw_make_mem_image(raw, &code);
    if (!image)
        return fail(code, err);

    int rc =
        image->type == LIBRAW_IMAGE_BITMAP && image->bits == 8 && (image->colors == 1 || image->colors == 3)
            ? picture_check_size(image->width, image->height, options, err)
            : err_set(err, ERR_UNSUPPORTED, "this kind is not read: it has %d colours", image->colors);
    if (!rc)
        rc = picture_alloc(out, options, PICTURE_RGB, image->width, image->height, err);
    const size_t count = (size_t)image->width * image->height;
    for (size_t i = 0; !rc && i < 3 * count; i++)
        out->pixels[i] = image->data[image->colors == 3 ? i : i / 3];
    libraw_dcraw_clear_mem(image);
    return rc;
}

int raw_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    libraw_data_t *raw = libraw_init(0);
    if (!raw)
        return err_set(err, ERR_MEMORY, "out of memory");
    libraw_set_dataerror_handler(raw, NULL, NULL); /* its own prints; the failure comes back as a number */
    const int code = libraw_open_buffer(raw, (void *)file.data, file.length);
    int rc = code ? fail(code, err)
                  : picture_check_size(raw->sizes.raw_width, raw->sizes.raw_height, options, err);
    if (!rc) {
        rc = decode_preview(out, raw, options, err);
        if (rc == ERR_NOT_FOUND)
            rc = develop(out, raw, options, err);
    }
    if (rc)
        picture_release(out);
    libraw_close(raw);
    return rc;
}
