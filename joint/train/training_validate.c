// SPDX-License-Identifier: Apache-2.0
/* How well a model in training does on pictures that it does not learn from: as retrieval_evaluate and class_evaluate measure it, by
 * the towers that are trained, where they are. */
#include "joint/train/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct training_judge {
    struct judge_options options;
    struct training_texts texts;
    bool *reported; // (pictures)
    size_t failed;
};

int judge_open(struct training_judge **out, const struct judge_options *options,
    const struct tokenizer *tokenizer, const struct job *job, struct err *err)
{
    const struct training_set *set = options->set;
    struct training_judge *judge = mem_new(1, sizeof *judge);
    if (!judge)
        return err_memory(err, sizeof *judge);
    judge->options = *options;
    judge->reported = mem_new(set->count, sizeof *judge->reported);
    const int rc = judge->reported ? training_texts_encode(
                                         &judge->texts, &set->texts, options->config, tokenizer, job, err)
                                   : err_memory(err, set->count);
    if (rc)
        judge_free(judge);
    else
        *out = judge;
    return rc;
}

void judge_free(struct training_judge *judge)
{
    if (!judge)
        return;
    training_texts_release(&judge->texts);
    free(judge->reported);
    free(judge);
}

size_t judge_longest(const struct training_judge *judge)
{
    return judge->texts.longest;
}

size_t judge_failed(const struct training_judge *judge)
{
    return judge->failed;
}

/* ---- embeddings ---------------------------------------------------------------------------------------- */

/* Of length 1, by the model as it is. */
struct judged {
    struct training_judge *judge;
    struct trained_model *model;
    struct device *device;
    size_t width;  /* E */
    float *images; // (count, E): of the pictures that could be read
    size_t *kept;  // (count): which ones
    float *texts;  // (texts, E)
    size_t count;
};

static void take_names(struct judged *judged, const struct loaded_batch *batch, const struct job *job)
{
    struct training_judge *judge = judged->judge;
    for (size_t i = 0; i < batch->count; i++) {
        const size_t number = batch->first + i;
        if (!batch->errs[i].code)
            judged->kept[judged->count++] = number;
        if (!*batch->errs[i].msg || judge->reported[number])
            continue;
        judge->reported[number] = true;
        judge->failed += batch->errs[i].code != 0;
        job_report(job, &batch->errs[i]);
    }
}

static int embed_batches(struct judged *judged, struct loader *loader, const struct job *job, struct err *err)
{
    static const char unit[] = "held-out pictures";
    const struct training_set *set = judged->judge->options.set;
    struct loaded_batch batch;
    int rc = job_step(job, unit, 0, set->count, err);
    loader_start(loader, set->pictures, set->count);
    while (!rc && loader_next(loader, &batch)) {
        if (batch.good)
            rc = trained_model_images(
                judged->model, judged->images + judged->count * judged->width, batch.pixels, batch.good, err);
        take_names(judged, &batch, job);
        if (!rc)
            rc = job_step(job, unit, batch.first + batch.count, set->count, err);
    }
    return rc;
}

static int embed_images(struct judged *judged, const struct job *job, struct err *err)
{
    const struct judge_options *options = &judged->judge->options;
    struct loader_options loading = *options->loader;
    struct loader *loader;
    loading.batch = options->chunk;
    int rc = loader_open(&loader, options->preprocess, &loading, err);
    if (rc)
        return rc;
    rc = embed_batches(judged, loader, job, err);
    loader_free(loader);
    return rc || judged->count ? rc
                               : err_set(err, ERR_ARGUMENT, "none of the %zu held-out pictures can be read",
                                     options->set->count);
}

/* As many at a time as pictures. */
static int embed_texts(struct judged *judged, const struct job *job, struct err *err)
{
    const struct training_texts *texts = &judged->judge->texts;
    const size_t most = judged->judge->options.chunk, tokens = texts->longest;
    int32_t *ids = mem_new(most * tokens, sizeof *ids), *eot = mem_new(most, sizeof *eot);
    int rc = ids && eot ? 0 : err_memory(err, most * tokens * sizeof *ids);
    for (size_t first = 0; first < texts->count && !rc; first += most) {
        const size_t left = texts->count - first, count = left < most ? left : most;
        for (size_t i = 0; i < count; i++)
            eot[i] = training_texts_put(ids + i * tokens, tokens, texts, first + i);
        rc = trained_model_texts(
            judged->model, judged->texts + first * judged->width, ids, eot, count, tokens, err);
        if (!rc)
            rc = job_step(job, "held-out captions", first + count, texts->count, err);
    }
    free(ids);
    free(eot);
    return rc;
}

/* ---- scores -------------------------------------------------------------------------------------------- */

/* Moves the captions of the pictures that could be read together; image_of (captions). Returns how many there are. */
static size_t keep_captions(struct judged *judged, size_t *image_of)
{
    const size_t width = judged->width;
    size_t count = 0;
    for (size_t i = 0; i < judged->count; i++) {
        const struct training_captions said = judged->judge->options.set->said[judged->kept[i]];
        memmove(judged->texts + count * width, judged->texts + said.first * width,
            said.count * width * sizeof *judged->texts);
        for (size_t k = 0; k < said.count; k++)
            image_of[count++] = i;
    }
    return count;
}

static int score_retrieval(
    struct training_validation *out, struct judged *judged, const struct job *job, struct err *err)
{
    struct retrieval retrieval = {0};
    size_t *image_of = mem_new(judged->judge->texts.count, sizeof *image_of);
    if (!image_of)
        return err_memory(err, judged->judge->texts.count * sizeof *image_of);
    const size_t captions = keep_captions(judged, image_of);
    const int rc = retrieval_compute(&retrieval, judged->device, judged->images, judged->count, judged->texts,
        image_of, captions, judged->width, job, err);
    free(image_of);
    out->image_to_text = retrieval.image_to_text.recall[0];
    out->text_to_image = retrieval.text_to_image.recall[0];
    out->score = (out->image_to_text + out->text_to_image) / 2;
    retrieval_release(&retrieval);
    return rc;
}

/* The mean of each class's texts, brought to length 1, in the place of the first ones. */
static void average_classes(const struct judged *judged, size_t classes, size_t templates)
{
    const size_t width = judged->width;
    for (size_t k = 0; k < classes; k++) {
        float *row = judged->texts + k * width;
        const float *from = judged->texts + k * templates * width;
        double squares = 0;
        for (size_t e = 0; e < width; e++) {
            double sum = 0;
            for (size_t t = 0; t < templates; t++)
                sum += (double)from[t * width + e];
            row[e] = (float)sum;
            squares += sum * sum;
        }
        for (size_t e = 0; e < width; e++)
            row[e] = (float)((double)row[e] / sqrt(squares));
    }
}

/* The share of pictures whose class is the nearest; of equals the first is the nearest. */
static void score_classes(struct training_validation *out, const struct judged *judged)
{
    const struct training_set *set = judged->judge->options.set;
    const size_t templates = set->templates, classes = set->texts.count / templates;
    size_t right = 0;
    average_classes(judged, classes, templates);
    for (size_t i = 0; i < judged->count; i++) {
        struct prediction best;
        rank_rows(&best, 1, judged->images + i * judged->width, judged->texts, classes, judged->width,
            (struct score_rule){.kind = SCORE_COSINE, .scale = 1});
        right += best.label == set->said[judged->kept[i]].first / templates;
    }
    out->classes = true;
    out->score = (double)right / (double)judged->count;
}

int judge_model(struct training_validation *out, struct training_judge *judge, struct trained_model *model,
    struct device *device, const struct job *job, struct err *err)
{
    const size_t width = judge->options.config->text.embed_width, pictures = judge->options.set->count;
    struct judged judged = {.judge = judge,
        .model = model,
        .device = device,
        .width = width,
        .images = mem_new(pictures * width, sizeof(float)),
        .kept = mem_new(pictures, sizeof(size_t)),
        .texts = mem_new(judge->texts.count * width, sizeof(float))};
    int rc = judged.images && judged.kept && judged.texts ? 0 : err_memory(err, pictures * width);
    *out = (struct training_validation){0};
    if (!rc)
        rc = embed_images(&judged, job, err);
    if (!rc)
        rc = embed_texts(&judged, job, err);
    if (!rc && judge->options.set->templates)
        score_classes(out, &judged);
    else if (!rc)
        rc = score_retrieval(out, &judged, job, err);
    out->pictures = judged.count;
    free(judged.images);
    free(judged.kept);
    free(judged.texts);
    return rc;
}
