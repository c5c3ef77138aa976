// SPDX-License-Identifier: Apache-2.0
#include "joint/train/trained_towers.h"

#include <math.h>
#include <stdlib.h>

#include "joint/internal.h"

const struct trained_what_is trained_what_is[TRAINED_COUNT] = {
    [TRAINED_ALL] = {"all", TOWER_ALL, TOWER_ALL, true},
    [TRAINED_TEXT] = {"text", TOWER_NONE, TOWER_ALL, true},
    [TRAINED_VISION] = {"vision", TOWER_ALL, TOWER_NONE, true},
    [TRAINED_PROJECTIONS] = {"projections", TOWER_PROJECTION, TOWER_PROJECTION, true},
    [TRAINED_LORA] = {"lora", TOWER_LORA, TOWER_LORA, false},
};

struct trained_model {
    struct trained_model_options options;
    struct parameters *parameters;
    struct trained_towers towers;
    struct lora *lora;
    struct scale_tensors values, gradients;
    struct stream *stream;
    size_t bytes;
    float scale_most; /* of the stored scale */
};

/* What the loss is at: scale and bias as they are now. */
static int read_scale(
    struct loss_options *out, const struct trained_model *model, struct stream *stream, struct err *err)
{
    float scale = 0, bias = 0;
    int rc = tensor_read(stream, &scale, model->values.scale, 1, err);
    if (!rc && model->options.loss == LOSS_SIGMOID)
        rc = tensor_read(stream, &bias, model->values.bias, 1, err);
    *out = (struct loss_options){.loss = model->options.loss, .scale = expf(scale), .bias = bias};
    return rc;
}

/* The stored scale is the logarithm of the one that logits are multiplied by. */
static int write_scale_gradients(const struct trained_model *model, struct stream *stream,
    const struct loss_report *report, const struct loss_options *options, struct err *err)
{
    const float scale = (float)(report->dscale * (double)options->scale), bias = (float)report->dbias;
    if (!trained_what_is[model->options.what].scale)
        return 0;
    int rc = tensor_write(stream, model->gradients.scale, &scale, 1, err);
    if (!rc && model->options.loss == LOSS_SIGMOID)
        rc = tensor_write(stream, model->gradients.bias, &bias, 1, err);
    return rc;
}

/* What a pass holds of the embeddings of both towers. */
struct embedded {
    struct tensor images, texts;           // (B, E) float32
    struct tensor image_units, text_units; // of length 1
    struct tensor dimages, dtexts;         // gradients by either, one after the other
};

static int embedded_new(struct embedded *out, struct stream *stream, struct shape shape, struct err *err)
{
    struct tensor *const tensors[] = {
        &out->images, &out->texts, &out->image_units, &out->text_units, &out->dimages, &out->dtexts};
    int rc = 0;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors && !rc; i++)
        rc = tensor_new(tensors[i], stream, DTYPE_F32, shape, err);
    return rc;
}

/* Rows first to first + count of x (B, E). */
static struct tensor rows_of(struct tensor x, size_t first, size_t count)
{
    const size_t width = tensor_width(x);
    x.offset += first * width;
    x.shape = SHAPE(count, width);
    return x;
}

/* The loss of all pairs, and its gradients by embeddings as the towers give them. */
static int lose(const struct trained_model *model, struct stream *stream, const struct embedded *embedded,
    struct loss_report *report, const uint8_t *fits, struct err *err)
{
    struct loss_options options;
    int rc = read_scale(&options, model, stream, err);
    options.smoothing = model->options.smoothing;
    options.fits = fits;
    if (rc || (rc = normalize_rows_forward(stream, embedded->image_units, embedded->images, err)) ||
        (rc = normalize_rows_forward(stream, embedded->text_units, embedded->texts, err)) ||
        (rc = contrastive_loss(report, stream, embedded->dimages, embedded->dtexts, embedded->image_units,
             embedded->text_units, &options, err)) ||
        (rc = write_scale_gradients(model, stream, report, &options, err)) ||
        (rc = normalize_rows_backward(stream, embedded->dimages, embedded->dimages, embedded->images, err)))
        return rc;
    return normalize_rows_backward(stream, embedded->dtexts, embedded->dtexts, embedded->texts, err);
}

/* A part of a batch through the towers, forward, or backward of what forward has kept. */
static int forward(const struct trained_model *model, struct stream *stream, const struct embedded *embedded,
    const struct contrastive_batch *batch, size_t first, size_t count, bool all, struct err *err)
{
    if (model->lora)
        lora_draw(model->lora, batch->number, first, count);
    return trained_towers_forward(&model->towers, stream, rows_of(embedded->images, first, count),
        rows_of(embedded->texts, first, count), batch, first, all, err);
}

static int backward(const struct trained_model *model, struct stream *stream, const struct embedded *embedded,
    size_t first, size_t count, struct err *err)
{
    return trained_towers_backward(&model->towers, stream, rows_of(embedded->dimages, first, count),
        rows_of(embedded->dtexts, first, count), err);
}

static int learn(const struct trained_model *model, struct stream *stream, struct loss_report *report,
    const struct contrastive_batch *batch, struct err *err)
{
    const size_t mark = stream_mark(stream), all = batch->count, most = model->options.chunk;
    const bool whole = all <= most; /* what gradients need stays from the only forward pass */
    struct embedded embedded;
    int rc = embedded_new(&embedded, stream, SHAPE(all, model->towers.config.text.embed_width), err);
    if (!rc)
        rc = parameters_clear_gradients(model->parameters, stream, err);
    const size_t chunks = stream_mark(stream);
    for (size_t first = 0; first < all && !rc; first += most) {
        const size_t count = all - first < most ? all - first : most;
        rc = forward(model, stream, &embedded, batch, first, count, true, err);
        if (!whole)
            stream_rewind(stream, chunks);
    }
    if (!rc)
        rc = lose(model, stream, &embedded, report, batch->fits, err);
    for (size_t first = 0; first < all && !rc; first += most) {
        const size_t count = all - first < most ? all - first : most;
        if (!whole)
            rc = forward(model, stream, &embedded, batch, first, count, false, err);
        if (!rc)
            rc = backward(model, stream, &embedded, first, count, err);
        stream_rewind(stream, chunks);
    }
    stream_rewind(stream, mark);
    return rc;
}

/* The stream that the largest batch needs. */
static int open_stream(struct trained_model *model, struct device *device, struct err *err)
{
    const size_t size = model->towers.config.vision.image_size, batch = model->options.batch,
                 tokens = model->options.tokens;
    struct stream *plan = NULL;
    struct loss_report report;
    int32_t *ids = mem_new(batch * tokens, sizeof *ids), *eot = mem_new(batch, sizeof *eot);
    uint8_t *pixels = mem_new(batch * size * size, 3), fits[1] = {0}; /* a plan does not look at them */
    const struct contrastive_batch any = {.count = batch,
        .tokens = tokens,
        .pixels = pixels,
        .ids = ids,
        .eot = eot,
        .fits = fits,
        .number = 1};
    int rc = ids && eot && pixels ? 0 : err_memory(err, batch * (size * size * 3 + tokens * sizeof *ids));
    if (!rc && !(rc = stream_open(&plan, device, 0, err)))
        rc = learn(model, plan, &report, &any, err);
    if (!rc)
        rc = stream_open(&model->stream, device, stream_peak(plan), err);
    if (!rc)
        model->bytes = stream_peak(plan);
    stream_free(plan);
    free(ids);
    free(eot);
    free(pixels);
    return rc;
}

static int open_towers(struct trained_model *model, const struct model_config *config,
    const struct preprocess *preprocess, const struct weights *weights, struct device *device,
    struct err *err)
{
    const struct trained_model_options *options = &model->options;
    const struct trained_what_is *what = &trained_what_is[options->what];
    int rc = options->what == TRAINED_LORA ? lora_new(&model->lora, &options->lora, err) : 0;
    const struct tower_training training = {.recomputes = options->recomputes, .lora = model->lora};
    if (options->averages)
        parameters_keep_averages(model->parameters);
    if (!rc)
        rc = trained_towers_open(
            &model->towers, config, preprocess, weights, device, what, &training, model->parameters, err);
    return rc ? rc
              : model_scale_parameters(model->parameters, options->loss == LOSS_SIGMOID, what->scale,
                    &model->values, &model->gradients, err);
}

/* The stored scale rises to 100 at most, or of a sigmoid stays where it began above that. */
static int limit_scale(struct trained_model *model, struct err *err)
{
    float begins = 0;
    const int rc = tensor_read(model->stream, &begins, model->values.scale, 1, err);
    model->scale_most = logf(100);
    if (model->options.loss == LOSS_SIGMOID)
        model->scale_most = fmaxf(begins, model->scale_most);
    return rc;
}

int trained_model_open(struct trained_model **out, const struct model_config *config,
    const struct preprocess *preprocess, const struct weights *weights, struct device *device,
    const struct trained_model_options *options, struct err *err)
{
    struct trained_model *model = mem_new(1, sizeof *model);
    int rc;
    if (!model)
        return err_memory(err, sizeof *model);
    model->options = *options;
    if ((rc = parameters_new(&model->parameters, err)) ||
        (rc = open_towers(model, config, preprocess, weights, device, err)) ||
        (rc = parameters_open(model->parameters, device, err)) || (rc = open_stream(model, device, err)))
        goto done;
    model->bytes += parameters_bytes(model->parameters);
    rc = parameters_load(model->parameters, model->stream, weights, err);
    if (!rc)
        rc = limit_scale(model, err);
done:
    if (rc)
        trained_model_free(model);
    else
        *out = model;
    return rc;
}

void trained_model_free(struct trained_model *model)
{
    if (!model)
        return;
    stream_free(model->stream);
    trained_towers_release(&model->towers);
    lora_free(model->lora);
    parameters_free(model->parameters);
    free(model);
}

int trained_model_learn(struct trained_model *model, struct loss_report *report,
    const struct contrastive_batch *batch, struct err *err)
{
    return learn(model, model->stream, report, batch, err);
}

/* Room for embeddings (count, E) as a tower gives them, and of length 1, of which nothing drops out. */
static int begin_embedding(
    struct tensor *raw, struct tensor *units, struct trained_model *model, size_t count, struct err *err)
{
    const struct shape shape = SHAPE(count, model->towers.config.text.embed_width);
    if (model->lora)
        lora_draw(model->lora, 0, 0, count);
    const int rc = tensor_new(raw, model->stream, DTYPE_F32, shape, err);
    return rc ? rc : tensor_new(units, model->stream, DTYPE_F32, shape, err);
}

static int end_embedding(
    float *embeddings, struct stream *stream, struct tensor raw, struct tensor units, struct err *err)
{
    const int rc = normalize_rows_forward(stream, units, raw, err);
    return rc ? rc : tensor_read(stream, embeddings, units, shape_count(units.shape), err);
}

int trained_model_images(
    struct trained_model *model, float *embeddings, const uint8_t *pixels, size_t count, struct err *err)
{
    struct stream *stream = model->stream;
    const size_t mark = stream_mark(stream);
    struct tensor raw, units;
    int rc;
    if (!(rc = begin_embedding(&raw, &units, model, count, err)) &&
        !(rc = trained_towers_images(&model->towers, stream, raw, pixels, err)))
        rc = end_embedding(embeddings, stream, raw, units, err);
    stream_rewind(stream, mark);
    return rc;
}

int trained_model_texts(struct trained_model *model, float *embeddings, const int32_t *ids,
    const int32_t *eot, size_t count, size_t tokens, struct err *err)
{
    struct stream *stream = model->stream;
    const size_t mark = stream_mark(stream);
    struct tensor raw, units;
    int rc;
    if (!(rc = begin_embedding(&raw, &units, model, count, err)) &&
        !(rc = trained_towers_texts(&model->towers, stream, raw, ids, eot, tokens, err)))
        rc = end_embedding(embeddings, stream, raw, units, err);
    stream_rewind(stream, mark);
    return rc;
}

int trained_model_step(
    struct trained_model *model, const struct adamw_options *options, double *norm, struct err *err)
{
    const float most = model->scale_most;
    float scale = 0;
    int rc = parameters_step(model->parameters, model->stream, options, norm, err);
    if (!rc && trained_what_is[model->options.what].scale)
        rc = tensor_read(model->stream, &scale, model->values.scale, 1, err);
    if (rc || (scale >= 0 && scale <= most))
        return rc;
    scale = scale < 0 ? 0 : most;
    return tensor_write(model->stream, model->values.scale, &scale, 1, err);
}

int trained_model_save(const struct trained_model *model, enum parameters_kind kind,
    struct weights_writer *writer, struct err *err)
{
    return parameters_save(model->parameters, kind, model->stream, writer, err);
}

int trained_model_write(const struct trained_model *model, enum parameters_kind kind, struct weights *weights,
    struct weights_writer *writer, struct err *err)
{
    return parameters_write(model->parameters, kind, model->stream, weights, writer, err);
}

int trained_model_save_adapter(const struct trained_model *model, enum parameters_kind kind,
    struct weights_writer *writer, struct err *err)
{
    return parameters_save_adapter(model->parameters, kind, model->stream, writer, err);
}

int trained_model_load_adapter(struct trained_model *model, const struct weights *tensors, struct err *err)
{
    return parameters_load_adapter(model->parameters, model->stream, tensors, err);
}

int trained_model_keep(const struct trained_model *model, struct weights_writer *writer, struct err *err)
{
    return parameters_keep(model->parameters, model->stream, writer, err);
}

int trained_model_restore(struct trained_model *model, const struct weights *weights, struct err *err)
{
    return parameters_restore(model->parameters, model->stream, weights, err);
}

int trained_model_scale(const struct trained_model *model, double *scale, struct err *err)
{
    struct loss_options options;
    const int rc = read_scale(&options, model, model->stream, err);
    *scale = (double)options.scale;
    return rc;
}

int trained_model_average(struct trained_model *model, double decay, struct err *err)
{
    return parameters_average(model->parameters, model->stream, decay, err);
}

int trained_model_exchange_averages(struct trained_model *model, struct err *err)
{
    return parameters_exchange_averages(model->parameters, model->stream, err);
}

int trained_model_blend(
    struct trained_model *model, const struct weights *weights, float share, struct err *err)
{
    return parameters_blend(model->parameters, model->stream, weights, share, err);
}

const struct lora_options *trained_model_lora(const struct trained_model *model)
{
    return lora_options_of(model->lora);
}

size_t trained_model_bytes(const struct trained_model *model)
{
    return model->bytes;
}

size_t trained_model_trained(const struct trained_model *model)
{
    return parameters_trained(model->parameters);
}

struct stream *trained_model_stream(struct trained_model *model)
{
    return model->stream;
}
