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
        double scale[2];
        struct crop_numbers numbers;
        struct picture_part want;
        if (sscanf(lines.items[i], "%d %d %lf %lf %d %d %d %d %d", &width, &height, &scale[0], &scale[1],
                &seed, &want.y, &want.x, &want.height, &want.width) != 9)
            continue;
        for (size_t k = 0; k < CROP_TRIES * CROP_NUMBERS; k++)
            numbers.tries[k / CROP_NUMBERS][k % CROP_NUMBERS] = unit(random_at((uint64_t)seed, k));
        const struct picture_part got = training_crop_of(&numbers, scale, width, height);
        if (memcmp(&got, &want, sizeof got) != 0)
            fail_msg("%s: %d %d %d %d", lines.items[i], got.y, got.x, got.height, got.width);
        compared++;
    }
    assert_int_equal(compared, 100);
    strings_release(&lines);
}

/* What is drawn for a picture lies inside it, and is another in another epoch, for another picture and seed. */
static void crops_differ(void **state)
{
    static const double scale[] = {0.9, 1};
    const struct picture_part one = training_crop(scale, 200, 160, 1, 0, 5);
    const struct picture_part others[] = {training_crop(scale, 200, 160, 2, 0, 5),
        training_crop(scale, 200, 100, 1, 1, 5), training_crop(scale, 200, 100, 1, 0, 6)};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_memory_not_equal(&one, &others[i], sizeof one);
    for (size_t i = 0; i < 1000; i++) {
        const struct picture_part part = training_crop(scale, 31, 17, 3, i, i);
        assert_true(part.x >= 0 && part.y >= 0 && part.width > 0 && part.height > 0);
        assert_true(part.x + part.width <= 31 && part.y + part.height <= 17);
        assert_true(part.width * part.height >= 31 * 17 * 0.6); /* rounded, or of another ratio */
    }
}

/* So many as are asked for, by factors as ColorJitter(0.3, 2, 0, 0.1) has them, in every order. */
static void changes_are_drawn_as_they_are_asked_for(void **state)
{
    enum { DRAWS = 20000 };
    const struct augmentation how = {.flips = 0.5, .jitters = 0.8, .greys = 0.2, .jitter = {0.3, 2, 0, 0.1}};
    const double least[] = {0.7, 0, 0, -0.1}, most[] = {1.3, 3, 0, 0.1};
    size_t flips = 0, greys = 0, jitters = 0, first[COLOUR_CHANGES] = {0};
    double sums[COLOUR_CHANGES] = {0};
    (void)state;
    for (size_t i = 0; i < DRAWS; i++) {
        const struct picture_changes changes = training_changes(&how, 4, i / 100, i % 100),
                                     again = training_changes(&how, 4, i / 100, i % 100);
        assert_memory_equal(&changes, &again, sizeof changes);
        flips += changes.flips;
        greys += changes.greys;
        jitters += changes.colours > 0;
        assert_true(changes.colours == 0 || changes.colours == 3);
        for (size_t k = 0; k < changes.colours; k++) {
            const struct colour_step step = changes.steps[k];
            assert_true(step.by >= least[step.change] && step.by <= most[step.change]);
            sums[step.change] += (step.by - least[step.change]) / (most[step.change] - least[step.change]);
            first[step.change] += k == 0;
        }
    }
    assert_in_range(flips, 9800, 10200);
    assert_in_range(greys, 3850, 4150);
    assert_in_range(jitters, 15850, 16150);
    for (size_t k = 0; k < COLOUR_CHANGES; k++) {
        if (k == COLOUR_SATURATION)
            continue;
        assert_true(sums[k] / (double)jitters > 0.49 && sums[k] / (double)jitters < 0.51);
        assert_in_range(first[k], jitters / 3 - 200, jitters / 3 + 200);
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
    size_t counts[CAPTIONS] = {0}, one;
    (void)state;
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        training_choose(&one, 1, CAPTIONS, 3, epoch, 11);
        counts[one]++;
    }
    for (size_t i = 0; i < CAPTIONS; i++)
        assert_in_range(counts[i], 850, 1150);
    training_choose(&one, 1, 1, 3, 4, 5);
    assert_int_equal(one, 0);
}

/* Three of five in each of their 60 orders about as often, the first as where it is drawn alone; and eight of five are all of them and then
 * three that differ. */
static void several_captions_differ(void **state)
{
    enum { CAPTIONS = 5, EACH = 3, MORE = 8, EPOCHS = 60000, ORDERS = CAPTIONS * CAPTIONS * CAPTIONS };
    size_t counts[ORDERS] = {0}, chosen[MORE], one, orders = 0;
    (void)state;
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        training_choose(&one, 1, CAPTIONS, 3, epoch, 11);
        training_choose(chosen, EACH, CAPTIONS, 3, epoch, 11);
        assert_int_equal(one, chosen[0]);
        counts[(chosen[0] * CAPTIONS + chosen[1]) * CAPTIONS + chosen[2]]++;
    }
    for (size_t i = 0; i < ORDERS; i++)
        if (counts[i]) {
            orders++;
            assert_in_range(counts[i], 850, 1150);
        }
    assert_int_equal(orders, 60);
    training_choose(chosen, MORE, CAPTIONS, 3, 4, 5);
    for (size_t i = 0; i < MORE; i++)
        for (size_t k = i < CAPTIONS ? 0 : CAPTIONS; k < i; k++)
            assert_int_not_equal(chosen[i], chosen[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_are_those_of_torchvision),
        cmocka_unit_test(crops_differ),
        cmocka_unit_test(changes_are_drawn_as_they_are_asked_for),
        cmocka_unit_test(orders_have_each_picture_once),
        cmocka_unit_test(captions_are_drawn_evenly),
        cmocka_unit_test(several_captions_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
