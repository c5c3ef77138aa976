// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "A photo depicts "

/* ---- arithmetic ---------------------------------------------------------------------------------------- */

double cosine_of(const float *a, const float *b, size_t width)
{
    double product = 0, a_squares = 0, b_squares = 0;
    for (size_t e = 0; e < width; e++) {
        product += (double)a[e] * (double)b[e];
        a_squares += (double)a[e] * (double)a[e];
        b_squares += (double)b[e] * (double)b[e];
    }
    return product / (sqrt(a_squares) * sqrt(b_squares));
}

double best_cosine_of(const float *a, const float *others, size_t count, size_t width)
{
    double best = cosine_of(a, others, width);
    for (size_t i = 1; i < count; i++) {
        const double cosine = cosine_of(a, others + i * width, width);
        if (cosine > best)
            best = cosine;
    }
    return best;
}

double clip_score(double cosine)
{
    return cosine < 0 ? 0 : 2.5 * cosine; /* NaN stays NaN */
}

double clip_score_with_references(double clip_score, double best_cosine)
{
    return 2 * clip_score * best_cosine / (clip_score + best_cosine);
}

/* ---- batches ------------------------------------------------------------------------------------------- */

struct scoring {
    struct encoder *encoder;
    const struct caption_pair *pairs;
    size_t width, count; // E; images in all
    float *texts;        // (rows, E): for each image of the batch its candidate, then its references
    struct token_rows rows;
    const struct job *job;
    struct clip_scores *out;
};

static int add_caption(struct scoring *s, const char *caption, struct err *err)
{
    const size_t length = strlen(caption);
    char *prompt = mem_new(sizeof PREFIX + length, 1);
    if (!prompt)
        return err_memory(err, sizeof PREFIX + length);
    memcpy(mempcpy(prompt, PREFIX, strlen(PREFIX)), caption, length);
    int rc = token_rows_add(&s->rows, encoder_model(s->encoder), prompt, err);
    free(prompt);
    return rc;
}

static int add_captions(struct scoring *s, size_t image, struct err *err)
{
    const struct caption_pair *pair = &s->pairs[image];
    int rc = add_caption(s, pair->candidate, err);
    if (rc) {
        err_wrap(err, "candidate of image %zu", image);
        return rc;
    }
    for (size_t i = 0; i < pair->reference_count; i++)
        if ((rc = add_caption(s, pair->references[i], err))) {
            err_wrap(err, "reference %zu of image %zu", i, image);
            return rc;
        }
    return 0;
}

/* The texts of the images [first, first + count). */
static int encode_captions(struct scoring *s, size_t first, size_t count, struct err *err)
{
    int rc = 0;
    s->rows.count = 0;
    for (size_t i = first; i < first + count && !rc; i++)
        rc = add_captions(s, i, err);
    if (rc)
        return rc;
    float *texts = mem_grow(s->texts, s->rows.count, s->width * sizeof *texts);
    if (!texts)
        return err_memory(err, s->rows.count * s->width * sizeof *texts);
    s->texts = texts;
    return encoder_ids(s->encoder, texts, s->rows.ids, s->rows.lengths, s->rows.count, s->job, err);
}

static int score_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct scoring *s = context;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->errs[i].code)
            return err_set(err, batch->errs[i].code, "%s", batch->errs[i].msg);
        if (*batch->errs[i].msg)
            job_report(s->job, &batch->errs[i]);
    }
    int rc = batch->count ? encode_captions(s, batch->first, batch->count, err) : 0;
    if (rc)
        return rc;

    const float *candidate = s->texts; // (E)
    for (size_t i = 0; i < batch->count; i++) {
        const size_t image = batch->first + i, references = s->pairs[image].reference_count;
        const double score = clip_score(cosine_of(embeddings + i * s->width, candidate, s->width));
        s->out->clip.images[image] = score;
        if (references)
            s->out->with_references.images[image] = clip_score_with_references(
                score, best_cosine_of(candidate, candidate + s->width, references, s->width));
        candidate += (1 + references) * s->width;
    }
    return job_step(s->job, "pictures", batch->first + batch->count, s->count, err);
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

static int check_pairs(const struct caption_pair *pairs, size_t count, struct err *err)
{
    if (!count)
        return err_set(err, ERR_ARGUMENT, "no images to score");
    for (size_t i = 0; i < count; i++)
        if (!pairs[i].reference_count != !pairs[0].reference_count)
            return err_set(err, ERR_ARGUMENT, "image %zu has no reference, but others have",
                pairs[i].reference_count ? (size_t)0 : i);
    return 0;
}

static int scores_new(struct metric_scores *out, size_t count, struct err *err)
{
    *out = (struct metric_scores){.images = mem_new(count, sizeof *out->images), .count = count};
    return out->images ? 0 : err_memory(err, count * sizeof *out->images);
}

static void set_mean(struct metric_scores *scores)
{
    for (size_t i = 0; i < scores->count; i++)
        scores->corpus += scores->images[i] / (double)scores->count;
}

int clip_score_compute(struct clip_scores *out, struct encoder *encoder, struct loader *loader,
    const struct picture_source *pictures, const struct caption_pair *pairs, size_t count,
    const struct job *job, struct err *err)
{
    struct scoring s = {
        .encoder = encoder,
        .pairs = pairs,
        .width = model_width(encoder_model(encoder)),
        .count = count,
        .job = job,
        .out = out,
    };
    *out = (struct clip_scores){0};
    int rc = check_pairs(pairs, count, err);
    if (!rc)
        rc = scores_new(&out->clip, count, err);
    if (!rc && pairs[0].reference_count)
        rc = scores_new(&out->with_references, count, err);
    if (!rc)
        rc = job_step(job, "pictures", 0, count, err);
    if (!rc)
        rc = encode_pictures(encoder, loader, pictures, count, score_batch, &s, err);
    if (rc) {
        clip_scores_release(out);
    } else {
        set_mean(&out->clip);
        set_mean(&out->with_references);
        out->truncated = s.rows.truncated;
    }
    free(s.texts);
    token_rows_release(&s.rows);
    return rc;
}

void clip_scores_release(struct clip_scores *scores)
{
    if (!scores)
        return;
    metric_scores_release(&scores->clip);
    metric_scores_release(&scores->with_references);
    *scores = (struct clip_scores){0};
}
