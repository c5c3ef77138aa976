// SPDX-License-Identifier: Apache-2.0
/* BLEU, ROUGE-L and CIDEr: by hand on a few captions, and every suite of the fixtures. */
#include "tests/text/captions/metric_suites.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NBSP "\xc2\xa0"

/* ---- by hand ------------------------------------------------------------------------------------------- */

static void assert_close(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-6))
        fail_msg("%.9g, expected %.9g", got, expected);
}

static struct caption_pair pair_of(const char *candidate, const char *const *references)
{
    size_t count = 0;
    while (references[count])
        count++;
    return (struct caption_pair){candidate, references, count};
}

#define REFERENCES(...) ((const char *const[]){__VA_ARGS__, NULL})

struct bleu_case {
    const char *candidate;
    const char *const *references;
    struct bleu_stats stats;
    double scores[NGRAM_ORDERS];
};

static void bleu_by_hand(void **state)
{
    (void)state;
    const struct bleu_case cases[] = {
        {"a cat sat", REFERENCES("a cat sat", "dogs"), {3, 3, {3, 2, 1, 0}, {3, 2, 1, 0}},
            {1, 1, 1, 0.0316228}},
        /* clipped to the two of the first reference; bigram and longer: not one */
        {"the the the the the the the", REFERENCES("the cat is on the mat", "there is a cat on the mat"),
            {7, 7, {7, 6, 5, 4}, {2, 0, 0, 0}}, {2.0 / 7, 0, 0, 0}},
        /* lengths 3 and 5 are as close to 4: the shorter, so no penalty */
        {"a b c d", REFERENCES("a b c d e", "a b c"), {4, 3, {4, 3, 2, 1}, {4, 3, 2, 1}}, {1, 1, 1, 1}},
        {"a b", REFERENCES("a b c d"), {2, 4, {2, 1, 0, 0}, {2, 1, 0, 0}},
            {0.3678794, 0.3678794, 0.00367879, 0.000367879}},
        {"", REFERENCES("a b"), {0, 2, {0, 0, 0, 0}, {0, 0, 0, 0}}, {0, 0, 0, 0}},
        {"a", REFERENCES(""), {1, 0, {1, 0, 0, 0}, {0, 0, 0, 0}}, {0, 0, 0, 0}},
        {"22" NBSP "3/4 \t", REFERENCES("22 3/4"), {2, 2, {2, 1, 0, 0}, {2, 1, 0, 0}}, {1, 1, 0.01, 0.001}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct caption_pair pair = pair_of(cases[i].candidate, cases[i].references);
        struct bleu_scores scores;
        assert_int_equal(bleu_compute(&scores, &pair, 1, 1, NULL), 0);
        assert_memory_equal(&scores.images[0].stats, &cases[i].stats, sizeof cases[i].stats);
        for (size_t n = 0; n < NGRAM_ORDERS; n++) {
            assert_close(scores.images[0].scores[n], cases[i].scores[n]);
            assert_close(scores.corpus.scores[n], cases[i].scores[n]);
        }
        bleu_scores_release(&scores);
    }
}

static void bleu_of_corpus_sums_counts(void **state)
{
    (void)state;
    const struct caption_pair pairs[] = {
        pair_of("a b c", REFERENCES("a b c")), pair_of("x", REFERENCES("y z", "y z"))};
    struct bleu_scores scores;
    assert_int_equal(bleu_compute(&scores, pairs, 2, 2, NULL), 0);
    assert_close(scores.corpus.scores[0], 0.75 * exp(1 - 5.0 / 4));
    assert_int_equal(scores.corpus.stats.candidate_length, 4);
    assert_int_equal(scores.corpus.stats.reference_length, 5);
    bleu_scores_release(&scores);
}

struct rouge_case {
    const char *candidate;
    const char *const *references;
    double precision, recall;
};

static void rouge_by_hand(void **state)
{
    (void)state;
    const struct rouge_case cases[] = {
        {"a cat sat", REFERENCES("a cat sat"), 1, 1},
        {"a big cat sat", REFERENCES("a cat sat down there"), 3 / 4.0, 3 / 5.0},
        {"a b c d", REFERENCES("a", "a b c d e f g h"), 1, 1}, /* precision of one, recall of the other */
        {"b a", REFERENCES("a b"), 1 / 2.0, 1 / 2.0}, {"x", REFERENCES("y"), 0, 0},
        {"", REFERENCES("a"), 0, 0}, {"a", REFERENCES(""), 0, 0},
        {"", REFERENCES(""), 1, 1},                                /* one empty word each */
        {"a  b", REFERENCES("a b"), 2 / 3.0, 1},                   /* the empty word between two blanks */
        {"22" NBSP "3 x", REFERENCES("22 3 x"), 1 / 2.0, 1 / 3.0}, /* one word to ROUGE */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct caption_pair pair = pair_of(cases[i].candidate, cases[i].references);
        const double p = cases[i].precision, r = cases[i].recall;
        struct metric_scores scores;
        assert_int_equal(rouge_compute(&scores, &pair, 1, 1, NULL), 0);
        assert_close(scores.images[0], p > 0 ? 2.44 * p * r / (r + 1.44 * p) : 0);
        metric_scores_release(&scores);
    }
}

static void expect_cider(const struct caption_pair *pairs, size_t count, bool plain, const double *images)
{
    const struct cider_options options = {.plain = plain, .threads = 2};
    struct metric_scores scores;
    double mean = 0;
    assert_int_equal(cider_compute(&scores, pairs, count, &options, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        assert_close(scores.images[i], images[i]);
        mean += images[i] / (double)count;
    }
    assert_close(scores.corpus, mean);
    metric_scores_release(&scores);
}

static void cider_by_hand(void **state)
{
    (void)state;
    /* Every n-gram is in one image of the two, so all weigh log 2, and counts alone make the cosines. */
    const struct caption_pair pairs[] = {
        pair_of("a b c d", REFERENCES("a b c d", "p q r s")), /* one of two references, all four n */
        pair_of("w w", REFERENCES("w")),                      /* unigrams only, of 4 n */
    };
    expect_cider(pairs, 2, true, (const double[]){5, 2.5});
    /* clipped: 1 * 1 / (2 * 1); one bigram more than the reference */
    expect_cider(pairs, 2, false, (const double[]){5, 2.5 / 2 * exp(-1 / 72.0)});

    const struct caption_pair empty[] = {pair_of("", REFERENCES("a b")), pair_of("c", REFERENCES("")),
        pair_of("d" NBSP "e", REFERENCES("d e"))};
    expect_cider(empty, 3, false, (const double[]){0, 0, 5});
    expect_cider(empty, 1, false, (const double[]){0});
    expect_cider(pairs, 1, false, (const double[]){0}); /* N = 1: no n-gram tells images apart */
    expect_cider(pairs, 1, true, (const double[]){0});
}

static void cider_takes_other_frequencies(void **state)
{
    (void)state;
    const struct caption_pair known[] = {pair_of("", REFERENCES("a", "a")), pair_of("", REFERENCES("a b")),
        pair_of("", REFERENCES("c")), pair_of("", REFERENCES("c"))};
    const struct caption_pair pair = pair_of("a z", REFERENCES("a y"));
    struct document_frequency *df = NULL;
    assert_int_equal(document_frequency_new(&df, known, 4, NULL), 0);
    assert_int_equal(document_frequency_images(df), 4);
    const struct cider_options options = {.df = df, .threads = 1};
    struct metric_scores scores;
    assert_int_equal(cider_compute(&scores, &pair, 1, &options, NULL), 0);
    /* "a" is in 2 images of 4; "y" and "z" in none, which weighs as much as 1 */
    const double a = log(2), z = log(4);
    assert_close(scores.corpus, 10 * a * a / (a * a + z * z) / 4);
    metric_scores_release(&scores);
    document_frequency_free(df);
}

/* ---- errors -------------------------------------------------------------------------------------------- */

static void expect_error(
    const struct caption_pair *pairs, size_t count, enum err_code code, const char *message)
{
    const struct cider_options options = {.threads = 1};
    struct metric_scores scores;
    struct bleu_scores bleu;
    struct document_frequency *df;
    struct err err = {0};
    assert_int_equal(bleu_compute(&bleu, pairs, count, 1, &err), code);
    assert_string_equal(err.msg, message);
    assert_null(bleu.images);
    assert_int_equal(rouge_compute(&scores, pairs, count, 1, &err), code);
    assert_string_equal(err.msg, message);
    assert_int_equal(cider_compute(&scores, pairs, count, &options, &err), code);
    assert_string_equal(err.msg, message);
    assert_null(scores.images);
    assert_int_equal(document_frequency_new(&df, pairs, count, &err), code);
    assert_null(df);
}

static void errors(void **state)
{
    (void)state;
    const struct caption_pair none[] = {pair_of("a", REFERENCES("a")), {"a", NULL, 0}};
    const struct caption_pair candidate[] = {pair_of("a\xff", REFERENCES("a"))};
    const struct caption_pair reference[] = {pair_of("a", REFERENCES("a", "\xc3"))};
    expect_error(none, 0, ERR_ARGUMENT, "no images to score");
    expect_error(none, 2, ERR_ARGUMENT, "image 1 has no reference");
    expect_error(candidate, 1, ERR_FORMAT, "candidate of image 0: text is not UTF-8 at byte 1");
    expect_error(reference, 1, ERR_FORMAT, "reference 1 of image 0: text is not UTF-8 at byte 0");
}

/* ---- the fixtures -------------------------------------------------------------------------------------- */

enum metric { BLEU_1, BLEU_2, BLEU_3, BLEU_4, ROUGE_L, CIDER_D, CIDER_PLAIN, METRICS };

static const char *const keys[METRICS] = {
    "Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr_D", "CIDEr_plain"};

struct all_scores {
    struct bleu_scores bleu;
    struct metric_scores rouge, cider, plain;
};

static void compute_all(struct all_scores *out, const struct suite *suite, int threads)
{
    const struct cider_options cider = {.threads = threads}, plain = {.plain = true, .threads = threads};
    struct err err = {0};
    if (bleu_compute(&out->bleu, suite->pairs, suite->count, threads, &err) ||
        rouge_compute(&out->rouge, suite->pairs, suite->count, threads, &err) ||
        cider_compute(&out->cider, suite->pairs, suite->count, &cider, &err) ||
        cider_compute(&out->plain, suite->pairs, suite->count, &plain, &err))
        fail_msg("%s", err.msg);
}

static void release_all(struct all_scores *all)
{
    bleu_scores_release(&all->bleu);
    metric_scores_release(&all->rouge);
    metric_scores_release(&all->cider);
    metric_scores_release(&all->plain);
}

enum { CORPUS = -1 };

/* Metric m of image i, or of the corpus. */
static double score_of(const struct all_scores *all, enum metric m, ptrdiff_t i)
{
    if (m <= BLEU_4)
        return (i == CORPUS ? &all->bleu.corpus : &all->bleu.images[i])->scores[m];
    const struct metric_scores *scores = m == ROUGE_L   ? &all->rouge
                                         : m == CIDER_D ? &all->cider
                                                        : &all->plain;
    return i == CORPUS ? scores->corpus : scores->images[i];
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("no number '%s'", key);
    return json_number_value(value);
}

static void check_stats(const struct bleu_stats *stats, const json_t *expected)
{
    assert_int_equal(stats->candidate_length, number(expected, "testlen"));
    assert_int_equal(stats->reference_length, number(expected, "reflen"));
    for (size_t n = 0; n < NGRAM_ORDERS; n++) {
        const json_t *guess = json_array_get(json_object_get(expected, "guess"), n);
        const json_t *correct = json_array_get(json_object_get(expected, "correct"), n);
        assert_int_equal(stats->guess[n], json_integer_value(guess));
        assert_int_equal(stats->correct[n], json_integer_value(correct));
    }
}

static void larger(double *largest, double difference)
{
    if (!(difference <= *largest)) /* NaN too */
        *largest = difference;
}

static void check_scores(const char *name, const struct suite *suite, const json_t *expected)
{
    const json_t *corpus = json_object_get(expected, "corpus"),
                 *images = json_object_get(expected, "per_image");
    struct all_scores all, threaded;
    double largest[METRICS] = {0};
    const double start = time_now();
    compute_all(&all, suite, 1);
    const double seconds = time_now() - start;
    compute_all(&threaded, suite, 3);
    assert_int_equal(suite->count, json_object_size(images));
    check_stats(&all.bleu.corpus.stats, json_object_get(corpus, "bleu_stats"));
    for (enum metric m = 0; m < METRICS; m++) {
        larger(&largest[m], fabs(score_of(&all, m, CORPUS) - number(corpus, keys[m])));
        assert_true(score_of(&all, m, CORPUS) == score_of(&threaded, m, CORPUS));
        for (size_t i = 0; i < suite->count; i++) {
            const double got = score_of(&all, m, (ptrdiff_t)i);
            larger(&largest[m], fabs(got - number(json_object_get(images, suite->ids[i]), keys[m])));
            assert_true(got == score_of(&threaded, m, (ptrdiff_t)i));
        }
    }
    print_message("%-20s %5zu images %.3f s:", name, suite->count, seconds);
    for (enum metric m = 0; m < METRICS; m++)
        print_message(" %s %.1e", keys[m], largest[m]);
    print_message("\n");
    for (enum metric m = 0; m < METRICS; m++)
        if (!(largest[m] <= 1e-9))
            fail_msg("%s: %s is off by %g", name, keys[m], largest[m]);
    release_all(&all);
    release_all(&threaded);
}

struct system {
    const char *name;
    const char *references[2]; /* files to read together */
};

static const struct system systems[] = {
    {"kt_contrastive", {"kt_refs"}},
    {"kt_magic", {"kt_refs"}},
    {"kt_nucleus", {"kt_refs"}},
    {"kt_retrieval", {"kt_refs"}},
    {"kt_zerocap", {"kt_refs"}},
    {"v17_fakecap", {"v17_refs"}},
    {"v17_lstm", {"v17loo_human", "v17loo_refs"}}, /* all of val2017: the first caption, and the others */
    {"v17loo_human", {"v17loo_refs"}},
};

static json_t *system_tokens(const char *name)
{
    char path[512];
    json_t *captions = json_object();
    snprintf(path, sizeof path, CAPTIONS "%s_tokens.tsv.gz", name);
    read_tokens(captions, path);
    return captions;
}

static json_t *system_references(const struct system *system)
{
    char path[512];
    json_t *captions = system_tokens(system->references[0]);
    if (system->references[1]) {
        snprintf(path, sizeof path, CAPTIONS "%s_tokens.tsv.gz", system->references[1]);
        read_tokens(captions, path);
    }
    return captions;
}

static void skip_without_fixtures(void)
{
    if (!file_exists(CAPTIONS "kt_refs.json.gz")) {
        print_message("no %s: scores of whole suites are not tested\n", CAPTIONS);
        skip();
    }
}

static void fixtures_suites(void **state)
{
    (void)state;
    skip_without_fixtures();
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, CAPTIONS "%s_scores.json.gz", systems[i].name);
        json_t *candidates = system_tokens(systems[i].name), *references = system_references(&systems[i]);
        json_t *expected = must_read_json(path);
        struct suite suite;
        suite_init(&suite, candidates, references);
        check_scores(systems[i].name, &suite, expected);
        suite_release(&suite);
        json_decref(candidates);
        json_decref(references);
        json_decref(expected);
    }
}

static void fixtures_edges(void **state)
{
    (void)state;
    skip_without_fixtures();
    json_t *cases = must_read_json(CAPTIONS "edge_metrics.json.gz"), *edge;
    size_t i;
    assert_true(json_array_size(cases) > 0);
    json_array_foreach(cases, i, edge)
    {
        struct suite suite;
        suite_init(&suite, json_object_get(edge, "cands"), json_object_get(edge, "refs"));
        check_scores(json_string_value(json_object_get(edge, "name")), &suite, edge);
        suite_release(&suite);
    }
    json_decref(cases);
}

/* CIDEr-D of one set of captions with the document frequencies of another's references. */
static void fixtures_frequencies(void **state)
{
    (void)state;
    skip_without_fixtures();
    const struct system lstm = {"v17_lstm", {"v17loo_human", "v17loo_refs"}};
    json_t *known = system_tokens("kt_refs"), *candidates = system_tokens(lstm.name);
    json_t *references = system_references(&lstm);
    json_t *expected = must_read_json(CAPTIONS "v17_lstm_ciderd_df_ktA.json.gz");
    struct suite known_suite, suite;
    suite_init(&known_suite, known, known);
    suite_init(&suite, candidates, references);

    struct document_frequency *df = NULL;
    assert_int_equal(document_frequency_new(&df, known_suite.pairs, known_suite.count, NULL), 0);
    assert_int_equal(document_frequency_images(df), 2503);
    const struct cider_options options = {.df = df, .threads = 2};
    struct metric_scores scores;
    assert_int_equal(cider_compute(&scores, suite.pairs, suite.count, &options, NULL), 0);
    double largest = fabs(scores.corpus - number(expected, "corpus"));
    for (size_t i = 0; i < suite.count; i++)
        larger(
            &largest, fabs(scores.images[i] - number(json_object_get(expected, "per_image"), suite.ids[i])));
    print_message("v17_lstm with the frequencies of kt_refs: CIDEr_D %.1e\n", largest);
    assert_true(largest <= 1e-9);

    metric_scores_release(&scores);
    document_frequency_free(df);
    suite_release(&known_suite);
    suite_release(&suite);
    json_decref(known);
    json_decref(candidates);
    json_decref(references);
    json_decref(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bleu_by_hand),
        cmocka_unit_test(bleu_of_corpus_sums_counts),
        cmocka_unit_test(rouge_by_hand),
        cmocka_unit_test(cider_by_hand),
        cmocka_unit_test(cider_takes_other_frequencies),
        cmocka_unit_test(errors),
        cmocka_unit_test(fixtures_suites),
        cmocka_unit_test(fixtures_edges),
        cmocka_unit_test(fixtures_frequencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
