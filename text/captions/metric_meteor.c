// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_meteor.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- scores -------------------------------------------------------------------------------------------- */

/* What version 1.5 was tuned to for English: of its "rank" task. */
static const double alpha = 0.85, beta = 0.2, gamma_ = 0.6, delta = 0.75;
static const double weights[METEOR_MODULES] = {1, 0.6, 0.8, 0.6};

struct side_sums {
    double length, matches; /* weighted */
    size_t words, matched;  /* counted */
};

static struct side_sums weigh(const struct meteor_side *side)
{
    struct side_sums sums = {
        .length = delta * (double)(side->words - side->functions) + (1 - delta) * (double)side->functions,
        .words = side->words,
    };
    for (size_t module = 0; module < METEOR_MODULES; module++) {
        sums.matches += (double)side->content_matches[module] * weights[module] * delta;
        sums.matched += side->content_matches[module] + side->function_matches[module];
    }
    for (size_t module = 0; module < METEOR_MODULES; module++)
        sums.matches += (double)side->function_matches[module] * weights[module] * (1 - delta);
    return sums;
}

static bool is_whole(const struct side_sums *candidate, const struct side_sums *reference, size_t chunks)
{
    return candidate->matched == candidate->words && reference->matched == reference->words && chunks == 1;
}

double meteor_score(const struct meteor_stats *stats)
{
    const struct side_sums candidate = weigh(&stats->candidate), reference = weigh(&stats->reference);
    const double precision = candidate.matches / candidate.length;
    const double recall = reference.matches / reference.length;
    const double mean = 1 / ((1 - alpha) / precision + alpha / recall);
    const double fragments =
        is_whole(&candidate, &reference, stats->chunks)
            ? 0
            : (double)stats->chunks / ((double)(candidate.matched + reference.matched) / 2);
    const double score = mean * (1 - gamma_ * pow(fragments, beta));
    return score > 0 ? score : 0; /* also where it is no number */
}

static void side_add(struct meteor_side *sum, const struct meteor_side *side, size_t times)
{
    sum->words += side->words * times;
    sum->functions += side->functions * times;
    for (size_t module = 0; module < METEOR_MODULES; module++) {
        sum->content_matches[module] += side->content_matches[module] * times;
        sum->function_matches[module] += side->function_matches[module] * times;
    }
}

/* Captions that are one chunk from end to end are not fragmented, and add none. */
void meteor_stats_add(struct meteor_stats *sum, const struct meteor_stats *stats, size_t times)
{
    const struct side_sums candidate = weigh(&stats->candidate), reference = weigh(&stats->reference);
    side_add(&sum->candidate, &stats->candidate, times);
    side_add(&sum->reference, &stats->reference, times);
    if (!is_whole(&candidate, &reference, stats->chunks))
        sum->chunks += stats->chunks * times;
}

/* ---- one caption against one reference ----------------------------------------------------------------- */

static void count_words_of(
    struct meteor_side *side, struct meteor_text text, const struct meteor_words *words)
{
    side->words = text.count;
    for (size_t i = 0; i < text.count; i++)
        side->functions += words->known[text.words[i]].function;
}

static void count_match(struct meteor_side *side, struct meteor_text text, size_t first, size_t length,
    enum meteor_module module, const struct meteor_words *words)
{
    for (size_t i = first; i < first + length; i++)
        if (words->known[text.words[i]].function)
            side->function_matches[module]++;
        else
            side->content_matches[module]++;
}

static void count_alignment(struct meteor_stats *stats, const struct meteor_match *const *chosen,
    struct meteor_text candidate, struct meteor_text reference, const struct meteor_words *words)
{
    size_t end = SIZE_MAX; /* of the candidate's part of the chunk that goes on, or none does */
    *stats = (struct meteor_stats){0};
    count_words_of(&stats->candidate, candidate, words);
    count_words_of(&stats->reference, reference, words);
    for (size_t word = 0; word < reference.count;) {
        const struct meteor_match *m = chosen[word];
        if (!m) {
            end = SIZE_MAX;
            word++;
            continue;
        }
        stats->chunks += m->candidate != end;
        end = m->candidate + m->candidate_length;
        word += m->reference_length;
        count_match(&stats->candidate, candidate, m->candidate, m->candidate_length, m->module, words);
        count_match(&stats->reference, reference, m->reference, m->reference_length, m->module, words);
    }
}

/* ---- a corpus ------------------------------------------------------------------------------------------ */

/* One image's captions, by their words' numbers. */
struct image_texts {
    struct meteor_text candidate, *references; // (reference_count)
};

struct meteor_work {
    struct meteor_scores *out;
    const struct caption_pair *pairs;
    size_t count;
    struct image_texts *texts; // (count)
    struct meteor_words words;
    struct wordnet wordnet;
    struct meteor_paraphrases paraphrases;
    bool has_paraphrases;
    struct arena arena;
    size_t first; /* image of those that are scored at once */
    atomic_bool failed;
};

static int score_reference(struct meteor_stats *stats, const struct meteor_work *work,
    struct meteor_text candidate, struct meteor_text reference)
{
    struct meteor_matches matches;
    const struct meteor_match **chosen = mem_new(reference.count + 1, sizeof *chosen);
    if (!chosen)
        return ERR_MEMORY;
    int rc = meteor_match(&matches, candidate, reference, &work->words,
        work->has_paraphrases ? &work->paraphrases : NULL, NULL);
    if (!rc)
        rc = meteor_align(chosen, &matches, candidate, reference, NULL);
    if (!rc)
        count_alignment(stats, chosen, candidate, reference, &work->words);
    meteor_matches_release(&matches);
    free(chosen);
    return rc;
}

/* By the reference that scores best, the first of equals. */
static void score_image(void *context, size_t at)
{
    struct meteor_work *work = context;
    const size_t i = work->first + at;
    const struct image_texts *texts = &work->texts[i];
    double best = -1;
    for (size_t r = 0; r < work->pairs[i].reference_count; r++) {
        struct meteor_stats stats;
        if (score_reference(&stats, work, texts->candidate, texts->references[r])) {
            work->failed = true;
            return;
        }
        const double score = meteor_score(&stats);
        if (score > best)
            work->out->stats[i] = stats;
        best = score > best ? score : best;
    }
    work->out->scores.images[i] = best;
}

/* Some at a time, so that the job can end it. */
static int score_images(struct meteor_work *work, const struct job *job, struct err *err)
{
    enum { AT_ONCE = 64 };
    int rc = 0;
    for (; work->first < work->count && !rc; work->first += AT_ONCE) {
        const size_t left = work->count - work->first;
        rc = job_step(job, "scoring captions", 0, 0, err);
        if (!rc)
            job_loop(job, left < AT_ONCE ? left : AT_ONCE, score_image, work);
        if (work->failed)
            rc = err_set(err, ERR_MEMORY, "out of memory for the alignment of one image");
    }
    return rc;
}

/* ---- words of a corpus --------------------------------------------------------------------------------- */

/* METEOR's words of all captions, candidate first, in the arena. */
static int cut_image(const char **words, size_t *total, struct meteor_work *work,
    const struct caption_pair *pair, struct err *err)
{
    for (size_t t = 0; t <= pair->reference_count; t++) {
        const char *text = t ? pair->references[t - 1] : pair->candidate;
        struct arena scratch = {0};
        const char *cut = meteor_normalise(&scratch, span_of(text));
        words[t] = cut ? arena_copy(&work->arena, cut, strlen(cut)) : NULL;
        arena_release(&scratch);
        if (!words[t])
            return err_memory(err, strlen(text));
        const size_t count = count_words(span_of(words[t]));
        if (count > METEOR_WORDS_MAX)
            return err_set(err, ERR_LIMIT, "image %zu has a caption of %zu words, METEOR aligns at most %d",
                (size_t)(pair - work->pairs), count, METEOR_WORDS_MAX);
        *total += count;
    }
    return 0;
}

static int number_text(struct meteor_text *out, struct meteor_work *work, const char *text, struct err *err)
{
    struct span rest = span_of(text), word;
    uint32_t *words = arena_alloc(&work->arena, (count_words(rest) + 1) * sizeof *words);
    if (!words)
        return err_memory(err, rest.length);
    *out = (struct meteor_text){words, 0};
    while (split_words(&word, &rest))
        words[out->count++] = ngrams_add_word(&work->words.numbers, word);
    return 0;
}

static int number_image(struct image_texts *out, struct meteor_work *work, const char *const *words,
    size_t references, struct err *err)
{
    out->references = arena_alloc(&work->arena, references * sizeof *out->references);
    if (!out->references)
        return err_memory(err, references * sizeof *out->references);
    int rc = number_text(&out->candidate, work, words[0], err);
    for (size_t r = 0; r < references && !rc; r++)
        rc = number_text(&out->references[r], work, words[r + 1], err);
    return rc;
}

static int read_texts(struct meteor_work *work, struct err *err)
{
    const char ***words = mem_new(work->count, sizeof *words);
    size_t total = 0;
    int rc = 0;
    work->texts = arena_alloc(&work->arena, work->count * sizeof *work->texts);
    if (!words || !work->texts)
        rc = err_memory(err, work->count * sizeof *work->texts);
    for (size_t i = 0; i < work->count && !rc; i++) {
        words[i] = arena_alloc(&work->arena, (work->pairs[i].reference_count + 1) * sizeof **words);
        rc = words[i] ? cut_image(words[i], &total, work, &work->pairs[i], err) : err_memory(err, 0);
    }
    if (!rc)
        rc = ngrams_init(&work->words.numbers, total, 1, err);
    for (size_t i = 0; i < work->count && !rc; i++)
        rc = number_image(&work->texts[i], work, words[i], work->pairs[i].reference_count, err);
    free(words);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* The data folder is METEOR's, pycocoevalcap's folder of it, or the folder "data" of these. */
static int find_paraphrases(char **path, struct arena *arena, const char *folder, struct err *err)
{
    static const char *const names[] = {"paraphrase-en.gz", "data/paraphrase-en.gz"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *path = path_join(arena, folder, names[i]);
        if (!*path)
            return err_memory(err, 0);
        if (file_exists(*path))
            return 0;
    }
    return err_set(err, ERR_IO, "no '%s' in '%s', nor in its folder 'data'", names[0], folder);
}

static int sign(
    struct meteor_scores *out, const struct meteor_options *options, const char *paraphrases, struct err *err)
{
    const char *wordnet = wordnet_folder(options->wordnet);
    const int length = paraphrases
                           ? asprintf(&out->signature, "1.5, WordNet 3.0 in %s, %s", wordnet, paraphrases)
                           : asprintf(&out->signature, "1.5, WordNet 3.0 in %s", wordnet);
    if (length >= 0)
        return 0;
    out->signature = NULL;
    return err_memory(err, 0);
}

static int look_up(
    struct meteor_work *work, const struct meteor_options *options, const struct job *job, struct err *err)
{
    char *path = NULL;
    int rc = wordnet_open(&work->wordnet, options->wordnet, err);
    if (!rc)
        rc = meteor_words_look_up(&work->words, &work->wordnet, err);
    if (!rc && options->data)
        rc = find_paraphrases(&path, &work->arena, options->data, err);
    if (!rc && options->data)
        rc = meteor_paraphrases_read(&work->paraphrases, path, &work->words.numbers, job, err);
    work->has_paraphrases = options->data;
    return rc ? rc : sign(work->out, options, path, err);
}

static void work_release(struct meteor_work *work)
{
    meteor_words_release(&work->words);
    wordnet_release(&work->wordnet);
    meteor_paraphrases_release(&work->paraphrases);
    arena_release(&work->arena);
}

int meteor_compute(struct meteor_scores *out, const struct caption_pair *pairs, size_t count,
    const struct meteor_options *options, const struct job *job, struct err *err)
{
    *out = (struct meteor_scores){0};
    int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
    struct meteor_work work = {.out = out, .pairs = pairs, .count = count};
    out->scores = (struct metric_scores){.images = mem_new(count, sizeof(double)), .count = count};
    out->stats = mem_new(count, sizeof *out->stats);
    rc = out->scores.images && out->stats ? read_texts(&work, err)
                                          : err_memory(err, count * sizeof *out->stats);
    if (!rc)
        rc = look_up(&work, options, job, err);
    if (!rc)
        rc = score_images(&work, job, err);
    work_release(&work);
    if (rc) {
        meteor_scores_release(out);
        return rc;
    }
    struct meteor_stats sum = {0};
    for (size_t i = 0; i < count; i++)
        meteor_stats_add(&sum, &out->stats[i], 1);
    out->scores.corpus = meteor_score(&sum);
    return 0;
}

void meteor_scores_release(struct meteor_scores *scores)
{
    if (!scores)
        return;
    metric_scores_release(&scores->scores);
    free(scores->stats);
    free(scores->signature);
    *scores = (struct meteor_scores){0};
}
