// SPDX-License-Identifier: Apache-2.0
/* Files whose end is missing, against what Pillow makes of them with LOAD_TRUNCATED_IMAGES: tests/golden/truncated.py; and PNGs
 * that hold more than they say. */
#include "tests/vision/golden.h"
#include "vision/format.h"
#include "vision/png.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define FOLDER "../"

static const struct picture_options truncated = {.truncated = true};

static void write_cut(const char *path, const char *name, size_t size)
{
    char whole[512], *bytes;
    size_t length;
    struct err err = {0};
    snprintf(whole, sizeof whole, GOLDEN FOLDER "%s", name);
    assert_int_equal(file_read(&bytes, &length, whole, 1 << 20, &err), 0);
    assert_true(size < length);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

/* Its checksum, or "refused" with the reason. */
static void describe(char got[16], char warning[PICTURE_WARNING_SIZE], const char *path,
    const struct picture_options *options, struct err *err)
{
    struct picture picture;
    strcpy(got, "refused");
    const int rc = picture_read(&picture, picture_file(path), options, err);
    if (!rc) {
        const size_t pixels = (size_t)picture.width * (size_t)picture.height * picture_channels(&picture);
        snprintf(got, 16, "%08lx", crc32_z(0, picture.pixels, pixels));
    } else if (rc == ERR_UNSUPPORTED && strstr(err->msg, "this build is without")) {
        strcpy(got, "any");
    }
    strcpy(warning, picture.warning);
    picture_release(&picture);
}

static size_t differ;

static void check_line(char *line)
{
    char name[64], path[512], expected[16], plain[16], got[16], warning[PICTURE_WARNING_SIZE];
    size_t size;
    struct err err = {0};

    assert_int_equal(sscanf(line, "%63s %zu %15s", name, &size, expected), 3);
    snprintf(path, sizeof path, DIPTYCH_SCRATCH "/cut%s", strrchr(name, '.')); /* which tells TGA */
    write_cut(path, name, size);
    describe(plain, warning, path, NULL, &err);
    assert_string_equal(warning, "");
    describe(got, warning, path, &truncated, &err);
    if (strcmp(got, expected) && strcmp(expected, "any") && strcmp(got, "any")) {
        print_error("%s: %s %s\n", line, got, err.msg);
        differ++;
    }
    if (strcmp(plain, "refused") ? strcmp(plain, got) || *warning : strcmp(got, "refused") && !*warning)
        fail_msg("%s: %s as it is, %s if truncated, with the warning '%s'", line, plain, got, warning);
}

static void are_read_as_far_as_they_go(void **state)
{
    (void)state;
    assert_true(golden_lines(FOLDER "truncated/truncated.txt", check_line) > 1200);
    assert_int_equal(differ, 0);
}

/* Where they are damaged inside. */
static void end_where_they_cannot_be_inflated(void **state)
{
    (void)state;
    struct picture picture, whole;
    struct err err = {0};
    char *bytes;
    size_t size;
    assert_int_equal(file_read(&bytes, &size, GOLDEN FOLDER "truncated/rgb.png", 1 << 20, &err), 0);
    assert_int_equal(picture_decode(&whole, (const uint8_t *)bytes, size, NULL, &err), 0);
    memset(bytes + size / 2, 0xff, 40);
    assert_int_equal(picture_decode(&picture, (const uint8_t *)bytes, size, NULL, &err), ERR_FORMAT);
    assert_int_equal(picture_decode(&picture, (const uint8_t *)bytes, size, &truncated, &err), 0);
    assert_string_equal(picture.warning, "PNG: chunk 'IDAT' at byte 33 has a wrong checksum");
    assert_memory_equal(picture.pixels, whole.pixels, (size_t)3 * 30 * 8);
    picture_release(&picture);
    picture_release(&whole);
    free(bytes);
}

/* A PNG of one grey pixel whose chunk inflates to so many zeros; free it. */
static uint8_t *new_png(size_t *size, size_t zeros)
{
    static const uint8_t front[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t header[] = {0, 0, 0, 1, 0, 0, 0, 1, 8, PNG_GREY, 0, 0, 0};
    uLongf packed = compressBound((uLong)zeros);
    uint8_t *pixels = calloc(zeros, 1), *png = malloc(sizeof front + sizeof header + packed + 3 * PNG_AROUND);
    assert_true(pixels && png);
    memcpy(png, front, sizeof front);
    uint8_t *at = png + sizeof front;
    memcpy(at + 8, header, sizeof header);
    at += png_close_chunk(at, "IHDR", sizeof header);
    assert_int_equal(compress2(at + 8, &packed, pixels, (uLong)zeros, Z_BEST_COMPRESSION), Z_OK);
    at += png_close_chunk(at, "IDAT", packed);
    at += png_close_chunk(at, "IEND", 0);
    *size = (size_t)(at - png);
    free(pixels);
    return png;
}

/* A filter and a pixel, and after them a few bytes that nobody looks at, or eight million. */
static void inflate_to_no_more_than_they_say(void **state)
{
    (void)state;
    static const size_t zeros[] = {2, 100, 8 << 20};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        struct picture picture;
        struct err err = {0};
        size_t size;
        uint8_t *png = new_png(&size, zeros[i]);
        const int rc = picture_decode(&picture, png, size, NULL, &err);
        assert_string_equal(
            err.msg, i < 2 ? "" : "damaged PNG: its pixels inflate to more than its header says");
        assert_int_equal(rc, i < 2 ? 0 : ERR_FORMAT);
        picture_release(&picture);
        free(png);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_read_as_far_as_they_go),
        cmocka_unit_test(end_where_they_cannot_be_inflated),
        cmocka_unit_test(inflate_to_no_more_than_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
