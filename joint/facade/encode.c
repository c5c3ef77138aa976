// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void fill_nan(float *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row[i] = NAN;
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

struct encoding {
    const struct picture_work *work;
    struct lane *lane;
    size_t width;
    const struct job *job;
};

static int take_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    const struct encoding *e = context;
    const struct picture_work *work = e->work;
    const bool *outside = encoder_outside(e->lane->encoder);
    int rc = 0;
    for (size_t k = 0; k < batch->count && !rc; k++) {
        const struct err *problem = &batch->errs[k];
        const size_t i = batch->first + k;
        if (*problem->msg)
            rc = outcomes_note(work->outcomes, i, problem, e->job, err);
        if (!rc)
            rc = work->done(work->context, i, problem->code ? NULL : embeddings, err);
        if (work->sizes)
            work->sizes[i] = batch->sizes[k];
        if (!problem->code) {
            work->outcomes->items[i].outside = *outside++;
            embeddings += e->width;
        }
    }
    return rc ? rc : job_step(e->job, "pictures", batch->first + batch->count, work->count, err);
}

int pictures_encode(
    const struct picture_work *work, struct lane *lane, const struct job *job, struct err *err)
{
    struct encoding encoding = {work, lane, model_width(encoder_model(lane->encoder)), job};
    return encode_pictures(
        lane->encoder, lane->loader, work->sources, work->count, take_batch, &encoding, err);
}

struct filling {
    float *embeddings; // (count, E)
    size_t width;
};

static int fill_row(void *context, size_t i, const float *embedding, struct err *err)
{
    const struct filling *f = context;
    float *row = f->embeddings + i * f->width;
    (void)err;
    if (embedding)
        memcpy(row, embedding, f->width * sizeof *row);
    else
        fill_nan(row, f->width);
    return 0;
}

static int images_encode(float *embeddings, struct lane *lane, const struct picture_source *sources,
    size_t count, struct diptych_outcomes *outcomes, const struct job *job, struct err *err)
{
    struct filling filling = {embeddings, model_width(encoder_model(lane->encoder))};
    const struct picture_work work = {
        .sources = sources, .count = count, .outcomes = outcomes, .done = fill_row, .context = &filling};
    return pictures_encode(&work, lane, job, err);
}

/* ---- texts --------------------------------------------------------------------------------------------- */

/* Tokenizes; what cannot be is noted, and whether what can is cut. */
static int tokenize(struct token_rows *rows, const struct model *model, const char *const *texts,
    size_t count, struct diptych_outcomes *outcomes, const struct job *job, struct err *err)
{
    enum { TEXTS_A_STEP = 1024 };
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        struct err problem = {0};
        const size_t cut = rows->truncated;
        if (token_rows_add(rows, model, texts[i], &problem) == ERR_MEMORY)
            rc = err_set(err, ERR_MEMORY, "%s", problem.msg);
        else if (problem.code)
            rc = outcomes_note(outcomes, i, &problem, job, err);
        else
            outcomes->items[i].truncated = rows->truncated > cut;
        if (!rc && (i + 1) % TEXTS_A_STEP == 0)
            rc = job_step(job, "tokenizing texts", 0, 0, err);
    }
    return rc;
}

/* Moves the embeddings (good, E) of texts that have one to their rows among all (count, E). */
static void spread(
    float *embeddings, const struct outcome_of *outcomes, size_t count, size_t good, size_t width)
{
    for (size_t i = count; i-- > 0;) {
        float *row = embeddings + i * width;
        if (outcomes[i].code)
            fill_nan(row, width);
        else if (--good != i)
            memcpy(row, embeddings + good * width, width * sizeof *row);
    }
}

int texts_encode(float *embeddings, struct lane *lane, const char *const *texts, size_t count,
    struct diptych_outcomes *outcomes, const struct job *job, struct err *err)
{
    const struct model *model = encoder_model(lane->encoder);
    struct token_rows rows = {0};
    int rc = tokenize(&rows, model, texts, count, outcomes, job, err);
    if (!rc && rows.count)
        rc = encoder_ids(lane->encoder, embeddings, rows.ids, rows.lengths, rows.count, job, err);
    if (!rc)
        spread(embeddings, outcomes->items, count, rows.count, model_width(model));
    token_rows_release(&rows);
    return rc;
}

/* ---- both ---------------------------------------------------------------------------------------------- */

/* What a call is about: images, or else texts. */
struct inputs {
    bool pictures;
    const struct diptych_image *images; // (count)
    const char *const *texts;           // (count)
    size_t count;
};

static int encode_on_lane(struct diptych_model *model, float *embeddings, const struct inputs *inputs,
    bool raw, struct diptych_outcomes *outcomes, const struct job *job, struct err *err)
{
    struct picture_source *sources = NULL;
    struct arena arena = {0};
    struct lane *lane = NULL;
    int rc = inputs->pictures ? sources_of(&sources, &arena, inputs->images, inputs->count, err)
                              : check_texts(inputs->texts, inputs->count, "texts", err);
    if (!rc)
        rc = lane_take(&lane, model, inputs->pictures, -1, job, err);
    if (!rc) {
        encoder_normalize(lane->encoder, !raw);
        rc = inputs->pictures
                 ? images_encode(embeddings, lane, sources, inputs->count, outcomes, job, err)
                 : texts_encode(embeddings, lane, inputs->texts, inputs->count, outcomes, job, err);
    }
    lane_give(model, lane);
    arena_release(&arena);
    return rc;
}

static int encode(struct diptych_model *model, float *embeddings, const struct inputs *inputs,
    const struct diptych_encode_options *options, struct diptych_outcomes **wanted, struct diptych_job *job,
    struct diptych_error *error)
{
    struct diptych_encode_options own;
    struct diptych_outcomes *outcomes = NULL;
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(model, "model", &err);
    if (wanted)
        *wanted = NULL;
    if (!rc && inputs->count)
        rc = need(embeddings, "embeddings", &err);
    if (!rc)
        rc = OPTIONS(&own, options, &err);
    if (!rc)
        rc = outcomes_new(&outcomes, inputs->count, &err);
    if (!rc) {
        const struct job work = facade_job(job, model->threads, host);
        rc = encode_on_lane(model, embeddings, inputs, own.raw, outcomes, &work, &err);
    }
    outcomes_end(wanted, outcomes, rc);
    return facade_end(error, rc, &err, host);
}

int diptych_encode_images(struct diptych_model *model, float *embeddings, const struct diptych_image *images,
    size_t count, const struct diptych_encode_options *options, struct diptych_outcomes **outcomes,
    struct diptych_job *job, struct diptych_error *error)
{
    const struct inputs inputs = {.pictures = true, .images = images, .count = count};
    return encode(model, embeddings, &inputs, options, outcomes, job, error);
}

int diptych_encode_texts(struct diptych_model *model, float *embeddings, const char *const *texts,
    size_t count, const struct diptych_encode_options *options, struct diptych_outcomes **outcomes,
    struct diptych_job *job, struct diptych_error *error)
{
    const struct inputs inputs = {.texts = texts, .count = count};
    return encode(model, embeddings, &inputs, options, outcomes, job, error);
}
