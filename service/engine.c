// SPDX-License-Identifier: Apache-2.0
/* The model's life: opened, given back, loaded again. */
#include "service/decode.h"
#include "service/engine_internal.h"

#include <stdlib.h>
#include <string.h>

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
    engine->ids = mem_new(texts, engine_context(engine) * sizeof *engine->ids);
    engine->lengths = mem_new(texts, sizeof *engine->lengths);
    engine->text_rows = mem_new(texts, width * sizeof *engine->text_rows);
    engine->pixels = mem_new(pictures, engine_pixel_bytes(engine));
    engine->picture_rows = mem_new(pictures, width * sizeof *engine->picture_rows);
    if (engine->ids && engine->lengths && engine->text_rows && engine->pixels && engine->picture_rows)
        return 0;
    return err_memory(err, pictures * engine_pixel_bytes(engine));
}

static int load_model(struct engine *engine, struct err *err)
{
    return model_open_adapted(
        &engine->model, engine->options.directory, &engine->options.adapters, engine->device, err);
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
    int rc =
        model_adapted_fingerprint(fingerprint, engine->options.directory, &engine->options.adapters, err);
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

int engine_open(struct engine **out, const struct engine_options *options, struct err *err)
{
    struct engine *engine = mem_new(1, sizeof *engine);
    const struct residence_options residence = {load_again, unload, engine, options->idle_seconds};
    if (!engine)
        return err_memory(err, sizeof *engine);
    engine->options = *options;
    int rc = model_adapted_fingerprint(engine->fingerprint, options->directory, &options->adapters, err);
    if (!rc)
        rc = device_open(&engine->device, &options->device, err);
    if (!rc)
        rc = load_model(engine, err);
    if (!rc) {
        engine->config = *model_config(engine->model);
        engine->preprocess = *model_preprocess(engine->model);
        engine->score = model_score(engine->model);
        rc = load_encoders(engine, err);
    }
    if (!rc)
        rc = engine_warm_up(engine, err);
    if (!rc)
        rc = pool_open(&engine->decoders, thread_default(), err);
    if (!rc)
        rc = pool_open(&engine->thumbnails, thread_default(), err);
    if (!rc)
        rc = open_batcher(&engine->texts, engine, options->text_batch, engine_run_texts, err);
    if (!rc)
        rc = open_batcher(&engine->pictures, engine, options->picture_batch, engine_run_pictures, err);
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

/* ---- what is known, and who holds it ------------------------------------------------------------------- */

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

const struct model_config *engine_config(const struct engine *engine)
{
    return &engine->config;
}

struct score_rule engine_score(const struct engine *engine)
{
    return engine->score;
}

const char *engine_fingerprint(const struct engine *engine)
{
    return engine->fingerprint;
}

const char *engine_directory(const struct engine *engine)
{
    return engine->options.directory;
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
    return vit_tokens(&engine->config.vision);
}

struct engine_counts engine_counts(struct engine *engine)
{
    return (struct engine_counts){batcher_counts(engine->texts), batcher_counts(engine->pictures)};
}

int engine_thumbnail(struct engine *engine, struct thumbnail *out, struct picture_source source, int edge,
    const struct picture_options *options, const struct job *job, struct err *err)
{
    struct picture_options as_others = *options;
    as_others.isolate = engine->options.picture.isolate;
    return decode_thumbnail(out, engine->thumbnails, source, edge, &as_others, job, err);
}
