// SPDX-License-Identifier: Apache-2.0
/* Gradients of every parameter of both towers against those of PyTorch's autograd, and steps of AdamW against its own, of
 * tests/golden/train.py. */
#include "tests/joint/golden_training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A few times what is measured; 1e-4 is promised of all. */
#define NEAR_GRADIENT 2e-5
#define NEAR_LOSS 2e-5
#define NEAR_WEIGHT 1e-5
#define NEAR_BF16 8e-2 /* of autocast to bfloat16 PyTorch is within 5.4e-2 itself */

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
    {.name = "erf", .loss = LOSS_SOFTMAX, .batch = 5}, {.name = "tanh", .loss = LOSS_SIGMOID, .batch = 7},
    {.name = "siglip", .loss = LOSS_SIGMOID, .batch = 6}};

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
    steps_take(model, losses, norms, golden, false);
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
        const struct trained_model_options options = options_of(&golden);
        struct trained_model *model = model_of(&golden, device, &options);
        check_gradients(&golden, model, gemm, NEAR_GRADIENT);
        check_steps(&golden, model, gemm);
        trained_model_free(model);
        device_free(device);
        golden_release(&golden);
    }
}

/* One pass of a model that is opened in some other way, with chunks of so many pairs, or 0: the batch is one. */
static void check_way(
    size_t shape, const char *how, const char *precision, size_t chunk, bool recomputes, double limit)
{
    const struct device_options on = {.gemm = "onednn", .precision = precision};
    struct golden golden = shapes[shape];
    struct device *device;
    struct err err;
    golden_open(&golden);
    OK(device_open(&device, &on, &err));
    struct trained_model_options options = options_of(&golden);
    options.chunk = chunk ? chunk : golden.batch;
    options.recomputes = recomputes;
    struct trained_model *model = model_of(&golden, device, &options);
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

/* texts of number `first` and so on of each picture of the first batch. */
static double gradients_of_texts(struct tensor_file *out, struct trained_model *model,
    const struct golden *golden, size_t first, size_t each)
{
    struct contrastive_batch batch = batch_of(golden, 0);
    struct loss_report report;
    struct err err;
    batch.texts = golden->texts + first;
    batch.each = each;
    OK(trained_model_learn(model, &report, &batch, &err));
    save(out, model, PARAMETERS_GRADIENTS);
    return report.loss;
}

/* How far a tensor is from the mean of others, in its own length. */
static double distance_from_mean(const struct tensor_file *of, const struct tensor_file parts[2], size_t i)
{
    const char *name = of->tensors[i].name;
    float *values = tensor_copy_of(of, "", name), *a = tensor_copy_of(&parts[0], "", name),
          *b = tensor_copy_of(&parts[1], "", name);
    double off = 0, length = 0;
    for (size_t k = 0; k < of->tensors[i].count; k++) {
        const double d = values[k] - 0.5 * ((double)a[k] + b[k]);
        off += d * d;
        length += (double)values[k] * values[k];
    }
    free(values), free(a), free(b);
    return sqrt(off / length);
}

static void check_several_texts(const struct golden *shape, size_t chunk)
{
    const struct device_options on = {.precision = "f32"};
    struct golden golden = *shape;
    struct tensor_file both, parts[2];
    struct device *device;
    struct err err;
    double worst = 0;
    golden_open(&golden);
    OK(device_open(&device, &on, &err));
    struct trained_model_options options = options_of(&golden);
    options.chunk = chunk ? chunk : golden.batch;
    struct trained_model *model = model_of(&golden, device, &options);
    const double loss = gradients_of_texts(&both, model, &golden, 0, 2),
                 mean = 0.5 * gradients_of_texts(&parts[0], model, &golden, 0, 1) +
                        0.5 * gradients_of_texts(&parts[1], model, &golden, 1, 1);
    for (size_t i = 0; i < both.count; i++)
        if (!strstr(both.tensors[i].name, "k_proj.bias")) /* zero but for rounding */
            worst = fmax(worst, distance_from_mean(&both, parts, i));
    print_message(
        "%-6s two texts of each, %zu a chunk: gradients within %.1e\n", golden.name, options.chunk, worst);
    assert_true(fabs(loss - mean) <= 1e-6 * mean && worst <= NEAR_GRADIENT);
    tensor_file_release(&both);
    tensor_file_release(&parts[0]);
    tensor_file_release(&parts[1]);
    trained_model_free(model);
    device_free(device);
    golden_release(&golden);
}

static void several_texts_are_the_mean_of_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        check_several_texts(&shapes[i], 0);
        check_several_texts(&shapes[i], 2);
    }
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
        const struct trained_model_options options = options_of(&golden);
        struct trained_model *model = model_of(&golden, device, &options);
        steps_take(model, losses, norms, &golden, false);
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
        cmocka_unit_test(several_texts_are_the_mean_of_each),
        cmocka_unit_test(the_same_steps_give_the_same_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
