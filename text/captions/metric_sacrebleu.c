// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_bleu.h"
#include "text/captions/metric_sums.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

const char *const bleu_smoothings[] = {"exp", "floor", "add-k", "none", NULL};

/* ---- the score ----------------------------------------------------------------------------------------- */

static double smoothing_value(const struct sacrebleu_options *options)
{
    if (options->smoothing_value > 0)
        return options->smoothing_value;
    return options->smoothing == SMOOTH_FLOOR ? 0.1 : 1;
}

/* Fills precisions up to the first n without n-grams; returns how many have some. */
static size_t smooth(struct sacrebleu *bleu, const struct sacrebleu_options *options)
{
    double halved = 1;
    for (size_t i = 0; i < NGRAM_ORDERS; i++) {
        if (options->smoothing == SMOOTH_ADD_K && i > 0) {
            bleu->correct[i] += smoothing_value(options);
            bleu->guess[i] += smoothing_value(options);
        }
        if (bleu->guess[i] <= 0)
            return i;
        double correct = bleu->correct[i];
        if (correct <= 0 && options->smoothing == SMOOTH_EXP)
            correct = halved /= 2;
        else if (correct <= 0 && options->smoothing == SMOOTH_FLOOR)
            correct = smoothing_value(options);
        bleu->precisions[i] = 100 * correct / bleu->guess[i];
    }
    return NGRAM_ORDERS;
}

static double brevity_penalty(const struct bleu_stats *stats)
{
    if (stats->candidate_length >= stats->reference_length)
        return 1;
    if (stats->candidate_length == 0)
        return 0;
    return exp(1 - (double)stats->reference_length / (double)stats->candidate_length);
}

void sacrebleu_score(struct sacrebleu *bleu, const struct sacrebleu_options *options, bool effective_order)
{
    size_t matches = 0;
    double logs = 0;
    for (size_t i = 0; i < NGRAM_ORDERS; i++) {
        bleu->correct[i] = (double)bleu->stats.correct[i];
        bleu->guess[i] = (double)bleu->stats.guess[i];
        matches += bleu->stats.correct[i];
    }
    bleu->brevity_penalty = brevity_penalty(&bleu->stats);
    if (matches == 0)
        return;
    const size_t found = smooth(bleu, options), orders = effective_order ? found : NGRAM_ORDERS;
    for (size_t i = 0; i < orders; i++)
        logs += log(bleu->precisions[i]); /* -inf where there is none, and then the score is 0 */
    bleu->score = bleu->brevity_penalty * exp(logs / (double)orders);
}

/* ---- a corpus ------------------------------------------------------------------------------------------ */

/* text without white space at its end, cut into words; NULL when out of memory. */
static char *words_of(struct arena *arena, const char *text, const struct bleu_cutter *cutter, bool lowercase)
{
    struct span rest = span_of(text), word, kept = {text, 0};
    while (split_words(&word, &rest))
        kept.length = (size_t)(rest.data - text);
    if (lowercase && unicode_normalise(&kept, arena, kept, NORMAL_LOWER | NORMAL_FINAL_SIGMA, NULL))
        return NULL;
    return bleu_words(arena, cutter, kept);
}

/* The pair in words; empty references count only where there are no others. False when out of memory. */
static bool cut_pair(struct caption_pair *out, struct arena *arena, const struct caption_pair *pair,
    const struct bleu_cutter *cutter, bool lowercase)
{
    const char **references = arena_alloc(arena, pair->reference_count * sizeof *references);
    *out = (struct caption_pair){words_of(arena, pair->candidate, cutter, lowercase), references, 0};
    if (!references || !out->candidate)
        return false;
    for (size_t i = 0; i < pair->reference_count; i++) {
        const bool is_last_chance = i + 1 == pair->reference_count && out->reference_count == 0;
        if (!*pair->references[i] && !is_last_chance)
            continue;
        const char *words = words_of(arena, pair->references[i], cutter, lowercase);
        if (!words)
            return false;
        references[out->reference_count++] = words;
    }
    return true;
}

struct sacrebleu_job {
    struct sacrebleu *images;
    const struct caption_pair *pairs;
    const struct sacrebleu_options *options;
    struct bleu_cutter cutter;
    atomic_bool failed;
};

static void score_image(void *context, size_t i)
{
    struct sacrebleu_job *job = context;
    struct sacrebleu *image = &job->images[i];
    struct arena arena = {0};
    struct caption_pair words;
    if (cut_pair(&words, &arena, &job->pairs[i], &job->cutter, job->options->lowercase) &&
        !bleu_count(&image->stats, &words))
        sacrebleu_score(image, job->options, true);
    else
        job->failed = true;
    arena_release(&arena);
}

static void sign(struct sacrebleu_scores *out, const struct sacrebleu_options *options,
    const struct caption_pair *pairs, size_t count)
{
    const bool has_value = options->smoothing == SMOOTH_FLOOR || options->smoothing == SMOOTH_ADD_K;
    char references[32], value[32] = "";
    references_sign(references, pairs, count);
    if (has_value)
        snprintf(value, sizeof value, "[%.2f]", smoothing_value(options));
    snprintf(out->signature, sizeof out->signature,
        "nrefs:%s|case:%s|eff:no|tok:%s%s|smooth:%s%s|version:2.6.0", references,
        options->lowercase ? "lc" : "mixed", bleu_tokenisers[options->tokeniser],
        morphemes_version(options->tokeniser), bleu_smoothings[options->smoothing], value);
}

int sacrebleu_compute(struct sacrebleu_scores *out, const struct caption_pair *pairs, size_t count,
    const struct sacrebleu_options *options, struct err *err)
{
    *out = (struct sacrebleu_scores){.options = *options};
    int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
    struct sacrebleu_job job = {.pairs = pairs, .options = options};
    rc = bleu_cutter_init(&job.cutter, options, err);
    if (rc)
        return rc;
    job.images = mem_new(count, sizeof *job.images);
    if (job.images)
        parallel_for(count, options->threads, score_image, &job);
    bleu_cutter_release(&job.cutter);
    if (!job.images)
        return err_memory(err, count * sizeof *job.images);
    if (job.failed) {
        free(job.images);
        return err_set(err, ERR_MEMORY, "out of memory for the n-grams of one image");
    }
    out->images = job.images;
    out->count = count;
    for (size_t i = 0; i < count; i++)
        bleu_stats_add(&out->corpus.stats, &out->images[i].stats);
    sacrebleu_score(&out->corpus, options, false);
    sign(out, options, pairs, count);
    return 0;
}

void sacrebleu_scores_release(struct sacrebleu_scores *scores)
{
    if (!scores)
        return;
    free(scores->images);
    *scores = (struct sacrebleu_scores){0};
}

int sacrebleu_format(char *out, size_t room, const struct sacrebleu *bleu)
{
    const double candidate = (double)bleu->stats.candidate_length,
                 reference = (double)bleu->stats.reference_length;
    return snprintf(out, room,
        "BLEU = %.2f %.1f/%.1f/%.1f/%.1f (BP = %.3f ratio = %.3f hyp_len = %zu ref_len = %zu)", bleu->score,
        bleu->precisions[0], bleu->precisions[1], bleu->precisions[2], bleu->precisions[3],
        bleu->brevity_penalty, reference > 0 ? candidate / reference : 0, bleu->stats.candidate_length,
        bleu->stats.reference_length);
}
