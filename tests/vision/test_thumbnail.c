// SPDX-License-Identifier: Apache-2.0
/* Thumbnails: their size, and their pixels against decoding and resizing in steps. */
#include "tests/vision/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct err err;

static void check_ok(int rc)
{
    if (rc)
        fail_msg("%s", err.msg);
}

/* The file of a made-up picture, for free(). */
static struct picture_source made_up(int width, int height)
{
    struct picture picture = synthetic(width, height);
    uint8_t *file;
    size_t size;
    check_ok(picture_write_png(&file, &size, &picture, &err));
    picture_release(&picture);
    return picture_bytes("made up", file, size);
}

/* A picture in the format that thumbnails have. */
static const char *write_as_thumbnail(uint8_t **out, size_t *size, const struct picture *picture)
{
#ifdef DIPTYCH_JPEG_TURBO
    check_ok(picture_write_jpeg(out, size, picture, THUMBNAIL_QUALITY, &err));
    return "image/jpeg";
#else
    check_ok(picture_write_png(out, size, picture, &err));
    return "image/png";
#endif
}

static void check_thumbnail(int width, int height, int edge, int expected_width, int expected_height)
{
    const struct picture_source source = made_up(width, height);
    struct thumbnail thumbnail;
    struct picture whole, expected, got;
    uint8_t *file;
    size_t size;
    check_ok(thumbnail_read(&thumbnail, source, edge, NULL, &err));
    assert_int_equal(thumbnail.width, expected_width);
    assert_int_equal(thumbnail.height, expected_height);
    check_ok(picture_decode(&got, thumbnail.bytes, thumbnail.size, NULL, &err));
    assert_int_equal(got.width, expected_width);
    assert_int_equal(got.height, expected_height);
    check_ok(picture_read(&whole, source, NULL, &err));
    check_ok(picture_resize(&expected, &whole, expected_width, expected_height, RESAMPLE_BICUBIC, &err));
    assert_string_equal(thumbnail.type, write_as_thumbnail(&file, &size, &expected));
    assert_int_equal(thumbnail.size, size);
    assert_memory_equal(thumbnail.bytes, file, size);
    free(file);
    picture_release(&whole);
    picture_release(&expected);
    picture_release(&got);
    thumbnail_release(&thumbnail);
    free((uint8_t *)source.bytes);
}

static void shows_transparency_on_white(void **state)
{
    (void)state;
    static const char *const names[] = {"clear.png", "rgb_trns.png"};
    for (size_t i = 0; i < 2; i++) {
        struct thumbnail thumbnail;
        struct picture stored, white;
        char path[512];
        uint8_t *file;
        size_t size;
        snprintf(path, sizeof path, GOLDEN "%s", names[i]);
        check_ok(picture_read(&stored, picture_file(path), NULL, &err));
        check_ok(picture_rgb(&white, &stored, ALPHA_WHITE, &err));
        assert_memory_equal(white.pixels, "\xff\xff\xff", 3); /* of both the first pixel is transparent */
        write_as_thumbnail(&file, &size, &white);
        check_ok(thumbnail_read(&thumbnail, picture_file(path), 64, NULL, &err));
        assert_int_equal(thumbnail.size, size);
        assert_memory_equal(thumbnail.bytes, file, size);
        free(file);
        picture_release(&stored);
        picture_release(&white);
        thumbnail_release(&thumbnail);
    }
}

static void fits_the_square(void **state)
{
    (void)state;
    check_thumbnail(100, 60, 50, 50, 30);
    check_thumbnail(60, 100, 50, 30, 50);
    check_thumbnail(301, 299, 64, 64, 64); /* 63.57 is nearer to 64 */
    check_thumbnail(400, 3, 64, 64, 1);    /* 0.48 would be none */
    check_thumbnail(90, 90, 89, 89, 89);
}

static void leaves_what_fits(void **state)
{
    (void)state;
    check_thumbnail(50, 30, 50, 50, 30);
    check_thumbnail(7, 5, 50, 7, 5);
}

static void errors_name_the_source(void **state)
{
    (void)state;
    struct thumbnail thumbnail;
    assert_int_equal(thumbnail_read(&thumbnail, picture_file("no/such.png"), 64, NULL, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "no/such.png"));
    assert_null(thumbnail.bytes);
    const struct picture_source text = picture_bytes("upload", (const uint8_t *)"text", 4);
    assert_int_equal(thumbnail_read(&thumbnail, text, 64, NULL, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "'upload'"));

    const struct picture_source source = made_up(9, 9);
    const struct picture_options limits = {.max_pixels = 80};
    assert_int_equal(thumbnail_read(&thumbnail, source, 64, &limits, &err), ERR_LIMIT);
    free((uint8_t *)source.bytes);
    thumbnail_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_the_square),
        cmocka_unit_test(shows_transparency_on_white),
        cmocka_unit_test(leaves_what_fits),
        cmocka_unit_test(errors_name_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
