// SPDX-License-Identifier: Apache-2.0
/* Retrieval of pictures that are encoded for it. */
#include "joint/evaluation/retrieval_run.h"

#include <stdlib.h>
#include <string.h>

/* An image counts from when its picture is encoded. */
struct encoding {
    struct retrieval_evaluation *out;
    const struct captioned_pictures *pictures;
    const struct job *job;
    size_t *kept;  // (count), of up to pictures->count
    float *images; // (count, E)
    size_t count, width;
};

static int keep_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct encoding *e = context;
    memcpy(&e->images[e->count * e->width], embeddings, batch->good * e->width * sizeof *embeddings);
    for (size_t i = 0; i < batch->count; i++) {
        if (*batch->errs[i].msg)
            job_report(e->job, &batch->errs[i]);
        if (batch->errs[i].code) {
            e->out->failed++;
        } else {
            e->kept[e->count++] = e->pictures->images[batch->first + i];
        }
    }
    e->out->pictures += batch->count;
    return job_step(e->job, "pictures", e->out->pictures, e->pictures->count, err);
}

static int encode_images(struct encoding *e, struct encoder *encoder, struct loader *loader, struct err *err)
{
    const struct captioned_pictures *pictures = e->pictures;
    e->images = mem_new(pictures->count, e->width * sizeof *e->images);
    e->kept = mem_new(pictures->count, sizeof *e->kept);
    if (!e->images || !e->kept)
        return err_memory(err, pictures->count * e->width * sizeof *e->images);
    int rc = job_step(e->job, "pictures", 0, pictures->count, err);
    if (!rc)
        rc = encode_pictures(encoder, loader, pictures->sources, pictures->count, keep_batch, e, err);
    return rc || e->count ? rc : err_set(err, ERR_ARGUMENT, "no picture with captions could be read");
}

int retrieval_evaluate(struct retrieval_evaluation *out, struct encoder *encoder, struct loader *loader,
    const struct caption_set *set, const struct captioned_pictures *pictures, const struct job *job,
    struct err *err)
{
    struct encoding e = {
        .out = out, .pictures = pictures, .job = job, .width = model_width(encoder_model(encoder))};
    *out = (struct retrieval_evaluation){0};
    int rc = encode_images(&e, encoder, loader, err);
    if (!rc)
        rc = retrieval_run(&(struct retrieval_run){.out = out,
                               .encoder = encoder,
                               .set = set,
                               .kept = e.kept,
                               .count = e.count,
                               .width = e.width,
                               .part = {.images = e.images, .count = e.count},
                               .device = model_device(encoder_model(encoder)),
                               .job = job},
            err);
    free(e.images);
    free(e.kept);
    return rc;
}
