// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_sums.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double ter_score(const struct ter_stats *stats)
{
    if (stats->reference_length > 0)
        return 100 * ((double)stats->edits / stats->reference_length);
    return stats->edits ? 100 : 0;
}

void ter_stats_add(struct ter_stats *sum, const struct ter_stats *stats, size_t times)
{
    sum->edits += stats->edits * times;
    sum->reference_length += stats->reference_length * (double)times;
}

/* ---- one image ----------------------------------------------------------------------------------------- */

/* The words of a text as numbers, in the arena; NULL when out of memory. */
static uint32_t *number_words(size_t *count, struct ngrams *table, struct span text, struct arena *arena)
{
    struct span word;
    uint32_t *words = arena_alloc(arena, (count_words(text) + 1) * sizeof *words);
    for (*count = 0; words && split_words(&word, &text); ++*count)
        words[*count] = ngrams_add_word(table, word);
    return words;
}

static size_t words_of_pair(const struct caption_pair *pair)
{
    size_t words = count_words(span_of(pair->candidate));
    for (size_t i = 0; i < pair->reference_count; i++)
        words += count_words(span_of(pair->references[i]));
    return words;
}

static bool count_image(
    struct ter_stats *stats, struct ngrams *table, const struct caption_pair *pair, struct arena *arena)
{
    size_t candidate_count, length = 0;
    const uint32_t *candidate = number_words(&candidate_count, table, span_of(pair->candidate), arena);
    stats->edits = SIZE_MAX;
    for (size_t i = 0; candidate && i < pair->reference_count; i++) {
        size_t count, edits;
        const uint32_t *reference = number_words(&count, table, span_of(pair->references[i]), arena);
        if (!reference || !ter_edits(&edits, candidate, candidate_count, reference, count))
            return false;
        stats->edits = edits < stats->edits ? edits : stats->edits;
        length += count;
    }
    stats->reference_length = (double)length / (double)pair->reference_count;
    return candidate;
}

/* ---- a corpus ------------------------------------------------------------------------------------------ */

struct ter_job {
    struct ter_scores *out;
    const struct caption_pair *pairs;
    size_t first; /* image of those that are scored at once */
    atomic_bool failed;
};

static void score_image(void *context, size_t at)
{
    struct ter_job *job = context;
    const size_t i = job->first + at;
    struct ter_scores *out = job->out;
    struct arena arena = {0};
    struct ngrams table = {0};
    struct caption_pair pair = job->pairs[i];
    if (pair_lower(&pair, &arena) && !ngrams_init(&table, words_of_pair(&pair), 1, NULL) &&
        count_image(&out->stats[i], &table, &pair, &arena))
        out->scores.images[i] = ter_score(&out->stats[i]);
    else
        job->failed = true;
    ngrams_release(&table);
    arena_release(&arena);
}

/* Some at a time, so that the job can end it. */
static int score_images(struct ter_job *images, size_t count, const struct job *job, struct err *err)
{
    enum { AT_ONCE = 256 };
    int rc = 0;
    for (; images->first < count && !rc; images->first += AT_ONCE) {
        const size_t left = count - images->first;
        rc = job_step(job, "scoring captions", 0, 0, err);
        if (!rc)
            job_loop(job, left < AT_ONCE ? left : AT_ONCE, score_image, images);
        if (images->failed)
            rc = err_set(err, ERR_MEMORY, "out of memory for the edits of one image");
    }
    return rc;
}

int ter_compute(struct ter_scores *out, const struct caption_pair *pairs, size_t count, const struct job *job,
    struct err *err)
{
    *out = (struct ter_scores){0};
    int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
    struct ter_job images = {.out = out, .pairs = pairs};
    out->scores = (struct metric_scores){.images = mem_new(count, sizeof(double)), .count = count};
    out->stats = mem_new(count, sizeof *out->stats);
    rc = out->scores.images && out->stats ? score_images(&images, count, job, err)
                                          : err_memory(err, count * sizeof *out->stats);
    if (rc) {
        ter_scores_release(out);
        return rc;
    }
    struct ter_stats sum = {0};
    for (size_t i = 0; i < count; i++)
        ter_stats_add(&sum, &out->stats[i], 1);
    out->scores.corpus = ter_score(&sum);
    char references[32];
    references_sign(references, pairs, count);
    snprintf(out->signature, sizeof out->signature,
        "nrefs:%s|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0", references);
    return 0;
}

void ter_scores_release(struct ter_scores *scores)
{
    if (!scores)
        return;
    metric_scores_release(&scores->scores);
    free(scores->stats);
    *scores = (struct ter_scores){0};
}
