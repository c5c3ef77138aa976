// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <math.h>
#include <stdlib.h>

/* The terms of a query by kind. */
struct parts {
    const char **texts;              // (text_count)
    struct picture_source *pictures; // (picture_count)
    float *text_weights, *picture_weights;
    size_t text_count, picture_count;
};

static int parts_init(struct parts *parts, const struct query_term *terms, size_t count, struct err *err)
{
    *parts = (struct parts){
        .texts = mem_new(count, sizeof *parts->texts),
        .pictures = mem_new(count, sizeof *parts->pictures),
        .text_weights = mem_new(count, sizeof *parts->text_weights),
        .picture_weights = mem_new(count, sizeof *parts->picture_weights),
    };
    if (!parts->texts || !parts->pictures || !parts->text_weights || !parts->picture_weights)
        return err_memory(err, count * sizeof *parts->pictures);
    for (size_t i = 0; i < count; i++) {
        if (terms[i].text) {
            parts->texts[parts->text_count] = terms[i].text;
            parts->text_weights[parts->text_count++] = terms[i].weight;
        } else {
            parts->pictures[parts->picture_count] = terms[i].picture;
            parts->picture_weights[parts->picture_count++] = terms[i].weight;
        }
    }
    return 0;
}

static void parts_release(struct parts *parts)
{
    free(parts->texts);
    free(parts->pictures);
    free(parts->text_weights);
    free(parts->picture_weights);
}

/* sum (E) and embeddings (count, E) */
static void add_weighted(
    float *sum, const float *embeddings, const float *weights, size_t count, size_t width)
{
    for (size_t i = 0; i < count; i++)
        for (size_t e = 0; e < width; e++)
            sum[e] += weights[i] * embeddings[i * width + e];
}

static int add_texts(float *sum, struct encoder *encoder, const struct parts *parts, size_t *truncated,
    const struct job *job, struct err *err)
{
    const size_t width = model_width(encoder_model(encoder));
    float *embeddings = mem_new(parts->text_count, width * sizeof *embeddings); // (text_count, E)
    if (!embeddings)
        return err_memory(err, parts->text_count * width * sizeof *embeddings);
    const int rc = encoder_texts(encoder, embeddings, parts->texts, parts->text_count, truncated, job, err);
    if (!rc)
        add_weighted(sum, embeddings, parts->text_weights, parts->text_count, width);
    free(embeddings);
    return rc;
}

struct adding {
    float *sum;           // (E)
    const float *weights; // (count)
    size_t width, count;
    const struct job *job;
};

static int add_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    const struct adding *a = context;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->errs[i].code)
            return err_set(err, batch->errs[i].code, "%s", batch->errs[i].msg);
        if (*batch->errs[i].msg)
            job_report(a->job, &batch->errs[i]);
    }
    add_weighted(a->sum, embeddings, a->weights + batch->first, batch->count, a->width);
    return job_step(a->job, "pictures", batch->first + batch->count, a->count, err);
}

/* Terms of unit vectors cancel out where next to nothing of their weights, `weights` together, is left. */
static int normalise(float *sum, size_t width, double weights, struct err *err)
{
    double square = 0;
    for (size_t e = 0; e < width; e++)
        square += (double)sum[e] * sum[e];
    if (!(sqrt(square) > 1e-5 * weights) || !isfinite(square))
        return err_set(err, ERR_ARGUMENT, "the terms of the query cancel out: nothing is left to look for");
    for (size_t e = 0; e < width; e++)
        sum[e] = (float)(sum[e] / sqrt(square));
    return 0;
}

int query_sum(float *embedding, const float *embeddings, const float *weights, size_t count, size_t width,
    struct err *err)
{
    double sum = 0;
    for (size_t e = 0; e < width; e++)
        embedding[e] = 0;
    for (size_t i = 0; i < count; i++)
        sum += fabsf(weights[i]);
    add_weighted(embedding, embeddings, weights, count, width);
    return normalise(embedding, width, sum, err);
}

int query_encode(float *embedding, struct encoder *encoder, struct loader *loader,
    const struct query_term *terms, size_t count, size_t *truncated, const struct job *job, struct err *err)
{
    const size_t width = model_width(encoder_model(encoder));
    struct parts parts;
    int rc = parts_init(&parts, terms, count, err);
    for (size_t e = 0; e < width; e++)
        embedding[e] = 0;
    if (truncated)
        *truncated = 0;
    if (!rc && parts.text_count)
        rc = add_texts(embedding, encoder, &parts, truncated, job, err);
    if (!rc && parts.picture_count) {
        struct adding adding = {embedding, parts.picture_weights, width, parts.picture_count, job};
        rc = encode_pictures(encoder, loader, parts.pictures, parts.picture_count, add_batch, &adding, err);
    }
    double weights = 0;
    for (size_t i = 0; i < count; i++)
        weights += fabsf(terms[i].weight);
    if (!rc)
        rc = normalise(embedding, width, weights, err);
    parts_release(&parts);
    return rc;
}
