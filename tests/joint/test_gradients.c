// SPDX-License-Identifier: Apache-2.0
/* Gradients of every parameter of both towers against those of PyTorch's autograd, of tests/golden/train.py. */
#include "compute/safetensors.h"
#include "compute/train/train.h"
#include "joint/joint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/train/"
#define OK(call) assert_ok(call, &err)

/* A fifth of what is promised, and a few times what is measured. */
#define NEAR 2e-5

static void assert_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* ---- tensors of a file --------------------------------------------------------------------------------- */

struct tensor_file {
    struct arena arena;
    struct file_map map;
    struct weight *tensors;
    size_t count;
};

static void tensor_file_open(struct tensor_file *file, const char *path)
{
    struct err err;
    *file = (struct tensor_file){0};
    OK(file_map_open(&file->map, path, &err));
    OK(safetensors_parse(
        &file->tensors, &file->count, &file->arena, file->map.data, file->map.size, path, &err));
}

static void tensor_file_release(struct tensor_file *file)
{
    free(file->tensors);
    file_map_release(&file->map);
    arena_release(&file->arena);
}

/* A copy of the tensor's bytes, as in the file nothing is aligned; NULL where there is none. */
static void *tensor_copy_of(const struct tensor_file *file, const char *kind, const char *name)
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

struct golden {
    const char *name;
    enum contrastive_loss loss;
    size_t batch;
    struct model_config config;
    struct tensor_file file;
    uint8_t *pixels;    // (B, S, S, 3)
    int32_t *ids, *eot; // (B, context), (B)
    double loss_value;
};

/* As picture() in towers.py. */
static void paint(uint8_t *pixels, uint32_t number, size_t size)
{
    for (uint32_t i = 0; i < size * size * 3; i++) {
        const uint32_t y = i / (3 * (uint32_t)size), x = i / 3 % (uint32_t)size, c = i % 3;
        const uint32_t noise = i * 2654435761u >> 27;
        pixels[i] = (uint8_t)(x * (3 * number + 1) + y * (2 * number + 1) + c * 85 + noise);
    }
}

static void golden_open(struct golden *golden)
{
    char path[512];
    struct err err;
    snprintf(path, sizeof path, GOLDEN "%s", golden->name);
    OK(model_config_read(&golden->config, path, &err));
    snprintf(path, sizeof path, GOLDEN "%s/gradients.safetensors", golden->name);
    tensor_file_open(&golden->file, path);
    const size_t square = golden->config.vision.image_size * golden->config.vision.image_size * 3;
    golden->ids = tensor_copy_of(&golden->file, "", "ids");
    golden->eot = tensor_copy_of(&golden->file, "", "ends");
    double *loss = tensor_copy_of(&golden->file, "", "loss");
    golden->loss_value = *loss;
    free(loss);
    golden->pixels = malloc(golden->batch * square);
    for (size_t i = 0; i < golden->batch; i++)
        paint(golden->pixels + i * square, (uint32_t)i, golden->config.vision.image_size);
}

static void golden_release(struct golden *golden)
{
    free(golden->pixels);
    free(golden->ids);
    free(golden->eot);
    tensor_file_release(&golden->file);
}

struct trained {
    struct parameters *parameters;
    struct trained_vit *vision;
    struct trained_text *text;
};

/* x (B, E) = from, of length 1 */
static int normalised(struct tensor *x, struct stream *stream, struct tensor from, struct err *err)
{
    int rc = tensor_new(x, stream, DTYPE_F32, from.shape, err);
    const struct tensor zero = *x;
    float *values = malloc(shape_count(from.shape) * sizeof *values);
    if (!rc)
        rc = tensor_read(stream, values, from, shape_count(from.shape), err);
    if (!rc)
        rc = tensor_write(stream, zero, values, shape_count(from.shape), err);
    free(values);
    return rc ? rc : normalize_rows(stream, *x, err);
}

/* Forward, loss and backward; report receives the loss. */
static int run(struct loss_report *report, const struct trained *trained, const struct golden *golden,
    struct stream *stream, const struct loss_options *options, struct err *err)
{
    const struct model_config *config = &golden->config;
    const size_t batch = golden->batch, size = config->vision.image_size, context = config->text.context,
                 mark = stream_mark(stream);
    const struct shape shape = SHAPE(batch, config->text.embed_width);
    struct tensor pixels, images, texts, image_units, text_units, dimages, dtexts;
    int rc;
    if ((rc = tensor_new(&pixels, stream, DTYPE_U8, SHAPE(batch, size, size, 3), err)) ||
        (rc = tensor_write(stream, pixels, golden->pixels, shape_count(pixels.shape), err)) ||
        (rc = tensor_new(&images, stream, DTYPE_F32, shape, err)) ||
        (rc = tensor_new(&texts, stream, DTYPE_F32, shape, err)) ||
        (rc = tensor_new(&dimages, stream, DTYPE_F32, shape, err)) ||
        (rc = tensor_new(&dtexts, stream, DTYPE_F32, shape, err)) ||
        (rc = trained_vit_forward(trained->vision, stream, images, pixels, err)) ||
        (rc = trained_text_forward(
             trained->text, stream, texts, golden->ids, golden->eot, batch, context, err)) ||
        (rc = normalised(&image_units, stream, images, err)) ||
        (rc = normalised(&text_units, stream, texts, err)) ||
        (rc = contrastive_loss(report, stream, dimages, dtexts, image_units, text_units, options, err)) ||
        (rc = normalize_rows_backward(stream, dimages, dimages, images, err)) ||
        (rc = normalize_rows_backward(stream, dtexts, dtexts, texts, err)) ||
        (rc = trained_text_backward(trained->text, stream, dtexts, err)))
        goto done;
    rc = trained_vit_backward(trained->vision, stream, dimages, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* Gradients as a file, of `times` passes. */
static void save_gradients(const char *path, const struct parameters *parameters, struct stream *stream)
{
    struct weights_writer *writer;
    struct err err;
    OK(weights_writer_open(&writer, path, DTYPE_F32, NULL, &err));
    OK(parameters_save(parameters, PARAMETERS_GRADIENTS, stream, writer, &err));
    OK(weights_writer_begin(writer, &err));
    OK(parameters_save(parameters, PARAMETERS_GRADIENTS, stream, writer, &err));
    OK(weights_writer_close(writer, true, &err));
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

enum { SIGNS = 16 };

/* As sketch() in train.py: the length, and sums with signs. */
static void sketch(double out[1 + SIGNS], const float *values, size_t count)
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

/* How far the gradient is from the golden one, relative to its length. A sum with random signs has the square of a vector's length
 * as its mean square: that of the difference is told by the sums' differences. A distance of d leaves a cosine of 1 - d^2 / 2. */
static double distance(const char *name, const float *values, size_t count, const struct golden *golden)
{
    double *want = tensor_copy_of(&golden->file, "sketch.", name), got[1 + SIGNS], squares = 0;
    float *full = tensor_copy_of(&golden->file, "full.", name);
    if (!want)
        fail_msg("%s: autograd knows no '%s'", golden->name, name);
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

/* Key biases have no gradient in exact arithmetic: what there is is small beside that of the values' biases. */
static bool is_key_bias(const char *name)
{
    return strstr(name, "k_proj.bias");
}

static double worst_distance(const struct tensor_file *file, const struct golden *golden)
{
    double worst = 0, largest_bias = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct weight *tensor = &file->tensors[i];
        float *values = tensor_copy_of(file, "", tensor->name);
        double size[1 + SIGNS];
        sketch(size, values, tensor->count);
        if (strstr(tensor->name, "v_proj.bias"))
            largest_bias = fmax(largest_bias, size[0]);
        const double far =
            is_key_bias(tensor->name) ? 0 : distance(tensor->name, values, tensor->count, golden);
        if (!(far <= NEAR))
            fail_msg("%s: the gradient of '%s' is %.2e from autograd's, allowed %.0e", golden->name,
                tensor->name, far, NEAR);
        worst = fmax(worst, far);
        free(values);
    }
    for (size_t i = 0; i < file->count; i++)
        if (is_key_bias(file->tensors[i].name)) {
            float *values = tensor_copy_of(file, "", file->tensors[i].name);
            double size[1 + SIGNS];
            sketch(size, values, file->tensors[i].count);
            assert_true(size[0] <= 1e-5 * largest_bias);
            free(values);
        }
    return worst;
}

/* That every gradient autograd has is in the file, or is the scale's or the bias's. */
static void assert_complete(const struct tensor_file *file, const struct golden *golden)
{
    size_t there = 0;
    for (size_t i = 0; i < golden->file.count; i++) {
        const char *name = golden->file.tensors[i].name;
        there += !strncmp(name, "sketch.", 7) && !strstr(name, "logit_");
    }
    assert_int_equal(there, file->count);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void trained_open(struct trained *trained, const struct golden *golden, struct device *device)
{
    const struct preprocess preprocess = preprocess_default((int)golden->config.vision.image_size);
    struct err err;
    OK(parameters_new(&trained->parameters, &err));
    OK(trained_vit_new(&trained->vision, &golden->config.vision, &preprocess, trained->parameters, &err));
    OK(trained_text_new(&trained->text, &golden->config.text, trained->parameters, &err));
    OK(parameters_open(trained->parameters, device, &err));
}

static void trained_release(struct trained *trained)
{
    trained_vit_free(trained->vision);
    trained_text_free(trained->text);
    parameters_free(trained->parameters);
}

static void check(struct golden *golden, const char *gemm)
{
    const struct device_options on = {.gemm = gemm, .precision = "f32"};
    static const char path[] = DIPTYCH_SCRATCH "/gradients.safetensors";
    struct trained trained = {0};
    struct device *device;
    struct stream *plan, *stream;
    struct weights *weights;
    struct loss_report report;
    struct tensor_file file;
    struct err err;
    golden_open(golden);
    int64_t *seed = tensor_copy_of(&golden->file, "", "seed");
    OK(weights_random(&weights, (uint64_t)*seed, &err));
    free(seed);
    const struct loss_options options = {golden->loss, expf(4.6052f), -10};

    OK(device_open(&device, &on, &err));
    trained_open(&trained, golden, device);
    OK(stream_open(&plan, device, 0, &err));
    OK(run(&report, &trained, golden, plan, &options, &err));
    OK(stream_open(&stream, device, stream_peak(plan), &err));
    OK(parameters_load(trained.parameters, stream, weights, &err));
    OK(run(&report, &trained, golden, stream, &options, &err));
    save_gradients(path, trained.parameters, stream);

    tensor_file_open(&file, path);
    assert_complete(&file, golden);
    const float dscale = (float)(report.dscale * (double)options.scale), dbias = (float)report.dbias;
    double worst = worst_distance(&file, golden);
    const double scale = distance("logit_scale", &dscale, 1, golden),
                 bias = golden->loss == LOSS_SIGMOID ? distance("logit_bias", &dbias, 1, golden) : 0;
    print_message("%-6s %-7s loss %.6f, gradients within %.1e, of the scale %.1e, of the bias %.1e\n",
        golden->name, gemm, report.loss, worst, scale, bias);
    assert_true(fabs(report.loss - golden->loss_value) <= 1e-6 * golden->loss_value);
    assert_true(scale <= NEAR && bias <= NEAR);

    tensor_file_release(&file);
    stream_free(plan);
    stream_free(stream);
    trained_release(&trained);
    weights_free(weights);
    device_free(device);
    golden_release(golden);
}

static void gradients_are_those_of_autograd(void **state)
{
    struct golden shapes[] = {{.name = "quick", .loss = LOSS_SOFTMAX, .batch = 6},
        {.name = "erf", .loss = LOSS_SOFTMAX, .batch = 5},
        {.name = "tanh", .loss = LOSS_SIGMOID, .batch = 7}};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check(&shapes[i], "onednn");
        check(&shapes[i], "clblast");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_autograd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
