// SPDX-License-Identifier: Apache-2.0
/* The order of rows, their shares, and who wins against whom. The numbers of the default model are held
 * against the reference's by tests/cli/test_rank.sh. */
#include "joint/joint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void shares_are_a_softmax(void **state)
{
    enum { ROWS = 4, WIDTH = 3 };
    static const float rows[ROWS][WIDTH] = {{0, 1, 0}, {1, 0, 0}, {0, 1, 0}, {-1, 0, 0}};
    static const float embedding[WIDTH] = {0.6f, 0.8f, 0};
    static const size_t order[ROWS] = {0, 2, 1, 3}; /* equals as they came */
    static const double cosines[ROWS] = {0.8, 0.8, 0.6, -0.6};
    struct prediction best[ROWS];
    double sum = 0;
    (void)state;
    rank_rows(best, ROWS, embedding, rows[0], ROWS, WIDTH, (struct score_rule){.scale = 5});
    for (size_t i = 0; i < ROWS; i++)
        sum += exp(5 * cosines[i]);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(best[i].label, order[i]);
        assert_true(fabs((double)best[i].cosine - cosines[i]) < 1e-7);
        assert_true(fabs((double)best[i].probability - exp(5 * cosines[i]) / sum) < 1e-7);
    }
}

/* Each row by itself: with a row more or less the others stay. */
static void sigmoids_are_of_each_row_alone(void **state)
{
    enum { ROWS = 3, WIDTH = 3 };
    static const float rows[ROWS][WIDTH] = {{1, 0, 0}, {0, 1, 0}, {-1, 0, 0}};
    static const float embedding[WIDTH] = {0.6f, 0.8f, 0};
    static const double cosines[ROWS] = {0.8, 0.6, -0.6};
    const struct score_rule score = {SCORE_SIGMOID, 10, -7};
    struct prediction best[ROWS];
    (void)state;
    for (size_t count = 2; count <= ROWS; count++) {
        rank_rows(best, count, embedding, rows[0], count, WIDTH, score);
        for (size_t i = 0; i < count; i++)
            assert_true(fabs((double)best[i].probability - 1 / (1 + exp(7 - 10 * cosines[i]))) < 1e-6);
    }
}

static void wins_are_shares_of_two(void **state)
{
    (void)state;
    assert_true(win_probability(100, 0.25f, 0.25f) == 0.5);
    assert_true(fabs(win_probability(2, 0.75f, 0.25f) - exp(1.5) / (exp(1.5) + exp(0.5))) < 1e-15);
    for (float a = -1; a <= 1; a += 0.25f)
        assert_true(fabs(win_probability(10, a, 0.5f) + win_probability(10, 0.5f, a) - 1) < 1e-15);
    /* exp of these logits is no number; their difference decides. */
    assert_true(win_probability(1e6f, 1, -1) == 1);
    assert_true(win_probability(1e6f, -1, 1) == 0);
    assert_true(win_probability(1e6f, 1, 1) == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_a_softmax),
        cmocka_unit_test(sigmoids_are_of_each_row_alone),
        cmocka_unit_test(wins_are_shares_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
