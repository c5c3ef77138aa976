// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_df.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Working memory for one image, all by the number of the n-gram. */
struct cider_work {
    double *squares;                   /* squared inverse document frequency */
    uint32_t *candidate, *reference;   /* how often the captions have it */
    uint32_t *frequency, *map, *words; /* for document_frequency_lookup */
};

static bool work_init(struct cider_work *work, const struct ngrams *table)
{
    *work = (struct cider_work){.squares = mem_new(table->count, sizeof *work->squares)};
    work->candidate = mem_new(table->count, 4 * sizeof *work->candidate);
    work->words = mem_new(table->word_count + 1, sizeof *work->words);
    if (!work->squares || !work->candidate || !work->words)
        return false;
    work->reference = work->candidate + table->count;
    work->frequency = work->reference + table->count;
    work->map = work->frequency + table->count;
    return true;
}

static void work_release(struct cider_work *work)
{
    free(work->squares);
    free(work->candidate);
    free(work->words);
}

static void weigh(struct cider_work *work, const struct ngrams *table, const struct document_frequency *df)
{
    const double log_images = log((double)df->count);
    document_frequency_lookup(work->frequency, df, table, work->words, work->map);
    for (size_t g = 1; g < table->count; g++) {
        const double inverse = log_images - log(work->frequency[g] ? (double)work->frequency[g] : 1);
        work->squares[g] = inverse * inverse;
    }
}

static void count_caption(uint32_t *counts, const struct caption_ngrams *caption, size_t n)
{
    const uint32_t *ids = caption_ngram_ids(caption, n);
    for (size_t i = 0; i < caption_ngram_count(caption, n); i++)
        counts[ids[i]]++;
}

/* sum over the caption's different n-grams g of others[g] * counts[g] * squares[g], with others[g] clipped to
 * counts[g] on request. The loop runs over n-grams as they occur, g comes counts[g] times: each time adds
 * others[g] * squares[g]. */
static double product(const struct cider_work *work, const uint32_t *counts, const uint32_t *others,
    bool clip, const struct caption_ngrams *caption, size_t n)
{
    const uint32_t *ids = caption_ngram_ids(caption, n);
    double sum = 0;
    for (size_t i = 0; i < caption_ngram_count(caption, n); i++) {
        const uint32_t g = ids[i];
        sum += (clip && others[g] > counts[g] ? counts[g] : others[g]) * work->squares[g];
    }
    return sum;
}

/* exp(-d^2 / 2 sigma^2), sigma 6. The reference takes the number of bigrams for a caption's length, so 0 and
 * 1 word are as long. */
static double length_penalty(const struct caption_ngrams *candidate, const struct caption_ngrams *reference)
{
    const double difference =
        (double)caption_ngram_count(candidate, 2) - (double)caption_ngram_count(reference, 2);
    return exp(-difference * difference / (2 * 6.0 * 6.0));
}

/* Sum over n of the cosine of candidate and reference; norms are the candidate's, squared. */
static double similarity(struct cider_work *work, const double norms[NGRAM_ORDERS],
    const struct caption_ngrams *candidate, const struct caption_ngrams *reference, bool plain)
{
    double sum = 0;
    for (size_t n = 1; n <= NGRAM_ORDERS; n++) {
        count_caption(work->reference, reference, n);
        const double dot = product(work, work->reference, work->candidate, !plain, reference, n);
        const double norm = product(work, work->reference, work->reference, false, reference, n);
        if (norm > 0 && norms[n - 1] > 0)
            sum += dot / (sqrt(norms[n - 1]) * sqrt(norm));
        for (size_t i = 0; i < caption_ngram_count(reference, n); i++)
            work->reference[caption_ngram_ids(reference, n)[i]] = 0;
    }
    return plain ? sum : sum * length_penalty(candidate, reference);
}

static double score(struct cider_work *work, const struct image_ngrams *image, bool plain)
{
    double norms[NGRAM_ORDERS], sum = 0;
    for (size_t n = 1; n <= NGRAM_ORDERS; n++) {
        count_caption(work->candidate, &image->candidate, n);
        norms[n - 1] = product(work, work->candidate, work->candidate, false, &image->candidate, n);
    }
    for (size_t i = 0; i < image->reference_count; i++)
        sum += similarity(work, norms, &image->candidate, &image->references[i], plain);
    return 10 * sum / NGRAM_ORDERS / (double)image->reference_count;
}

struct cider_job {
    double *images;
    const struct caption_pair *pairs;
    const struct document_frequency *df;
    bool plain;
    atomic_bool failed;
};

static void score_image(void *context, size_t i)
{
    struct cider_job *job = context;
    struct image_ngrams image;
    if (image_ngrams_init(&image, &job->pairs[i], NULL)) {
        job->failed = true;
        return;
    }
    struct cider_work work;
    if (work_init(&work, &image.table)) {
        weigh(&work, &image.table, job->df);
        job->images[i] = score(&work, &image, job->plain);
    } else {
        job->failed = true;
    }
    work_release(&work);
    image_ngrams_release(&image);
}

static int score_images(
    struct metric_scores *out, struct cider_job *job, size_t count, int threads, struct err *err)
{
    job->images = mem_new(count, sizeof *job->images);
    if (!job->images)
        return err_memory(err, count * sizeof *job->images);
    parallel_for(count, threads, score_image, job);
    if (job->failed) {
        free(job->images);
        return err_set(err, ERR_MEMORY, "out of memory for the n-grams of one image");
    }
    metric_scores_init(out, job->images, count);
    return 0;
}

int cider_compute(struct metric_scores *out, const struct caption_pair *pairs, size_t count,
    const struct cider_options *options, struct err *err)
{
    *out = (struct metric_scores){0};
    int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
    struct document_frequency *own = NULL;
    if (!options->df && (rc = document_frequency_new(&own, pairs, count, err)))
        return rc;
    struct cider_job job = {.pairs = pairs, .df = own ? own : options->df, .plain = options->plain};
    rc = score_images(out, &job, count, options->threads, err);
    document_frequency_free(own);
    return rc;
}
