// SPDX-License-Identifier: Apache-2.0
/* JPEG files as written, against the pixels and against PNG's size. */
#include "vision/vision.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* The picture from its JPEG file, whose size is *size; for picture_release. */
static struct picture there_and_back(size_t *size, const struct picture *picture, int quality)
{
    struct picture back;
    struct err err = {0};
    uint8_t *file;
    check_ok(picture_write_jpeg(&file, size, picture, quality, &err), &err);
    check_ok(picture_decode(&back, file, *size, NULL, &err), &err);
    assert_int_equal(back.width, picture->width);
    assert_int_equal(back.height, picture->height);
    free(file);
    return back;
}

/* Root of the mean square of differences, in levels. */
static double error_of(const struct picture *a, const struct picture *b)
{
    const size_t count = (size_t)a->width * (size_t)a->height * 3;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ((double)a->pixels[i] - b->pixels[i]) * ((double)a->pixels[i] - b->pixels[i]);
    return sqrt(sum / (double)count);
}

static void photographs_are_a_tenth_of_a_png(void **state)
{
    static const char *const names[] = {"03.jpg", "05.jpg", "06.jpg"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = {0};
        struct picture picture;
        char path[4096];
        uint8_t *png;
        size_t png_size, size;
        snprintf(path, sizeof path, DIPTYCH_ROOT "/assets/pictures/%s", names[i]);
        check_ok(picture_read(&picture, picture_file(path), NULL, &err), &err);
        check_ok(picture_write_png(&png, &png_size, &picture, &err), &err);
        struct picture back = there_and_back(&size, &picture, THUMBNAIL_QUALITY);
        print_message(
            "%s: %zu bytes of %zu, %.2f levels off\n", names[i], size, png_size, error_of(&picture, &back));
        assert_in_range(size, 1, png_size / 4);
        assert_true(error_of(&picture, &back) < 6);
        picture_release(&back);
        picture_release(&picture);
        free(png);
    }
}

static void quality_is_what_it_says(void **state)
{
    (void)state;
    struct err err = {0};
    struct picture picture;
    size_t sizes[3];
    double errors[3];
    static const int qualities[] = {30, THUMBNAIL_QUALITY, 98};
    check_ok(picture_read(&picture, picture_file(DIPTYCH_ROOT "/assets/pictures/05.jpg"), NULL, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        struct picture back = there_and_back(&sizes[i], &picture, qualities[i]);
        errors[i] = error_of(&picture, &back);
        picture_release(&back);
    }
    for (size_t i = 1; i < 3; i++) {
        assert_true(sizes[i] > sizes[i - 1]);
        assert_true(errors[i] < errors[i - 1]);
    }
    picture_release(&picture);
}

/* Of one colour, which no quality touches by more than rounding. */
static void every_size_is_written(void **state)
{
    static const int sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {2, 3}, {17, 15}, {257, 97}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t count = (size_t)sizes[i][0] * (size_t)sizes[i][1] * 3;
        struct picture picture = {.pixels = mem_new(count, 1), .width = sizes[i][0], .height = sizes[i][1]};
        size_t size;
        for (size_t k = 0; k < count; k++)
            picture.pixels[k] = (uint8_t)(40 + 70 * (k % 3));
        struct picture back = there_and_back(&size, &picture, THUMBNAIL_QUALITY);
        assert_true(error_of(&picture, &back) < 3);
        picture_release(&back);
        picture_release(&picture);
    }
}

static void refuses_what_is_too_large(void **state)
{
    const struct picture picture = {.width = 65501, .height = 1};
    uint8_t *file = NULL;
    size_t size;
    struct err err;
    (void)state;
    assert_int_equal(picture_write_jpeg(&file, &size, &picture, THUMBNAIL_QUALITY, &err), ERR_LIMIT);
    assert_null(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photographs_are_a_tenth_of_a_png),
        cmocka_unit_test(quality_is_what_it_says),
        cmocka_unit_test(every_size_is_written),
        cmocka_unit_test(refuses_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
