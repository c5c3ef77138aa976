// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "vision/format.h"

#include <string.h>

static void check_picture(const struct picture *picture, const struct picture_options *options)
{
    FUZZ_CHECK(picture->pixels);
    FUZZ_CHECK(picture->width > 0 && picture->height > 0);
    FUZZ_CHECK((size_t)picture->width * (size_t)picture->height <= options->max_pixels);

    const size_t bytes = (size_t)picture->width * (size_t)picture->height * picture_channels(picture);
    unsigned sum = 0;
    for (size_t i = 0; i < bytes; i++) /* every byte is there to be read, and was written */
        sum += picture->pixels[i];
    FUZZ_CHECK(sum <= 255 * bytes);
}

/* A JPEG through stb_image as well, which other builds use. */
static void decode_by_stb(struct span file, const struct picture_options *options)
{
    const struct format *format = format_find(file);
    struct picture picture = {0};

    if (!format || strcmp(format->name, "JPEG") || jpeg_check(file, NULL) ||
        stb_decode(&picture, file, options, NULL))
        return;
    check_picture(&picture, options);
    picture_release(&picture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct picture_options options = {.max_bytes = 1 << 20,
        .max_pixels = 1 << 18,
        .min_edge = (int)(size % 2 * 8),
        .truncated = size % 4 < 2};
    struct picture picture;
    struct err err = {0};

    decode_by_stb((struct span){(const char *)data, size}, &options);
    if (picture_decode(&picture, data, size, &options, &err)) {
        FUZZ_CHECK(err.code != ERR_NONE);
        FUZZ_CHECK(err.msg[0] != '\0');
        FUZZ_CHECK(!picture.pixels);
        return 0;
    }
    check_picture(&picture, &options);
    picture_release(&picture);
    return 0;
}
