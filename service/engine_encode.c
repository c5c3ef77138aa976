// SPDX-License-Identifier: Apache-2.0
/* From a request's inputs to items of batches, and back. */
#include "service/decode.h"
#include "service/engine_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- batches ------------------------------------------------------------------------------------------- */

struct text_item {
    const int32_t *ids; // (length)
    size_t length;
    float *embedding; // (E)
};

struct picture_item {
    const uint8_t *pixels; // (S, S, 3)
    float *embedding;      // (E)
    bool *outside;         /* NULL: nobody asks */
};

int engine_run_texts(void *context, void *const *items, size_t count, struct err *err)
{
    struct engine *engine = context;
    const size_t width = engine_width(engine);
    for (size_t i = 0; i < count; i++) {
        const struct text_item *item = items[i];
        memcpy(engine->ids + i * engine_context(engine), item->ids, item->length * sizeof *item->ids);
        engine->lengths[i] = item->length;
    }
    const int rc =
        encoder_ids(engine->text_encoder, engine->text_rows, engine->ids, engine->lengths, count, NULL, err);
    for (size_t i = 0; i < count && !rc; i++)
        memcpy(((struct text_item *)items[i])->embedding, engine->text_rows + i * width,
            width * sizeof *engine->text_rows);
    return rc;
}

/* For whoever runs the service: answers say it of each picture, to clients that need not look. */
static void tell_outside(struct engine *engine)
{
    const size_t count = encoder_outside_count(engine->picture_encoder);
    char line[OUTSIDE_LINE_SIZE];
    if (!count || engine->told_outside)
        return;
    engine->told_outside = true;
    encoder_outside_line(line, engine->picture_encoder, count);
    engine->options.tell(engine->options.context, line);
}

int engine_run_pictures(void *context, void *const *items, size_t count, struct err *err)
{
    struct engine *engine = context;
    const size_t width = engine_width(engine), bytes = engine_pixel_bytes(engine);
    for (size_t i = 0; i < count; i++)
        memcpy(engine->pixels + i * bytes, ((const struct picture_item *)items[i])->pixels, bytes);
    const int rc = encoder_pixels(engine->picture_encoder, engine->picture_rows, engine->pixels, count, err);
    for (size_t i = 0; i < count && !rc; i++) {
        const struct picture_item *item = items[i];
        memcpy(item->embedding, engine->picture_rows + i * width, width * sizeof *engine->picture_rows);
        if (item->outside && encoder_outside(engine->picture_encoder)[i])
            *item->outside = true;
    }
    tell_outside(engine);
    return rc;
}

/* ---- encoding ------------------------------------------------------------------------------------------ */

/* What one call has in hand. */
struct encoding {
    struct engine *engine;
    float *embeddings; // (count, E)
    const struct input *inputs;
    size_t count, texts, pictures;
    size_t *tokens;
    const struct job *job;
};

/* The ids of a text input: its own, or what the tokenizer makes of it, written to `row` (context). */
static int text_ids(struct text_item *item, const struct engine *engine, const struct input *input,
    int32_t *row, struct err *err)
{
    if (input->kind == INPUT_IDS) {
        item->ids = input->ids;
        item->length = input->id_count;
        if (input->id_count && input->id_count < engine->config.text.context) { /* there is room to pad */
            memcpy(row, input->ids, input->id_count * sizeof *row);
            item->ids = row;
            item->length = model_pad_ids(engine->model, row, input->id_count);
        }
        return 0; /* encoder_ids checks them, so that a wrong one fails its whole batch: see check_ids */
    }
    item->ids = row;
    return model_text_ids(engine->model, input->text, row, &item->length, NULL, err);
}

/* Ids that come from outside are looked at before they meet those of others in a batch. */
static int check_ids(const struct engine *engine, const struct text_item *item, struct err *err)
{
    const struct text_config *config = &engine->config.text;
    if (!item->length || item->length > config->context)
        return err_set(err, ERR_ARGUMENT, "%zu ids, the model takes 1 to %zu", item->length, config->context);
    for (size_t i = 0; i < item->length; i++)
        if (item->ids[i] < 0 || (size_t)item->ids[i] >= config->vocab)
            return err_set(
                err, ERR_ARGUMENT, "id %d is not in the vocabulary of %zu", (int)item->ids[i], config->vocab);
    return 0;
}

static int read_text(struct text_item *item, const struct engine *engine, const struct input *input,
    int32_t *row, struct err *err)
{
    const int rc = text_ids(item, engine, input, row, err);
    return rc ? rc : check_ids(engine, item, err);
}

static int encode_texts(const struct encoding *e, struct err *err)
{
    const size_t context = engine_context(e->engine), width = engine_width(e->engine);
    struct text_item *items = mem_new(e->texts, sizeof *items);
    void **list = mem_new(e->texts, sizeof *list);
    int32_t *rows = mem_new(e->texts, context * sizeof *rows); // (texts, context)
    int rc = items && list && rows ? 0 : err_memory(err, e->texts * context * sizeof *rows);
    size_t at = 0;
    for (size_t i = 0; i < e->count && !rc; i++) {
        if (e->inputs[i].kind == INPUT_PICTURE)
            continue;
        struct err *problem = e->inputs[i].problem;
        items[at].embedding = e->embeddings + i * width;
        rc = read_text(&items[at], e->engine, &e->inputs[i], rows + at * context, problem ? problem : err);
        if (rc && problem) {
            rc = 0;
            continue;
        }
        if (rc)
            err_wrap(err, "input %zu", i);
        *e->tokens += items[at].length;
        list[at] = &items[at];
        at++;
    }
    if (!rc)
        rc = batcher_do(e->engine->texts, list, at, e->job, err);
    free(rows);
    free(list);
    free(items);
    return rc;
}

/* As many pictures of a request as are decoded together: pixels take much more memory than the bytes they come from, so
 * never those of all the pictures that a body has room for. */
struct slice {
    size_t room, count;
    struct decode *decodes;     // (room)
    struct picture_item *items; // (room)
    void **list;                // (room)
    uint8_t *pixels;            // (room, S, S, 3)
};

static int slice_open(struct slice *slice, const struct encoding *e, struct err *err)
{
    const size_t batch = e->engine->options.picture_batch;
    *slice = (struct slice){.room = e->pictures < batch ? e->pictures : batch};
    slice->decodes = mem_new(slice->room, sizeof *slice->decodes);
    slice->items = mem_new(slice->room, sizeof *slice->items);
    slice->list = mem_new(slice->room, sizeof *slice->list);
    slice->pixels = mem_new(slice->room, engine_pixel_bytes(e->engine));
    return slice->decodes && slice->items && slice->list && slice->pixels
               ? 0
               : err_memory(err, slice->room * engine_pixel_bytes(e->engine));
}

static void slice_release(struct slice *slice)
{
    free(slice->pixels);
    free(slice->list);
    free(slice->items);
    free(slice->decodes);
}

static void slice_add(struct slice *slice, const struct encoding *e, size_t i)
{
    const struct input *input = &e->inputs[i];
    uint8_t *pixels = slice->pixels + slice->count * engine_pixel_bytes(e->engine);
    slice->decodes[slice->count] = (struct decode){.source = input->picture,
        .alpha = input->alpha,
        .input = i,
        .edges = input->edges,
        .problem = input->problem,
        .warning = input->notes ? input->notes->warning : NULL,
        .pixels = pixels};
    slice->items[slice->count] = (struct picture_item){
        pixels, e->embeddings + i * engine_width(e->engine), input->notes ? &input->notes->outside : NULL};
    slice->count++;
}

static int slice_encode(struct slice *slice, const struct encoding *e, struct err *err)
{
    struct engine *engine = e->engine;
    size_t good = 0;
    int rc = decode_all(engine->decoders, slice->decodes, slice->count, model_preprocess(engine->model),
        &engine->options.picture, e->job, err);
    for (size_t i = 0; i < slice->count; i++)
        if (!slice->decodes[i].problem || !slice->decodes[i].problem->code)
            slice->list[good++] = &slice->items[i];
    if (!rc)
        rc = batcher_do(engine->pictures, slice->list, good, e->job, err);
    slice->count = 0;
    return rc;
}

static int encode_pictures_of(const struct encoding *e, struct err *err)
{
    struct slice slice;
    int rc = slice_open(&slice, e, err);
    for (size_t i = 0; i < e->count && !rc; i++) {
        if (e->inputs[i].kind != INPUT_PICTURE)
            continue;
        slice_add(&slice, e, i);
        if (slice.count == slice.room)
            rc = slice_encode(&slice, e, err);
    }
    if (!rc && slice.count)
        rc = slice_encode(&slice, e, err);
    *e->tokens += e->pictures * engine_picture_tokens(e->engine);
    slice_release(&slice);
    return rc;
}

int engine_encode(struct engine *engine, float *embeddings, const struct input *inputs, size_t count,
    size_t *tokens, const struct job *job, struct err *err)
{
    struct encoding encoding = {engine, embeddings, inputs, count, 0, 0, tokens, job};
    *tokens = 0;
    for (size_t i = 0; i < count; i++)
        *(inputs[i].kind == INPUT_PICTURE ? &encoding.pictures : &encoding.texts) += 1;
    int rc = residence_hold(engine->residence, job, err);
    if (rc)
        return rc;
    rc = encoding.texts ? encode_texts(&encoding, err) : 0;
    if (!rc && encoding.pictures)
        rc = encode_pictures_of(&encoding, err);
    engine_let_go(engine);
    return rc;
}

int engine_warm_up(struct engine *engine, struct err *err)
{
    struct text_item text = {.embedding = engine->text_rows};
    const struct input word = {.kind = INPUT_TEXT, .text = "a"};
    int32_t *row = mem_new(engine_context(engine), sizeof *row);
    int rc = row ? text_ids(&text, engine, &word, row, err)
                 : err_memory(err, engine_context(engine) * sizeof *row);
    if (!rc)
        rc = encoder_ids(engine->text_encoder, engine->text_rows, text.ids, &text.length, 1, NULL, err);
    preprocess_blank(engine->pixels, &engine->preprocess);
    if (!rc)
        rc = encoder_pixels(engine->picture_encoder, engine->picture_rows, engine->pixels, 1, err);
    free(row);
    return rc;
}

/* ---- health -------------------------------------------------------------------------------------------- */

/* One text, or one black picture, in a batch with others'. */
static int encode_something(struct engine *engine, bool picture, const struct job *job, struct err *err)
{
    const struct input input = {.kind = INPUT_TEXT, .text = "a"};
    float *row = mem_new(1, engine_width(engine) * sizeof *row);
    uint8_t *pixels = picture ? mem_new(1, engine_pixel_bytes(engine)) : NULL;
    struct picture_item item = {.pixels = pixels, .embedding = row};
    void *const list[] = {&item};
    size_t tokens;
    int rc = row && (pixels || !picture) ? 0 : err_memory(err, engine_pixel_bytes(engine));
    if (!rc && picture)
        rc = batcher_do(engine->pictures, list, 1, job, err);
    else if (!rc)
        rc = engine_encode(engine, row, &input, 1, &tokens, job, err);
    free(pixels);
    free(row);
    return rc == ERR_BUSY ? 0 : rc; /* others try already */
}

int engine_check(struct engine *engine, double patience, const struct job *job, struct err *err)
{
    const struct engine_counts counts = engine_counts(engine);
    const double seconds =
        counts.texts.seconds > counts.pictures.seconds ? counts.texts.seconds : counts.pictures.seconds;
    int rc = seconds > patience
                 ? err_set(err, ERR_DEVICE, "the device has been at one batch for %.0f seconds", seconds)
                 : 0;
    if (rc || !(counts.texts.failed || counts.pictures.failed) || !residence_try_hold(engine->residence))
        return rc;
    if (counts.texts.failed)
        rc = encode_something(engine, false, job, err);
    if (!rc && counts.pictures.failed)
        rc = encode_something(engine, true, job, err);
    engine_let_go(engine);
    return rc;
}
