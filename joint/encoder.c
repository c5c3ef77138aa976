// SPDX-License-Identifier: Apache-2.0
/* Batches through the towers, on a stream whose memory was planned for the largest. */
#include "joint/internal.h"

#include <stdlib.h>
#include <string.h>

struct encoder {
    const struct model *model;
    struct stream *stream;
    size_t max_batch;
    bool *outside; // (max_batch): of the last pictures
    size_t outside_count;
    bool raw; /* embeddings keep their length */
};

/* embeddings (B, E) of pixels (B, S, S, 3), both in host memory; both may be NULL while planning. */
static int run_pixels(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const uint8_t *pixels, size_t batch, struct err *err)
{
    const size_t size = model_config(model)->vision.image_size, width = model_width(model);
    const size_t mark = stream_mark(stream);
    struct tensor in, out;
    int rc;

    if ((rc = tensor_new(&in, stream, DTYPE_U8, SHAPE(batch, size, size, 3), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(batch, width), err)) ||
        (rc = tensor_write(stream, in, pixels, batch * size * size * 3, err)) ||
        (rc = model_encode_pixels(model, stream, out, in, err)) ||
        (rc = raw ? 0 : normalize_rows(stream, out, err)))
        goto done;
    rc = tensor_read(stream, embeddings, out, batch * width, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* Where the pictures of a batch begin among the patches of all, and the longest; ERR_ARGUMENT for one that has none, or
 * too many. pixels are preprocess_run's, NULL while planning: then all have the most patches. */
static int list_patches(struct sequences *out, int32_t *starts, const struct patches **grids,
    const struct preprocess *preprocess, const uint8_t *pixels, size_t batch, struct err *err)
{
    const size_t bytes = preprocess_bytes(preprocess), most = (size_t)preprocess->max_patches;
    *out = (struct sequences){
        .count = batch, .longest = pixels ? 0 : most, .host_starts = pixels ? starts : NULL};
    starts[0] = 0;
    for (size_t i = 0; i < batch; i++) {
        size_t patches = most;
        if (pixels) {
            grids[i] = (const void *)(pixels + i * bytes);
            patches = (size_t)grids[i]->rows * grids[i]->columns;
            if (!patches || patches > most)
                return err_set(
                    err, ERR_ARGUMENT, "picture %zu has %zu patches, not 1 to %zu", i, patches, most);
            out->longest = patches > out->longest ? patches : out->longest;
        }
        starts[i + 1] = starts[i] + (int32_t)patches;
    }
    return 0;
}

/* The patches of all pictures, one after the other, and what says where each begins. */
static int write_patches(struct stream *stream, struct tensor in, const struct sequences *sequences,
    const struct patches *const *grids, struct err *err)
{
    const size_t width = tensor_width(in);
    int rc = tensor_write(stream, sequences->starts, sequences->host_starts, sequences->count + 1, err);
    for (size_t i = 0; sequences->host_starts && i < sequences->count && !rc; i++) {
        const size_t first = (size_t)sequences->host_starts[i];
        const size_t rows = (size_t)sequences->host_starts[i + 1] - first;
        struct tensor part = tensor_view(in, SHAPE(rows, width));
        part.offset += first * width;
        rc = tensor_write(stream, part, grids[i]->pixels, rows * width, err);
    }
    return rc;
}

/* run_pixels for pictures of any size, with memory for where they begin (B + 1) and their grids (B). */
static int run_patches(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const uint8_t *pixels, size_t batch, int32_t *starts, const struct patches **grids, struct err *err)
{
    const struct preprocess *preprocess = model_preprocess(model);
    const size_t patch = (size_t)preprocess->patch, values = 3 * patch * patch, width = model_width(model);
    const size_t mark = stream_mark(stream);
    struct sequences sequences;
    struct tensor in, out;
    int rc = list_patches(&sequences, starts, grids, preprocess, pixels, batch, err);
    if (rc || (rc = tensor_new(&in, stream, DTYPE_U8, SHAPE((size_t)starts[batch], values), err)) ||
        (rc = tensor_new(&sequences.starts, stream, DTYPE_I32, SHAPE(batch + 1), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(batch, width), err)) ||
        (rc = write_patches(stream, in, &sequences, grids, err)) ||
        (rc = model_encode_patches(model, stream, out, in, &sequences, grids, err)) ||
        (rc = raw ? 0 : normalize_rows(stream, out, err)))
        goto done;
    rc = tensor_read(stream, embeddings, out, batch * width, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* embeddings (B, E) of pictures as preprocess_run makes them. */
static int run_pictures(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const uint8_t *pixels, size_t batch, struct err *err)
{
    if (!model_config(model)->vision.any_size)
        return run_pixels(stream, model, raw, embeddings, pixels, batch, err);
    int32_t *starts = mem_new(batch + 1, sizeof *starts);
    const struct patches **grids = mem_new(batch, sizeof(struct patches *));
    const int rc = starts && grids
                       ? run_patches(stream, model, raw, embeddings, pixels, batch, starts, grids, err)
                       : err_memory(err, batch * sizeof *starts);
    free(starts);
    free(grids);
    return rc;
}

/* embeddings (B, E) of ids (B, T), pooled at eot (B), all in host memory; they may be NULL while planning. */
static int run_ids(struct stream *stream, const struct model *model, bool raw, float *embeddings,
    const int32_t *ids, const int32_t *eot, size_t batch, size_t tokens, struct err *err)
{
    const size_t width = model_width(model), mark = stream_mark(stream);
    struct tensor in, pool, out;
    int rc;

    if ((rc = tensor_new(&in, stream, DTYPE_I32, SHAPE(batch, tokens), err)) ||
        (rc = tensor_new(&pool, stream, DTYPE_I32, SHAPE(batch), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(batch, width), err)) ||
        (rc = tensor_write(stream, in, ids, batch * tokens, err)) ||
        (rc = tensor_write(stream, pool, eot, batch, err)) ||
        (rc = model_encode_ids(model, stream, out, in, pool, err)) ||
        (rc = raw ? 0 : normalize_rows(stream, out, err)))
        goto done;
    rc = tensor_read(stream, embeddings, out, batch * width, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

int encoder_open(struct encoder **out, const struct model *model, size_t max_batch, struct err *err)
{
    struct device *device = model_device(model);
    struct stream *plan = NULL;
    int rc = 0;
    if (!max_batch)
        return err_set(err, ERR_ARGUMENT, "a batch of 0 pictures encodes nothing");
    struct encoder *encoder = mem_new(1, sizeof *encoder);
    if (!encoder)
        return err_memory(err, sizeof *encoder);
    encoder->model = model;
    encoder->max_batch = max_batch;
    encoder->outside = mem_new(max_batch, sizeof *encoder->outside);
    if ((rc = encoder->outside ? 0 : err_memory(err, max_batch)) ||
        (rc = stream_open(&plan, device, 0, err)) ||
        (rc = run_pictures(plan, model, false, NULL, NULL, max_batch, err)) ||
        (rc = run_ids(
             plan, model, false, NULL, NULL, NULL, max_batch, model_config(model)->text.context, err)))
        goto done;
    rc = stream_open(&encoder->stream, device, stream_peak(plan), err);
done:
    stream_free(plan);
    if (rc)
        encoder_free(encoder);
    else
        *out = encoder;
    return rc;
}

void encoder_free(struct encoder *encoder)
{
    if (!encoder)
        return;
    stream_free(encoder->stream);
    free(encoder->outside);
    free(encoder);
}

void encoder_normalize(struct encoder *encoder, bool normalize)
{
    encoder->raw = !normalize;
}

const struct model *encoder_model(const struct encoder *encoder)
{
    return encoder->model;
}

size_t encoder_batch(const struct encoder *encoder)
{
    return encoder->max_batch;
}

struct stream *encoder_stream(struct encoder *encoder)
{
    return encoder->stream;
}

const bool *encoder_outside(const struct encoder *encoder)
{
    return encoder->outside;
}

size_t encoder_outside_count(const struct encoder *encoder)
{
    return encoder->outside_count;
}

static int judge_scope(struct encoder *encoder, const uint8_t *pixels, size_t count, struct err *err)
{
    const size_t size = model_config(encoder->model)->vision.image_size;
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        rc = model_judge_scope(&encoder->outside[i], encoder->model, pixels + i * size * size * 3, err);
        encoder->outside_count += !rc && encoder->outside[i];
    }
    return rc;
}

int encoder_pixels(
    struct encoder *encoder, float *embeddings, const uint8_t *pixels, size_t count, struct err *err)
{
    if (count > encoder->max_batch)
        return err_set(
            err, ERR_ARGUMENT, "%zu pictures in a batch of at most %zu", count, encoder->max_batch);
    int rc = model_check_files(encoder->model, err);
    if (!rc && !model_config(encoder->model)->vision.any_size)
        rc = judge_scope(encoder, pixels, count, err);
    return rc || !count
               ? rc
               : run_pictures(encoder->stream, encoder->model, encoder->raw, embeddings, pixels, count, err);
}

/* ---- texts --------------------------------------------------------------------------------------------- */

/* A text's place in the caller's order, how many tokens take part, and which is pooled. */
struct text_span {
    size_t index, tokens, pooled;
};

static int by_tokens(const void *a, const void *b)
{
    const struct text_span *x = a, *y = b;
    return (x->tokens > y->tokens) - (x->tokens < y->tokens);
}

static int text_spans(struct text_span *spans, const struct text_config *config, const int32_t *ids,
    const size_t *lengths, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const int32_t *row = ids + i * config->context;
        const size_t least = config->block.causal ? 1 : config->context;
        if (lengths[i] < least || lengths[i] > config->context)
            return err_set(err, ERR_ARGUMENT, "text %zu has %zu tokens, not %zu to %zu", i, lengths[i], least,
                config->context);
        for (size_t t = 0; t < lengths[i]; t++)
            if (row[t] < 0 || (size_t)row[t] >= config->vocab)
                return err_set(err, ERR_ARGUMENT, "text %zu has token id %d, not below %zu", i, (int)row[t],
                    config->vocab);
        spans[i] = (struct text_span){.index = i,
            .tokens = text_tokens(config, row, lengths[i]),
            .pooled = text_eot(config, row, lengths[i])};
    }
    qsort(spans, count, sizeof *spans, by_tokens);
    return 0;
}

/* How many of spans (count), shortest first, are the next batch. One ends where padding its texts to the length of the
 * next would take longer than to begin another, which is as long as so many tokens: B/32 on two CPUs, in float32 without
 * AMX 48, in bfloat16 with AMX 67. */
static size_t batch_of(const struct text_span *spans, size_t count, size_t max)
{
    enum { ANOTHER = 64 };
    size_t batch = 1;
    for (size_t padding = 0; batch < count && batch < max; batch++) {
        padding += batch * (spans[batch].tokens - spans[batch - 1].tokens);
        if (padding > ANOTHER)
            break;
    }
    return batch;
}

/* Buffers for one batch of texts on the host. */
struct text_batch {
    int32_t *ids;      // (B, T)
    int32_t *eot;      // (B)
    float *embeddings; // (B, E)
};

static int encode_spans(struct encoder *encoder, float *embeddings, const struct text_span *spans,
    size_t batch, const int32_t *ids, const struct text_batch *scratch, struct err *err)
{
    const struct text_config *config = &model_config(encoder->model)->text;
    const size_t tokens = spans[batch - 1].tokens, width = model_width(encoder->model);
    memset(scratch->ids, 0, batch * tokens * sizeof *scratch->ids);
    for (size_t b = 0; b < batch; b++) {
        const int32_t *row = ids + spans[b].index * config->context;
        memcpy(scratch->ids + b * tokens, row, spans[b].tokens * sizeof *row);
        scratch->eot[b] = (int32_t)spans[b].pooled;
    }
    int rc = run_ids(encoder->stream, encoder->model, encoder->raw, scratch->embeddings, scratch->ids,
        scratch->eot, batch, tokens, err);
    for (size_t b = 0; b < batch && !rc; b++)
        memcpy(
            embeddings + spans[b].index * width, scratch->embeddings + b * width, width * sizeof *embeddings);
    return rc;
}

int encoder_ids(struct encoder *encoder, float *embeddings, const int32_t *ids, const size_t *lengths,
    size_t count, const struct job *job, struct err *err)
{
    const struct text_config *config = &model_config(encoder->model)->text;
    const size_t max = count < encoder->max_batch ? count : encoder->max_batch;
    struct text_span *spans = mem_new(count, sizeof *spans);
    const struct text_batch scratch = {
        .ids = mem_new(max * config->context, sizeof(int32_t)),
        .eot = mem_new(max, sizeof(int32_t)),
        .embeddings = mem_new(max * model_width(encoder->model), sizeof(float)),
    };
    int rc;
    if (!spans || !scratch.ids || !scratch.eot || !scratch.embeddings)
        rc = err_memory(err, count * sizeof *spans + max * config->context * sizeof(int32_t));
    else if (!(rc = model_check_files(encoder->model, err)))
        rc = text_spans(spans, config, ids, lengths, count, err);
    for (size_t done = 0, batch; !rc && done < count; done += batch) {
        batch = batch_of(spans + done, count - done, max);
        rc = encode_spans(encoder, embeddings, spans + done, batch, ids, &scratch, err);
        if (!rc)
            rc = job_step(job, "encoding texts", 0, 0, err);
    }
    free(spans);
    free(scratch.ids);
    free(scratch.eot);
    free(scratch.embeddings);
    return rc;
}

int encoder_texts(struct encoder *encoder, float *embeddings, const char *const *texts, size_t count,
    size_t *truncated, const struct job *job, struct err *err)
{
    struct token_rows rows = {0};
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++)
        rc = token_rows_add(&rows, encoder->model, texts[i], err);
    if (!rc)
        rc = encoder_ids(encoder, embeddings, rows.ids, rows.lengths, count, job, err);
    if (truncated)
        *truncated = rows.truncated;
    token_rows_release(&rows);
    return rc;
}
