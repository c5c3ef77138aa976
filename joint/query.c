// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <math.h>
#include <stdlib.h>

/* The terms of one kind, and where their embeddings go. */
struct part {
    const char **values; // (count)
    size_t *terms;       // (count): which of the query's
    size_t count;
};

static int part_init(struct part *part, size_t count, struct err *err)
{
    *part = (struct part){mem_new(count, sizeof *part->values), mem_new(count, sizeof *part->terms), 0};
    return part->values && part->terms ? 0 : err_memory(err, count * sizeof *part->values);
}

static void part_add(struct part *part, const char *value, size_t term)
{
    part->values[part->count] = value;
    part->terms[part->count++] = term;
}

static void part_release(struct part *part)
{
    free(part->values);
    free(part->terms);
}

static void add_weighted(float *sum, const float *embedding, float weight, size_t width)
{
    for (size_t e = 0; e < width; e++)
        sum[e] += weight * embedding[e];
}

static int add_texts(float *sum, struct encoder *encoder, const struct part *texts,
    const struct query_term *terms, size_t *truncated, struct err *err)
{
    const size_t width = model_config(encoder_model(encoder))->text.embed_width;
    float *embeddings = mem_new(texts->count, width * sizeof *embeddings); // (count, E)
    if (!embeddings)
        return err_memory(err, texts->count * width * sizeof *embeddings);
    const int rc = encoder_texts(encoder, embeddings, texts->values, texts->count, truncated, err);
    for (size_t i = 0; i < texts->count && !rc; i++)
        add_weighted(sum, embeddings + i * width, terms[texts->terms[i]].weight, width);
    free(embeddings);
    return rc;
}

static int add_batch(float *sum, float *embeddings, struct encoder *encoder, const struct part *pictures,
    const struct query_term *terms, const struct loaded_batch *batch, struct err *err)
{
    const size_t width = model_config(encoder_model(encoder))->vision.embed_width;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->errs[i].code)
            return err_set(err, batch->errs[i].code, "%s", batch->errs[i].msg);
    const int rc = encoder_pixels(encoder, embeddings, batch->pixels, batch->count, err);
    for (size_t i = 0; i < batch->count && !rc; i++)
        add_weighted(sum, embeddings + i * width, terms[pictures->terms[batch->first + i]].weight, width);
    return rc;
}

static int add_pictures(float *sum, struct encoder *encoder, const struct part *pictures,
    const struct query_term *terms, const struct loader_options *options, struct err *err)
{
    const size_t row = model_config(encoder_model(encoder))->vision.embed_width * sizeof(float);
    struct loader *loader = NULL;
    float *embeddings = mem_new(options->batch, row); // (batch, E)
    int rc = embeddings ? 0 : err_memory(err, options->batch * row);
    if (!rc)
        rc = loader_open(&loader, model_preprocess(encoder_model(encoder)), pictures->values, pictures->count,
            options, err);
    for (struct loaded_batch batch; !rc && loader_next(loader, &batch);)
        rc = add_batch(sum, embeddings, encoder, pictures, terms, &batch, err);
    loader_free(loader);
    free(embeddings);
    return rc;
}

/* Terms of unit vectors cancel out where next to nothing of their weights is left. */
static int normalise(float *sum, size_t width, const struct query_term *terms, size_t count, struct err *err)
{
    double square = 0, weights = 0;
    for (size_t e = 0; e < width; e++)
        square += (double)sum[e] * sum[e];
    for (size_t i = 0; i < count; i++)
        weights += fabs(terms[i].weight);
    if (!(sqrt(square) > 1e-5 * weights) || !isfinite(square))
        return err_set(err, ERR_ARGUMENT, "the terms of the query cancel out: nothing is left to look for");
    for (size_t e = 0; e < width; e++)
        sum[e] = (float)(sum[e] / sqrt(square));
    return 0;
}

int query_encode(float *embedding, struct encoder *encoder, const struct query_term *terms, size_t count,
    const struct loader_options *options, size_t *truncated, struct err *err)
{
    const size_t width = model_config(encoder_model(encoder))->text.embed_width;
    struct part texts = {0}, pictures = {0};
    int rc = part_init(&texts, count, err);
    if (!rc)
        rc = part_init(&pictures, count, err);
    for (size_t i = 0; i < count && !rc; i++)
        part_add(terms[i].text ? &texts : &pictures, terms[i].text ? terms[i].text : terms[i].picture, i);
    for (size_t e = 0; e < width; e++)
        embedding[e] = 0;
    if (truncated)
        *truncated = 0;
    if (!rc && texts.count)
        rc = add_texts(embedding, encoder, &texts, terms, truncated, err);
    if (!rc && pictures.count)
        rc = add_pictures(embedding, encoder, &pictures, terms, options, err);
    if (!rc)
        rc = normalise(embedding, width, terms, count, err);
    part_release(&pictures);
    part_release(&texts);
    return rc;
}
