// SPDX-License-Identifier: Apache-2.0
/* Runs of a SigLIP on pictures and captions in files against PyTorch's, of tests/golden/train_run.py. */
#include "joint/train/train.h"
#include "tests/joint/golden_training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN GOLDEN "run/"

/* A few times what is measured; 1e-4 is promised of all. */
#define NEAR_LOSS 2e-5
#define NEAR_WEIGHT 2e-5

enum { PICTURES = 12 };

static struct device *device;
static const enum dtype f32 = DTYPE_F32;

struct bench {
    struct training_set set;
    struct golden golden; /* of it name and file */
    double losses[STEPS], norms[STEPS];
    const char *out;
};

static void bench_open(struct bench *bench, const char *out)
{
    struct training_source source = {.captions = RUN "captions.csv", .split = "train"};
    struct err err;
    *bench = (struct bench){.golden = {.name = "run"}, .out = out};
    source.labelled.folder = DIPTYCH_ROOT "/assets/pictures";
    OK(training_set_read(&bench->set, &source, NULL, &err));
    assert_int_equal(bench->set.count, PICTURES);
    tensor_file_open(&bench->golden.file, RUN "runs.safetensors");
}

static void bench_release(struct bench *bench)
{
    training_set_release(&bench->set);
    tensor_file_release(&bench->golden.file);
}

static int take_step(void *context, const struct training_step *step, struct err *err)
{
    struct bench *bench = context;
    (void)err;
    assert_int_equal(step->pictures, PICTURES);
    bench->losses[step->step - 1] = step->loss;
    bench->norms[step->step - 1] = step->norm;
    return 0;
}

/* As train.py takes its steps. */
static struct training_options options_new(const struct bench *bench, enum trained_what what)
{
    struct training_options options = TRAINING_OPTIONS;
    options.model = RUN "model";
    options.out = bench->out;
    options.steps = STEPS;
    options.warmup = WARMUP;
    options.rate = 1e-4;
    options.loader.batch = PICTURES;
    options.augmentation.crops = false;
    options.dtype = &f32;
    options.what = what;
    return options;
}

static void run(struct bench *bench, const struct training_options *options)
{
    const struct training_visitor visitor = {.step = take_step, .context = bench};
    struct training *training;
    struct err err;
    OK(training_open(&training, &bench->set, options, device, true, NULL, &err));
    OK(training_run(training, &visitor, NULL, &err));
    training_free(training);
}

/* ---- against PyTorch ----------------------------------------------------------------------------------- */

static double off_by(const double *got, const struct bench *bench, const char *part, const char *what)
{
    char kind[64];
    snprintf(kind, sizeof kind, "%s.", part);
    double *want = tensor_copy_of(&bench->golden.file, kind, what), off = 0;
    for (size_t step = 0; step < STEPS; step++)
        off = fmax(off, fabs(got[step] / want[step] - 1));
    free(want);
    return off;
}

/* The name of a third of what PyTorch keeps as one tensor: queries, keys and values of the pooling. */
static void name_third(char out[256], const char *name, size_t third)
{
    const char *at = strstr(name, "in_proj_");
    snprintf(out, 256, "%.*s%c_proj.%s", (int)(at - name), name, "qkv"[third], at + strlen("in_proj_"));
}

static double weights_apart(const struct bench *bench, const char *part, const char *path)
{
    struct tensor_file file;
    char kind[64], name[256];
    double worst = 0;
    size_t compared = 0, expected = 0;
    snprintf(kind, sizeof kind, "%s.trained.", part);
    tensor_file_open(&file, path);
    for (size_t i = 0; i < file.count; i++) {
        const struct weight *tensor = &file.tensors[i];
        const size_t parts = strstr(tensor->name, "in_proj_") ? 3 : 1, count = tensor->count / parts;
        float *values = tensor_copy_of(&file, "", tensor->name);
        for (size_t k = 0; k < parts; k++) {
            snprintf(name, sizeof name, "%s", tensor->name);
            if (parts > 1)
                name_third(name, tensor->name, k);
            double *there = tensor_copy_of(&bench->golden.file, kind, name);
            if (there && !is_key_bias(name))
                worst = fmax(worst, distance(kind, name, values + k * count, count, &bench->golden));
            compared += there != NULL;
            free(there);
        }
        free(values);
    }
    for (size_t i = 0; i < bench->golden.file.count; i++)
        expected += !strncmp(bench->golden.file.tensors[i].name, kind, strlen(kind));
    assert_int_equal(compared, expected);
    tensor_file_release(&file);
    return worst;
}

static void check(const struct bench *bench, const char *part, const char *path)
{
    const double losses = off_by(bench->losses, bench, part, "losses"),
                 norms = off_by(bench->norms, bench, part, "norms"),
                 weights = weights_apart(bench, part, path);
    print_message(
        "%-11s losses within %.1e, norms within %.1e, weights within %.1e\n", part, losses, norms, weights);
    assert_true(losses <= NEAR_LOSS && norms <= 10 * NEAR_LOSS && weights <= NEAR_WEIGHT);
}

static void siglip_is_trained_as_by_pytorch(void **state)
{
    static const enum trained_what parts[] = {TRAINED_ALL, TRAINED_TEXT, TRAINED_VISION, TRAINED_PROJECTIONS};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = trained_what_is[parts[i]].name;
        char out[256], path[300];
        struct bench bench;
        snprintf(out, sizeof out, DIPTYCH_SCRATCH "/%s", part);
        snprintf(path, sizeof path, "%s/model.safetensors", out);
        bench_open(&bench, out);
        const struct training_options options = options_new(&bench, parts[i]);
        run(&bench, &options);
        check(&bench, part, path);
        bench_release(&bench);
    }
}

/* GradCache of the sigmoid loss: the same as all at once. */
static void chunks_are_trained_as_the_whole(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, DIPTYCH_SCRATCH "/chunks");
    struct training_options options = options_new(&bench, TRAINED_ALL);
    options.chunk = 5;
    run(&bench, &options);
    check(&bench, "all", DIPTYCH_SCRATCH "/chunks/model.safetensors");
    bench_release(&bench);
}

/* peft's adapter, which changes a part of the matrices, trained on. */
static void an_adapter_is_trained_on_as_by_peft(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, DIPTYCH_SCRATCH "/lora");
    struct training_options options = options_new(&bench, TRAINED_LORA);
    options.adapter = RUN "adapter";
    options.lora.rank = 9; /* its own counts */
    run(&bench, &options);
    check(&bench, "lora", DIPTYCH_SCRATCH "/lora/adapter_model.safetensors");
    bench_release(&bench);
}

static void smoothing_is_not_of_the_sigmoid_loss(void **state)
{
    struct bench bench;
    struct training *training;
    struct err err;
    (void)state;
    bench_open(&bench, DIPTYCH_SCRATCH "/smooth");
    struct training_options options = options_new(&bench, TRAINED_ALL);
    options.smoothing = 0.1;
    assert_int_equal(training_open(&training, &bench.set, &options, device, false, NULL, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "--smoothing is of the softmax loss"));
    bench_release(&bench);
}

static int open_device(void **state)
{
    const struct device_options on = {.gemm = "onednn", .precision = "f32"};
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    device_free(device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siglip_is_trained_as_by_pytorch),
        cmocka_unit_test(chunks_are_trained_as_the_whole),
        cmocka_unit_test(an_adapter_is_trained_on_as_by_peft),
        cmocka_unit_test(smoothing_is_not_of_the_sigmoid_loss),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
