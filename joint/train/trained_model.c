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

/* Embeddings of one tower, and what gradients are made of. */
struct side {
    struct tensor raw;      // (B, E) float32, as the tower gives it
    struct tensor units;    // of length 1
    struct tensor gradient; // by units, then by raw
};

static int side_new(struct side *out, struct stream *stream, struct shape shape, struct err *err)
{
    int rc = tensor_new(&out->raw, stream, DTYPE_F32, shape, err);
    if (!rc)
        rc = tensor_new(&out->units, stream, DTYPE_F32, shape, err);
    return rc ? rc : tensor_new(&out->gradient, stream, DTYPE_F32, shape, err);
}

/* What a tower runs over: the pictures of a batch, or its texts of some number. */
struct part {
    const struct contrastive_batch *batch;
    const struct batch_texts *texts; /* NULL: the pictures */
};

/* Rows first to first + count of x (B, E). */
static struct tensor rows_of(struct tensor x, size_t first, size_t count)
{
    const size_t width = tensor_width(x);
    x.offset += first * width;
    x.shape = SHAPE(count, width);
    return x;
}

/* What drops out of those rows of a part: said before they run forward, and again before gradients go back through them, as
 * texts may have run since pictures did. */
static void draw(const struct trained_model *model, const struct part *part, size_t first, size_t rows)
{
    const struct contrastive_batch *batch = part->batch;
    const size_t number = part->texts ? (size_t)(part->texts - batch->texts) : 0;
    if (model->lora)
        lora_draw(model->lora, batch->number, number * batch->count + first, rows);
}

/* embeddings (count, E): of a part from `first` on, of which is drawn what drops out. */
static int forward(const struct trained_model *model, struct stream *stream, struct tensor embeddings,
    const struct part *part, size_t first, struct err *err)
{
    const struct contrastive_batch *batch = part->batch;
    const struct batch_texts *texts = part->texts;
    const size_t size = model->towers.config.vision.image_size;
    if (!texts)
        return trained_towers_images(
            &model->towers, stream, embeddings, batch->pixels + first * size * size * 3, err);
    return trained_towers_texts(&model->towers, stream, embeddings, texts->ids + first * texts->tokens,
        texts->eot + first, texts->tokens, err);
}

static size_t chunk_at(const struct trained_model *model, size_t first, size_t count)
{
    return count - first < model->options.chunk ? count - first : model->options.chunk;
}

/* Whole batches, a chunk at a time. If there is but one, what gradients need stays in the stream's memory. */
static int embed(const struct trained_model *model, struct stream *stream, const struct side *side,
    const struct part *part, struct err *err)
{
    const size_t count = part->batch->count, mark = stream_mark(stream);
    int rc = 0;
    for (size_t first = 0, rows; first < count && !rc; first += rows) {
        rows = chunk_at(model, first, count);
        draw(model, part, first, rows);
        rc = forward(model, stream, rows_of(side->raw, first, rows), part, first, err);
        if (rows < count)
            stream_rewind(stream, mark);
    }
    return rc ? rc : normalize_rows_forward(stream, side->units, side->raw, err);
}

/* Gradients by a tower's parameters, if it is trained, of side->gradient by units: of several chunks each runs forward once more. */
static int embed_backward(const struct trained_model *model, struct stream *stream, const struct side *side,
    const struct part *part, struct err *err)
{
    const size_t count = part->batch->count, mark = stream_mark(stream);
    const bool trained = part->texts ? model->towers.text != NULL : model->towers.vision != NULL;
    if (!trained)
        return 0;
    int rc = normalize_rows_backward(stream, side->gradient, side->gradient, side->raw, err);
    for (size_t first = 0, rows; first < count && !rc; first += rows) {
        rows = chunk_at(model, first, count);
        const struct tensor gradient = rows_of(side->gradient, first, rows);
        draw(model, part, first, rows);
        if (rows < count)
            rc = forward(model, stream, rows_of(side->raw, first, rows), part, first, err);
        if (!rc)
            rc = part->texts ? trained_towers_texts_backward(&model->towers, stream, gradient, err)
                             : trained_towers_images_backward(&model->towers, stream, gradient, err);
        stream_rewind(stream, mark);
    }
    return rc;
}

/* The loss of a batch's pictures, embedded, with its texts of one number, whose gradients are made; those of pictures are added up. */
static int learn_texts(const struct trained_model *model, struct stream *stream, struct loss_report *report,
    const struct side *images, const struct part *part, const struct loss_options *scale, struct err *err)
{
    const size_t mark = stream_mark(stream);
    struct loss_options options = *scale;
    struct side texts;
    options.fits = part->texts->fits;
    int rc = side_new(&texts, stream, images->raw.shape, err);
    if (!rc)
        rc = embed(model, stream, &texts, part, err);
    if (!rc)
        rc = contrastive_loss(
            report, stream, images->gradient, texts.gradient, images->units, texts.units, &options, err);
    if (!rc)
        rc = embed_backward(model, stream, &texts, part, err);
    stream_rewind(stream, mark);
    return rc;
}

static int learn(const struct trained_model *model, struct stream *stream, struct loss_report *report,
    const struct contrastive_batch *batch, struct err *err)
{
    const size_t mark = stream_mark(stream);
    const struct part pictures = {batch, NULL};
    struct loss_options options;
    struct side images;
    int rc = side_new(&images, stream, SHAPE(batch->count, model->towers.config.text.embed_width), err);
    if (rc || (rc = read_scale(&options, model, stream, err)) ||
        (rc = parameters_clear_gradients(model->parameters, stream, err)) ||
        (rc = embed(model, stream, &images, &pictures, err)))
        goto done;
    options.smoothing = model->options.smoothing;
    options.share = 1 / (float)batch->each;
    for (size_t i = 0; i < batch->each && !rc; i++) {
        options.adds = i > 0;
        rc = learn_texts(
            model, stream, report, &images, &(struct part){batch, &batch->texts[i]}, &options, err);
    }
    if (!rc)
        rc = write_scale_gradients(model, stream, report, &options, err);
    if (!rc)
        rc = embed_backward(model, stream, &images, &pictures, err);
done:
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
    const struct batch_texts texts = {.tokens = tokens, .ids = ids, .eot = eot, .fits = fits};
    const struct contrastive_batch any = {
        .count = batch, .pixels = pixels, .texts = &texts, .each = 1, .number = 1};
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

int trained_model_can_write(const struct trained_model *model, const struct weights *weights, struct err *err)
{
    return parameters_can_write(model->parameters, weights, err);
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
