// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "vision/settings.h"

#include <math.h>

typedef int read_settings(struct preprocess *out, const json_t *root, struct err *err);

enum { SIZE = 8 };

/* Pictures of three shapes and modes go through what was accepted. */
static void check_run(const struct preprocess *preprocess)
{
    static const uint8_t bytes[6 * 4 * 4] = {1, 2, 3, 4};
    static const struct picture pictures[] = {
        {.pixels = (uint8_t *)bytes, .width = 6, .height = 4},
        {.mode = PICTURE_RGBA, .pixels = (uint8_t *)bytes, .width = 4, .height = 6},
        {.mode = PICTURE_CMYK, .pixels = (uint8_t *)bytes, .width = 1, .height = 24},
    };
    uint8_t pixels[SIZE * SIZE * 3];
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        struct err err = {0};
        if (preprocess_run(pixels, preprocess, &pictures[i], &err))
            FUZZ_CHECK(err.code == ERR_LIMIT && err.msg[0]);
    }
}

/* Whatever is accepted can be computed with. */
static void check(read_settings *read, const json_t *root)
{
    struct preprocess got = preprocess_default(SIZE);
    struct err err = {0};
    if (read(&got, root, &err) || settings_check(&got, SIZE, &err)) {
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
        return;
    }
    FUZZ_CHECK(got.crop == SIZE && got.resize >= 1);
    FUZZ_CHECK(got.resize_mode <= RESIZE_NONE && got.resample <= RESAMPLE_HAMMING);
    FUZZ_CHECK(isfinite(got.scale));
    for (int i = 0; i < 3; i++)
        FUZZ_CHECK(isfinite(got.mean[i]) && isfinite(got.std[i]) && got.std[i] != 0);
    if (got.resize <= 64)
        check_run(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root;
    if (json_parse(&root, (const char *)data, size, "fuzz", NULL))
        return 0;
    check(settings_read_hf, root);
    check(settings_read_hf, json_object_get(root, "image_processor"));
    check(settings_read_open_clip, root);
    json_decref(root);
    return 0;
}
