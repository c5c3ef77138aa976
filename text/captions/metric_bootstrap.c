// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_bleu.h"
#include "text/captions/metric_meteor.h"
#include "text/captions/metric_sums.h"

#include <stdlib.h>
#include <string.h>

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

static void score_system(double *scores, const void *context, size_t system, const uint32_t *times)
{
    const struct caption_scores *systems = context;
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        scores[metric] = 0;
    score_sample(scores, &systems[system], times);
}

int caption_bootstrap(struct bootstrap_score *out, const struct caption_scores *scores, size_t systems,
    size_t samples, uint64_t seed, const struct job *job, struct err *err)
{
    double *all = mem_new(systems * METRIC_COUNT, sizeof *all);
    if (!all)
        return err_memory(err, systems * METRIC_COUNT * sizeof *all);
    for (size_t s = 0; s < systems; s++)
        memcpy(all + s * METRIC_COUNT, scores[s].corpus, sizeof scores[s].corpus);
    const struct bootstrap_run run = {
        score_system, scores, scores[0].count, systems, METRIC_COUNT, all, samples, seed};
    const int rc = bootstrap_compute(out, &run, job, err);
    for (size_t i = 0; i < systems * METRIC_COUNT && !rc; i++)
        if (!scores[0].images[i % METRIC_COUNT] || !scores[i / METRIC_COUNT].images[i % METRIC_COUNT])
            out[i] = (struct bootstrap_score){.p = 1};
    free(all);
    return rc;
}
