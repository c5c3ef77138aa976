// SPDX-License-Identifier: Apache-2.0
/*
 * HEIC through libheif, with pillow-heif's choices: the primary picture, 10 and 12 bits cut to 8, ICC profile left alone.
 * libheif has applied irot, imir and clap to the pixels already, so that EXIF's orientation, which cameras write as well,
 * must not count.
 */
#include "vision/helper/decoders.h"

#include <ctype.h>
#include <string.h>

#include <libheif/heif.h>

void heif_prepare(void)
{
    heif_init(NULL); /* loads codecs where they are files of their own */
}

static int fail(struct heif_error error, struct err *err)
{
    switch (error.code) {
    case heif_error_Memory_allocation_error:
        return err_set(err, ERR_LIMIT, "it takes more memory than it may: %s", error.message);
    case heif_error_Unsupported_filetype:
    case heif_error_Unsupported_feature:
    case heif_error_Plugin_loading_error:
        return err_set(err, ERR_UNSUPPORTED, "this kind is not read: libheif says '%s'", error.message);
    default:
        return err_set(err, ERR_FORMAT, "libheif says '%s'", error.message);
    }
}

static int copy_pixels(struct picture *out, const struct heif_image *image, enum picture_mode mode,
    const struct picture_options *options, struct err *err)
{
    const int width = heif_image_get_width(image, heif_channel_interleaved);
    const int height = heif_image_get_height(image, heif_channel_interleaved);
    int stride;
    const uint8_t *rows = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);

    int rc = rows ? picture_check_size(width, height, options, err)
                  : err_set(err, ERR_FORMAT, "it holds no pixels");
    if (!rc)
        rc = picture_alloc(out, options, mode, width, height, err);
    if (rc)
        return rc;
    const size_t bytes = (size_t)width * picture_channels(out);
    for (int y = 0; y < height; y++)
        memcpy(out->pixels + (size_t)y * bytes, rows + (ptrdiff_t)y * stride, bytes);
    return 0;
}

static struct edges edges_of(const struct heif_image_handle *handle)
{
    return (struct edges){heif_image_handle_get_width(handle), heif_image_handle_get_height(handle)};
}

static int check_sizes(
    const struct heif_image_handle *handle, const struct picture_options *options, struct err *err)
{
    /* before and after it is cut to its clean aperture */
    const struct edges edges = edges_of(handle);
    const int rc = picture_check_size(
        heif_image_handle_get_ispe_width(handle), heif_image_handle_get_ispe_height(handle), options, err);
    return rc ? rc : picture_check_size(edges.width, edges.height, options, err);
}

static int decode_image(struct picture *out, const struct heif_image_handle *handle,
    const struct picture_options *options, struct err *err)
{
    const bool alpha = heif_image_handle_has_alpha_channel(handle);
    struct heif_image *image = NULL;
    int rc = check_sizes(handle, options, err);
    if (rc)
        return rc;
    const struct heif_error error = heif_decode_image(handle, &image, heif_colorspace_RGB,
        alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, NULL);
    rc = error.code ? fail(error, err)
                    : copy_pixels(out, image, alpha ? PICTURE_RGBA : PICTURE_RGB, options, err);
    heif_image_release(image);
    return rc;
}

/* Whether it shows a part of what is coded, more than an encoder's padding being cut off. */
static bool is_cut(const struct heif_image_handle *handle)
{
    enum { PADDING = 64 };
    const struct edges edges = edges_of(handle);
    return heif_image_handle_get_ispe_width(handle) + heif_image_handle_get_ispe_height(handle) >=
           edges.width + edges.height + PADDING;
}

/* The primary picture's thumbnail, where it has one that serves; false: none does. */
static bool decode_thumbnail(struct picture *out, struct span file, struct heif_context *context,
    const struct heif_image_handle *primary, const struct picture_options *options)
{
    enum { MOST = 8 };
    heif_item_id ids[MOST], whole;
    bool done = false;
    const int count = options->min_edge > 0 && !is_cut(primary)
                          ? heif_image_handle_get_list_of_thumbnail_IDs(primary, ids, MOST)
                          : 0;
    if (count && heif_context_get_primary_image_ID(context, &whole).code)
        return false;
    for (int i = 0; i < count && !done; i++) {
        struct heif_image_handle *small = NULL;
        if (!heif_image_handle_get_thumbnail(primary, ids[i], &small).code &&
            picture_serves(edges_of(small), edges_of(primary), options) && !is_cut(small) &&
            heif_same_turns(file, whole, ids[i]))
            done = !decode_image(out, small, options, NULL);
        heif_image_handle_release(small);
        if (!done)
            picture_release(out);
    }
    return done;
}

static int decode_primary(struct picture *out, struct span file, struct heif_context *context,
    const struct heif_image_handle *primary, const struct picture_options *options, struct err *err)
{
    const int rc = check_sizes(primary, options, err);
    if (rc || decode_thumbnail(out, file, context, primary, options))
        return rc;
    return decode_image(out, primary, options, err);
}

int heif_decode(struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    struct heif_context *context = heif_context_alloc();
    struct heif_image_handle *handle = NULL;

    if (!context)
        return err_set(err, ERR_MEMORY, "out of memory");
    heif_context_set_max_decoding_threads(context, 0); /* pictures are decoded side by side */
    struct heif_error error =
        heif_context_read_from_memory_without_copy(context, file.data, file.length, NULL);
    if (!error.code)
        error = heif_context_get_primary_image_handle(context, &handle);
    const int rc = error.code ? fail(error, err) : decode_primary(out, file, context, handle, options, err);
    heif_image_handle_release(handle);
    heif_context_free(context);
    return rc;
}
