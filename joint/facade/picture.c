// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <string.h>

enum { HEAD_SIZE = 48, GREY = 1, RGB = 3, RGBA = 4 };

/* What messages call picture i. */
static const char *name_of(struct arena *arena, const struct diptych_image *image, size_t i)
{
    char name[32];
    if (image->path)
        return image->path;
    const int length = snprintf(name, sizeof name, "input %zu", i);
    return arena_copy(arena, name, (size_t)length);
}

static int channels_of(const struct diptych_image *image)
{
    return image->channels ? image->channels : RGB;
}

static size_t row_of(const struct diptych_image *image)
{
    return (size_t)channels_of(image) * (size_t)image->width;
}

/* Pixels as a file that the decoder hands through byte for byte: binary PNM. */
static int wrap_pixels(struct picture_source *out, struct arena *arena, const char *name,
    const struct diptych_image *image, struct err *err)
{
    static const char *const magic[] = {[GREY] = "P5", [RGB] = "P6", [RGBA] = "PyRGBA"};
    const size_t row = row_of(image);
    const size_t stride = image->stride ? image->stride : row;
    char head[HEAD_SIZE];
    const int length =
        snprintf(head, sizeof head, "%s %d %d 255\n", magic[channels_of(image)], image->width, image->height);
    size_t size;
    if (!size_mul(&size, row, (size_t)image->height) || !size_add(&size, size, (size_t)length))
        return err_set(
            err, ERR_LIMIT, "%d x %d pixels are more than can be counted", image->width, image->height);
    char *file = arena_alloc(arena, size);
    if (!file)
        return err_memory(err, size);
    memcpy(file, head, (size_t)length);
    for (size_t y = 0; y < (size_t)image->height; y++)
        memcpy(file + (size_t)length + y * row, image->pixels + y * stride, row);
    *out = picture_bytes(name, (const uint8_t *)file, size);
    return 0;
}

static int source_of(struct picture_source *out, struct arena *arena, const struct diptych_image *image,
    size_t i, struct err *err)
{
    if (image->bytes && image->pixels)
        return err_set(err, ERR_ARGUMENT, "it has bytes and pixels");
    if (!image->bytes && !image->pixels) {
        *out = image->path ? picture_file(image->path) : *out;
        return image->path ? 0 : err_set(err, ERR_ARGUMENT, "it has no path, bytes or pixels");
    }
    const char *name = name_of(arena, image, i);
    if (!name)
        return err_memory(err, 0);
    if (image->bytes) {
        *out = picture_bytes(name, image->bytes, image->size);
        return 0;
    }
    const int channels = channels_of(image);
    if (channels != GREY && channels != RGB && channels != RGBA)
        return err_set(err, ERR_ARGUMENT, "pixels of %d channels are no picture: 1, 3 or 4", channels);
    if (image->width < 1 || image->height < 1 || (image->stride && image->stride < row_of(image)))
        return err_set(err, ERR_ARGUMENT, "pixels of %d x %d with a stride of %zu are no picture",
            image->width, image->height, image->stride);
    return wrap_pixels(out, arena, name, image, err);
}

int sources_of(struct picture_source **out, struct arena *arena, const struct diptych_image *images,
    size_t count, struct err *err)
{
    int rc = count ? need(images, "images", err) : 0;
    if (rc)
        return rc;
    if (count > SIZE_MAX / sizeof **out - 1)
        return err_set(err, ERR_LIMIT, "%zu pictures are too many", count);
    *out = arena_alloc(arena, (count + 1) * sizeof **out);
    if (!*out)
        return err_memory(err, count * sizeof **out);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = source_of(&(*out)[i], arena, &images[i], i, err);
        if (rc)
            err_wrap(err, "image %zu", i);
    }
    return rc;
}

int check_texts(const char *const *texts, size_t count, const char *name, struct err *err)
{
    int rc = count ? need(texts, name, err) : 0;
    for (size_t i = 0; i < count && !rc; i++)
        if (!texts[i])
            rc = err_set(err, ERR_ARGUMENT, "%s[%zu] is NULL", name, i);
    return rc;
}

int add_texts(struct strings *out, const char *const *texts, size_t count, const char *name, struct err *err)
{
    int rc = check_texts(texts, count, name, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = strings_add(out, texts[i], strlen(texts[i]), err);
    return rc;
}
