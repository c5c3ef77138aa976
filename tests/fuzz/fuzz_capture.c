// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "vision/capture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check(const struct capture *capture)
{
    FUZZ_CHECK(memchr(capture->taken, '\0', sizeof capture->taken));
    FUZZ_CHECK(memchr(capture->camera, '\0', sizeof capture->camera));
    FUZZ_CHECK(memchr(capture->lens, '\0', sizeof capture->lens));
    FUZZ_CHECK(fabs(capture->lat) <= 90 && fabs(capture->lon) <= 180);
    FUZZ_CHECK(!*capture->taken || (capture->taken[0] >= '0' && capture->taken[0] <= '9'));
}

/* A picture's file, and XMP beside one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture capture, xmp = {0};
    FUZZ_CHECK(!picture_capture(&capture, picture_bytes("input", data, size), NULL));
    check(&capture);
    char *text = calloc(size + 1, 1);
    if (size)
        memcpy(text, data, size);
    capture_xmp(&xmp, text);
    check(&xmp);
    free(text);
    return 0;
}
