// SPDX-License-Identifier: Apache-2.0
/* PNGs whose end is missing, against what Pillow makes of them with LOAD_TRUNCATED_IMAGES: tests/golden/png_truncated.py. */
#include "tests/vision/golden.h"
#include "vision/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define TRUNCATED "../png_truncated/"

static void check_line(char *line)
{
    const struct picture_options truncated = {.truncated = true}, all = {0};
    char name[64], path[512], expected[16], got[16] = "refused", *bytes;
    size_t length, size;
    struct picture picture;
    struct err err = {0};

    assert_int_equal(sscanf(line, "%63s %zu %15s", name, &length, expected), 3);
    snprintf(path, sizeof path, GOLDEN TRUNCATED "%s", name);
    assert_int_equal(file_read(&bytes, &size, path, 1 << 20, &err), 0);
    assert_true(length < size);
    assert_int_equal(picture_decode(&picture, (const uint8_t *)bytes, length, &all, &err), ERR_FORMAT);
    if (!picture_decode(&picture, (const uint8_t *)bytes, length, &truncated, &err)) {
        const size_t pixels = (size_t)picture.width * (size_t)picture.height * picture_channels(&picture);
        snprintf(got, sizeof got, "%08lx", crc32_z(0, picture.pixels, pixels));
        if (!strstr(picture.warning, "PNG: "))
            fail_msg("%s: no warning", line);
    }
    picture_release(&picture);
    if (strcmp(got, expected))
        fail_msg("%s: %s", line, got);
    free(bytes);
}

static void are_read_as_far_as_they_go(void **state)
{
    (void)state;
    assert_true(golden_lines(TRUNCATED "truncated.txt", check_line) > 150);
}

/* Where they are damaged inside. */
static void end_where_they_cannot_be_inflated(void **state)
{
    (void)state;
    const struct picture_options truncated = {.truncated = true};
    struct picture picture, whole;
    struct err err = {0};
    char *bytes;
    size_t size;
    assert_int_equal(file_read(&bytes, &size, GOLDEN TRUNCATED "rgb.png", 1 << 20, &err), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_read_as_far_as_they_go),
        cmocka_unit_test(end_where_they_cannot_be_inflated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
