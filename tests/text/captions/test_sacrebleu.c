// SPDX-License-Identifier: Apache-2.0
/* sacreBLEU and its words: by hand on a few captions, and all that the fixtures have. */
#include "tests/text/captions/metric_suites.h"
#include "text/captions/metric_bleu.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void larger(double *largest, double difference)
{
    if (!(difference <= *largest)) /* NaN too */
        *largest = difference;
}

static void assert_close(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-6))
        fail_msg("%.9g, expected %.9g", got, expected);
}

/* ---- words --------------------------------------------------------------------------------------------- */

static void expect_words(const char *text, const char *expected)
{
    struct arena arena = {0};
    assert_string_equal(
        bleu_words(&arena, &(struct bleu_cutter){.tokeniser = TOKENISE_13A}, span_of(text)), expected);
    arena_release(&arena);
}

static void words_by_hand(void **state)
{
    (void)state;
    expect_words("", "");
    expect_words("  two\tblanks\xc2\xa0 ", "two blanks");
    expect_words("A man, a plan.", "A man , a plan .");
    expect_words("3.5 and 1,000. .5", "3.5 and 1,000 . . 5");
    expect_words("10-20 t-shirt", "10 - 20 t-shirt");
    expect_words("don't \"stop\" (now)", "don't \" stop \" ( now )");
    expect_words("caf\xc3\xa9.", "caf\xc3\xa9 .");
    expect_words("&amp;lt; <skipped>a", "< a"); /* replaced one after the other */
    expect_words("cut-\nting\nit", "cutting it");
}

static void fixtures_words(void **state)
{
    (void)state;
    if (!file_exists(CAPTIONS "tok_nasty_13a.tsv.gz")) {
        print_message("no %s: 13a words are not tested on it\n", CAPTIONS);
        skip();
    }
    json_t *cases = json_object(), *expected;
    const char *raw;
    read_tokens(cases, CAPTIONS "tok_nasty_13a.tsv.gz");
    assert_true(json_object_size(cases) > 100);
    json_object_foreach(cases, raw, expected)
        expect_words(raw, json_string_value(json_array_get(expected, 0)));
    print_message("%zu texts in 13a's words\n", json_object_size(cases));
    json_decref(cases);
}

/* ---- scores by hand ------------------------------------------------------------------------------------ */

static const char *const references[] = {"a b c d e", "", "A b"};
static const struct caption_pair pair = {"a b c x d ", references, 3};

static void expect_corpus(const struct sacrebleu_options *options, double score, const char *signature)
{
    struct sacrebleu_scores scores;
    assert_int_equal(sacrebleu_compute(&scores, &pair, 1, options, NULL), 0);
    assert_close(scores.corpus.score, score);
    assert_string_equal(scores.signature, signature);
    sacrebleu_scores_release(&scores);
}

/* "a b c x d" has 4 of 5 words, 2 of 4 pairs, 1 of 3 triples, 0 of 2. */
static void smoothing(void **state)
{
    (void)state;
    const double three = 4 / 5.0 * 2 / 4.0 * 1 / 3.0;
    expect_corpus(&(struct sacrebleu_options){0}, 100 * pow(three * 1 / 4.0, 0.25),
        "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0");
    expect_corpus(&(struct sacrebleu_options){.smoothing = SMOOTH_FLOOR, .tokeniser = TOKENISE_NONE},
        100 * pow(three * 0.1 / 2, 0.25),
        "nrefs:2|case:mixed|eff:no|tok:none|smooth:floor[0.10]|version:2.6.0");
    expect_corpus(&(struct sacrebleu_options){.smoothing = SMOOTH_ADD_K, .lowercase = true},
        100 * pow(4 / 5.0 * 3 / 5.0 * 2 / 4.0 * 1 / 3.0, 0.25),
        "nrefs:2|case:lc|eff:no|tok:13a|smooth:add-k[1.00]|version:2.6.0");
    expect_corpus(&(struct sacrebleu_options){.smoothing = SMOOTH_FLOOR, .smoothing_value = 0.5},
        100 * pow(three * 0.5 / 2, 0.25),
        "nrefs:2|case:mixed|eff:no|tok:13a|smooth:floor[0.50]|version:2.6.0");
    expect_corpus(&(struct sacrebleu_options){.smoothing = SMOOTH_NONE}, 0,
        "nrefs:2|case:mixed|eff:no|tok:13a|smooth:none|version:2.6.0");
}

static void sentences_and_corpus(void **state)
{
    (void)state;
    const struct caption_pair pairs[] = {
        pair, {"e f", (const char *const[]){"e f"}, 1}, {"", (const char *const[]){"g"}, 1}};
    struct sacrebleu_scores scores;
    char line[256];
    assert_int_equal(
        sacrebleu_compute(&scores, pairs, 3, &(struct sacrebleu_options){.threads = 2}, NULL), 0);
    assert_string_equal(scores.signature, "nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0");
    assert_close(scores.images[1].score, 100); /* effective order 2 */
    assert_close(scores.images[2].score, 0);
    assert_close(scores.corpus.brevity_penalty, exp(1 - 8 / 7.0));
    sacrebleu_format(line, sizeof line, &scores.corpus);
    assert_string_equal(
        line, "BLEU = 39.44 85.7/60.0/33.3/25.0 (BP = 0.867 ratio = 0.875 hyp_len = 7 ref_len = 8)");
    sacrebleu_scores_release(&scores);
}

/* What sacreBLEU 2.6.0 prints for [["", "a b c d"], ["", "x y"]]. */
static void empty_references(void **state)
{
    (void)state;
    const struct caption_pair pairs[] = {
        {"a", (const char *const[]){"", ""}, 2}, {"a b c d", (const char *const[]){"a b c d", "x y"}, 2}};
    const struct sacrebleu_options options = {0};
    struct sacrebleu_scores scores;
    char line[200];
    assert_int_equal(sacrebleu_compute(&scores, pairs, 2, &options, NULL), 0);
    sacrebleu_format(line, sizeof line, &scores.corpus);
    assert_string_equal(
        line, "BLEU = 94.57 80.0/100.0/100.0/100.0 (BP = 1.000 ratio = 1.250 hyp_len = 5 ref_len = 4)");
    assert_string_equal(scores.signature, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0");
    assert_true(scores.images[0].score == 0);
    sacrebleu_scores_release(&scores);
}

static void errors(void **state)
{
    (void)state;
    const struct caption_pair none = {"a", NULL, 0};
    const struct sacrebleu_options options = {0};
    struct sacrebleu_scores scores;
    struct err err = {0};
    assert_int_equal(sacrebleu_compute(&scores, &none, 1, &options, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "image 0 has no reference");
}

/* ---- scores of the fixtures ---------------------------------------------------------------------------- */

/* {id: [caption, ...]}, at most `most` of each, from COCO's list of {image_id, caption}. */
static json_t *group_captions(const json_t *list, size_t most)
{
    json_t *captions = json_object(), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        char id[32];
        snprintf(
            id, sizeof id, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(item, "image_id")));
        if (!json_object_get(captions, id))
            json_object_set_new(captions, id, json_array());
        json_t *array = json_object_get(captions, id);
        if (json_array_size(array) < most)
            json_array_append(array, json_object_get(item, "caption"));
    }
    return captions;
}

struct setting {
    const char *key; /* in the fixture */
    struct sacrebleu_options options;
};

static const struct setting settings[] = {
    {"default", {.threads = 2}},
    {"lc", {.lowercase = true, .threads = 1}},
    {"none_tok", {.tokeniser = TOKENISE_NONE, .threads = 1}},
    {"floor", {.smoothing = SMOOTH_FLOOR, .threads = 1}},
    {"addk", {.smoothing = SMOOTH_ADD_K, .threads = 1}},
    {"nosmooth", {.smoothing = SMOOTH_NONE, .threads = 1}},
};

static double corpus_difference(const struct sacrebleu_scores *scores, const json_t *expected)
{
    const struct sacrebleu *corpus = &scores->corpus;
    double largest = fabs(corpus->score - json_number_value(json_object_get(expected, "score")));
    char line[256];
    larger(&largest, fabs(corpus->brevity_penalty - json_number_value(json_object_get(expected, "bp"))));
    for (size_t n = 0; n < NGRAM_ORDERS; n++) {
        const json_t *precision = json_array_get(json_object_get(expected, "precisions"), n);
        larger(&largest, fabs(corpus->precisions[n] - json_number_value(precision)));
        assert_true(
            corpus->correct[n] == json_number_value(json_array_get(json_object_get(expected, "counts"), n)));
        assert_true(
            corpus->guess[n] == json_number_value(json_array_get(json_object_get(expected, "totals"), n)));
    }
    sacrebleu_format(line, sizeof line, corpus);
    assert_string_equal(line, json_string_value(json_object_get(expected, "format")));
    assert_string_equal(scores->signature, json_string_value(json_object_get(expected, "signature")));
    return largest;
}

static double sentence_difference(
    const struct sacrebleu_scores *scores, const struct suite *suite, const json_t *expected)
{
    double largest = 0;
    assert_int_equal(suite->count, json_object_size(expected));
    for (size_t i = 0; i < suite->count; i++)
        larger(&largest,
            fabs(scores->images[i].score - json_number_value(json_object_get(expected, suite->ids[i]))));
    return largest;
}

static void check_system(const char *name, const char *references_name)
{
    char path[512];
    snprintf(path, sizeof path, CAPTIONS "%s_results.json.gz", name);
    json_t *results = must_read_json(path), *candidates = group_captions(results, 1);
    snprintf(path, sizeof path, CAPTIONS "%s.json.gz", references_name);
    json_t *coco = must_read_json(path), *refs = group_captions(json_object_get(coco, "annotations"), 5);
    snprintf(path, sizeof path, CAPTIONS "%s_sacrebleu.json.gz", name);
    json_t *expected = must_read_json(path), *corpora = json_object_get(expected, "corpus");
    struct suite suite;
    suite_init(&suite, candidates, refs);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct sacrebleu_scores scores;
        assert_int_equal(sacrebleu_compute(&scores, suite.pairs, suite.count, &settings[i].options, NULL), 0);
        const double corpus = corpus_difference(&scores, json_object_get(corpora, settings[i].key));
        const double sentences = i > 0 ? 0
                                       : sentence_difference(&scores, &suite,
                                             json_object_get(expected, "sentence_effective_order"));
        print_message("%-12s %-10s corpus %.1e sentences %.1e\n", name, settings[i].key, corpus, sentences);
        assert_true(corpus <= 1e-6 && sentences <= 1e-6);
        sacrebleu_scores_release(&scores);
    }
    suite_release(&suite);
    json_decref(results);
    json_decref(candidates);
    json_decref(coco);
    json_decref(refs);
    json_decref(expected);
}

static void fixtures_systems(void **state)
{
    (void)state;
    if (!file_exists(CAPTIONS "kt_refs.json.gz")) {
        print_message("no %s: sacreBLEU of whole suites is not tested\n", CAPTIONS);
        skip();
    }
    check_system("kt_magic", "kt_refs");
    check_system("kt_zerocap", "kt_refs");
    check_system("v17_lstm", "v17_refs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_by_hand),
        cmocka_unit_test(fixtures_words),
        cmocka_unit_test(smoothing),
        cmocka_unit_test(sentences_and_corpus),
        cmocka_unit_test(empty_references),
        cmocka_unit_test(errors),
        cmocka_unit_test(fixtures_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
