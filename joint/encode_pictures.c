// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <assert.h>
#include <stdlib.h>

/* Visits with no pictures until the next batch is there, so that whoever waits for it can tell that to end. */
static int wait_for_batch(struct loader *loader, size_t first, const float *embeddings, picture_visit *visit,
    void *context, struct err *err)
{
    const struct loaded_batch none = {.first = first};
    int rc = 0;
    while (!rc && !loader_wait(loader, 0.25))
        rc = visit(context, &none, embeddings, err);
    return rc;
}

static int visit_batches(struct encoder *encoder, struct loader *loader, float *embeddings,
    picture_visit *visit, void *context, struct err *err)
{
    struct loaded_batch batch = {0};
    for (;;) {
        int rc = wait_for_batch(loader, batch.first + batch.count, embeddings, visit, context, err);
        if (rc || !loader_next(loader, &batch))
            return rc;
        if (batch.good)
            rc = encoder_pixels(encoder, embeddings, batch.pixels, batch.good, err);
        if (!rc)
            rc = visit(context, &batch, embeddings, err);
        if (rc)
            return rc;
    }
}

int encode_pictures(struct encoder *encoder, struct loader *loader, const struct picture_source *pictures,
    size_t count, picture_visit *visit, void *context, struct err *err)
{
    const size_t row = model_width(encoder_model(encoder)) * sizeof(float);
    assert(loader_batch(loader) <= encoder_batch(encoder));
    float *embeddings = mem_new(loader_batch(loader), row); // (batch, E)
    if (!embeddings)
        return err_memory(err, loader_batch(loader) * row);
    loader_start(loader, pictures, count);
    const int rc = visit_batches(encoder, loader, embeddings, visit, context, err);
    loader_start(loader, NULL, 0);
    free(embeddings);
    return rc;
}
