// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/evaluation.h"

#include <stdlib.h>
#include <string.h>

/* An image counts from when its picture is encoded: image r of the evaluation is set->images[kept[r]]. */
struct run {
    struct retrieval_evaluation *out;
    struct encoder *encoder;
    const struct caption_set *set;
    const struct captioned_pictures *pictures;
    const struct job *job;
    size_t width;
    size_t *kept;           // (count), of up to pictures->count
    float *images, *texts;  // (count, E), (rows.count, E)
    size_t *image_of;       // (rows.count)
    struct token_rows rows; /* of the captions */
    size_t count;
};

/* ---- pictures ------------------------------------------------------------------------------------------ */

static int keep_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct run *run = context;
    memcpy(&run->images[run->count * run->width], embeddings, batch->good * run->width * sizeof *embeddings);
    for (size_t i = 0; i < batch->count; i++) {
        if (*batch->errs[i].msg)
            job_report(run->job, &batch->errs[i]);
        if (batch->errs[i].code) {
            run->out->failed++;
        } else {
            run->kept[run->count++] = run->pictures->images[batch->first + i];
        }
    }
    run->out->pictures += batch->count;
    return job_step(run->job, "pictures", run->out->pictures, run->pictures->count, err);
}

static int encode_images(struct run *run, struct loader *loader, struct err *err)
{
    const struct captioned_pictures *pictures = run->pictures;
    run->images = mem_new(pictures->count, run->width * sizeof *run->images);
    run->kept = mem_new(pictures->count, sizeof *run->kept);
    if (!run->images || !run->kept)
        return err_memory(err, pictures->count * run->width * sizeof *run->images);
    int rc = job_step(run->job, "pictures", 0, pictures->count, err);
    if (!rc)
        rc = encode_pictures(run->encoder, loader, pictures->sources, pictures->count, keep_batch, run, err);
    return rc || run->count ? rc : err_set(err, ERR_ARGUMENT, "no picture with captions could be read");
}

/* ---- captions ------------------------------------------------------------------------------------------ */

static int add_captions(struct run *run, size_t image, struct err *err)
{
    const struct captioned_image *captioned = &run->set->images[run->kept[image]];
    for (size_t i = 0; i < captioned->count; i++) {
        run->image_of[run->rows.count] = image;
        const int rc = token_rows_add(&run->rows, encoder_model(run->encoder), captioned->captions[i], err);
        if (rc) {
            err_wrap(err, "caption %zu of image '%s'", i + 1, captioned->id);
            return rc;
        }
    }
    return 0;
}

static int add_all_captions(struct run *run, struct err *err)
{
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < run->count; i++)
        count += run->set->images[run->kept[i]].count;
    run->image_of = mem_new(count, sizeof *run->image_of);
    if (!run->image_of)
        return err_memory(err, count * sizeof *run->image_of);
    for (size_t i = 0; i < run->count && !rc; i++)
        rc = add_captions(run, i, err);
    run->out->truncated = run->rows.truncated;
    return rc;
}

/* Some thousand at a time, which the encoder sorts by length. */
static int encode_captions(struct run *run, struct err *err)
{
    enum { AT_ONCE = 4096 };
    const size_t context = model_config(encoder_model(run->encoder))->text.context;
    int rc = add_all_captions(run, err);
    if (rc)
        return rc;
    run->texts = mem_new(run->rows.count, run->width * sizeof *run->texts);
    if (!run->texts)
        return err_memory(err, run->rows.count * run->width * sizeof *run->texts);
    rc = job_step(run->job, "captions", 0, run->rows.count, err);
    for (size_t first = 0; first < run->rows.count && !rc; first += AT_ONCE) {
        const size_t left = run->rows.count - first;
        rc = encoder_ids(run->encoder, &run->texts[first * run->width], &run->rows.ids[first * context],
            &run->rows.lengths[first], left < AT_ONCE ? left : AT_ONCE, run->job, err);
        const size_t done = first + AT_ONCE;
        if (!rc)
            rc = job_step(
                run->job, "captions", done < run->rows.count ? done : run->rows.count, run->rows.count, err);
    }
    return rc;
}

/* ---- both ---------------------------------------------------------------------------------------------- */

int retrieval_evaluate(struct retrieval_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct caption_set *set, const struct captioned_pictures *pictures, const struct job *job,
    struct err *err)
{
    struct run run = {
        .out = out,
        .encoder = encoder,
        .set = set,
        .pictures = pictures,
        .job = job,
        .width = model_width(encoder_model(encoder)),
    };
    *out = (struct retrieval_evaluation){0};
    int rc = encode_images(&run, loader, err);
    if (!rc)
        rc = encode_captions(&run, err);
    if (!rc)
        rc = retrieval_compute(&out->scores, model_device(encoder_model(encoder)), run.images, run.count,
            run.texts, run.image_of, run.rows.count, run.width, job, err);
    token_rows_release(&run.rows);
    free(run.image_of);
    free(run.texts);
    free(run.images);
    free(run.kept);
    return rc;
}
