// SPDX-License-Identifier: Apache-2.0
#include "text/metric_ngrams.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static size_t count_tokens(struct span text)
{
    struct span word;
    size_t count = 0;
    while (split_blanks(&word, &text))
        ++count;
    return count;
}

/* Length of the longest common subsequence of (length) tokens and text's, and how many those are.
 * row[j]: the longest of the text so far and the first j tokens; (length + 1), any content. */
static size_t common_length(
    size_t *row, size_t *text_length, const struct span *tokens, size_t length, struct span text)
{
    struct span word;
    memset(row, 0, (length + 1) * sizeof *row);
    for (*text_length = 0; split_blanks(&word, &text); ++*text_length) {
        size_t diagonal = 0; /* row[j - 1] before this word */
        for (size_t j = 1; j <= length; ++j) {
            const size_t above = row[j];
            if (same_word(word, tokens[j - 1]))
                row[j] = diagonal + 1;
            else if (row[j - 1] > row[j])
                row[j] = row[j - 1];
            diagonal = above;
        }
    }
    return row[length];
}

static double score(const struct caption_pair *pair, const struct span *tokens, size_t length, size_t *row)
{
    const double beta = 1.2;
    double precision = 0, recall = 0; /* each the best of all references, not of the same one */
    for (size_t i = 0; i < pair->reference_count; ++i) {
        size_t reference_length;
        const double common =
            (double)common_length(row, &reference_length, tokens, length, span_of(pair->references[i]));
        const double p = common / (double)length, r = common / (double)reference_length;
        precision = p > precision ? p : precision;
        recall = r > recall ? r : recall;
    }
    if (precision <= 0 || recall <= 0)
        return 0;
    return (1 + beta * beta) * precision * recall / (recall + beta * beta * precision);
}

struct rouge_job {
    double *images;
    const struct caption_pair *pairs;
    atomic_bool failed;
};

static void score_image(void *context, size_t i)
{
    struct rouge_job *job = context;
    struct span text = span_of(job->pairs[i].candidate);
    const size_t length = count_tokens(text);
    struct span *tokens = mem_new(length, sizeof *tokens);
    size_t *row = mem_new(length + 1, sizeof *row);
    if (tokens && row) {
        for (size_t j = 0; split_blanks(&tokens[j], &text);)
            ++j;
        job->images[i] = score(&job->pairs[i], tokens, length, row);
    } else {
        job->failed = true;
    }
    free(tokens);
    free(row);
}

int rouge_compute(
    struct metric_scores *out, const struct caption_pair *pairs, size_t count, int threads, struct err *err)
{
    *out = (struct metric_scores){0};
    const int code = caption_pairs_check(pairs, count, err);
    if (code)
        return code;
    struct rouge_job job = {.images = mem_new(count, sizeof *job.images), .pairs = pairs};
    if (!job.images)
        return err_memory(err, count * sizeof *job.images);
    parallel_for(count, threads, score_image, &job);
    if (job.failed) {
        free(job.images);
        return err_set(err, ERR_MEMORY, "out of memory for the words of one image");
    }
    metric_scores_init(out, job.images, count);
    return 0;
}
