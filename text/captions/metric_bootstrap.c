// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_bleu.h"
#include "text/captions/metric_meteor.h"
#include "text/captions/metric_sums.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

struct bootstrap {
    const struct caption_scores *scores;
    size_t systems, samples;
    uint64_t seed;
    double *values; // (systems, METRIC_COUNT, samples): those of one score side by side, for sorting
    size_t first;   /* sample of those that are drawn at once */
    atomic_bool failed;
};

static double *values_of(const struct bootstrap *bootstrap, size_t system, int metric)
{
    return bootstrap->values + (system * METRIC_COUNT + (size_t)metric) * bootstrap->samples;
}

/* ---- samples ------------------------------------------------------------------------------------------- */

/* times[i] = how often image i of count is drawn, in count draws */
static void draw(uint32_t *times, size_t count, uint64_t seed, size_t sample)
{
    const uint64_t stream = random_at(seed, sample);
    for (size_t i = 0; i < count; i++)
        times[(random_at(stream, i) >> 32) * count >> 32]++;
}

static void stats_add_times(struct bleu_stats *sum, const struct bleu_stats *stats, uint32_t times)
{
    sum->candidate_length += stats->candidate_length * times;
    sum->reference_length += stats->reference_length * times;
    for (size_t n = 0; n < NGRAM_ORDERS; n++) {
        sum->guess[n] += stats->guess[n] * times;
        sum->correct[n] += stats->correct[n] * times;
    }
}

static double mean_of_sample(const double *images, const uint32_t *times, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        if (times[i])
            sum += images[i] * times[i];
    return sum / (double)count;
}

/* What is no mean of the images' scores, but made of their sums: the sums of a sample. */
struct sums {
    struct bleu bleu;
    struct meteor_stats meteor, meteor_no_paraphrases;
    struct sacrebleu sacrebleu;
    struct chrf_stats chrf, chrf_words;
    struct ter_stats ter;
};

static void add_image(struct sums *sums, const struct caption_scores *scores, size_t i, uint32_t times)
{
    if (scores->bleu.images)
        stats_add_times(&sums->bleu.stats, &scores->bleu.images[i].stats, times);
    if (scores->meteor.stats)
        meteor_stats_add(&sums->meteor, &scores->meteor.stats[i], times);
    if (scores->meteor_no_paraphrases.stats)
        meteor_stats_add(&sums->meteor_no_paraphrases, &scores->meteor_no_paraphrases.stats[i], times);
    if (scores->sacrebleu.images)
        stats_add_times(&sums->sacrebleu.stats, &scores->sacrebleu.images[i].stats, times);
    if (scores->chrf.stats)
        chrf_stats_add(&sums->chrf, &scores->chrf.stats[i], times);
    if (scores->chrf_words.stats)
        chrf_stats_add(&sums->chrf_words, &scores->chrf_words.stats[i], times);
    if (scores->ter.stats)
        ter_stats_add(&sums->ter, &scores->ter.stats[i], times);
}

static void score_sample(
    double corpus[METRIC_COUNT], const struct caption_scores *scores, const uint32_t *times)
{
    struct sums sums = {0};
    for (size_t i = 0; i < scores->count; i++)
        if (times[i])
            add_image(&sums, scores, i, times[i]);
    for (int metric = METRIC_ROUGE_L; metric < METRIC_COUNT; metric++)
        if (scores->images[metric])
            corpus[metric] = mean_of_sample(scores->images[metric], times, scores->count);
    bleu_score(&sums.bleu);
    sacrebleu_score(&sums.sacrebleu, &scores->sacrebleu.options, false);
    for (int n = 0; n < NGRAM_ORDERS; n++)
        corpus[METRIC_BLEU_1 + n] = sums.bleu.scores[n];
    corpus[METRIC_METEOR] = meteor_score(&sums.meteor);
    corpus[METRIC_METEOR_NO_PARAPHRASES] = meteor_score(&sums.meteor_no_paraphrases);
    corpus[METRIC_SACREBLEU] = sums.sacrebleu.score;
    corpus[METRIC_CHRF] = chrf_score(&sums.chrf, &scores->chrf.options);
    corpus[METRIC_CHRF_WORDS] = chrf_score(&sums.chrf_words, &scores->chrf_words.options);
    corpus[METRIC_TER] = ter_score(&sums.ter);
}

static void run_sample(void *context, size_t i)
{
    struct bootstrap *bootstrap = context;
    const size_t sample = bootstrap->first + i;
    const size_t count = bootstrap->scores[0].count;
    uint32_t *times = mem_new(count, sizeof *times);
    if (!times) {
        bootstrap->failed = true;
        return;
    }
    draw(times, count, bootstrap->seed, sample);
    for (size_t s = 0; s < bootstrap->systems; s++) {
        double corpus[METRIC_COUNT] = {0};
        score_sample(corpus, &bootstrap->scores[s], times);
        for (int metric = 0; metric < METRIC_COUNT; metric++)
            values_of(bootstrap, s, metric)[sample] = corpus[metric];
    }
    free(times);
}

/* Some at a time, so that the job can end it. */
static int run_samples(struct bootstrap *bootstrap, const struct job *job, struct err *err)
{
    enum { AT_ONCE = 32 };
    int rc = 0;
    for (; bootstrap->first < bootstrap->samples && !rc; bootstrap->first += AT_ONCE) {
        const size_t left = bootstrap->samples - bootstrap->first;
        rc = job_step(job, "samples", bootstrap->first, bootstrap->samples, err);
        if (!rc)
            job_loop(job, left < AT_ONCE ? left : AT_ONCE, run_sample, bootstrap);
        if (bootstrap->failed)
            rc = err_memory(err, bootstrap->scores[0].count * sizeof(uint32_t));
    }
    return rc;
}

/* ---- what the samples say ------------------------------------------------------------------------------ */

/* NaN comes last. */
static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) || isnan(y) ? !!isnan(x) - !!isnan(y) : (x > y) - (x < y);
}

/* Sorts values (count) and gives the bounds of the middle 95 %: of 1000, the 26th from either end. Where one
 * is NaN, both bounds are. */
static void bounds(double *low, double *high, double *values, size_t count)
{
    const size_t tail = count / 40;
    qsort(values, count, sizeof *values, compare);
    const bool known = !isnan(values[count - 1]);
    *low = known ? values[tail] : NAN;
    *high = known ? values[count - 1 - tail] : NAN;
}

/* Sorts differences (samples). One that is NaN counts as at least as large as the difference of all images:
 * nothing says that it is smaller. */
static void compare_systems(
    struct bootstrap_score *out, double difference, double *differences, size_t samples)
{
    double mean = 0;
    size_t beyond = 0;
    for (size_t i = 0; i < samples; i++)
        mean += fabs(differences[i]) / (double)samples;
    for (size_t i = 0; i < samples; i++)
        beyond += !(fabs(differences[i]) - mean < fabs(difference));
    out->difference = difference;
    out->p = (1.0 + (double)beyond) / (1.0 + (double)samples);
    bounds(&out->difference_low, &out->difference_high, differences, samples);
}

/* From the last system to the first: summarising sorts a system's values, and all others need the first one's
 * as they were drawn. */
static void summarise(struct bootstrap_score *out, const struct bootstrap *bootstrap, double *differences)
{
    for (size_t s = bootstrap->systems; s-- > 0;)
        for (int metric = 0; metric < METRIC_COUNT; metric++) {
            struct bootstrap_score *score = &out[s * METRIC_COUNT + (size_t)metric];
            const struct caption_scores *first = bootstrap->scores, *scores = &first[s];
            double *values = values_of(bootstrap, s, metric);
            *score = (struct bootstrap_score){.p = 1};
            if (!scores->images[metric] || !first->images[metric])
                continue;
            for (size_t i = 0; i < bootstrap->samples; i++)
                differences[i] = values[i] - values_of(bootstrap, 0, metric)[i];
            if (s > 0)
                compare_systems(
                    score, scores->corpus[metric] - first->corpus[metric], differences, bootstrap->samples);
            bounds(&score->low, &score->high, values, bootstrap->samples);
        }
}

int caption_bootstrap(struct bootstrap_score *out, const struct caption_scores *scores, size_t systems,
    size_t samples, uint64_t seed, const struct job *job, struct err *err)
{
    if (!samples || scores[0].count > UINT32_MAX)
        return err_set(
            err, ERR_ARGUMENT, "unable to draw %zu samples of %zu images", samples, scores[0].count);
    struct bootstrap bootstrap = {.scores = scores, .systems = systems, .samples = samples, .seed = seed};
    size_t rows;
    bootstrap.values =
        size_mul(&rows, systems * METRIC_COUNT + 1, samples) ? mem_new(rows, sizeof(double)) : NULL;
    if (!bootstrap.values)
        return err_memory(err, samples * sizeof(double));
    int rc = run_samples(&bootstrap, job, err);
    if (!rc)
        summarise(out, &bootstrap, bootstrap.values + systems * METRIC_COUNT * samples);
    free(bootstrap.values);
    return rc;
}
