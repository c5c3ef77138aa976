// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/retrieval_run.h"
#include "joint/evaluation/peers.h"

#include <stdlib.h>

/* The captions of the images, image by image. */
struct captions {
    struct token_rows rows; /* the first process's */
    size_t *image_of;       // (count)
    float *embeddings;      // (count, E)
    size_t count;
};

/* ---- what they are ------------------------------------------------------------------------------------- */

static int add_captions(
    struct captions *captions, const struct retrieval_run *run, size_t image, struct err *err)
{
    const struct captioned_image *captioned = &run->set->images[run->kept[image]];
    for (size_t i = 0; i < captioned->count; i++) {
        captions->image_of[captions->rows.count] = image;
        const int rc =
            token_rows_add(&captions->rows, encoder_model(run->encoder), captioned->captions[i], err);
        if (rc) {
            err_wrap(err, "caption %zu of image '%s'", i + 1, captioned->id);
            return rc;
        }
    }
    return 0;
}

static int add_all_captions(struct captions *captions, const struct retrieval_run *run, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < run->count; i++)
        captions->count += run->set->images[run->kept[i]].count;
    captions->image_of = mem_new(captions->count + 1, sizeof *captions->image_of);
    if (!captions->image_of)
        return err_memory(err, captions->count * sizeof *captions->image_of);
    for (size_t i = 0; i < run->count && !rc; i++)
        rc = add_captions(captions, run, i, err);
    run->out->truncated = captions->rows.truncated;
    return rc;
}

/* Makes them known to all. */
static int tell_captions(struct captions *captions, const struct retrieval_run *run, struct err *err)
{
    const bool first = peers_first(run->peers);
    int rc = peers_agree(run->peers, first ? add_all_captions(captions, run, err) : 0, err);
    if (rc)
        return rc;
    peers_tell(run->peers, &captions->count, sizeof captions->count);
    if (!first)
        captions->image_of = mem_new(captions->count + 1, sizeof *captions->image_of);
    captions->embeddings = mem_new(captions->count + 1, run->width * sizeof *captions->embeddings);
    if (!captions->image_of || !captions->embeddings)
        rc = err_memory(err, captions->count * run->width * sizeof *captions->embeddings);
    rc = peers_agree_own(run->peers, rc, err);
    if (!rc)
        peers_tell(run->peers, captions->image_of, captions->count * sizeof *captions->image_of);
    return rc;
}

/* ---- their embeddings ---------------------------------------------------------------------------------- */

static int encode_some(
    struct captions *captions, const struct retrieval_run *run, size_t first, size_t count, struct err *err)
{
    const size_t context = model_config(encoder_model(run->encoder))->text.context, done = first + count;
    const int rc = encoder_ids(run->encoder, &captions->embeddings[first * run->width],
        &captions->rows.ids[first * context], &captions->rows.lengths[first], count, run->job, err);
    return rc ? rc : job_step(run->job, "captions", done, captions->count, err);
}

/* Some thousand at a time, which the encoder sorts by length. */
static int encode_captions(struct captions *captions, const struct retrieval_run *run, struct err *err)
{
    enum { AT_ONCE = 4096 };
    int rc = tell_captions(captions, run, err);
    if (!rc)
        rc = peers_agree(run->peers, job_step(run->job, "captions", 0, captions->count, err), err);
    for (size_t first = 0; first < captions->count && !rc; first += AT_ONCE) {
        const size_t left = captions->count - first, count = left < AT_ONCE ? left : AT_ONCE;
        if (peers_first(run->peers))
            rc = encode_some(captions, run, first, count, err);
        rc = peers_agree(run->peers, rc, err);
        if (!rc)
            peers_tell(run->peers, &captions->embeddings[first * run->width],
                count * run->width * sizeof *captions->embeddings);
    }
    return rc;
}

int retrieval_run(struct retrieval_run *run, struct err *err)
{
    struct captions captions = {.count = 0};
    int rc = encode_captions(&captions, run, err);
    if (!rc)
        rc = retrieval_compute_part(&run->out->scores, run->device, &run->part, run->count,
            captions.embeddings, captions.image_of, captions.count, run->width, run->peers, run->job, err);
    token_rows_release(&captions.rows);
    free(captions.image_of);
    free(captions.embeddings);
    return rc;
}
