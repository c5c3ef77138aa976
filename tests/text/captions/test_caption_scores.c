// SPDX-License-Identifier: Apache-2.0
/* From caption files to all scores at once: every suite of the fixtures whose captions they hold, and how
 * sure the scores are. */
#include "tests/text/captions/metric_suites.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- suites -------------------------------------------------------------------------------------------- */

struct run {
    struct caption_set references, candidates;
    struct caption_pairs pairs;
    struct caption_scores scores;
};

static void read_set(struct caption_set *set, const char *path)
{
    struct err err = {0};
    if (caption_set_read(set, &path, 1, "test", &err))
        fail_msg("%s", err.msg);
}

/* All that need no pictures, and nothing that this build or machine may lack. METEOR without its data is METEOR without
 * paraphrases. */
#ifdef DIPTYCH_STEMMER
enum { METRICS = (1 << METRIC_CLIPSCORE) - 1 };
#else
enum { METRICS = ((1 << METRIC_CLIPSCORE) - 1) & ~(1 << METRIC_METEOR | 1 << METRIC_METEOR_NO_PARAPHRASES) };
#endif

static void run_init(struct run *run, const char *references, const char *candidates)
{
    struct err err = {0};
    read_set(&run->references, references);
    read_set(&run->candidates, candidates);
    if (caption_pairs_join(&run->pairs, &run->references, &run->candidates, 1, true, &err) ||
        caption_scores_compute(&run->scores, run->pairs.systems[0], run->pairs.count,
            &(struct caption_score_options){.metrics = METRICS}, &(struct job){.threads = 2}, &err))
        fail_msg("%s", err.msg);
}

static void run_release(struct run *run)
{
    caption_scores_release(&run->scores);
    caption_pairs_release(&run->pairs);
    caption_set_release(&run->candidates);
    caption_set_release(&run->references);
}

static void larger(double *largest, double difference)
{
    if (!(difference <= *largest)) /* NaN too */
        *largest = difference;
}

static double difference(const json_t *object, enum caption_metric metric, double score)
{
    const json_t *value = json_object_get(object, caption_metrics[metric].key);
    assert_true(json_is_number(value));
    return fabs(score - json_number_value(value));
}

/* Holds the scores of all metrics that the file has against it: {"corpus": {}, "per_image": {id: {}}}. */
static void check_run(const struct run *run, const char *name, const json_t *expected, double tolerance)
{
    const json_t *corpus = json_object_get(expected, "corpus"),
                 *images = json_object_get(expected, "per_image");
    double largest[METRIC_COUNT] = {0};
    print_message("%-15s", name);
    assert_int_equal(json_object_size(images), run->scores.count);
    for (enum caption_metric metric = 0; metric < METRIC_COUNT; metric++) {
        if (!json_object_get(corpus, caption_metrics[metric].key))
            continue;
        larger(&largest[metric], difference(corpus, metric, run->scores.corpus[metric]));
        for (size_t i = 0; i < run->scores.count; i++)
            larger(&largest[metric], difference(json_object_get(images, run->pairs.ids[i]), metric,
                                         run->scores.images[metric][i]));
        print_message(" %s %.1e", caption_metrics[metric].title, largest[metric]);
    }
    print_message("\n");
    for (enum caption_metric metric = 0; metric < METRIC_COUNT; metric++)
        assert_true(largest[metric] <= tolerance);
}

#define GOLDEN DIPTYCH_ROOT "/tests/golden/captions/"

/* tests/golden/captions.py: full float64 numbers of pycocoevalcap and sacreBLEU */
static void golden_captions(void **state)
{
    (void)state;
    struct run run;
    json_t *expected = must_read_json(GOLDEN "scores.json");
    run_init(&run, GOLDEN "refs.json", GOLDEN "candidates.json");
    check_run(&run, "golden", expected, 1e-12);
    assert_string_equal(
        run.scores.sacrebleu.signature, json_string_value(json_object_get(expected, "signature")));
    run_release(&run);
    json_decref(expected);
}

static void run_fixture(struct run *run, const char *suite, const char *system)
{
    char references[512], candidates[512];
    snprintf(references, sizeof references, CAPTIONS "%s_refs.json.gz", suite);
    snprintf(candidates, sizeof candidates, CAPTIONS "%s_results.json.gz", system);
    run_init(run, references, candidates);
}

static void check_fixture(const char *suite, const char *system)
{
    struct run run;
    char path[512];
    snprintf(path, sizeof path, CAPTIONS "%s_scores.json.gz", system);
    json_t *expected = must_read_json(path), *corpus = json_object_get(expected, "corpus");
    run_fixture(&run, suite, system);
    assert_int_equal(json_integer_value(json_object_get(corpus, "n_images")), run.scores.count);
    assert_int_equal(json_integer_value(json_object_get(corpus, "n_refs")), run.scores.references);
    check_run(&run, system, expected, 1e-9);
    run_release(&run);
    json_decref(expected);
}

static void skip_without_fixtures(void)
{
    if (!file_exists(CAPTIONS "kt_refs.json.gz")) {
        print_message("no %s: scores from caption files are not tested\n", CAPTIONS);
        skip();
    }
}

static void fixtures_from_files(void **state)
{
    (void)state;
    static const char *const suites[][2] = {{"kt", "kt_contrastive"}, {"kt", "kt_magic"},
        {"kt", "kt_nucleus"}, {"kt", "kt_zerocap"}, {"kt", "kt_retrieval"}, {"v17", "v17_lstm"},
        {"v17", "v17_fakecap"}};
    skip_without_fixtures();
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        check_fixture(suites[i][0], suites[i][1]);
}

/* ---- by hand ------------------------------------------------------------------------------------------- */

static const char *const cat[] = {"A cat sits on the mat.", "The cat is on a mat!"};
static const char *const dog[] = {"Two dogs don't run."};
static const struct caption_pair good[] = {{"a cat is on the mat", cat, 2}, {"two dogs do n't run", dog, 1}};
static const struct caption_pair poor[] = {{"a mat", cat, 2}, {"three dogs", dog, 1}};

static void compute(struct caption_scores *scores, const struct caption_pair *pairs)
{
    struct err err = {0};
    const struct caption_score_options options = {0};
    if (caption_scores_compute(scores, pairs, 2, &options, NULL, &err))
        fail_msg("%s", err.msg);
}

static void cuts_words(void **state)
{
    (void)state;
    struct caption_scores scores;
    compute(&scores, good);
    assert_int_equal(scores.references, 3);
    assert_true(fabs(scores.images[METRIC_BLEU_4][1] - 1) < 1e-8); /* lower case, don't = do n't, no period */
    assert_true(fabs(scores.images[METRIC_ROUGE_L][1] - 1) < 1e-12);
    assert_true(scores.images[METRIC_SACREBLEU][1] < 50); /* Two != two */
    assert_null(scores.images[METRIC_CLIPSCORE]);
    struct metric_scores clip = {.corpus = 0.5, .images = calloc(2, sizeof(double)), .count = 2};
    caption_scores_take(&scores, METRIC_CLIPSCORE, &clip);
    assert_true(scores.corpus[METRIC_CLIPSCORE] == 0.5);
    assert_null(clip.images);
    caption_scores_release(&scores);
}

/* ---- bootstrap ----------------------------------------------------------------------------------------- */

enum { SAMPLES = 1000 };

static void bootstrap(struct bootstrap_score out[2][METRIC_COUNT], const struct caption_scores *scores,
    uint64_t seed, int threads)
{
    assert_int_equal(
        caption_bootstrap(out[0], scores, 2, SAMPLES, seed, &(struct job){.threads = threads}, NULL), 0);
}

/* Of two images, a quarter of all samples has the first twice and a quarter the second: the bounds are
 * theirs. */
static void bootstrap_by_hand(void **state)
{
    (void)state;
    struct bootstrap_score sure[2][METRIC_COUNT], again[2][METRIC_COUNT];
    struct caption_scores scores[2];
    compute(&scores[0], good);
    compute(&scores[1], poor);
    bootstrap(sure, scores, 1, 1);
    for (size_t s = 0; s < 2; s++) {
        const double *images = scores[s].images[METRIC_ROUGE_L];
        const struct bootstrap_score *rouge = &sure[s][METRIC_ROUGE_L];
        assert_true(rouge->low == fmin(images[0], images[1]) && rouge->high == fmax(images[0], images[1]));
        const struct bootstrap_score *bleu = &sure[s][METRIC_BLEU_1];
        assert_true(
            bleu->low <= scores[s].corpus[METRIC_BLEU_1] && scores[s].corpus[METRIC_BLEU_1] <= bleu->high);
    }
    assert_true(sure[1][METRIC_ROUGE_L].difference ==
                scores[1].corpus[METRIC_ROUGE_L] - scores[0].corpus[METRIC_ROUGE_L]);
    assert_true(sure[1][METRIC_ROUGE_L].p == 1.0 / (1 + SAMPLES));
    assert_true(sure[0][METRIC_ROUGE_L].p == 1);
    assert_true(sure[1][METRIC_CLIPSCORE].high == 0);

    bootstrap(again, scores, 1, 2);
    assert_memory_equal(sure, again, sizeof sure);
    caption_scores_release(&scores[0]);
    caption_scores_release(&scores[1]);
}

/* Of 40 samples the bounds leave out one on either side; of 39, none. */
static void bootstrap_leaves_tails_out(void **state)
{
    (void)state;
    struct run run;
    struct bootstrap_score all[METRIC_COUNT], middle[METRIC_COUNT];
    run_init(&run, GOLDEN "refs.json", GOLDEN "candidates.json");
    assert_int_equal(caption_bootstrap(all, &run.scores, 1, 39, 1, NULL, NULL), 0);
    assert_int_equal(caption_bootstrap(middle, &run.scores, 1, 40, 1, NULL, NULL), 0);
    assert_true(all[METRIC_ROUGE_L].low < middle[METRIC_ROUGE_L].low);
    assert_true(middle[METRIC_ROUGE_L].high < all[METRIC_ROUGE_L].high);
    run_release(&run);
}

/* RefCLIPScore can be NaN: then nothing is said of its mean and difference, and p is not small. */
static void bootstrap_of_nan(void **state)
{
    (void)state;
    struct bootstrap_score sure[2][METRIC_COUNT];
    struct caption_scores scores[2];
    for (size_t s = 0; s < 2; s++) {
        struct metric_scores clip = {.images = calloc(2, sizeof(double)), .count = 2, .corpus = 0.5};
        compute(&scores[s], good);
        clip.images[1] = 1;
        if (s == 1)
            clip.corpus = clip.images[0] = NAN;
        caption_scores_take(&scores[s], METRIC_REFCLIPSCORE, &clip);
    }
    bootstrap(sure, scores, 1, 1);
    assert_true(sure[0][METRIC_REFCLIPSCORE].low == 0 && sure[0][METRIC_REFCLIPSCORE].high == 1);
    assert_true(isnan(sure[1][METRIC_REFCLIPSCORE].low) && isnan(sure[1][METRIC_REFCLIPSCORE].high));
    assert_true(isnan(sure[1][METRIC_REFCLIPSCORE].difference));
    assert_true(sure[1][METRIC_REFCLIPSCORE].p == 1);
    caption_scores_release(&scores[0]);
    caption_scores_release(&scores[1]);
}

/* A system against itself, and the bounds against the standard error of a mean. */
static void bootstrap_of_suites(void **state)
{
    (void)state;
    skip_without_fixtures();
    struct run runs[2];
    struct bootstrap_score out[2][METRIC_COUNT], other[2][METRIC_COUNT];
    run_fixture(&runs[0], "kt", "kt_magic");
    run_fixture(&runs[1], "kt", "kt_magic");
    struct caption_scores scores[2] = {runs[0].scores, runs[1].scores};
    bootstrap(out, scores, 7, 2);
    for (enum caption_metric metric = 0; metric < METRIC_CLIPSCORE; metric++) {
        const double corpus = scores[0].corpus[metric];
        if (metric == METRIC_METEOR || !(METRICS >> metric & 1))
            continue;
        assert_true(out[0][metric].low < corpus && corpus < out[0][metric].high);
        assert_true(out[1][metric].low == out[0][metric].low); /* paired: the same system, the same samples */
        assert_true(out[1][metric].difference_low == 0 && out[1][metric].difference_high == 0);
        assert_true(out[1][metric].p == 1);
    }
    /* The standard error of a mean is known: sd / sqrt n. */
    double sum = 0;
    const double *cider = scores[0].images[METRIC_CIDER_D], mean = scores[0].corpus[METRIC_CIDER_D];
    for (size_t i = 0; i < scores[0].count; i++)
        sum += (cider[i] - mean) * (cider[i] - mean);
    const double error = sqrt(sum) / (double)scores[0].count;
    const double width = out[0][METRIC_CIDER_D].high - out[0][METRIC_CIDER_D].low;
    assert_true(fabs(width / (2 * 1.96 * error) - 1) < 0.1);
    bootstrap(other, scores, 8, 2);
    assert_memory_not_equal(out, other, sizeof out);
    run_release(&runs[1]);
    run_release(&runs[0]);
}

struct watch {
    size_t steps, end_at, last;
};

static int step(void *context, const char *unit, size_t done, size_t total)
{
    struct watch *watch = context;
    (void)unit;
    assert_true(done <= total);
    watch->last = done;
    return ++watch->steps == watch->end_at;
}

/* At whichever step the job ends it, nothing is left behind; without an end all samples are drawn. */
static void scoring_can_be_ended(void **state)
{
    (void)state;
    const char *const references[] = {"a dog runs", "the dog"};
    const struct caption_pair pairs[] = {{"a dog", references, 2}, {"a cat", references, 1}};
    const struct caption_score_options options = {0};
    struct caption_scores scores;
    struct bootstrap_score out[METRIC_COUNT];
    struct watch watch = {.end_at = 1};
    const struct job job = {.step = step, .context = &watch, .threads = 1};
    struct err err;
    size_t ends = 0;
    while (caption_scores_compute(&scores, pairs, 2, &options, &job, &err)) {
        assert_int_equal(err.code, ERR_CANCELLED);
        assert_null(scores.images[METRIC_BLEU_1]);
        watch = (struct watch){.end_at = watch.end_at + 1};
        ends++;
    }
    assert_int_equal(ends, 6); /* words twice, ROUGE, CIDEr twice, sacreBLEU */

    watch = (struct watch){.end_at = 3};
    assert_int_equal(caption_bootstrap(out, &scores, 1, 100, 1, &job, &err), ERR_CANCELLED);
    assert_int_equal(watch.last, 64);
    watch = (struct watch){0};
    assert_int_equal(caption_bootstrap(out, &scores, 1, 100, 1, &job, &err), 0);
    assert_int_equal(watch.last, 96);
    caption_scores_release(&scores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scoring_can_be_ended),
        cmocka_unit_test(cuts_words),
        cmocka_unit_test(bootstrap_by_hand),
        cmocka_unit_test(bootstrap_leaves_tails_out),
        cmocka_unit_test(bootstrap_of_nan),
        cmocka_unit_test(golden_captions),
        cmocka_unit_test(fixtures_from_files),
        cmocka_unit_test(bootstrap_of_suites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
