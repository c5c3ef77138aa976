// SPDX-License-Identifier: Apache-2.0
/* libdiptych's caption scores as a program sees them; test_same.sh holds the numbers against the command's. */
#include "joint/diptych.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGES = 2 };
static const char *const candidates[IMAGES] = {"a large red heart", "a blue star"};
static const char *const references[3] = {
    "the outline of a red heart", "a big heart in red", "a blue star with dots"};
static const size_t counts[IMAGES] = {2, 1};
static struct diptych_error error;

static void assert_says(int code, int expected, const char *words)
{
    if (code != expected || error.code != expected || !strstr(error.message, words))
        fail_msg("code %d (expected %d): '%s' (expected '%s')", code, expected, error.message, words);
}

static int score(struct diptych_scores **out, const struct diptych_score_options *options)
{
    return diptych_score_captions(out, candidates, references, counts, IMAGES, options, NULL, &error);
}

static void metrics_are_those_that_are_asked_for(void **state)
{
    static const char *const wanted[2] = {"CIDEr_D", "chrF2"};
    const struct diptych_score_options options = {
        .size = sizeof options, .metrics = wanted, .metric_count = 2};
    struct diptych_scores *scores;
    double corpus;
    (void)state;
    assert_int_equal(score(&scores, &options), 0);
    const double *images = diptych_scores_images(scores, "CIDEr_D"); // (IMAGES)
    assert_int_equal(diptych_scores_corpus(scores, "CIDEr_D", &corpus, &error), 0);
    assert_true(corpus > 0 && corpus == (images[0] + images[1]) / 2);
    assert_null(diptych_scores_images(scores, "Bleu_4"));
    assert_null(diptych_scores_images(scores, "none"));
    assert_says(diptych_scores_corpus(scores, "Bleu_4", &corpus, &error), DIPTYCH_ERROR_NOT_FOUND,
        "'Bleu_4' was not computed");
    assert_non_null(strstr(diptych_scores_signature(scores, "chrF2"), "nrefs:"));
    assert_null(diptych_scores_signature(scores, "CIDEr_D"));
    diptych_scores_free(scores);
}

static void mistakes_have_codes(void **state)
{
    static const char *const unknown[1] = {"BLEU"}, *const clip[1] = {"CLIPScore"};
    static const size_t none[IMAGES] = {3, 0};
    struct diptych_score_options options = {.size = sizeof options, .metrics = unknown, .metric_count = 1};
    struct diptych_scores *scores;
    (void)state;
    assert_says(score(&scores, &options), DIPTYCH_ERROR_ARGUMENT, "no metric 'BLEU'");
    assert_null(scores);
    options.metrics = clip;
    assert_says(score(&scores, &options), DIPTYCH_ERROR_ARGUMENT, "CLIPScore takes images");
    options = (struct diptych_score_options){.size = sizeof options, .tokenizer = "15a"};
    assert_says(score(&scores, &options), DIPTYCH_ERROR_ARGUMENT, "tokenizer is one of '13a'");
    options = (struct diptych_score_options){.size = sizeof options, .df = "none.df"};
    assert_says(score(&scores, &options), DIPTYCH_ERROR_IO, "none.df");
    assert_says(diptych_score_captions(&scores, candidates, references, none, IMAGES, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "reference");
    assert_says(diptych_score_captions(&scores, candidates, references, counts, 0, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "no candidates");
    assert_says(diptych_score_captions(&scores, NULL, references, counts, 1, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "candidates is NULL");
    assert_says(diptych_score_captions(&scores, candidates, NULL, counts, 1, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "references is NULL");
    assert_says(diptych_score_captions(NULL, candidates, references, counts, 1, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "out is NULL");
    assert_says(diptych_scores_corpus(NULL, "TER", NULL, &error), DIPTYCH_ERROR_ARGUMENT, "scores is NULL");
    assert_null(diptych_scores_images(NULL, "TER"));
    assert_null(diptych_scores_signature(NULL, "TER"));
    diptych_scores_free(NULL);

    struct diptych_job *job;
    assert_int_equal(diptych_job_new(&job, &error), 0);
    diptych_job_cancel(job);
    assert_says(diptych_score_captions(&scores, candidates, references, counts, IMAGES, NULL, job, &error),
        DIPTYCH_ERROR_CANCELLED, "");
    diptych_job_free(job);
}

static void options_may_be_of_another_version(void **state)
{
    unsigned char bytes[sizeof(struct diptych_score_options) + 8];
    struct diptych_scores *scores;
    (void)state;
    for (size_t size = sizeof(size_t); size <= sizeof bytes; size += sizeof(size_t)) {
        memset(bytes, 0xEE, sizeof bytes);
        memset(bytes, 0, size);
        memcpy(bytes, &size, sizeof size);
        assert_int_equal(score(&scores, (const void *)bytes), 0);
        assert_non_null(diptych_scores_images(scores, "Bleu_4"));
        diptych_scores_free(scores);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_those_that_are_asked_for),
        cmocka_unit_test(mistakes_have_codes),
        cmocka_unit_test(options_may_be_of_another_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
