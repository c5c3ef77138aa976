// SPDX-License-Identifier: Apache-2.0
#include "tests/joint/golden_training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RATE 1e-4

void assert_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* ---- tensors of a file --------------------------------------------------------------------------------- */

void tensor_file_open(struct tensor_file *file, const char *path)
{
    struct err err;
    *file = (struct tensor_file){0};
    OK(file_map_open(&file->map, path, &err));
    OK(safetensors_parse(
        &file->tensors, &file->count, &file->arena, file->map.data, file->map.size, path, &err));
}

void tensor_file_release(struct tensor_file *file)
{
    free(file->tensors);
    file_map_release(&file->map);
    arena_release(&file->arena);
}

/* A copy of the tensor's bytes, as in the file nothing is aligned; NULL where there is none. */
void *tensor_copy_of(const struct tensor_file *file, const char *kind, const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s", kind, name);
    for (size_t i = 0; i < file->count; i++)
        if (!strcmp(file->tensors[i].name, full)) {
            const size_t bytes = weight_bytes(&file->tensors[i]);
            return memcpy(malloc(bytes), file->tensors[i].data, bytes);
        }
    return NULL;
}

/* ---- a model that is trained, and its batch ------------------------------------------------------------ */

/* As picture() in towers.py. */
static void paint(uint8_t *pixels, uint32_t number, size_t size)
{
    for (uint32_t i = 0; i < size * size * 3; i++) {
        const uint32_t y = i / (3 * (uint32_t)size), x = i / 3 % (uint32_t)size, c = i % 3;
        const uint32_t noise = i * 2654435761u >> 27;
        pixels[i] = (uint8_t)(x * (3 * number + 1) + y * (2 * number + 1) + c * 85 + noise);
    }
}

void golden_open(struct golden *golden)
{
    char path[512];
    struct err err;
    snprintf(path, sizeof path, GOLDEN "%s", golden->name);
    OK(model_config_read(&golden->config, path, &err));
    if (golden->loss == LOSS_SIGMOID && golden->config.vision.pooling == VISION_POOL_CLASS_TOKEN)
        golden->config.vision.pooling = VISION_POOL_MEAN; /* as train.py has it */
    snprintf(path, sizeof path, GOLDEN "%s/gradients.safetensors", golden->name);
    tensor_file_open(&golden->file, path);
    const size_t square = golden->config.vision.image_size * golden->config.vision.image_size * 3;
    golden->ids = tensor_copy_of(&golden->file, "", "ids");
    golden->eot = tensor_copy_of(&golden->file, "", "ends");
    golden->losses = tensor_copy_of(&golden->file, "", "losses");
    golden->norms = tensor_copy_of(&golden->file, "", "norms");
    golden->pixels = malloc(BATCHES * golden->batch * square);
    for (size_t i = 0; i < BATCHES; i++)
        golden->texts[i] = (struct batch_texts){.tokens = golden->config.text.context,
            .ids = golden->ids + i * golden->batch * golden->config.text.context,
            .eot = golden->eot + i * golden->batch};
    for (size_t i = 0; i < BATCHES * golden->batch; i++)
        paint(golden->pixels + i * square, (uint32_t)i, golden->config.vision.image_size);
}

void golden_release(struct golden *golden)
{
    free(golden->pixels);
    free(golden->ids);
    free(golden->eot);
    free(golden->losses);
    free(golden->norms);
    tensor_file_release(&golden->file);
}

struct contrastive_batch batch_of(const struct golden *golden, size_t step)
{
    const size_t number = step % BATCHES, size = golden->config.vision.image_size;
    return (struct contrastive_batch){.count = golden->batch,
        .pixels = golden->pixels + number * golden->batch * size * size * 3,
        .texts = &golden->texts[number],
        .each = 1};
}

struct trained_model_options options_of(const struct golden *golden)
{
    return (struct trained_model_options){.loss = golden->loss,
        .batch = golden->batch,
        .chunk = golden->batch,
        .tokens = golden->config.text.context};
}

struct trained_model *model_of(
    const struct golden *golden, struct device *device, const struct trained_model_options *options)
{
    const struct preprocess preprocess =
        golden->config.family->preprocess((int)golden->config.vision.image_size);
    int64_t *seed = tensor_copy_of(&golden->file, "", "seed");
    struct trained_model *model;
    struct weights *weights;
    struct err err;
    OK(weights_random(&weights, (uint64_t)*seed, &err));
    OK(trained_model_open(&model, &golden->config, &preprocess, weights, device, options, &err));
    weights_free(weights);
    free(seed);
    return model;
}

void step_take(
    struct trained_model *model, double *loss, double *norm, const struct golden *golden, size_t step)
{
    const struct adamw_options options = {.step = step + 1,
        .rate = cosine_rate(RATE, step, WARMUP, STEPS),
        .beta_1 = 0.9,
        .beta_2 = 0.98,
        .eps = 1e-6,
        .decay = 0.2,
        .clip = 1};
    const struct contrastive_batch batch = batch_of(golden, step);
    struct loss_report report;
    struct err err;
    OK(trained_model_learn(model, &report, &batch, &err));
    OK(trained_model_step(model, &options, norm, &err));
    *loss = report.loss;
}

void steps_take(
    struct trained_model *model, double *losses, double *norms, const struct golden *golden, bool averages)
{
    struct err err;
    for (size_t step = 0; step < STEPS; step++) {
        step_take(model, &losses[step], &norms[step], golden, step);
        if (averages)
            OK(trained_model_average(model, step ? DECAY : 0, &err));
    }
}

void save_weights(const struct trained_model *model, enum parameters_kind kind, const char *path)
{
    struct weights_writer *writer;
    struct err err;
    OK(weights_writer_open(&writer, path, DTYPE_F32, NULL, &err));
    OK(trained_model_save(model, kind, writer, &err));
    OK(weights_writer_begin(writer, &err));
    OK(trained_model_save(model, kind, writer, &err));
    OK(weights_writer_close(writer, true, &err));
}

void save(struct tensor_file *out, const struct trained_model *model, enum parameters_kind kind)
{
    static const char path[] = DIPTYCH_SCRATCH "/parameters.safetensors";
    save_weights(model, kind, path);
    tensor_file_open(out, path);
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/* As sketch() in train.py: the length, and sums with signs. */
void sketch(double out[1 + SIGNS], const float *values, size_t count)
{
    memset(out, 0, (1 + SIGNS) * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        const uint64_t bits = random_at(0, i);
        out[0] += (double)values[i] * (double)values[i];
        for (int k = 0; k < SIGNS; k++)
            out[1 + k] += bits >> k & 1 ? -(double)values[i] : (double)values[i];
    }
    out[0] = sqrt(out[0]);
}

/* How far a tensor is from the golden one of that kind, relative to its length. A sum with random signs has the square of a vector's length
 * as its mean square: that of the difference is told by the sums' differences. A distance of d leaves a cosine of 1 - d^2 / 2. */
double distance(
    const char *kind, const char *name, const float *values, size_t count, const struct golden *golden)
{
    double *want = tensor_copy_of(&golden->file, kind, name), got[1 + SIGNS], squares = 0;
    float *full = strcmp(kind, "sketch.") ? NULL : tensor_copy_of(&golden->file, "full.", name);
    if (!want)
        fail_msg("%s: PyTorch has no '%s%s'", golden->name, kind, name);
    sketch(got, values, count);
    for (int k = 1; k <= SIGNS; k++)
        squares += (got[k] - want[k]) * (got[k] - want[k]) / SIGNS;
    if (full) {
        double exact = 0;
        for (size_t i = 0; i < count; i++)
            exact += ((double)values[i] - (double)full[i]) * ((double)values[i] - (double)full[i]);
        squares = fmax(squares, exact);
    }
    const double relative = fmax(sqrt(squares), fabs(got[0] - want[0])) / want[0];
    free(want);
    free(full);
    return relative;
}

/* Key biases have no gradient in exact arithmetic: AdamW makes steps of what is left of rounding. */
bool is_key_bias(const char *name)
{
    return strstr(name, "k_proj.bias");
}

/* The largest distance of all tensors but key biases. */
double worst_distance(
    const struct tensor_file *file, const char *kind, const struct golden *golden, double limit)
{
    double worst = 0;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        float *values = tensor_copy_of(file, "", name);
        const double far =
            is_key_bias(name) ? 0 : distance(kind, name, values, file->tensors[i].count, golden);
        if (!(far <= limit))
            fail_msg("%s: %s%s is %.2e from PyTorch's, allowed %.0e", golden->name, kind, name, far, limit);
        worst = fmax(worst, far);
        free(values);
    }
    return worst;
}
