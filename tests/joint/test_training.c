// SPDX-License-Identifier: Apache-2.0
/* Gradients of every parameter of both towers against those of PyTorch's autograd, and steps of AdamW against its own, of
 * tests/golden/train.py. */
#include "compute/safetensors.h"
#include "joint/train/trained_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/train/"
#define OK(call) assert_ok(call, &err)

/* A few times what is measured; 1e-4 is promised of all. */
#define NEAR_GRADIENT 2e-5
#define NEAR_LOSS 2e-5
#define NEAR_WEIGHT 1e-5
#define NEAR_BF16 8e-2 /* of autocast to bfloat16 PyTorch is within 5.4e-2 itself */

/* As train.py has them. */
enum { BATCHES = 4, STEPS = 50, WARMUP = 10 };
#define RATE 1e-4

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
    uint8_t *pixels;        // (BATCHES, B, S, S, 3)
    int32_t *ids, *eot;     // (BATCHES, B, context), (BATCHES, B)
    double *losses, *norms; // (STEPS)
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
    if (golden->loss == LOSS_SIGMOID)
        golden->config.vision.pooling = VISION_POOL_MEAN;
    snprintf(path, sizeof path, GOLDEN "%s/gradients.safetensors", golden->name);
    tensor_file_open(&golden->file, path);
    const size_t square = golden->config.vision.image_size * golden->config.vision.image_size * 3;
    golden->ids = tensor_copy_of(&golden->file, "", "ids");
    golden->eot = tensor_copy_of(&golden->file, "", "ends");
    golden->losses = tensor_copy_of(&golden->file, "", "losses");
    golden->norms = tensor_copy_of(&golden->file, "", "norms");
    golden->pixels = malloc(BATCHES * golden->batch * square);
    for (size_t i = 0; i < BATCHES * golden->batch; i++)
        paint(golden->pixels + i * square, (uint32_t)i, golden->config.vision.image_size);
}

static void golden_release(struct golden *golden)
{
    free(golden->pixels);
    free(golden->ids);
    free(golden->eot);
    free(golden->losses);
    free(golden->norms);
    tensor_file_release(&golden->file);
}

static struct contrastive_batch batch_of(const struct golden *golden, size_t step)
{
    const size_t number = step % BATCHES, first = number * golden->batch,
                 size = golden->config.vision.image_size;
    return (struct contrastive_batch){.count = golden->batch,
        .tokens = golden->config.text.context,
        .pixels = golden->pixels + first * size * size * 3,
        .ids = golden->ids + first * golden->config.text.context,
        .eot = golden->eot + first};
}

/* Chunks of so many pairs, or 0: the batch is one. */
static struct trained_model *model_of(
    const struct golden *golden, struct device *device, size_t chunk, bool recomputes)
{
    const struct trained_model_options options = {
        golden->loss, golden->batch, chunk ? chunk : golden->batch, golden->config.text.context, recomputes};
    const struct preprocess preprocess = preprocess_default((int)golden->config.vision.image_size);
    int64_t *seed = tensor_copy_of(&golden->file, "", "seed");
    struct trained_model *model;
    struct weights *weights;
    struct err err;
    OK(weights_random(&weights, (uint64_t)*seed, &err));
    OK(trained_model_open(&model, &golden->config, &preprocess, weights, device, &options, &err));
    weights_free(weights);
    free(seed);
    return model;
}

static void steps_take(
    struct trained_model *model, double *losses, double *norms, const struct golden *golden)
{
    struct adamw_options options = {.beta_1 = 0.9, .beta_2 = 0.98, .eps = 1e-6, .decay = 0.2, .clip = 1};
    struct loss_report report;
    struct err err;
    for (size_t step = 0; step < STEPS; step++) {
        const struct contrastive_batch batch = batch_of(golden, step);
        OK(trained_model_learn(model, &report, &batch, &err));
        losses[step] = report.loss;
        options.step = step + 1;
        options.rate = cosine_rate(RATE, step, WARMUP, STEPS);
        OK(trained_model_step(model, &options, &norms[step], &err));
    }
}

/* What is trained, or its gradients, as a file that is opened. */
static void save(struct tensor_file *out, const struct trained_model *model, enum parameters_kind kind)
{
    static const char path[] = DIPTYCH_SCRATCH "/parameters.safetensors";
    struct weights_writer *writer;
    struct err err;
    OK(weights_writer_open(&writer, path, DTYPE_F32, NULL, &err));
    OK(trained_model_save(model, kind, writer, &err));
    OK(weights_writer_begin(writer, &err));
    OK(trained_model_save(model, kind, writer, &err));
    OK(weights_writer_close(writer, true, &err));
    tensor_file_open(out, path);
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

/* How far a tensor is from the golden one of that kind, relative to its length. A sum with random signs has the square of a vector's length
 * as its mean square: that of the difference is told by the sums' differences. A distance of d leaves a cosine of 1 - d^2 / 2. */
static double distance(
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
static bool is_key_bias(const char *name)
{
    return strstr(name, "k_proj.bias");
}

/* The largest distance of all tensors but key biases. */
static double worst_distance(
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

/* The largest length of the tensors with that in their names. */
static double largest_of(const struct tensor_file *file, const char *part)
{
    double largest = 0, size[1 + SIGNS];
    for (size_t i = 0; i < file->count; i++) {
        if (!strstr(file->tensors[i].name, part))
            continue;
        float *values = tensor_copy_of(file, "", file->tensors[i].name);
        sketch(size, values, file->tensors[i].count);
        largest = fmax(largest, size[0]);
        free(values);
    }
    return largest;
}

/* That all tensors of that kind are in the file. */
static void assert_complete(const struct tensor_file *file, const char *kind, const struct golden *golden)
{
    size_t there = 0;
    for (size_t i = 0; i < golden->file.count; i++)
        there += !strncmp(golden->file.tensors[i].name, kind, strlen(kind));
    assert_int_equal(there, file->count);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static const char *const providers[] = {"onednn", "clblast"};
static const struct golden shapes[] = {{.name = "quick", .loss = LOSS_SOFTMAX, .batch = 6},
    {.name = "erf", .loss = LOSS_SOFTMAX, .batch = 5}, {.name = "tanh", .loss = LOSS_SIGMOID, .batch = 7}};

enum { SHAPES = sizeof shapes / sizeof *shapes, PROVIDERS = sizeof providers / sizeof *providers };

static void check_gradients(
    const struct golden *golden, struct trained_model *model, const char *how, double limit)
{
    const struct contrastive_batch batch = batch_of(golden, 0);
    double *loss = tensor_copy_of(&golden->file, "", "loss");
    struct loss_report report;
    struct tensor_file file;
    struct err err;
    OK(trained_model_learn(model, &report, &batch, &err));
    save(&file, model, PARAMETERS_GRADIENTS);
    assert_complete(&file, "sketch.", golden);
    const double worst = worst_distance(&file, "sketch.", golden, limit);
    print_message("%-6s %-10s loss %.6f, gradients within %.1e\n", golden->name, how, report.loss, worst);
    assert_true(fabs(report.loss - *loss) <= limit / 5 * *loss);
    assert_true(largest_of(&file, "k_proj.bias") <= limit * largest_of(&file, "v_proj.bias"));
    tensor_file_release(&file);
    free(loss);
}

static void check_steps(const struct golden *golden, struct trained_model *model, const char *gemm)
{
    double losses[STEPS], norms[STEPS], loss_off = 0, norm_off = 0;
    struct tensor_file file;
    steps_take(model, losses, norms, golden);
    for (size_t step = 0; step < STEPS; step++) {
        loss_off = fmax(loss_off, fabs(losses[step] / golden->losses[step] - 1));
        norm_off = fmax(norm_off, fabs(norms[step] / golden->norms[step] - 1));
    }
    save(&file, model, PARAMETERS_VALUES);
    const double worst = worst_distance(&file, "trained.", golden, NEAR_WEIGHT);
    print_message("%-6s %-10s %d steps: losses within %.1e, norms within %.1e, weights within %.1e\n",
        golden->name, gemm, STEPS, loss_off, norm_off, worst);
    assert_true(loss_off <= NEAR_LOSS && norm_off <= 10 * NEAR_LOSS);
    tensor_file_release(&file);
}

static void gradients_and_steps_are_those_of_pytorch(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES * PROVIDERS; i++) {
        const char *gemm = providers[i % PROVIDERS];
        const struct device_options on = {.gemm = gemm, .precision = "f32"};
        struct golden golden = shapes[i / PROVIDERS];
        struct device *device;
        struct err err;
        golden_open(&golden);
        OK(device_open(&device, &on, &err));
        struct trained_model *model = model_of(&golden, device, 0, false);
        check_gradients(&golden, model, gemm, NEAR_GRADIENT);
        check_steps(&golden, model, gemm);
        trained_model_free(model);
        device_free(device);
        golden_release(&golden);
    }
}

/* One pass of a model that is opened in some other way. */
static void check_way(
    size_t shape, const char *how, const char *precision, size_t chunk, bool recomputes, double limit)
{
    const struct device_options on = {.gemm = "onednn", .precision = precision};
    struct golden golden = shapes[shape];
    struct device *device;
    struct err err;
    golden_open(&golden);
    OK(device_open(&device, &on, &err));
    struct trained_model *model = model_of(&golden, device, chunk, recomputes);
    check_gradients(&golden, model, how, limit);
    trained_model_free(model);
    device_free(device);
    golden_release(&golden);
}

static void gradients_of_chunks_are_those_of_the_batch(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        check_way(i, "1 a chunk", "f32", 1, false, NEAR_GRADIENT);
        check_way(i, "4 a chunk", "f32", 4, false, NEAR_GRADIENT);
    }
}

static void gradients_stay_where_blocks_are_computed_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        check_way(i, "recomputed", "f32", 0, true, NEAR_GRADIENT);
        check_way(i, "and chunks", "f32", 2, true, NEAR_GRADIENT);
    }
}

static void gradients_in_bfloat16_stay_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++)
        check_way(i, "bf16", "bf16", 0, false, NEAR_BF16);
}

/* Bit for bit. */
static void the_same_steps_give_the_same_weights(void **state)
{
    const struct device_options on = {.precision = "f32"};
    struct golden golden = shapes[0];
    struct tensor_file files[2];
    double losses[STEPS], norms[STEPS];
    struct device *device;
    struct err err;
    (void)state;
    golden_open(&golden);
    OK(device_open(&device, &on, &err));
    for (int turn = 0; turn < 2; turn++) {
        struct trained_model *model = model_of(&golden, device, 0, false);
        steps_take(model, losses, norms, &golden);
        save(&files[turn], model, PARAMETERS_VALUES);
        trained_model_free(model);
    }
    assert_int_equal(files[0].map.size, files[1].map.size);
    assert_memory_equal(files[0].map.data, files[1].map.data, files[0].map.size);
    tensor_file_release(&files[0]);
    tensor_file_release(&files[1]);
    device_free(device);
    golden_release(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_and_steps_are_those_of_pytorch),
        cmocka_unit_test(gradients_of_chunks_are_those_of_the_batch),
        cmocka_unit_test(gradients_stay_where_blocks_are_computed_again),
        cmocka_unit_test(gradients_in_bfloat16_stay_near),
        cmocka_unit_test(the_same_steps_give_the_same_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
