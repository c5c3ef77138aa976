// SPDX-License-Identifier: Apache-2.0
/* When a run is ended because its loss is that of guessing, and when it is not. */
#include "joint/train/training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 8, STEPS = 60 };

/* Batches that follow each other. */
struct bench {
    struct course course;
    enum contrastive_loss kind;
    double smoothing;
    uint64_t number;
    struct err err;
};

/* Takes so many batches of that loss, or as many until the run is ended. */
static int take(struct bench *bench, size_t steps, double loss, size_t count, const uint8_t *fits)
{
    const struct batch_texts texts[] = {{.fits = fits}, {.fits = fits}};
    struct contrastive_batch batch = {.count = count, .texts = texts, .each = 2};
    int rc = 0;
    for (size_t i = 0; i < steps && !rc; i++) {
        batch.number = ++bench->number;
        rc = course_take(&bench->course, loss, &batch, bench->kind, bench->smoothing, &bench->err);
    }
    return rc;
}

static void what_was_known_and_is_forgotten_ends_the_run(void **state)
{
    struct bench bench = {.kind = LOSS_SOFTMAX};
    (void)state;
    assert_int_equal(take(&bench, 5, 0.02, COUNT, NULL), 0);
    assert_int_equal(take(&bench, STEPS, log(COUNT), COUNT, NULL), ERR_LIMIT);
    assert_int_equal(bench.number, 5 + 29); /* 1 - 0.99 * 0.9^29 is the first above 0.95 */
    assert_non_null(strstr(bench.err.msg, "step 34: the loss is that of guessing, 2.08, and was 0.0: "));
}

static void what_was_never_known_does_not(void **state)
{
    struct bench bench = {.kind = LOSS_SOFTMAX};
    (void)state;
    assert_int_equal(take(&bench, STEPS, log(COUNT), COUNT, NULL), 0);
    assert_int_equal(take(&bench, STEPS, 0.6 * log(COUNT), COUNT, NULL), 0);
    assert_int_equal(take(&bench, STEPS, log(COUNT), COUNT, NULL), 0);
}

/* Of one picture the loss is 0 whatever is known, and of few it is small. */
static void batches_of_few_pictures_are_not_taken_for_others(void **state)
{
    struct bench bench = {.kind = LOSS_SOFTMAX};
    (void)state;
    assert_int_equal(take(&bench, 1, 0, 1, NULL), 0);
    assert_int_equal(take(&bench, STEPS, 0.4 * log(256), 256, NULL), 0);
    assert_int_equal(take(&bench, 1, 0.4 * log(2), 2, NULL), 0);
    assert_int_equal(take(&bench, STEPS, 0, 1, NULL), 0);
    assert_int_equal(take(&bench, STEPS, 0.4 * log(256), 256, NULL), 0);
}

/* The least loss is that of guessing where all are of one class, and half of it or so where they are of two. */
static void what_texts_share_is_not_held_against_them(void **state)
{
    size_t groups[COUNT] = {0};
    uint8_t one[COUNT * COUNT], two[COUNT * COUNT];
    struct bench bench = {.kind = LOSS_SOFTMAX};
    (void)state;
    fits_of_groups(one, groups, COUNT);
    for (size_t i = COUNT / 2; i < COUNT; i++)
        groups[i] = COUNT / 2;
    fits_of_groups(two, groups, COUNT);
    assert_int_equal(take(&bench, STEPS, log(COUNT / 2) + 0.01, COUNT, two), 0);
    assert_int_equal(take(&bench, STEPS, log(COUNT), COUNT, one), 0);
    assert_int_equal(take(&bench, STEPS, log(COUNT), COUNT, two), ERR_LIMIT);
    assert_non_null(strstr(bench.err.msg, "is that of guessing, 2.08, and was 1.4: "));
}

/* Of eight with smoothing 0.2 the target is 0.825 and seven times 0.025, whose entropy is 0.804. */
static void smoothing_leaves_a_loss(void **state)
{
    struct bench bench = {.kind = LOSS_SOFTMAX, .smoothing = 0.2};
    (void)state;
    assert_int_equal(take(&bench, STEPS, 0.81, COUNT, NULL), 0);
    assert_int_equal(take(&bench, STEPS, log(COUNT), COUNT, NULL), ERR_LIMIT);
    assert_non_null(strstr(bench.err.msg, "is that of guessing, 2.08, and was 0.8: "));
}

/* Guessing is log(8) - 7 log(7/8) where one of eight is right, and 8 log(2) where four are. */
static void sigmoids_guess_what_share_is_right(void **state)
{
    struct bench bench = {.kind = LOSS_SIGMOID};
    uint8_t halves[COUNT * COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT * COUNT; i++)
        halves[i] = (i / COUNT + i % COUNT) % 2 ? FITS_NOT : FITS;
    assert_int_equal(take(&bench, STEPS, 0.1, COUNT, NULL), 0);
    assert_int_equal(take(&bench, STEPS, 2.7, COUNT, NULL), 0);
    assert_int_equal(take(&bench, STEPS, 3.02, COUNT, NULL), ERR_LIMIT);
    assert_non_null(strstr(bench.err.msg, "is that of guessing, 3.01, "));
    bench = (struct bench){.kind = LOSS_SIGMOID};
    assert_int_equal(take(&bench, STEPS, 0.1, COUNT, halves), 0);
    assert_int_equal(take(&bench, STEPS, 5.0, COUNT, halves), 0);
    assert_int_equal(take(&bench, STEPS, 5.6, COUNT, halves), ERR_LIMIT);
    assert_non_null(strstr(bench.err.msg, "is that of guessing, 5.55, "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_known_and_is_forgotten_ends_the_run),
        cmocka_unit_test(what_was_never_known_does_not),
        cmocka_unit_test(batches_of_few_pictures_are_not_taken_for_others),
        cmocka_unit_test(what_texts_share_is_not_held_against_them),
        cmocka_unit_test(smoothing_leaves_a_loss),
        cmocka_unit_test(sigmoids_guess_what_share_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
