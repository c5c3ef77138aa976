// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_sums.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the score ----------------------------------------------------------------------------------------- */

static size_t order_count(const struct chrf_options *options)
{
    return CHRF_CHARACTERS + (options->words ? CHRF_WORDS : 0);
}

double chrf_score(const struct chrf_stats *stats, const struct chrf_options *options)
{
    enum { BETA_SQUARED = 4 };
    double precision = 0, recall = 0;
    size_t orders = 0;
    for (size_t n = 0; n < order_count(options); n++) {
        if (!stats->candidate[n] || !stats->reference[n])
            continue;
        precision += (double)stats->matches[n] / (double)stats->candidate[n];
        recall += (double)stats->matches[n] / (double)stats->reference[n];
        orders++;
    }
    if (precision + recall == 0)
        return 0;
    precision /= (double)orders;
    recall /= (double)orders;
    return 100 * ((1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall));
}

void chrf_stats_add(struct chrf_stats *sum, const struct chrf_stats *stats, size_t times)
{
    for (size_t n = 0; n < CHRF_ORDERS; n++) {
        sum->candidate[n] += stats->candidate[n] * times;
        sum->reference[n] += stats->reference[n] * times;
        sum->matches[n] += stats->matches[n] * times;
    }
}

/* ---- n-grams of one text ------------------------------------------------------------------------------- */

/* The n-grams of a text as numbers, by order: of characters first, then of words. */
struct numbered {
    uint32_t *ids[CHRF_ORDERS]; // (counts[n])
    size_t counts[CHRF_ORDERS];
};

/* The tables of one image, and what counts in them. */
struct image_tables {
    struct ngrams characters, words;
    uint32_t *times; // (the larger table's room): zeros between two uses
};

static bool is_sign(char c)
{
    return c && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c);
}

/* chrF++'s words: of a word that begins or ends with one of ASCII's signs the sign is a word, the one at the end
 * where there are two; the rest stays as it is. Returns how many of the two pieces there are. */
static size_t split_sign(struct span pieces[2], struct span word)
{
    bool space;
    const bool single = character_width(word, &space) == word.length;
    pieces[0] = word;
    if (single || (!is_sign(word.data[word.length - 1]) && !is_sign(word.data[0])))
        return 1;
    const size_t first = is_sign(word.data[word.length - 1]) ? word.length - 1 : 1;
    pieces[0] = (struct span){word.data, first};
    pieces[1] = span_from(word, first);
    return 2;
}

static size_t number_characters(uint32_t *units, struct ngrams *table, struct span text)
{
    size_t count = 0;
    while (text.length) {
        bool space;
        const size_t width = character_width(text, &space);
        if (!space)
            units[count++] = ngrams_add_word(table, (struct span){text.data, width});
        text = span_from(text, width);
    }
    return count;
}

static size_t number_words(uint32_t *units, struct ngrams *table, struct span text)
{
    struct span word, pieces[2];
    size_t count = 0;
    while (split_words(&word, &text)) {
        const size_t pieces_count = split_sign(pieces, word);
        for (size_t i = 0; i < pieces_count; i++)
            units[count++] = ngrams_add_word(table, pieces[i]);
    }
    return count;
}

/* From units (count), characters or words, the n-grams of n = 1 to `orders`. False when out of memory. */
static bool number_ngrams(struct numbered *out, size_t first, size_t orders, struct ngrams *table,
    const uint32_t *units, size_t count, struct arena *arena)
{
    for (size_t n = 1; n <= orders; n++) {
        const size_t ngrams = count < n ? 0 : count - n + 1;
        uint32_t *ids = arena_alloc(arena, (ngrams + 1) * sizeof *ids);
        if (!ids)
            return false;
        for (size_t i = 0; i < ngrams; i++)
            ids[i] = ngrams_add(table, n == 1 ? NGRAM_ROOT : out->ids[first + n - 2][i], units[i + n - 1]);
        out->ids[first + n - 1] = ids;
        out->counts[first + n - 1] = ngrams;
    }
    return true;
}

static bool number_text(
    struct numbered *out, struct image_tables *tables, struct span text, struct arena *arena)
{
    uint32_t *units = arena_alloc(arena, (text.length + 1) * sizeof *units);
    if (!units)
        return false;
    const size_t characters = number_characters(units, &tables->characters, text);
    if (!number_ngrams(out, 0, CHRF_CHARACTERS, &tables->characters, units, characters, arena))
        return false;
    const size_t words = number_words(units, &tables->words, text);
    return number_ngrams(out, CHRF_CHARACTERS, CHRF_WORDS, &tables->words, units, words, arena);
}

/* ---- one image ----------------------------------------------------------------------------------------- */

/* How many of a's n-grams are among b's, each no oftener than it is there. */
static size_t count_matches(
    uint32_t *times, const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
    size_t matches = 0;
    for (size_t i = 0; i < b_count; i++)
        times[b[i]]++;
    for (size_t i = 0; i < a_count; i++)
        if (times[a[i]]) {
            times[a[i]]--;
            matches++;
        }
    for (size_t i = 0; i < b_count; i++)
        times[b[i]] = 0;
    return matches;
}

/* An order that the reference has no n-gram of does not count the candidate's. */
static struct chrf_stats compare(
    const struct image_tables *tables, const struct numbered *candidate, const struct numbered *reference)
{
    struct chrf_stats stats = {0};
    for (size_t n = 0; n < CHRF_ORDERS; n++) {
        stats.reference[n] = reference->counts[n];
        stats.candidate[n] = reference->counts[n] ? candidate->counts[n] : 0;
        stats.matches[n] = count_matches(
            tables->times, candidate->ids[n], candidate->counts[n], reference->ids[n], reference->counts[n]);
    }
    return stats;
}

static bool tables_init(struct image_tables *tables, const struct caption_pair *pair)
{
    size_t bytes = strlen(pair->candidate);
    for (size_t i = 0; i < pair->reference_count; i++)
        bytes += strlen(pair->references[i]);
    *tables = (struct image_tables){.times = mem_new(bytes * CHRF_CHARACTERS + 1, sizeof *tables->times)};
    return tables->times && !ngrams_init(&tables->characters, bytes, CHRF_CHARACTERS, NULL) &&
           !ngrams_init(&tables->words, bytes, CHRF_WORDS, NULL);
}

static void tables_release(struct image_tables *tables)
{
    ngrams_release(&tables->characters);
    ngrams_release(&tables->words);
    free(tables->times);
}

/* Of the reference that scores best, the first of equals. False when out of memory. */
static bool count_image(struct chrf_stats *best, struct image_tables *tables, const struct caption_pair *pair,
    const struct chrf_options *options, struct arena *arena)
{
    struct numbered candidate, reference;
    double best_score = -1;
    if (!number_text(&candidate, tables, span_of(pair->candidate), arena))
        return false;
    for (size_t i = 0; i < pair->reference_count; i++) {
        if (!number_text(&reference, tables, span_of(pair->references[i]), arena))
            return false;
        const struct chrf_stats stats = compare(tables, &candidate, &reference);
        const double score = chrf_score(&stats, options);
        if (score > best_score) {
            best_score = score;
            *best = stats;
        }
    }
    return true;
}

/* ---- a corpus ------------------------------------------------------------------------------------------ */

struct chrf_job {
    struct chrf_scores *out;
    const struct caption_pair *pairs;
    const struct chrf_options *options;
    atomic_bool failed;
};

static void score_image(void *context, size_t i)
{
    struct chrf_job *job = context;
    struct chrf_scores *out = job->out;
    struct arena arena = {0};
    struct image_tables tables = {0};
    struct caption_pair pair = job->pairs[i];
    if ((!job->options->lowercase || pair_lower(&pair, &arena)) && tables_init(&tables, &pair) &&
        count_image(&out->stats[i], &tables, &pair, job->options, &arena))
        out->scores.images[i] = chrf_score(&out->stats[i], job->options);
    else
        job->failed = true;
    tables_release(&tables);
    arena_release(&arena);
}

int chrf_compute(struct chrf_scores *out, const struct caption_pair *pairs, size_t count,
    const struct chrf_options *options, struct err *err)
{
    *out = (struct chrf_scores){.options = *options};
    int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
    struct chrf_job job = {.out = out, .pairs = pairs, .options = options};
    out->scores = (struct metric_scores){.images = mem_new(count, sizeof(double)), .count = count};
    out->stats = mem_new(count, sizeof *out->stats);
    if (!out->scores.images || !out->stats) {
        rc = err_memory(err, count * sizeof *out->stats);
    } else {
        parallel_for(count, options->threads, score_image, &job);
        rc = job.failed ? err_set(err, ERR_MEMORY, "out of memory for the n-grams of one image") : 0;
    }
    if (rc) {
        chrf_scores_release(out);
        return rc;
    }
    struct chrf_stats sum = {0};
    for (size_t i = 0; i < count; i++)
        chrf_stats_add(&sum, &out->stats[i], 1);
    out->scores.corpus = chrf_score(&sum, options);
    char references[32];
    references_sign(references, pairs, count);
    snprintf(out->signature, sizeof out->signature,
        "nrefs:%s|case:%s|eff:yes|nc:%d|nw:%d|space:no|version:2.6.0", references,
        options->lowercase ? "lc" : "mixed", CHRF_CHARACTERS, options->words ? CHRF_WORDS : 0);
    return 0;
}

void chrf_scores_release(struct chrf_scores *scores)
{
    if (!scores)
        return;
    metric_scores_release(&scores->scores);
    free(scores->stats);
    *scores = (struct chrf_scores){0};
}
