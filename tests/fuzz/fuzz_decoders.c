// SPDX-License-Identifier: Apache-2.0
/* What diptych-decode does with a file, in this process. */
#include "tests/fuzz/fuzz.h"
#include "vision/helper/decoders.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PIXELS = 1 << 16 };

static void check_picture(const struct picture *picture)
{
    FUZZ_CHECK(picture->pixels);
    FUZZ_CHECK(picture->width > 0 && picture->height > 0);
    FUZZ_CHECK((size_t)picture->width * (size_t)picture->height <= MAX_PIXELS);
    const size_t bytes = (size_t)picture->width * (size_t)picture->height * picture_channels(picture);
    unsigned sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += picture->pixels[i];
    FUZZ_CHECK(sum <= 255 * bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span file = {(const char *)data, size};
    const struct format *format = format_find(file);
    const struct picture_options options = {.max_bytes = 1 << 20,
        .max_pixels = MAX_PIXELS,
        .max_seconds = 10,
        .min_edge = size % 2 ? 8 : 0,
        .truncated = size % 4 < 2};
    struct picture picture = {0};
    struct err err = {0};

    for (const struct decoder *decoder = decoders; format && format->apart && decoder->library; decoder++) {
        if (strcmp(decoder->library, format->library))
            continue;
        if (decoder->decode(&picture, file, &options, &err))
            FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
        else
            check_picture(&picture);
        picture_release(&picture);
    }
    return 0;
}
