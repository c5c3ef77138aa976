// SPDX-License-Identifier: Apache-2.0
#include "tests/vision/golden.h"
#include "vision/weigh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const enum resample both[] = {RESAMPLE_BILINEAR, RESAMPLE_BICUBIC};

static size_t bytes_of(const struct picture *picture)
{
    return (size_t)picture->width * (size_t)picture->height * 3;
}

static struct picture resize(const struct picture *in, int width, int height, enum resample resample)
{
    struct picture out;
    struct err err = {0};
    if (picture_resize(&out, in, width, height, resample, &err))
        fail_msg("%s", err.msg);
    return out;
}

static bool all_same = true;

static void report_difference(const char *line, const char *hex, const struct picture *got)
{
    for (size_t i = 0; i < bytes_of(got); i++) {
        unsigned expected = 0;
        sscanf(hex + 2 * i, "%2x", &expected);
        if (expected != got->pixels[i]) {
            fprintf(stderr, "%s: byte %zu is %d, Pillow's is %u\n", line, i, got->pixels[i], expected);
            return;
        }
    }
}

static void check_resize(char *line)
{
    int width, height, to_width, to_height;
    char filter[16], hex[256] = "";
    uint32_t expected;

    const int fields = sscanf(
        line, "%d %d %d %d %15s %x %255s", &width, &height, &to_width, &to_height, filter, &expected, hex);
    assert_true(fields >= 6);
    struct picture in = synthetic(width, height);
    int number = 0;
    while (resample_names[number] && strcmp(resample_names[number], filter))
        number++;
    struct picture out = resize(&in, to_width, to_height, (enum resample)number);
    if (fields == 7)
        report_difference(line, hex, &out);
    all_same &= same_checksum(line, expected, out.pixels, bytes_of(&out));
    picture_release(&in);
    picture_release(&out);
}

static void equals_pillow(void **state)
{
    (void)state;
    assert_true(golden_lines("resize.txt", check_resize) >= 200);
    assert_true(all_same);
}

static void constant_stays_constant(void **state)
{
    (void)state;
    for (int value = 0; value <= 255; value += 51)
        for (size_t r = 0; r < 2; r++) {
            struct picture in = synthetic(29, 41);
            memset(in.pixels, value, bytes_of(&in));
            struct picture out = resize(&in, 43, 17, both[r]);
            for (size_t i = 0; i < bytes_of(&out); i++)
                assert_int_equal(out.pixels[i], value);
            picture_release(&in);
            picture_release(&out);
        }
}

static void same_size_is_identity(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct picture in = synthetic(37, 23);
        struct picture out = resize(&in, 37, 23, both[r]);
        assert_memory_equal(in.pixels, out.pixels, bytes_of(&in));
        picture_release(&in);
        picture_release(&out);
    }
}

/* Swaps x with y. */
static struct picture transposed(const struct picture *in)
{
    struct picture out = synthetic(in->height, in->width);
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++)
            memcpy(out.pixels + 3 * (x * in->height + y), in->pixels + 3 * (y * in->width + x), 3);
    return out;
}

/* With only one direction resized, there is one rounding, so that the two passes must agree. */
static void directions_agree(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct picture in = synthetic(61, 19), turned = transposed(&in);
        struct picture across = resize(&in, 24, 19, both[r]), down = resize(&turned, 19, 24, both[r]);
        struct picture back = transposed(&down);
        assert_memory_equal(across.pixels, back.pixels, bytes_of(&across));
        struct picture *all[] = {&in, &turned, &across, &down, &back};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            picture_release(all[i]);
    }
}

/* Any weights, every size around that of a vector, odd and even numbers of rows, and nothing written behind. */
static void processors_agree(void **state)
{
    (void)state;
    enum { SIZE = 70, ROWS = 9, STEP = 80 };
    struct picture bytes = synthetic(STEP, ROWS);
    struct weight_pair weights[(ROWS + 1) / 2];
    uint32_t random = 1;

    for (int rows = 1; rows <= ROWS; rows++)
        for (size_t size = 1; size <= SIZE; size++) {
            uint8_t plain[SIZE + 1] = {0}, best[SIZE + 1] = {0};
            memset(weights, 0, sizeof weights);
            for (int k = 0; k < rows; k++) { /* -1/2 to 1/2 */
                random = random * 1664525 + 1013904223;
                const int32_t weight = (int32_t)(random >> 10) - (1 << (FRACTION_BITS - 1));
                weights[k / 2].high[k % 2] = (int16_t)(weight >> LOW_BITS);
                weights[k / 2].low[k % 2] = (int16_t)(weight & ((1 << LOW_BITS) - 1));
            }
            weigh_rows_plain(plain, bytes.pixels, STEP, weights, rows, size);
            weigh_rows_best()(best, bytes.pixels, STEP, weights, rows, size);
            assert_memory_equal(plain, best, SIZE + 1);
        }
    picture_release(&bytes);
}

static void refuses_no_size(void **state)
{
    (void)state;
    struct picture in = synthetic(3, 3), out;
    struct err err = {0};
    assert_int_equal(picture_resize(&out, &in, 0, 5, RESAMPLE_BICUBIC, &err), ERR_ARGUMENT);
    assert_null(out.pixels);
    assert_string_equal(err.msg, "unable to resize to 0 x 5");
    picture_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(constant_stays_constant),
        cmocka_unit_test(same_size_is_identity),
        cmocka_unit_test(directions_agree),
        cmocka_unit_test(processors_agree),
        cmocka_unit_test(refuses_no_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
