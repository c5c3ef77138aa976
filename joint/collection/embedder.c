// SPDX-License-Identifier: Apache-2.0
/* An encoder as an embedder. */
#include "joint/collection/collection.h"

#include <string.h>

static int embed_pictures(void *context, const struct picture_source *pictures, size_t count,
    picture_visit *visit, void *visit_context, struct err *err)
{
    const struct encoder_embedder *e = context;
    return encode_pictures(e->encoder, e->loader, pictures, count, visit, visit_context, err);
}

/* Moves the embeddings (good, E) of texts without an error to their places among all (count, E). */
static void spread(float *embeddings, const struct err *errs, size_t count, size_t good, size_t width)
{
    for (size_t i = count; i-- > 0;)
        if (!errs[i].code && --good != i)
            memcpy(embeddings + i * width, embeddings + good * width, width * sizeof *embeddings);
}

static int embed_texts(void *context, float *embeddings, struct err *errs, const char *const *texts,
    size_t count, size_t *truncated, const struct job *job, struct err *err)
{
    const struct encoder_embedder *e = context;
    const struct model *model = encoder_model(e->encoder);
    struct token_rows rows = {0};
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        errs[i] = (struct err){0};
        if (token_rows_add(&rows, model, texts[i], &errs[i]) == ERR_MEMORY)
            rc = err_set(err, ERR_MEMORY, "%s", errs[i].msg);
    }
    if (!rc && rows.count)
        rc = encoder_ids(e->encoder, embeddings, rows.ids, rows.lengths, rows.count, job, err);
    if (!rc)
        spread(embeddings, errs, count, rows.count, model_width(model));
    *truncated = rows.truncated;
    token_rows_release(&rows);
    return rc;
}

static int embed_query(void *context, float *embedding, const struct query_term *terms, size_t count,
    size_t *truncated, const struct job *job, struct err *err)
{
    const struct encoder_embedder *e = context;
    return query_encode(embedding, e->encoder, e->loader, terms, count, truncated, job, err);
}

struct embedder embedder_of(struct encoder_embedder *encoder)
{
    return (struct embedder){
        .context = encoder,
        .width = model_width(encoder_model(encoder->encoder)),
        .pictures = embed_pictures,
        .texts = embed_texts,
        .query = embed_query,
    };
}
