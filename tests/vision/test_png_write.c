// SPDX-License-Identifier: Apache-2.0
/* PNG files as written, read by stb_image and the checks of checksums before it. */
#include "vision/vision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Gradients that each filter has rows for, with noise below. */
static struct picture made_up(enum picture_mode mode, int width, int height)
{
    struct picture picture = {.mode = mode, .width = width, .height = height};
    const int channels = (int)picture_channels(&picture);
    uint32_t noise = 1;
    picture.pixels = mem_new((size_t)width * (size_t)height, (size_t)channels);
    assert_non_null(picture.pixels);
    for (int i = 0; i < width * height * channels; i++) {
        const int x = i / channels % width, y = i / channels / width, flat = i % channels * 80;
        noise = noise * 1664525 + 1013904223;
        const int kinds[] = {flat, x * 5 + flat, y * 7, x * 3 + y * 5, (int)(noise >> 24)};
        picture.pixels[i] = (uint8_t)kinds[y / 4 % 5];
    }
    return picture;
}

static void check_round_trip(const struct picture *picture, size_t *size)
{
    struct picture back;
    struct err err = {0};
    uint8_t *file;
    if (picture_write_png(&file, size, picture, &err) || picture_decode(&back, file, *size, NULL, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(back.width, picture->width);
    assert_int_equal(back.height, picture->height);
    assert_int_equal(back.mode, picture->mode);
    assert_memory_equal(back.pixels, picture->pixels,
        (size_t)picture->width * (size_t)picture->height * picture_channels(picture));
    picture_release(&back);
    free(file);
}

static void pixels_come_back(void **state)
{
    static const int sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {2, 3}, {64, 61}, {257, 97}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int mode = PICTURE_RGB; mode <= PICTURE_RGBA; mode++) {
            struct picture picture = made_up((enum picture_mode)mode, sizes[i][0], sizes[i][1]);
            size_t size;
            check_round_trip(&picture, &size);
            picture_release(&picture);
        }
}

/* Neighbours are close, but no two rows alike: 4 KB filtered, 17 KB without. */
static void filters_pay(void **state)
{
    struct picture picture = made_up(PICTURE_RGB, 200, 200);
    size_t size;
    (void)state;
    for (int i = 0; i < 200 * 200 * 3; i++)
        picture.pixels[i] = (uint8_t)((i / 3 % 200) * (i / 600) / 16);
    check_round_trip(&picture, &size);
    assert_in_range(size, 1, 5000);
    picture_release(&picture);
}

static void refuses_what_is_too_large(void **state)
{
    const struct picture picture = {.width = 20000, .height = 20000};
    uint8_t *file = NULL;
    size_t size;
    struct err err;
    (void)state;
    assert_int_equal(picture_write_png(&file, &size, &picture, &err), ERR_LIMIT);
    assert_null(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_come_back),
        cmocka_unit_test(filters_pay),
        cmocka_unit_test(refuses_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
