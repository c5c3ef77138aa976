// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_ngrams.h"

#include <stdlib.h>

const struct caption_metric_info caption_metrics[METRIC_COUNT] = {
    [METRIC_BLEU_1] = {"Bleu_1", "BLEU-1"},
    [METRIC_BLEU_2] = {"Bleu_2", "BLEU-2"},
    [METRIC_BLEU_3] = {"Bleu_3", "BLEU-3"},
    [METRIC_BLEU_4] = {"Bleu_4", "BLEU-4"},
    [METRIC_ROUGE_L] = {"ROUGE_L", "ROUGE-L"},
    [METRIC_CIDER_D] = {"CIDEr_D", "CIDEr-D"},
    [METRIC_CIDER_PLAIN] = {"CIDEr_plain", "CIDEr plain"},
    [METRIC_METEOR] = {"METEOR", "METEOR", .on_request = true},
    [METRIC_METEOR_NO_PARAPHRASES] = {"METEOR_no_paraphrases", "METEOR (no paraphrases)", .on_request = true},
    [METRIC_SACREBLEU] = {"sacreBLEU", "sacreBLEU", .percent = true},
    [METRIC_CHRF] = {"chrF2", "chrF2", .percent = true, .on_request = true},
    [METRIC_CHRF_WORDS] = {"chrF2++", "chrF2++", .percent = true, .on_request = true},
    [METRIC_TER] = {"TER", "TER", .percent = true, .on_request = true},
    [METRIC_CLIPSCORE] = {"CLIPScore", "CLIPScore"},
    [METRIC_REFCLIPSCORE] = {"RefCLIPScore", "RefCLIPScore"},
};

static bool wanted(const struct caption_score_options *options, enum caption_metric metric)
{
    if (options->metrics)
        return options->metrics >> metric & 1;
    return !caption_metrics[metric].on_request || (metric == METRIC_METEOR && options->meteor.data);
}

/* ---- words --------------------------------------------------------------------------------------------- */

/* The pairs in words, as coco-caption makes them: all references as one batch, all candidates as another. */
struct worded {
    struct strings candidates, references;
    struct caption_pair *pairs; // (count)
    struct arena arena;
};

/* Between two pieces of work that take a while each. */
static int look(const struct job *job, struct err *err)
{
    return job_step(job, "scoring captions", 0, 0, err);
}

static int cut(struct strings *words, const struct strings *captions,
    const struct caption_score_options *options, const char *which, const struct job *job, struct err *err)
{
    int rc = look(job, err);
    if (rc)
        return rc;
    rc = ptb_words(words, captions, !options->without_context, job_threads(job), err);
    if (rc)
        err_wrap(err, "%s", which);
    return rc;
}

/* The lists borrow the captions: with nothing in their arenas, releasing them leaves the captions alone. */
static int list_captions(struct strings *candidates, struct strings *references,
    const struct caption_pair *pairs, size_t count, struct err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += pairs[i].reference_count;
    candidates->items = mem_new(count, sizeof *candidates->items);
    references->items = mem_new(total, sizeof *references->items);
    if (!candidates->items || !references->items)
        return err_memory(err, (count + total) * sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        candidates->items[candidates->count++] = (char *)pairs[i].candidate;
        for (size_t j = 0; j < pairs[i].reference_count; j++)
            references->items[references->count++] = (char *)pairs[i].references[j];
    }
    return 0;
}

static int pair_words(struct worded *worded, const struct caption_pair *pairs, size_t count, struct err *err)
{
    const char *const *references = (const char *const *)worded->references.items;
    worded->pairs = arena_alloc(&worded->arena, count * sizeof *worded->pairs);
    if (!worded->pairs)
        return err_memory(err, count * sizeof *worded->pairs);
    for (size_t i = 0; i < count; i++) {
        worded->pairs[i] =
            (struct caption_pair){worded->candidates.items[i], references, pairs[i].reference_count};
        references += pairs[i].reference_count;
    }
    return 0;
}

static int worded_init(struct worded *worded, const struct caption_pair *pairs, size_t count,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    struct strings candidates = {0}, references = {0};
    *worded = (struct worded){0};
    int rc = list_captions(&candidates, &references, pairs, count, err);
    if (!rc)
        rc = cut(&worded->candidates, &candidates, options, "candidates", job, err);
    if (!rc)
        rc = cut(&worded->references, &references, options, "references", job, err);
    strings_release(&references);
    strings_release(&candidates);
    return rc ? rc : pair_words(worded, pairs, count, err);
}

static void worded_release(struct worded *worded)
{
    strings_release(&worded->candidates);
    strings_release(&worded->references);
    arena_release(&worded->arena);
}

/* ---- scores -------------------------------------------------------------------------------------------- */

void caption_scores_take(
    struct caption_scores *scores, enum caption_metric metric, struct metric_scores *taken)
{
    scores->corpus[metric] = taken->corpus;
    scores->images[metric] = taken->images;
    *taken = (struct metric_scores){0};
}

static int spread_bleu(
    struct caption_scores *out, const struct caption_score_options *options, struct err *err)
{
    for (int n = 0; n < NGRAM_ORDERS; n++) {
        if (!wanted(options, METRIC_BLEU_1 + n))
            continue;
        double *images = out->images[METRIC_BLEU_1 + n] = mem_new(out->count, sizeof *images);
        if (!images)
            return err_memory(err, out->count * sizeof *images);
        for (size_t i = 0; i < out->count; i++)
            images[i] = out->bleu.images[i].scores[n];
        out->corpus[METRIC_BLEU_1 + n] = out->bleu.corpus.scores[n];
    }
    return 0;
}

static int spread_sacrebleu(struct caption_scores *out, struct err *err)
{
    double *images = out->images[METRIC_SACREBLEU] = mem_new(out->count, sizeof *images);
    if (!images)
        return err_memory(err, out->count * sizeof *images);
    for (size_t i = 0; i < out->count; i++)
        images[i] = out->sacrebleu.images[i].score;
    out->corpus[METRIC_SACREBLEU] = out->sacrebleu.corpus.score;
    return 0;
}

static bool has_bleu(const struct caption_score_options *options)
{
    bool has = false;
    for (int n = 0; n < NGRAM_ORDERS; n++)
        has |= wanted(options, METRIC_BLEU_1 + n);
    return has;
}

/* Plain CIDEr or CIDEr-D, which share the document frequencies. */
static int score_cider(struct caption_scores *out, const struct caption_pair *words,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    struct cider_options cider = {.df = options->df, .threads = job_threads(job)};
    struct document_frequency *df = NULL;
    struct metric_scores scores = {0};
    int rc = 0;
    if (!wanted(options, METRIC_CIDER_D) && !wanted(options, METRIC_CIDER_PLAIN))
        return 0;
    if (!cider.df) {
        rc = document_frequency_new(&df, words, out->count, err);
        cider.df = df;
    }
    for (enum caption_metric metric = METRIC_CIDER_D; !rc && metric <= METRIC_CIDER_PLAIN; metric++) {
        if (!wanted(options, metric))
            continue;
        cider.plain = metric == METRIC_CIDER_PLAIN;
        rc = look(job, err);
        if (!rc)
            rc = cider_compute(&scores, words, out->count, &cider, err);
        if (!rc)
            caption_scores_take(out, metric, &scores);
    }
    document_frequency_free(df);
    return rc;
}

static int score_one_meteor(struct caption_scores *out, enum caption_metric metric,
    const struct caption_pair *words, const struct caption_score_options *options, const struct job *job,
    struct err *err)
{
    struct meteor_options how = options->meteor;
    struct meteor_scores *meteor = &out->meteor;
    if (metric == METRIC_METEOR_NO_PARAPHRASES) {
        how.data = NULL;
        meteor = &out->meteor_no_paraphrases;
    }
    const int rc = meteor_compute(meteor, words, out->count, &how, job, err);
    if (!rc)
        caption_scores_take(out, metric, &meteor->scores);
    return rc;
}

/* Without METEOR's data there is only the METEOR that needs none. */
static int score_meteor(struct caption_scores *out, const struct caption_pair *words,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    const bool meteor = wanted(options, METRIC_METEOR), data = options->meteor.data;
    int rc = 0;
    if (meteor && data)
        rc = score_one_meteor(out, METRIC_METEOR, words, options, job, err);
    if (!rc && (wanted(options, METRIC_METEOR_NO_PARAPHRASES) || (meteor && !data)))
        rc = score_one_meteor(out, METRIC_METEOR_NO_PARAPHRASES, words, options, job, err);
    return rc;
}

/* The metrics of captions in words. */
static int score_words(struct caption_scores *out, const struct caption_pair *words,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    const int threads = job_threads(job);
    struct metric_scores scores = {0};
    int rc = 0;
    if (has_bleu(options)) {
        rc = bleu_compute(&out->bleu, words, out->count, threads, err);
        if (!rc)
            rc = spread_bleu(out, options, err);
        if (!rc)
            rc = look(job, err);
    }
    if (!rc && wanted(options, METRIC_ROUGE_L)) {
        rc = rouge_compute(&scores, words, out->count, threads, err);
        if (!rc)
            caption_scores_take(out, METRIC_ROUGE_L, &scores);
    }
    if (!rc)
        rc = score_cider(out, words, options, job, err);
    return rc ? rc : score_meteor(out, words, options, job, err);
}

static int score_sacrebleu(struct caption_scores *out, const struct caption_pair *pairs,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    struct sacrebleu_options sacrebleu = options->sacrebleu;
    sacrebleu.threads = job_threads(job);
    const int rc = sacrebleu_compute(&out->sacrebleu, pairs, out->count, &sacrebleu, err);
    return rc ? rc : spread_sacrebleu(out, err);
}

/* chrF, or chrF++ */
static int score_chrf(struct caption_scores *out, enum caption_metric metric,
    const struct caption_pair *pairs, const struct caption_score_options *options, const struct job *job,
    struct err *err)
{
    struct chrf_scores *chrf = metric == METRIC_CHRF ? &out->chrf : &out->chrf_words;
    const struct chrf_options how = {
        .words = metric == METRIC_CHRF_WORDS,
        .lowercase = options->sacrebleu.lowercase,
        .threads = job_threads(job),
    };
    const int rc = chrf_compute(chrf, pairs, out->count, &how, err);
    if (!rc)
        caption_scores_take(out, metric, &chrf->scores);
    return rc;
}

static int score_ter(
    struct caption_scores *out, const struct caption_pair *pairs, const struct job *job, struct err *err)
{
    const int rc = ter_compute(&out->ter, pairs, out->count, job, err);
    if (!rc)
        caption_scores_take(out, METRIC_TER, &out->ter.scores);
    return rc;
}

/* The metrics of captions as they were written. */
static int score_as_written(struct caption_scores *out, const struct caption_pair *pairs,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    int rc = 0;
    for (enum caption_metric metric = METRIC_SACREBLEU; !rc && metric <= METRIC_TER; metric++) {
        if (!wanted(options, metric) || (rc = look(job, err)))
            continue;
        if (metric == METRIC_SACREBLEU)
            rc = score_sacrebleu(out, pairs, options, job, err);
        else if (metric == METRIC_TER)
            rc = score_ter(out, pairs, job, err);
        else
            rc = score_chrf(out, metric, pairs, options, job, err);
    }
    return rc;
}

int caption_scores_compute(struct caption_scores *out, const struct caption_pair *pairs, size_t count,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    struct worded worded = {0};
    *out = (struct caption_scores){.count = count};
    int rc = caption_pairs_check(pairs, count, err);
    if (!rc)
        rc = worded_init(&worded, pairs, count, options, job, err);
    out->references = worded.references.count;
    if (!rc)
        rc = score_words(out, worded.pairs, options, job, err);
    worded_release(&worded);
    if (!rc)
        rc = score_as_written(out, pairs, options, job, err);
    if (rc)
        caption_scores_release(out);
    return rc;
}

int document_frequency_of(struct document_frequency **out, const struct caption_set *references,
    const struct caption_score_options *options, const struct job *job, struct err *err)
{
    struct worded worded = {0};
    struct caption_pair *pairs = mem_new(references->count, sizeof *pairs);
    if (!pairs)
        return err_memory(err, references->count * sizeof *pairs);
    for (size_t i = 0; i < references->count; i++)
        pairs[i] = (struct caption_pair){"", references->images[i].captions, references->images[i].count};
    int rc = worded_init(&worded, pairs, references->count, options, job, err);
    if (!rc)
        rc = document_frequency_new(out, worded.pairs, references->count, err);
    worded_release(&worded);
    free(pairs);
    return rc;
}

void caption_scores_release(struct caption_scores *scores)
{
    if (!scores)
        return;
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        free(scores->images[metric]);
    bleu_scores_release(&scores->bleu);
    meteor_scores_release(&scores->meteor);
    meteor_scores_release(&scores->meteor_no_paraphrases);
    sacrebleu_scores_release(&scores->sacrebleu);
    chrf_scores_release(&scores->chrf);
    chrf_scores_release(&scores->chrf_words);
    ter_scores_release(&scores->ter);
    *scores = (struct caption_scores){0};
}
