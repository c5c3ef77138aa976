// SPDX-License-Identifier: Apache-2.0
/* Which captions are held to be true of which pictures, by what they state. */
#include "joint/train/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A red star, a blue star, a red key and a green ring, a caption or two each. */
static const char *facts[] = {
    "shape\tstar\ncolour\tred\n",   /* 0 */
    "shape\tstar\n",                /* 0 */
    "shape\tstar\ncolour\tblue\n",  /* 1 */
    "shape\tkey\ncolour\tred\n",    /* 2 */
    "colour\tred\n",                /* 2 */
    NULL,                           /* 3 */
    "shape\tring\ncolour\tgreen\n", /* 3 */
};
static struct training_captions said[] = {{0, 2}, {2, 1}, {3, 2}, {5, 2}};
static const struct training_set set = {.count = sizeof said / sizeof *said,
    .said = said,
    .texts.count = sizeof facts / sizeof *facts,
    .facts = facts};

/* Verdicts of all pictures on a text, as "=" it fits, "." it does not, "~" nobody knows. */
static void expect(const struct training_facts *known, size_t text, const char *verdicts)
{
    for (size_t i = 0; i < set.count; i++)
        if (".=~"[training_facts_compare(known, i, text)] != verdicts[i])
            fail_msg("text %zu and picture %zu: %d", text, i, training_facts_compare(known, i, text));
}

static struct training_facts *known_of(const struct strings *kinds)
{
    struct training_facts *known;
    struct err err;
    if (training_facts_open(&known, &set, kinds, &err))
        fail_msg("%s", err.msg);
    return known;
}

static void a_caption_is_true_where_all_it_states_is(void **state)
{
    (void)state;
    struct training_facts *known = known_of(NULL);
    expect(known, 0, "=...");
    expect(known, 1, "==..");
    expect(known, 4, "=.=.");
    expect(known, 5, "...."); /* states nothing */
    training_facts_free(known);
}

/* No picture shows a blue key, a green star and so on. */
static void what_is_never_shown_together_is_not_held_against_a_caption(void **state)
{
    const char *kinds[] = {"shape", "colour"};
    const struct strings both = {.items = (char **)kinds, .count = 2},
                         one = {.items = (char **)kinds, .count = 1};
    (void)state;
    struct training_facts *known = known_of(&both);
    expect(known, 1, "==.~"); /* a star: the red key might be none, a green one was never seen */
    expect(known, 3, ".~=~"); /* a red key: a blue key and a red ring were not */
    expect(known, 6, "~~~=");
    training_facts_free(known);
    known = known_of(&one);
    expect(known, 1, "==..");
    training_facts_free(known);
}

static void kinds_that_no_caption_states_are_named(void **state)
{
    const char *kinds[] = {"shape", "size"};
    const struct strings open_kinds = {.items = (char **)kinds, .count = 2};
    struct training_facts *known;
    struct err err;
    (void)state;
    assert_int_equal(training_facts_open(&known, &set, &open_kinds, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "no caption states a fact of the kind 'size'");
}

/* The same again is none. */
static void two_values_of_one_kind_are_refused(void **state)
{
    const char *stated[] = {"shape\tstar\ncolour\tred\n", "colour\tred\n", "shape\tring\n", "shape\tstar\n"};
    struct picture_source pictures[] = {{.path = "a.png"}, {.path = "b.png"}};
    struct training_captions captions[] = {{0, 2}, {2, 1}};
    const struct training_set two = {
        .pictures = pictures, .said = captions, .count = 2, .texts.count = 4, .facts = stated};
    struct training_facts *known;
    struct err err;
    (void)state;
    if (training_facts_open(&known, &two, NULL, &err))
        fail_msg("%s", err.msg);
    training_facts_free(known);
    captions[1].count = 2;
    assert_int_equal(training_facts_open(&known, &two, NULL, &err), ERR_FORMAT);
    assert_string_equal(err.msg, "captions of 'b.png' contradict each other: 'shape' is 'ring' and 'star'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caption_is_true_where_all_it_states_is),
        cmocka_unit_test(what_is_never_shown_together_is_not_held_against_a_caption),
        cmocka_unit_test(kinds_that_no_caption_states_are_named),
        cmocka_unit_test(two_values_of_one_kind_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
