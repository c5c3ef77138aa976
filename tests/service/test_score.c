// SPDX-License-Identifier: Apache-2.0
/* POST /v1/score against the library's own numbers. */
#include "tests/service/served.h"
#include "text/captions/captions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const first[] = {"A red kite over the sea.", "a kite, red, in the sky"};
static const char *const second[] = {"Two dogs run on a beach"};
static const struct caption_pair pairs[] = {
    {"a red kite in the sky", first, 2}, {"two dogs are on the beach", second, 1}};

#define REFERENCES                                                                                           \
    "[[\"A red kite over the sea.\", \"a kite, red, in the sky\"], \"Two dogs run on a beach\"]"
#define CANDIDATES "[\"a red kite in the sky\", \"two dogs are on the beach\"]"

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("there is no '%s'", key);
    return json_number_value(value);
}

/* To the digits that are printed. */
static void expect_number(double got, double expected)
{
    char a[64], b[64];
    snprintf(a, sizeof a, "%.*g", CAPTION_SCORE_DIGITS, got);
    snprintf(b, sizeof b, "%.*g", CAPTION_SCORE_DIGITS, expected);
    assert_string_equal(a, b);
}

static void scores_are_the_librarys(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"references\": " REFERENCES ", \"candidates\": " CANDIDATES "}",
        "{\"candidates\": {\"1\": \"a red kite in the sky\", \"2\": [\"two dogs are on the beach\"]}, "
        "\"references\": "
        "{\"2\": \"Two dogs run on a beach\", \"1\": [\"A red kite over the sea.\", \"a kite, red, in the "
        "sky\"]}}",
        "{\"candidates\": [{\"image_id\": 1, \"caption\": \"a red kite in the sky\"}, {\"image_id\": 2, "
        "\"caption\": "
        "\"two dogs are on the beach\"}], \"references\": " REFERENCES "}"};
    const struct caption_score_options options = {0};
    struct caption_scores scores;
    struct err err;
    assert_int_equal(caption_scores_compute(&scores, pairs, 2, &options, NULL, &err), 0);
    for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
        json_t *answer = post("/v1/score", bodies[b], 200);
        const json_t *corpus = json_object_get(answer, "corpus"),
                     *images = json_object_get(answer, "per_image");
        for (int metric = 0; metric < METRIC_CLIPSCORE; metric++) {
            const char *key = caption_metrics[metric].key;
            if (caption_metrics[metric].on_request) {
                assert_null(json_object_get(corpus, key));
                continue;
            }
            expect_number(number(corpus, key), scores.corpus[metric]);
            expect_number(number(json_object_get(images, "1"), key), scores.images[metric][0]);
            expect_number(number(json_object_get(images, "2"), key), scores.images[metric][1]);
        }
        assert_int_equal(number(corpus, "n_images"), 2);
        assert_int_equal(number(corpus, "n_refs"), 3);
        assert_non_null(json_object_get(json_object_get(answer, "signature"), "sacrebleu"));
        json_decref(answer);
    }
    caption_scores_release(&scores);
}

static void options_are_the_commands(void **state)
{
    (void)state;
    const struct caption_score_options options = {.without_context = true,
        .metrics = 1u << METRIC_SACREBLEU | 1u << METRIC_CIDER_D | 1u << METRIC_CHRF_WORDS | 1u << METRIC_TER,
        .sacrebleu = {.tokeniser = TOKENISE_NONE,
            .smoothing = SMOOTH_ADD_K,
            .smoothing_value = 0.5,
            .lowercase = true}};
    struct caption_scores scores;
    struct err err;
    assert_int_equal(caption_scores_compute(&scores, pairs, 2, &options, NULL, &err), 0);
    json_t *answer = post("/v1/score",
        "{\"references\": " REFERENCES ", \"candidates\": " CANDIDATES
        ", \"metrics\": [\"sacreBLEU\", \"CIDEr_D\", \"chrF2++\", \"TER\"], \"context\": false, "
        "\"tokenize\": \"none\", "
        "\"smooth\": \"add-k\", "
        "\"smooth_value\": 0.5, \"lowercase\": true}",
        200);
    const json_t *corpus = json_object_get(answer, "corpus");
    expect_number(number(corpus, "sacreBLEU"), scores.corpus[METRIC_SACREBLEU]);
    expect_number(number(corpus, "CIDEr_D"), scores.corpus[METRIC_CIDER_D]);
    expect_number(number(corpus, "chrF2++"), scores.corpus[METRIC_CHRF_WORDS]);
    expect_number(number(corpus, "TER"), scores.corpus[METRIC_TER]);
    assert_null(json_object_get(corpus, "chrF2"));
    assert_null(json_object_get(corpus, "Bleu_4"));
    assert_null(json_object_get(corpus, "bleu_stats"));
    assert_null(json_object_get(corpus, "CIDEr_plain"));
    const json_t *signature = json_object_get(answer, "signature");
    assert_int_equal(json_array_size(json_object_get(signature, "metrics")), 4);
    assert_string_equal(
        json_string_value(json_object_get(signature, "sacrebleu")), scores.sacrebleu.signature);
    json_decref(answer);
    caption_scores_release(&scores);
}

#ifdef DIPTYCH_STEMMER
/* The service has no paraphrases, and says so by the name. */
static void meteor_is_without_paraphrases(void **state)
{
    (void)state;
    const struct caption_score_options options = {.metrics = 1u << METRIC_METEOR};
    struct caption_scores scores;
    struct err err;
    assert_int_equal(caption_scores_compute(&scores, pairs, 2, &options, NULL, &err), 0);
    json_t *answer = post("/v1/score",
        "{\"references\": " REFERENCES ", \"candidates\": " CANDIDATES ", \"metrics\": [\"METEOR\"]}", 200);
    const json_t *corpus = json_object_get(answer, "corpus");
    assert_true(scores.corpus[METRIC_METEOR_NO_PARAPHRASES] > 0);
    expect_number(number(corpus, "METEOR_no_paraphrases"), scores.corpus[METRIC_METEOR_NO_PARAPHRASES]);
    assert_null(json_object_get(corpus, "METEOR"));
    json_decref(answer);
    caption_scores_release(&scores);
}
#endif

static void one_may_be_missing_if_that_is_said(void **state)
{
    (void)state;
    const char *const body =
        "{\"references\": {\"a\": \"x y z w\", \"b\": \"x\"}, \"candidates\": {\"a\": \"x y z w\"}%s}";
    char text[256];
    snprintf(text, sizeof text, body, ", \"allow_missing\": true");
    json_t *answer = post("/v1/score", text, 200);
    assert_int_equal(number(json_object_get(answer, "corpus"), "n_images"), 1);
    json_decref(answer);
    snprintf(text, sizeof text, body, "");
    json_decref(post("/v1/score", text, 400));
}

static void refuse(const char *body, int status, const char *text)
{
    json_t *answer = post("/v1/score", body, status);
    const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    if (!message || !strstr(message, text))
        fail_msg("%.80s: '%s' is not in '%s'", body, text, message ? message : "");
    json_decref(answer);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    refuse("{\"candidates\": [\"x\"]}", 400, "'references' is neither");
    refuse("{\"references\": \"x\", \"candidates\": [\"x\"]}", 400, "'references' is neither");
    refuse("{\"references\": [], \"candidates\": [\"x\"]}", 400, "no captions in 'references'");
    refuse("{\"references\": [1], \"candidates\": [\"x\"]}", 400, "references");
    refuse("{\"references\": [[1]], \"candidates\": [\"x\"]}", 400, "neither a caption nor a list");
    refuse(
        "{\"references\": [\"x\"], \"candidates\": [[\"x\", \"y\"]]}", 400, "2 candidates in 'candidates'");
    refuse("{\"references\": [\"x\"], \"candidates\": [\"x\", \"y\"]}", 400,
        "have a candidate and no references: '2'");
    refuse("{\"references\": [\"x\"], \"candidates\": [\"x\"], \"metrics\": [\"SPICE\"]}", 400,
        "'metrics' is 'SPICE', it can be Bleu_1");
    refuse("{\"references\": [\"x\"], \"candidates\": [\"x\"], \"metrics\": [\"CLIPScore\"]}", 400,
        "it can be Bleu_1");
    refuse(
        "{\"references\": [\"x\"], \"candidates\": [\"x\"], \"metrics\": []}", 400, "'metrics' is no list");
    refuse("{\"references\": [\"x\"], \"candidates\": [\"x\"], \"smooth\": \"more\"}", 400,
        "'smooth' is 'more'");
    refuse("{\"references\": [\"x\"], \"candidates\": [\"x\"], \"df\": \"coco\"}", 400,
        "'df' is not known here");
}

static void sizes_have_limits(void **state)
{
    (void)state;
    enum { LONG = 10001, MANY = 250001 };
    char *text = malloc(MANY * 4 + LONG + 100), *at = text;
    assert_non_null(text);
    at = stpcpy(at, "{\"references\": [\"");
    memset(at, 'x', LONG);
    strcpy(at + LONG, "\"], \"candidates\": [\"x\"]}");
    refuse(text, 413, "more than 10000 bytes");
    at = stpcpy(text, "{\"references\": [\"\"");
    for (size_t i = 1; i < MANY; i++)
        at = stpcpy(at, ",\"\"");
    strcpy(at, "], \"candidates\": [\"x\"]}");
    refuse(text, 413, "250001 captions");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_the_librarys),
        cmocka_unit_test(options_are_the_commands),
#ifdef DIPTYCH_STEMMER
        cmocka_unit_test(meteor_is_without_paraphrases),
#endif
        cmocka_unit_test(one_may_be_missing_if_that_is_said),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(sizes_have_limits),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
