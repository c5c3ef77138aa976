// SPDX-License-Identifier: Apache-2.0
#include "vision/vision.h"

#include <stdlib.h>

/* Replaces the picture by one that fits the square, if it does not. */
static int shrink(struct picture *picture, int edge, struct err *err)
{
    const int longest = picture->width > picture->height ? picture->width : picture->height;
    struct picture small;
    if (longest <= edge)
        return 0;
    const double scale = (double)edge / longest;
    const int width = (int)(picture->width * scale + 0.5), height = (int)(picture->height * scale + 0.5);
    const int rc =
        picture_resize(&small, picture, width ? width : 1, height ? height : 1, RESAMPLE_BICUBIC, err);
    if (rc)
        return rc;
    picture_release(picture);
    *picture = small;
    return 0;
}

/* Takes the picture over. */
static int on_white(struct picture *out, struct picture *picture, struct err *err)
{
    if (picture->mode == PICTURE_RGB && !picture->has_key) {
        *out = *picture;
        return 0;
    }
    const int rc = picture_rgb(out, picture, ALPHA_WHITE, err);
    picture_release(picture);
    return rc;
}

/* They have no alpha any more, which JPEG could not keep. */
static int write_file(struct thumbnail *out, const struct picture *picture, struct err *err)
{
#ifdef DIPTYCH_JPEG_TURBO
    out->type = "image/jpeg";
    return picture_write_jpeg(&out->bytes, &out->size, picture, THUMBNAIL_QUALITY, err);
#else
    out->type = "image/png";
    return picture_write_png(&out->bytes, &out->size, picture, err);
#endif
}

int thumbnail_picture(struct picture *out, struct picture_source source, int edge,
    const struct picture_options *options, struct err *err)
{
    struct picture stored;
    *out = (struct picture){0};
    int rc = picture_read(&stored, source, options, err);
    if (rc)
        return rc; /* its messages name the source */
    rc = on_white(out, &stored, err);
    if (!rc)
        rc = shrink(out, edge, err);
    if (!rc)
        return 0;
    picture_release(out);
    err_wrap(err, "unable to shrink '%s'", picture_source_name(&source));
    return rc;
}

int thumbnail_read(struct thumbnail *out, struct picture_source source, int edge,
    const struct picture_options *options, struct err *err)
{
    struct picture picture;
    *out = (struct thumbnail){0};
    int rc = thumbnail_picture(&picture, source, edge, options, err);
    if (rc)
        return rc;
    rc = write_file(out, &picture, err);
    if (rc)
        err_wrap(err, "unable to shrink '%s'", picture_source_name(&source));
    out->width = picture.width;
    out->height = picture.height;
    picture_release(&picture);
    return rc;
}

void thumbnail_release(struct thumbnail *thumbnail)
{
    if (!thumbnail)
        return;
    free(thumbnail->bytes);
    *thumbnail = (struct thumbnail){0};
}
