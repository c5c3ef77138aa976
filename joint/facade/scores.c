// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/evaluation.h"
#include "joint/facade/facade.h"

#include <stdlib.h>
#include <string.h>

struct diptych_scores {
    struct caption_scores scores;
};

enum { OF_PICTURES = 1 << METRIC_CLIPSCORE | 1 << METRIC_REFCLIPSCORE };

/* ---- metrics ------------------------------------------------------------------------------------------- */

const char *diptych_metric(size_t i)
{
    return i < METRIC_COUNT ? caption_metrics[i].key : NULL;
}

/* METRIC_COUNT: there is none of that name. */
static enum caption_metric find_metric(const char *key)
{
    int metric = 0;
    while (metric < METRIC_COUNT && strcmp(caption_metrics[metric].key, key))
        metric++;
    return (enum caption_metric)metric;
}

/* bits of the metrics that are named; those of pictures only where there are pictures. */
static int read_metrics(unsigned *out, const struct diptych_score_options *options, struct err *err)
{
    int rc = check_texts(options->metrics, options->metric_count, "metrics", err);
    *out = 0;
    for (size_t i = 0; i < options->metric_count && !rc; i++) {
        const enum caption_metric metric = find_metric(options->metrics[i]);
        if (metric == METRIC_COUNT)
            return err_set(err, ERR_ARGUMENT, "there is no metric '%s'", options->metrics[i]);
        *out |= 1u << metric;
    }
    if (!rc && *out & OF_PICTURES && !options->images)
        rc = err_set(err, ERR_ARGUMENT, "CLIPScore takes images");
    if (!rc && options->images && !options->model)
        rc = err_set(err, ERR_ARGUMENT, "images take a model");
    return rc;
}

static int read_options(
    struct caption_score_options *out, const struct diptych_score_options *options, struct err *err)
{
    int tokeniser, smoothing, rc;
    if ((rc = read_metrics(&out->metrics, options, err)) ||
        (rc = choose(&tokeniser, options->tokenizer, bleu_tokenisers, "tokenizer", err)) ||
        (rc = choose(&smoothing, options->smoothing, bleu_smoothings, "smoothing", err)))
        return rc;
    out->without_context = options->without_context;
    out->meteor = (struct meteor_options){.wordnet = options->wordnet, .data = options->meteor_data};
    out->sacrebleu = (struct sacrebleu_options){
        .tokeniser = (enum bleu_tokeniser)tokeniser,
        .smoothing = (enum bleu_smoothing)smoothing,
        .smoothing_value = options->smoothing_value,
        .lowercase = options->lowercase,
    };
    return 0;
}

/* ---- captions ------------------------------------------------------------------------------------------ */

/* pairs (count), in the arena, which borrow the captions. */
static int pairs_of(struct caption_pair **out, struct arena *arena, const char *const *candidates,
    const char *const *references, const size_t *counts, size_t count, struct err *err)
{
    size_t first = 0;
    int rc = count ? 0 : err_set(err, ERR_ARGUMENT, "there are no candidates");
    if (!rc && !(rc = check_texts(candidates, count, "candidates", err)) &&
        !(rc = need(references, "references", err)))
        rc = need(counts, "reference_counts", err);
    if (rc)
        return rc;
    if (count > SIZE_MAX / sizeof **out)
        return err_set(err, ERR_LIMIT, "%zu candidates are too many", count);
    struct caption_pair *pairs = *out = arena_alloc(arena, count * sizeof *pairs);
    if (!pairs)
        return err_memory(err, count * sizeof *pairs);
    for (size_t i = 0; i < count; i++) {
        pairs[i] = (struct caption_pair){candidates[i], references + first, counts[i]};
        if (!size_add(&first, first, counts[i]))
            return err_set(err, ERR_LIMIT, "the references are more than can be counted");
    }
    return check_texts(references, first, "references", err);
}

static int score_texts(struct caption_scores *out, const struct caption_pair *pairs, size_t count,
    struct caption_score_options *options, const char *df_path, const struct job *job, struct err *err)
{
    struct document_frequency *df = NULL;
    int rc = df_path ? document_frequency_load(&df, df_path, err) : 0;
    options->df = df;
    if (!rc)
        rc = caption_scores_compute(out, pairs, count, options, job, err);
    document_frequency_free(df);
    return rc;
}

static int score_pictures(struct caption_scores *out, const struct caption_pair *pairs, size_t count,
    const struct diptych_score_options *options, const struct job *job, struct err *err)
{
    struct picture_source *sources = NULL;
    struct clip_scores clip = {0};
    struct arena arena = {0};
    struct lane *lane = NULL;
    int rc = sources_of(&sources, &arena, options->images, count, err);
    if (!rc)
        rc = lane_take(&lane, options->model, true, -1, job, err);
    if (!rc)
        rc = clip_score_compute(&clip, lane->encoder, lane->loader, sources, pairs, count, job, err);
    if (!rc) {
        caption_scores_take(out, METRIC_CLIPSCORE, &clip.clip);
        caption_scores_take(out, METRIC_REFCLIPSCORE, &clip.with_references);
    }
    clip_scores_release(&clip);
    lane_give(options->model, lane);
    arena_release(&arena);
    return rc;
}

/* Whoever asks for metrics by name gets these and no others. */
static int score_all(struct caption_scores *out, const struct caption_pair *pairs, size_t count,
    const struct diptych_score_options *options, const struct job *job, struct err *err)
{
    struct caption_score_options how = {0};
    int rc = read_options(&how, options, err);
    const unsigned named = how.metrics;
    if (!rc && named & 1u << METRIC_REFCLIPSCORE && !pairs->reference_count)
        return err_set(err, ERR_ARGUMENT, "RefCLIPScore takes references");
    how.metrics &= ~(unsigned)OF_PICTURES;
    if (!rc && (!named || how.metrics))
        rc = score_texts(out, pairs, count, &how, options->df, job, err);
    out->count = count;
    if (!rc && options->images && (!named || named & OF_PICTURES))
        rc = score_pictures(out, pairs, count, options, job, err);
    return rc;
}

int diptych_score_captions(struct diptych_scores **out, const char *const *candidates,
    const char *const *references, const size_t *reference_counts, size_t count,
    const struct diptych_score_options *options, struct diptych_job *job, struct diptych_error *error)
{
    struct diptych_score_options own;
    struct caption_pair *pairs = NULL;
    struct diptych_scores *scores = NULL;
    struct arena arena = {0};
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(out, "out", &err);
    if (!rc) {
        *out = NULL;
        rc = OPTIONS(&own, options, &err);
    }
    if (!rc)
        rc = pairs_of(&pairs, &arena, candidates, references, reference_counts, count, &err);
    if (!rc && !(scores = mem_new(1, sizeof *scores)))
        rc = err_memory(&err, sizeof *scores);
    if (!rc) {
        const struct job work = facade_job(job, own.threads, host);
        rc = score_all(&scores->scores, pairs, count, &own, &work, &err);
    }
    if (!rc)
        *out = scores;
    else
        diptych_scores_free(scores);
    arena_release(&arena);
    return facade_end(error, rc, &err, host);
}

/* ---- scores -------------------------------------------------------------------------------------------- */

const double *diptych_scores_images(const struct diptych_scores *scores, const char *metric)
{
    const enum caption_metric found = scores && metric ? find_metric(metric) : METRIC_COUNT;
    return found == METRIC_COUNT ? NULL : scores->scores.images[found];
}

int diptych_scores_corpus(
    const struct diptych_scores *scores, const char *metric, double *out, struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(scores, "scores", &err);
    if (!rc && !(rc = need(metric, "metric", &err)))
        rc = need(out, "out", &err);
    if (!rc && !diptych_scores_images(scores, metric))
        rc = err_set(&err, ERR_NOT_FOUND, "'%s' was not computed", metric);
    if (!rc)
        *out = scores->scores.corpus[find_metric(metric)];
    return facade_end(error, rc, &err, host);
}

const char *diptych_scores_signature(const struct diptych_scores *scores, const char *metric)
{
    return diptych_scores_images(scores, metric) ? caption_signature(&scores->scores, find_metric(metric))
                                                 : NULL;
}

void diptych_scores_free(struct diptych_scores *scores)
{
    if (!scores)
        return;
    caption_scores_release(&scores->scores);
    free(scores);
}
