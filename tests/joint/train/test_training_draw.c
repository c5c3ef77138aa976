// SPDX-License-Identifier: Apache-2.0
/* What training draws: parts of pictures against torchvision's, of tests/golden/crops.py; orders and captions by themselves. */
#include "joint/train/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/crops.tsv"

static double unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

static void crops_are_those_of_torchvision(void **state)
{
    struct strings lines = {0};
    struct err err;
    size_t compared = 0;
    (void)state;
    if (lines_read(&lines, GOLDEN, 1 << 20, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < lines.count; i++) {
        int width, height, seed;
        struct crop_numbers numbers;
        struct picture_part want;
        if (sscanf(lines.items[i], "%d %d %d %d %d %d %d", &width, &height, &seed, &want.y, &want.x,
                &want.height, &want.width) != 7)
            continue;
        for (size_t k = 0; k < CROP_TRIES * CROP_NUMBERS; k++)
            numbers.tries[k / CROP_NUMBERS][k % CROP_NUMBERS] = unit(random_at((uint64_t)seed, k));
        const struct picture_part got = training_crop_of(&numbers, width, height);
        if (memcmp(&got, &want, sizeof got) != 0)
            fail_msg("%s: %d %d %d %d", lines.items[i], got.y, got.x, got.height, got.width);
        compared++;
    }
    assert_int_equal(compared, 50);
    strings_release(&lines);
}

/* What is drawn for a picture lies inside it, and is another in another epoch, for another picture and seed. */
static void crops_differ(void **state)
{
    const struct picture_part one = training_crop(200, 160, 1, 0, 5);
    const struct picture_part others[] = {
        training_crop(200, 160, 2, 0, 5), training_crop(200, 100, 1, 1, 5), training_crop(200, 100, 1, 0, 6)};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_memory_not_equal(&one, &others[i], sizeof one);
    for (size_t i = 0; i < 1000; i++) {
        const struct picture_part part = training_crop(31, 17, 3, i, i);
        assert_true(part.x >= 0 && part.y >= 0 && part.width > 0 && part.height > 0);
        assert_true(part.x + part.width <= 31 && part.y + part.height <= 17);
        assert_true(part.width * part.height >= 31 * 17 * 0.6); /* rounded, or of another ratio */
    }
}

enum { COUNT = 1000 };

static void orders_have_each_picture_once(void **state)
{
    size_t first[COUNT], again[COUNT], next[COUNT], other[COUNT], places = 0;
    bool seen[COUNT] = {0};
    (void)state;
    training_shuffle(first, COUNT, 7, 0);
    training_shuffle(again, COUNT, 7, 0);
    training_shuffle(next, COUNT, 7, 1);
    training_shuffle(other, COUNT, 8, 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(first[i] < COUNT && !seen[first[i]]);
        seen[first[i]] = true;
        places += first[i] == i;
    }
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, next, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    assert_true(places < 10); /* one is expected */
}

/* Each caption comes up about as often. */
static void captions_are_drawn_evenly(void **state)
{
    enum { CAPTIONS = 5, EPOCHS = 5000 };
    size_t counts[CAPTIONS] = {0};
    (void)state;
    for (size_t epoch = 0; epoch < EPOCHS; epoch++)
        counts[training_choose(CAPTIONS, 3, epoch, 11)]++;
    for (size_t i = 0; i < CAPTIONS; i++)
        assert_in_range(counts[i], 850, 1150);
    assert_int_equal(training_choose(1, 3, 4, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_are_those_of_torchvision),
        cmocka_unit_test(crops_differ),
        cmocka_unit_test(orders_have_each_picture_once),
        cmocka_unit_test(captions_are_drawn_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
