// SPDX-License-Identifier: Apache-2.0
/* chrF, chrF++ and TER against sacreBLEU's, of sentences that tests/golden/mt_metrics.py made up. */
#include "tests/text/captions/metric_suites.h"
#include "text/captions/metric_bleu.h"
#include "text/captions/metric_sums.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/captions/mt.json"

static json_t *golden;
static struct caption_pair *pairs;
static size_t count;

static int read_golden(void **state)
{
    struct err err;
    (void)state;
    if (json_read(&golden, GOLDEN, 1 << 20, &err)) {
        print_error("%s\n", err.msg);
        return -1;
    }
    pairs = golden_pairs(&count, json_object_get(golden, "pairs"));
    return count > 80 ? 0 : -1;
}

static int drop_golden(void **state)
{
    (void)state;
    golden_pairs_free(pairs, count);
    json_decref(golden);
    return 0;
}

static void expect(const char *name, const struct metric_scores *scores, const char *signature)
{
    const json_t *theirs = json_object_get(json_object_get(golden, "scores"), name);
    const json_t *images = json_object_get(theirs, "images");
    assert_int_equal(scores->count, json_array_size(images));
    for (size_t i = 0; i < scores->count; i++) {
        const double score = json_number_value(json_array_get(images, i));
        if (!(fabs(scores->images[i] - score) <= 1e-10))
            fail_msg("%s of '%s' is %.12g, not %.12g", name, pairs[i].candidate, scores->images[i], score);
    }
    assert_true(fabs(scores->corpus - json_number_value(json_object_get(theirs, "corpus"))) <= 1e-10);
    assert_string_equal(signature, json_string_value(json_object_get(theirs, "signature")));
}

static void chrf_is_sacrebleus(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool words, lowercase;
    } kinds[] = {{"chrF2", false, false}, {"chrF2++", true, false}, {"chrF2 lower", false, true}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int threads = 1; threads <= 3; threads += 2) {
            const struct chrf_options options = {kinds[i].words, kinds[i].lowercase, threads};
            struct chrf_scores scores;
            struct err err;
            if (chrf_compute(&scores, pairs, count, &options, &err))
                fail_msg("%s", err.msg);
            expect(kinds[i].name, &scores.scores, scores.signature);
            chrf_scores_release(&scores);
        }
}

static void ter_is_sacrebleus(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        struct ter_scores scores;
        struct err err;
        const struct job job = {.threads = threads};
        if (ter_compute(&scores, pairs, count, &job, &err))
            fail_msg("%s", err.msg);
        expect("TER", &scores.scores, scores.signature);
        ter_scores_release(&scores);
    }
}

/* The words of a list, with a blank between; free() it. */
static char *joined(const json_t *list)
{
    char *text = calloc(1, 4096), *end = text;
    for (size_t i = 0; i < json_array_size(list); i++)
        end += sprintf(end, "%s%s", i ? " " : "", json_string_value(json_array_get(list, i)));
    return text;
}

static void words_are_sacrebleus(void **state)
{
    (void)state;
    const json_t *texts = json_object_get(golden, "texts"), *words = json_object_get(golden, "words");
    for (int t = 0; bleu_tokenisers[t]; t++) {
        const json_t *theirs = json_object_get(words, bleu_tokenisers[t]);
        const struct sacrebleu_options options = {.tokeniser = (enum bleu_tokeniser)t};
        struct bleu_cutter cutter;
        struct err err;
        if (t == TOKENISE_JA_MECAB || t == TOKENISE_KO_MECAB)
            continue; /* test_mecab's */
        assert_int_equal(bleu_cutter_init(&cutter, &options, &err), 0);
        assert_int_equal(json_array_size(theirs), json_array_size(texts));
        for (size_t i = 0; i < json_array_size(texts); i++) {
            const char *text = json_string_value(json_array_get(texts, i));
            struct arena arena = {0};
            const char *ours = bleu_words(&arena, &cutter, span_of(text));
            char *expected = joined(json_array_get(theirs, i));
            if (strcmp(ours, expected))
                fail_msg("%s of '%s': '%s', not '%s'", bleu_tokenisers[t], text, ours, expected);
            free(expected);
            arena_release(&arena);
        }
        bleu_cutter_release(&cutter);
    }
}

static void bad_pairs_are_refused(void **state)
{
    static const char *const reference[] = {"a"};
    static const struct caption_pair none = {"a", reference, 0}, latin = {"caf\xe9", reference, 1};
    const struct chrf_options options = {0};
    struct chrf_scores chrf;
    struct ter_scores ter;
    struct err err;
    (void)state;
    assert_int_equal(chrf_compute(&chrf, &none, 1, &options, &err), ERR_ARGUMENT);
    assert_int_equal(ter_compute(&ter, &none, 1, NULL, &err), ERR_ARGUMENT);
    assert_int_equal(chrf_compute(&chrf, &latin, 1, &options, &err), ERR_FORMAT);
    assert_int_equal(ter_compute(&ter, &latin, 1, NULL, &err), ERR_FORMAT);
    assert_int_equal(ter_compute(&ter, &latin, 0, NULL, &err), ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chrf_is_sacrebleus),
        cmocka_unit_test(ter_is_sacrebleus),
        cmocka_unit_test(words_are_sacrebleus),
        cmocka_unit_test(bad_pairs_are_refused),
    };
    return cmocka_run_group_tests(tests, read_golden, drop_golden);
}
