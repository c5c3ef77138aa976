// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <stdlib.h>

int encode_pictures(struct encoder *encoder, struct loader *loader, const struct picture_source *pictures,
    size_t count, picture_visit *visit, void *context, struct err *err)
{
    const size_t batch_max = encoder_batch(encoder),
                 row = model_width(encoder_model(encoder)) * sizeof(float);
    float *embeddings = mem_new(batch_max, row); // (batch, E)
    int rc = embeddings ? 0 : err_memory(err, batch_max * row);
    loader_start(loader, pictures, count);
    for (struct loaded_batch batch; !rc && loader_next(loader, &batch);) {
        if (batch.good)
            rc = encoder_pixels(encoder, embeddings, batch.pixels, batch.good, err);
        if (!rc)
            rc = visit(context, &batch, embeddings, err);
    }
    loader_start(loader, NULL, 0);
    free(embeddings);
    return rc;
}
