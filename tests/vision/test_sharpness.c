// SPDX-License-Identifier: Apache-2.0
/* Sharpness: against scipy's convolution of Pillow's grey values, and by what blur does to it. */
#include "tests/vision/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct err err;

static double sharpness_of(struct picture_source source)
{
    double sharpness;
    if (picture_sharpness(&sharpness, source, NULL, &err))
        fail_msg("%s", err.msg);
    return sharpness;
}

static void variances_are_scipys(void **state)
{
    (void)state;
    FILE *file = fopen(DIPTYCH_ROOT "/tests/golden/sharpness.tsv", "r");
    char line[256], path[512];
    size_t count = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *tab = strchr(line, '\t');
        if (!tab)
            continue;
        *tab = '\0';
        snprintf(path, sizeof path, "%s/%s", DIPTYCH_ROOT, line);
        const double expected = strtod(tab + 1, NULL), got = sharpness_of(picture_file(path));
        if (!(fabs(got - expected) <= 1e-10 * expected))
            fail_msg("%s: %.17g, expected %.17g", line, got, expected);
        count++;
    }
    fclose(file);
    assert_int_equal(count, 3);
}

/* A picture and its enlargement to twice the size, as PNG files; for free(). */
static struct picture_source made_up(int edge, int scaled)
{
    struct picture picture = synthetic(edge, edge), larger;
    uint8_t *file;
    size_t size;
    if (picture_resize(&larger, &picture, scaled, scaled, RESAMPLE_BICUBIC, &err) ||
        picture_write_png(&file, &size, &larger, &err))
        fail_msg("%s", err.msg);
    picture_release(&larger);
    picture_release(&picture);
    return picture_bytes("made up", file, size);
}

static void blur_is_less_sharp(void **state)
{
    (void)state;
    const struct picture_source sharp = made_up(400, 400), blurred = made_up(200, 400),
                                narrow = made_up(9, 2);
    assert_true(sharpness_of(blurred) < sharpness_of(sharp) / 2);
    assert_true(sharpness_of(narrow) == 0);
    free((uint8_t *)sharp.bytes);
    free((uint8_t *)blurred.bytes);
    free((uint8_t *)narrow.bytes);
    double sharpness;
    assert_int_equal(picture_sharpness(&sharpness, picture_file("no/such.png"), NULL, &err), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variances_are_scipys),
        cmocka_unit_test(blur_is_less_sharp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
