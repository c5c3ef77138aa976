// SPDX-License-Identifier: Apache-2.0
#include "service/engine.h"
#include "service/decode.h"
#include "service/residence.h"

#include <stdlib.h>
#include <string.h>

struct engine {
    struct engine_options options;
    struct device *device;
    struct batcher *texts, *pictures;
    struct pool *decoders, *thumbnails;

    /* What stays known of a model that has been given back. */
    char fingerprint[FINGERPRINT_SIZE];
    struct model_config config;
    float logit_scale;

    struct residence *residence; /* of all that follows */
    struct model *model;
    struct encoder *text_encoder, *picture_encoder;
    int32_t *ids;        // (text_batch, context): of the batch under way
    size_t *lengths;     // (text_batch)
    float *text_rows;    // (text_batch, E)
    uint8_t *pixels;     // (picture_batch, S, S, 3)
    float *picture_rows; // (picture_batch, E)
};

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

static size_t context_of(const struct engine *engine)
{
    return engine->config.text.context;
}

static size_t pixel_bytes(const struct engine *engine)
{
    const size_t edge = engine->config.vision.image_size;
    return edge * edge * 3;
}

static int run_texts(void *context, void *const *items, size_t count, struct err *err)
{
    struct engine *engine = context;
    const size_t width = engine_width(engine);
    for (size_t i = 0; i < count; i++) {
        const struct text_item *item = items[i];
        memcpy(engine->ids + i * context_of(engine), item->ids, item->length * sizeof *item->ids);
        engine->lengths[i] = item->length;
    }
    const int rc =
        encoder_ids(engine->text_encoder, engine->text_rows, engine->ids, engine->lengths, count, NULL, err);
    for (size_t i = 0; i < count && !rc; i++)
        memcpy(((struct text_item *)items[i])->embedding, engine->text_rows + i * width,
            width * sizeof *engine->text_rows);
    return rc;
}

static int run_pictures(void *context, void *const *items, size_t count, struct err *err)
{
    struct engine *engine = context;
    const size_t width = engine_width(engine), bytes = pixel_bytes(engine);
    for (size_t i = 0; i < count; i++)
        memcpy(engine->pixels + i * bytes, ((const struct picture_item *)items[i])->pixels, bytes);
    const int rc = encoder_pixels(engine->picture_encoder, engine->picture_rows, engine->pixels, count, err);
    for (size_t i = 0; i < count && !rc; i++) {
        const struct picture_item *item = items[i];
        memcpy(item->embedding, engine->picture_rows + i * width, width * sizeof *engine->picture_rows);
        if (item->outside && encoder_outside(engine->picture_encoder)[i])
            *item->outside = true;
    }
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
        return 0; /* encoder_ids checks them, so that a wrong one fails its whole batch: see check_ids */
    }
    item->ids = row;
    return tokenizer_encode(model_tokenizer(engine->model), input->text, strlen(input->text), row,
        model_context(engine->model), &item->length, NULL, err);
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
    const size_t context = context_of(e->engine), width = engine_width(e->engine);
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
    slice->pixels = mem_new(slice->room, pixel_bytes(e->engine));
    return slice->decodes && slice->items && slice->list && slice->pixels
               ? 0
               : err_memory(err, slice->room * pixel_bytes(e->engine));
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
    uint8_t *pixels = slice->pixels + slice->count * pixel_bytes(e->engine);
    slice->decodes[slice->count] = (struct decode){.source = input->picture,
        .alpha = input->alpha,
        .input = i,
        .edges = input->edges,
        .problem = input->problem,
        .pixels = pixels};
    slice->items[slice->count] =
        (struct picture_item){pixels, e->embeddings + i * engine_width(e->engine), input->outside};
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

int engine_hold(const struct model **out, struct engine *engine, const struct job *job, struct err *err)
{
    const int rc = residence_hold(engine->residence, job, err);
    *out = rc ? NULL : engine->model;
    return rc;
}

void engine_let_go(struct engine *engine)
{
    residence_let_go(engine->residence);
}

bool engine_loaded(const struct engine *engine)
{
    return residence_there(engine->residence);
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

int engine_thumbnail(struct engine *engine, struct thumbnail *out, struct picture_source source, int edge,
    const struct picture_options *options, const struct job *job, struct err *err)
{
    return decode_thumbnail(out, engine->thumbnails, source, edge, options, job, err);
}

/* ---- health -------------------------------------------------------------------------------------------- */

/* One text, or one black picture, in a batch with others'. */
static int encode_something(struct engine *engine, bool picture, const struct job *job, struct err *err)
{
    const struct input input = {.kind = INPUT_TEXT, .text = "a"};
    float *row = mem_new(1, engine_width(engine) * sizeof *row);
    uint8_t *pixels = picture ? mem_new(1, pixel_bytes(engine)) : NULL;
    struct picture_item item = {.pixels = pixels, .embedding = row};
    void *const list[] = {&item};
    size_t tokens;
    int rc = row && (pixels || !picture) ? 0 : err_memory(err, pixel_bytes(engine));
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

/* ---- opening ------------------------------------------------------------------------------------------- */

static int open_batcher(struct batcher **out, struct engine *engine, size_t batch,
    int (*run)(void *context, void *const *items, size_t count, struct err *err), struct err *err)
{
    const struct batcher_options options = {
        .batch = batch, .queue = engine->options.queue, .patience = 0.002, .run = run, .context = engine};
    return batcher_open(out, &options, err);
}

static int open_memory(struct engine *engine, struct err *err)
{
    const size_t texts = engine->options.text_batch, pictures = engine->options.picture_batch;
    const size_t width = engine_width(engine);
    engine->ids = mem_new(texts, context_of(engine) * sizeof *engine->ids);
    engine->lengths = mem_new(texts, sizeof *engine->lengths);
    engine->text_rows = mem_new(texts, width * sizeof *engine->text_rows);
    engine->pixels = mem_new(pictures, pixel_bytes(engine));
    engine->picture_rows = mem_new(pictures, width * sizeof *engine->picture_rows);
    if (engine->ids && engine->lengths && engine->text_rows && engine->pixels && engine->picture_rows)
        return 0;
    return err_memory(err, pictures * pixel_bytes(engine));
}

static int load_model(struct engine *engine, struct err *err)
{
    return model_open(&engine->model, engine->options.directory, engine->device, err);
}

static int load_encoders(struct engine *engine, struct err *err)
{
    const struct engine_options *options = &engine->options;
    int rc = encoder_open(&engine->text_encoder, engine->model, options->text_batch, err);
    if (!rc)
        rc = encoder_open(&engine->picture_encoder, engine->model, options->picture_batch, err);
    return rc ? rc : open_memory(engine, err);
}

static void unload(void *context)
{
    struct engine *engine = context;
    encoder_free(engine->text_encoder);
    encoder_free(engine->picture_encoder);
    model_free(engine->model);
    free(engine->ids);
    free(engine->lengths);
    free(engine->text_rows);
    free(engine->pixels);
    free(engine->picture_rows);
    engine->text_encoder = engine->picture_encoder = NULL;
    engine->model = NULL;
    engine->ids = NULL;
    engine->lengths = NULL;
    engine->text_rows = engine->picture_rows = NULL;
    engine->pixels = NULL;
    mem_trim();
}

/* Indexes are searched by what the model was at the beginning. */
static int load_again(void *context, struct err *err)
{
    struct engine *engine = context;
    char fingerprint[FINGERPRINT_SIZE];
    int rc = model_directory_fingerprint(fingerprint, engine->options.directory, err);
    if (!rc && strcmp(fingerprint, engine->fingerprint))
        rc = err_set(err, ERR_IO, "'%s' has become another model: the service must be started anew",
            engine->options.directory);
    if (!rc)
        rc = load_model(engine, err);
    if (!rc)
        rc = load_encoders(engine, err);
    if (rc)
        unload(engine);
    mem_trim();
    return rc;
}

/* One text and one black picture. */
static int warm_up(struct engine *engine, struct err *err)
{
    struct text_item text = {.embedding = engine->text_rows};
    const struct input word = {.kind = INPUT_TEXT, .text = "a"};
    int32_t *row = mem_new(context_of(engine), sizeof *row);
    int rc =
        row ? text_ids(&text, engine, &word, row, err) : err_memory(err, context_of(engine) * sizeof *row);
    if (!rc)
        rc = encoder_ids(engine->text_encoder, engine->text_rows, text.ids, &text.length, 1, NULL, err);
    if (!rc)
        rc = encoder_pixels(engine->picture_encoder, engine->picture_rows, engine->pixels, 1, err);
    free(row);
    return rc;
}

int engine_open(struct engine **out, const struct engine_options *options, struct err *err)
{
    struct engine *engine = mem_new(1, sizeof *engine);
    const struct residence_options residence = {load_again, unload, engine, options->idle_seconds};
    if (!engine)
        return err_memory(err, sizeof *engine);
    engine->options = *options;
    int rc = model_directory_fingerprint(engine->fingerprint, options->directory, err);
    if (!rc)
        rc = device_open(&engine->device, &options->device, err);
    if (!rc)
        rc = load_model(engine, err);
    if (!rc) {
        engine->config = *model_config(engine->model);
        engine->logit_scale = model_logit_scale(engine->model);
        rc = load_encoders(engine, err);
    }
    if (!rc)
        rc = warm_up(engine, err);
    if (!rc)
        rc = pool_open(&engine->decoders, thread_default(), err);
    if (!rc)
        rc = pool_open(&engine->thumbnails, thread_default(), err);
    if (!rc)
        rc = open_batcher(&engine->texts, engine, options->text_batch, run_texts, err);
    if (!rc)
        rc = open_batcher(&engine->pictures, engine, options->picture_batch, run_pictures, err);
    if (!rc)
        rc = residence_open(&engine->residence, &residence, err);
    if (rc)
        engine_free(engine);
    else
        *out = engine;
    return rc;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    residence_free(engine->residence);
    batcher_free(engine->texts);
    batcher_free(engine->pictures);
    pool_free(engine->thumbnails);
    pool_free(engine->decoders);
    unload(engine);
    device_free(engine->device);
    free(engine);
}

const struct model_config *engine_config(const struct engine *engine)
{
    return &engine->config;
}

float engine_logit_scale(const struct engine *engine)
{
    return engine->logit_scale;
}

const char *engine_fingerprint(const struct engine *engine)
{
    return engine->fingerprint;
}

size_t engine_width(const struct engine *engine)
{
    return engine->config.text.embed_width;
}

struct device *engine_device(const struct engine *engine)
{
    return engine->device;
}

size_t engine_picture_tokens(const struct engine *engine)
{
    const struct vit_config *vision = &engine->config.vision;
    const size_t grid = vision->image_size / vision->patch_size;
    return grid * grid + 1;
}

struct engine_counts engine_counts(struct engine *engine)
{
    return (struct engine_counts){batcher_counts(engine->texts), batcher_counts(engine->pictures)};
}
