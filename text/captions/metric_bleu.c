// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_bleu.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

static size_t difference(size_t a, size_t b)
{
    return a < b ? b - a : a - b;
}

/* The reference length closest to the candidate's, the shorter of two as close. */
static size_t closest_length(const struct image_ngrams *image)
{
    const size_t length = image->candidate.words;
    size_t best = image->references[0].words;
    for (size_t i = 1; i < image->reference_count; i++) {
        const size_t words = image->references[i].words;
        const size_t here = difference(words, length), there = difference(best, length);
        if (here < there || (here == there && words < best))
            best = words;
    }
    return best;
}

/* most[g] = the most often any one reference has n-gram g; counts is zero, and is left so. */
static void count_most(uint32_t *most, uint32_t *counts, const struct image_ngrams *image, size_t n)
{
    for (size_t r = 0; r < image->reference_count; r++) {
        const struct caption_ngrams *reference = &image->references[r];
        const uint32_t *ids = caption_ngram_ids(reference, n);
        const size_t count = caption_ngram_count(reference, n);
        for (size_t i = 0; i < count; i++)
            if (++counts[ids[i]] > most[ids[i]])
                most[ids[i]] = counts[ids[i]];
        for (size_t i = 0; i < count; i++)
            counts[ids[i]] = 0;
    }
}

int bleu_count(struct bleu_stats *stats, const struct caption_pair *pair)
{
    struct image_ngrams image;
    const int rc = image_ngrams_init(&image, pair, NULL);
    if (rc)
        return rc;
    uint32_t *most = mem_new(image.table.count, 2 * sizeof *most);
    if (!most) {
        image_ngrams_release(&image);
        return ERR_MEMORY;
    }
    uint32_t *counts = most + image.table.count;
    *stats = (struct bleu_stats){
        .candidate_length = image.candidate.words, .reference_length = closest_length(&image)};
    for (size_t n = 1; n <= NGRAM_ORDERS; n++) {
        count_most(most, counts, &image, n);
        const uint32_t *ids = caption_ngram_ids(&image.candidate, n);
        stats->guess[n - 1] = caption_ngram_count(&image.candidate, n);
        for (size_t i = 0; i < stats->guess[n - 1]; i++)
            if (most[ids[i]] > 0) { /* each occurrence uses one up: the clipping */
                most[ids[i]]--;
                stats->correct[n - 1]++;
            }
    }
    free(most);
    image_ngrams_release(&image);
    return 0;
}

void bleu_stats_add(struct bleu_stats *sum, const struct bleu_stats *stats)
{
    sum->candidate_length += stats->candidate_length;
    sum->reference_length += stats->reference_length;
    for (size_t i = 0; i < NGRAM_ORDERS; i++) {
        sum->guess[i] += stats->guess[i];
        sum->correct[i] += stats->correct[i];
    }
}

/* The constants are the reference's: they keep 0/0 away, and show in scores of short captions. */
void bleu_score(struct bleu *bleu)
{
    const double tiny = 1e-15, small = 1e-9;
    const struct bleu_stats *stats = &bleu->stats;
    const double ratio = ((double)stats->candidate_length + tiny) / ((double)stats->reference_length + small);
    const double penalty = ratio < 1 ? exp(1 - 1 / ratio) : 1;
    double product = 1;
    for (size_t i = 0; i < NGRAM_ORDERS; i++) {
        product *= ((double)stats->correct[i] + tiny) / ((double)stats->guess[i] + small);
        bleu->scores[i] = pow(product, 1.0 / (double)(i + 1)) * penalty;
    }
}

struct bleu_job {
    struct bleu *images;
    const struct caption_pair *pairs;
    atomic_bool failed;
};

static void score_image(void *context, size_t i)
{
    struct bleu_job *job = context;
    if (bleu_count(&job->images[i].stats, &job->pairs[i]))
        job->failed = true;
    else
        bleu_score(&job->images[i]);
}

int bleu_compute(
    struct bleu_scores *out, const struct caption_pair *pairs, size_t count, int threads, struct err *err)
{
    *out = (struct bleu_scores){0};
    const int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
    struct bleu_job job = {.images = mem_new(count, sizeof *job.images), .pairs = pairs};
    if (!job.images)
        return err_memory(err, count * sizeof *job.images);
    parallel_for(count, threads, score_image, &job);
    if (job.failed) {
        free(job.images);
        return err_set(err, ERR_MEMORY, "out of memory for the n-grams of one image");
    }
    *out = (struct bleu_scores){.images = job.images, .count = count};
    for (size_t i = 0; i < count; i++)
        bleu_stats_add(&out->corpus.stats, &out->images[i].stats);
    bleu_score(&out->corpus);
    return 0;
}

void bleu_scores_release(struct bleu_scores *scores)
{
    if (!scores)
        return;
    free(scores->images);
    *scores = (struct bleu_scores){0};
}
