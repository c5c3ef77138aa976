// SPDX-License-Identifier: Apache-2.0
/* ROUGE-L of captions of up to hundreds of words against the recurrence that defines the longest common
 * subsequence. Its arithmetic and the reference's scores are in test_metrics.c. */
#include "text/captions/captions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 300 };

struct caption {
    size_t length;
    unsigned words[LONGEST]; /* numbers, which text has as digits */
    char text[LONGEST * 4];
};

static unsigned random_below(unsigned limit)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % limit;
}

static void make_caption(struct caption *caption, size_t length, unsigned vocabulary)
{
    size_t used = 0;
    caption->length = length;
    for (size_t i = 0; i < length; i++) {
        caption->words[i] = random_below(vocabulary);
        used += (size_t)sprintf(caption->text + used, i ? " %u" : "%u", caption->words[i]);
    }
}

static size_t common_length(const struct caption *a, const struct caption *b)
{
    static size_t longest[LONGEST + 1][LONGEST + 1]; /* of the first i words of a and the first j of b */
    for (size_t i = 1; i <= a->length; i++)
        for (size_t j = 1; j <= b->length; j++) {
            const size_t above = longest[i - 1][j], left = longest[i][j - 1];
            longest[i][j] = a->words[i - 1] == b->words[j - 1] ? longest[i - 1][j - 1] + 1
                            : above > left                     ? above
                                                               : left;
        }
    return longest[a->length][b->length];
}

static double share(const struct caption *a, const struct caption *b, const struct caption *whole)
{
    return (double)common_length(a, b) / (double)whole->length;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static void check(const struct caption *candidate, const struct caption references[2])
{
    const char *const texts[] = {references[0].text, references[1].text};
    const struct caption_pair pair = {candidate->text, texts, 2};
    const double p =
        larger(share(candidate, &references[0], candidate), share(candidate, &references[1], candidate));
    const double r = larger(
        share(candidate, &references[0], &references[0]), share(candidate, &references[1], &references[1]));
    const double beta = 1.2, expected = p > 0 ? (1 + beta * beta) * p * r / (r + beta * beta * p) : 0;
    struct metric_scores scores;
    assert_int_equal(rouge_compute(&scores, &pair, 1, 1, NULL), 0);
    if (scores.images[0] != expected)
        fail_msg("'%s' and '%s', '%s': %.17g, expected %.17g", candidate->text, texts[0], texts[1],
            scores.images[0], expected);
    metric_scores_release(&scores);
}

/* Lengths on both sides of every border between 64 words and the next. */
static void long_captions(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 63, 64, 65, 127, 128, 129, 192, 300};
    static const unsigned vocabularies[] = {1, 2, 5, 40, 900};
    static struct caption candidate, references[2];
    const size_t count = sizeof lengths / sizeof lengths[0];
    for (size_t v = 0; v < sizeof vocabularies / sizeof vocabularies[0]; v++)
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < count; j++) {
                make_caption(&candidate, lengths[i], vocabularies[v]);
                make_caption(&references[0], lengths[j], vocabularies[v]);
                make_caption(&references[1], 1 + random_below(LONGEST), vocabularies[v]);
                check(&candidate, references);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(long_captions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
