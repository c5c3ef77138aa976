// SPDX-License-Identifier: Apache-2.0
/* Pictures and texts in batches, on a stream whose memory was planned for the largest. */
#include "joint/batch.h"
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

/* Rows of packed texts in a batch of so many: as many as if they were as long as CLIP's longest, or one text's. */
static size_t packed_rows(const struct text_config *config, size_t batch)
{
    enum { LONG = 77 };
    const size_t most = text_tokens_most(config), rows = batch * (most < LONG ? most : LONG);
    return rows > most ? rows : most;
}

static int plan_texts(struct stream *plan, const struct model *model, size_t batch, struct err *err)
{
    const struct text_config *config = &model_config(model)->text;
    const struct packed_texts packed = {.rows = packed_rows(config, batch),
        .sequences = {.count = batch, .longest = text_tokens_most(config)}};
    return config->packed ? batch_packed(plan, model, false, NULL, &packed, err)
                          : batch_ids(plan, model, false, NULL, NULL, NULL, batch, config->context, err);
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
        (rc = batch_pictures(plan, model, false, NULL, NULL, max_batch, err)) ||
        (rc = plan_texts(plan, model, max_batch, err)))
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

void encoder_outside_line(char out[OUTSIDE_LINE_SIZE], const struct encoder *encoder, size_t count)
{
    const bool one = count == 1;
    snprintf(out, OUTSIDE_LINE_SIZE,
        "%zu picture%s unlike the %s that this model knows, and what it says of %s means nothing: "
        "'diptych pull ViT-B-32/openai' gets a model of photographs, --model ViT-B-32/openai takes it",
        count, one ? " is" : "s are", model_scope(encoder->model), one ? "it" : "them");
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
    return rc || !count ? rc
                        : batch_pictures(
                              encoder->stream, encoder->model, encoder->raw, embeddings, pixels, count, err);
}

/* ---- texts --------------------------------------------------------------------------------------------- */

/* A text's place in the caller's order, how many ids it has, how many take part, and which is pooled. */
struct text_span {
    size_t index, length, tokens, pooled;
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
        const size_t least = text_shows_padding(config) ? config->context : 1;
        if (lengths[i] < least || lengths[i] > config->context)
            return err_set(err, ERR_ARGUMENT, "text %zu has %zu tokens, not %zu to %zu", i, lengths[i], least,
                config->context);
        for (size_t t = 0; t < lengths[i]; t++)
            if (row[t] < 0 || (size_t)row[t] >= config->vocab)
                return err_set(err, ERR_ARGUMENT, "text %zu has token id %d, not below %zu", i, (int)row[t],
                    config->vocab);
        spans[i] = (struct text_span){.index = i,
            .length = lengths[i],
            .tokens = text_tokens(config, row, lengths[i]),
            .pooled = text_eot(config, row, lengths[i])};
        if (!spans[i].tokens)
            return err_set(err, ERR_ARGUMENT, "text %zu is nothing but padding", i);
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

/* The same of texts that are packed: as many as there are rows for. */
static size_t packed_batch_of(const struct text_span *spans, size_t count, size_t max, size_t rows)
{
    size_t batch = 0;
    for (size_t tokens = 0; batch < count && batch < max; batch++) {
        tokens += spans[batch].tokens;
        if (tokens > rows)
            break;
    }
    return batch;
}

/* Buffers for one batch of texts on the host. */
struct text_batch {
    int32_t *ids;      // (B, T), or packed (R)
    int32_t *eot;      // (B)
    int32_t *places;   // (R), packed
    int32_t *starts;   // (B + 1), packed
    float *embeddings; // (B, E)
};

static int text_batch_new(struct text_batch *out, const struct model *model, size_t batch, struct err *err)
{
    const struct text_config *config = &model_config(model)->text;
    const size_t rows = config->packed ? packed_rows(config, batch) : batch * config->context;
    *out = (struct text_batch){
        .ids = mem_new(rows, sizeof(int32_t)),
        .eot = mem_new(batch, sizeof(int32_t)),
        .places = mem_new(config->packed ? rows : 1, sizeof(int32_t)),
        .starts = mem_new(batch + 1, sizeof(int32_t)),
        .embeddings = mem_new(batch * model_width(model), sizeof(float)),
    };
    return out->ids && out->eot && out->places && out->starts && out->embeddings
               ? 0
               : err_memory(err, rows * sizeof(int32_t));
}

static void text_batch_release(struct text_batch *batch)
{
    free(batch->ids);
    free(batch->eot);
    free(batch->places);
    free(batch->starts);
    free(batch->embeddings);
}

/* The embeddings (B, E) of the batch in scratch, of texts filled up to the longest. */
static int encode_padded(struct encoder *encoder, const struct text_span *spans, size_t batch,
    const int32_t *ids, const struct text_batch *scratch, struct err *err)
{
    const size_t context = model_config(encoder->model)->text.context, tokens = spans[batch - 1].tokens;
    memset(scratch->ids, 0, batch * tokens * sizeof *scratch->ids);
    for (size_t b = 0; b < batch; b++) {
        const int32_t *row = ids + spans[b].index * context;
        memcpy(scratch->ids + b * tokens, row, spans[b].tokens * sizeof *row);
        scratch->eot[b] = (int32_t)spans[b].pooled;
    }
    return batch_ids(encoder->stream, encoder->model, encoder->raw, scratch->embeddings, scratch->ids,
        scratch->eot, batch, tokens, err);
}

/* The same, of texts one after the other. */
static int encode_packed(struct encoder *encoder, const struct text_span *spans, size_t batch,
    const int32_t *ids, const struct text_batch *scratch, struct err *err)
{
    const struct text_config *config = &model_config(encoder->model)->text;
    size_t rows = 0;
    for (size_t b = 0; b < batch; b++) {
        const struct text_span *span = &spans[b];
        scratch->starts[b] = (int32_t)rows;
        scratch->eot[b] = (int32_t)(rows + span->pooled);
        rows += text_pack(scratch->ids + rows, scratch->places + rows, config,
            ids + span->index * config->context, span->length);
    }
    scratch->starts[batch] = (int32_t)rows;
    const struct packed_texts texts = {.rows = rows,
        .ids = scratch->ids,
        .places = scratch->places,
        .eot = scratch->eot,
        .sequences = {.count = batch, .longest = spans[batch - 1].tokens, .host_starts = scratch->starts}};
    return batch_packed(encoder->stream, encoder->model, encoder->raw, scratch->embeddings, &texts, err);
}

static int encode_spans(struct encoder *encoder, float *embeddings, const struct text_span *spans,
    size_t batch, const int32_t *ids, const struct text_batch *scratch, struct err *err)
{
    const size_t width = model_width(encoder->model);
    const int rc = model_config(encoder->model)->text.packed
                       ? encode_packed(encoder, spans, batch, ids, scratch, err)
                       : encode_padded(encoder, spans, batch, ids, scratch, err);
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
    struct text_batch scratch = {0};
    int rc =
        spans ? text_batch_new(&scratch, encoder->model, max, err) : err_memory(err, count * sizeof *spans);
    if (!rc && !(rc = model_check_files(encoder->model, err)))
        rc = text_spans(spans, config, ids, lengths, count, err);
    for (size_t done = 0, batch; !rc && done < count; done += batch) {
        batch = config->packed ? packed_batch_of(spans + done, count - done, max, packed_rows(config, max))
                               : batch_of(spans + done, count - done, max);
        rc = encode_spans(encoder, embeddings, spans + done, batch, ids, &scratch, err);
        if (!rc)
            rc = job_step(job, "encoding texts", 0, 0, err);
    }
    free(spans);
    text_batch_release(&scratch);
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
