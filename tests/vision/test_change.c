// SPDX-License-Identifier: Apache-2.0
/* What training changes of pixels, against torchvision's, of tests/golden/augment.py. */
#include "vision/vision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/augment.tsv"

struct line {
    int seed, side, bits, flips, greys;
    char steps[128];
    unsigned crc;
};

/* "b1.25h-0.1" */
static void read_steps(struct picture_changes *changes, const char *text)
{
    static const char names[] = "bcsh";
    for (char *at = (char *)text; *at && *at != '-';) {
        const enum colour_change change = (enum colour_change)(strchr(names, *at) - names);
        changes->steps[changes->colours++] = (struct colour_step){change, strtod(at + 1, &at)};
    }
}

static void check(const struct line *line)
{
    struct picture_changes changes = {.flips = line->flips, .greys = line->greys};
    const size_t side = (size_t)line->side, bytes = side * side * 3;
    uint8_t *pixels = malloc(bytes);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)(random_at((uint64_t)line->seed, i) >> 56) & (uint8_t)line->bits;
    read_steps(&changes, line->steps);
    pixels_change(pixels, side, &changes);
    const unsigned got = (unsigned)crc32(0, pixels, (uInt)bytes);
    if (got != line->crc)
        fail_msg("%d %d %d %d %s %d: %08x, not %08x", line->seed, line->side, line->bits, line->flips,
            line->steps, line->greys, got, line->crc);
    free(pixels);
}

static void pixels_change_as_by_torchvision(void **state)
{
    struct strings lines = {0};
    struct err err;
    size_t compared = 0;
    (void)state;
    if (lines_read(&lines, GOLDEN, 1 << 20, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < lines.count; i++) {
        struct line line;
        if (sscanf(lines.items[i], "%d %d %d %d %127s %d %x", &line.seed, &line.side, &line.bits, &line.flips,
                line.steps, &line.greys, &line.crc) != 7)
            continue;
        check(&line);
        compared++;
    }
    assert_int_equal(compared, 91);
    strings_release(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_change_as_by_torchvision)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
