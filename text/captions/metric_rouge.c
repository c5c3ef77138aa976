// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_ngrams.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static size_t count_tokens(struct span text)
{
    struct span word;
    size_t count = 0;
    while (split_blanks(&word, &text))
        count++;
    return count;
}

/* Working memory for one image. Words are numbered by the candidate; those that only references have are
 * never common, and left out. */
struct rouge_work {
    struct ngrams words;
    uint32_t *candidate; // (length): the numbers of its words
    uint32_t *reference; // (longest): the same of the reference at hand
    size_t length, longest;
    uint64_t *matches; // (length): for each word, which of the 64 words at hand of the candidate it is
    bool *carries;     // (longest): of the addition at each word of the reference, into the next 64
};

static bool work_init(struct rouge_work *work, const struct caption_pair *pair)
{
    struct span word, text = span_of(pair->candidate);
    *work = (struct rouge_work){.length = count_tokens(text)};
    for (size_t i = 0; i < pair->reference_count; i++) {
        const size_t length = count_tokens(span_of(pair->references[i]));
        work->longest = length > work->longest ? length : work->longest;
    }
    work->candidate = mem_new(work->length, sizeof *work->candidate);
    work->reference = mem_new(work->longest, sizeof *work->reference);
    work->matches = mem_new(work->length, sizeof *work->matches);
    work->carries = mem_new(work->longest, sizeof *work->carries);
    if (ngrams_init(&work->words, work->length, 1, NULL) || !work->candidate || !work->reference ||
        !work->matches || !work->carries)
        return false;
    for (size_t j = 0; split_blanks(&word, &text); j++)
        work->candidate[j] = ngrams_add_word(&work->words, word);
    return true;
}

static void work_release(struct rouge_work *work)
{
    ngrams_release(&work->words);
    free(work->candidate);
    free(work->reference);
    free(work->matches);
    free(work->carries);
}

/* Length of the longest common subsequence with a reference of `length` known words, 64 words of the
 * candidate a step (Crochemore et al. 2001, in the form of Hyyrö 2004).
 *
 * Let L(j) be that length for the first j words of the candidate and the reference's words so far. Bit j of
 * `same` is 1 where L(j + 1) = L(j), and 0 where it is L(j) + 1: zeros count the common words. The next word
 * of the reference, which the candidate has at the bits `match`, changes `same` to
 *
 *     (same + (same & match)) | (same & ~match)
 *
 * In each run of ones the addition clears the lowest bit that matches and carries into the zero above the
 * run. The carry out of 64 bits goes into the next 64. */
static size_t common_length(struct rouge_work *work, size_t length)
{
    size_t common = 0;
    memset(work->carries, 0, length * sizeof *work->carries);
    for (size_t begin = 0; begin < work->length; begin += 64) {
        const uint32_t *words = work->candidate + begin;
        const size_t count = work->length - begin < 64 ? work->length - begin : 64;
        uint64_t same = UINT64_MAX;
        for (size_t j = 0; j < count; j++)
            work->matches[words[j]] |= UINT64_C(1) << j;
        for (size_t i = 0; i < length; i++) {
            const uint64_t matches = same & work->matches[work->reference[i]];
            const uint64_t sum = same + matches, carried = sum + work->carries[i];
            work->carries[i] = sum < same || carried < sum;
            same = carried | (same - matches);
        }
        for (size_t j = 0; j < count; j++) {
            common += !(same >> j & 1);
            work->matches[words[j]] = 0;
        }
    }
    return common;
}

static double score(struct rouge_work *work, const struct caption_pair *pair)
{
    const double beta = 1.2;
    double precision = 0, recall = 0; /* each the best of all references, not of the same one */
    for (size_t i = 0; i < pair->reference_count; i++) {
        struct span word, text = span_of(pair->references[i]);
        size_t length = 0, known = 0;
        for (; split_blanks(&word, &text); length++) {
            const uint32_t number = ngrams_find_word(&work->words, word);
            if (number != NGRAM_NONE)
                work->reference[known++] = number;
        }
        const double common = (double)common_length(work, known);
        const double p = common / (double)work->length, r = common / (double)length;
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
    struct rouge_work work;
    if (work_init(&work, &job->pairs[i]))
        job->images[i] = score(&work, &job->pairs[i]);
    else
        job->failed = true;
    work_release(&work);
}

int rouge_compute(
    struct metric_scores *out, const struct caption_pair *pairs, size_t count, int threads, struct err *err)
{
    *out = (struct metric_scores){0};
    const int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
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
