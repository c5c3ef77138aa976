// SPDX-License-Identifier: Apache-2.0
/* What a trained model saves, and what it refuses. That it learns the right thing is test_training.c's affair. */
#include "joint/train/trained_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/"
#define OK(call) assert_ok(call, &err)

enum { BATCH = 3, TOKENS = 7 };

static void assert_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static struct model_config config_of(const char *folder)
{
    struct model_config config;
    struct err err;
    OK(model_config_read(&config, folder, &err));
    return config;
}

/* Two texts of each picture, of which the second are shorter. */
enum { EACH = 2 };

static struct contrastive_batch batch_new(const struct model_config *config)
{
    const size_t size = config->vision.image_size, bytes = BATCH * size * size * 3;
    uint8_t *pixels = malloc(bytes);
    struct batch_texts *texts = calloc(EACH, sizeof *texts);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)random_at(1, i);
    for (size_t e = 0; e < EACH; e++) {
        const size_t tokens = TOKENS - e;
        int32_t *ids = malloc(BATCH * tokens * sizeof *ids), *eot = malloc(BATCH * sizeof *eot);
        for (size_t i = 0; i < BATCH * tokens; i++)
            ids[i] = (int32_t)(random_at(2 + e, i) % config->text.vocab);
        for (size_t i = 0; i < BATCH; i++)
            eot[i] = (int32_t)(tokens - 1 - i);
        texts[e] = (struct batch_texts){.tokens = tokens, .ids = ids, .eot = eot};
    }
    return (struct contrastive_batch){.count = BATCH, .pixels = pixels, .texts = texts, .each = 1};
}

static void batch_release(const struct contrastive_batch *batch)
{
    free((void *)batch->pixels);
    for (size_t e = 0; e < EACH; e++) {
        free((void *)batch->texts[e].ids);
        free((void *)batch->texts[e].eot);
    }
    free((void *)batch->texts);
}

static int open_model(struct trained_model **out, const struct model_config *config,
    const struct weights *weights, struct device *device, size_t batch, struct err *err)
{
    const struct trained_model_options options = {
        .loss = LOSS_SOFTMAX, .batch = batch, .chunk = batch, .tokens = TOKENS};
    const struct preprocess preprocess = preprocess_default((int)config->vision.image_size);
    return trained_model_open(out, config, &preprocess, weights, device, &options, err);
}

static void save(const struct trained_model *model, const char *path)
{
    struct weights_writer *writer;
    struct err err;
    OK(weights_writer_open(&writer, path, DTYPE_F32, NULL, &err));
    OK(trained_model_save(model, PARAMETERS_VALUES, writer, &err));
    OK(weights_writer_begin(writer, &err));
    OK(trained_model_save(model, PARAMETERS_VALUES, writer, &err));
    OK(weights_writer_close(writer, true, &err));
}

/* In each precision the values that are saved are the float32 ones, so that a model made of them is where this one is. */
static void check_saved(const char *precision)
{
    static const char path[] = DIPTYCH_SCRATCH "/model.safetensors";
    const struct device_options on = {.gemm = "onednn", .precision = precision};
    const struct adamw_options options = {1, 1e-5, 0.9, 0.98, 1e-6, 0.2, 1};
    const struct model_config config = config_of(GOLDEN "train/quick");
    const struct contrastive_batch batch = batch_new(&config);
    struct loss_report before, here, there;
    struct trained_model *model, *again;
    struct weights *weights, *saved;
    struct device *device;
    struct err err;
    double norm;
    OK(device_open(&device, &on, &err));
    OK(weights_random(&weights, 5, &err));
    OK(open_model(&model, &config, weights, device, BATCH, &err));
    OK(trained_model_learn(model, &before, &batch, &err));
    OK(trained_model_step(model, &options, &norm, &err));
    save(model, path);
    OK(trained_model_learn(model, &here, &batch, &err));
    OK(weights_open(&saved, path, &err));
    OK(open_model(&again, &config, saved, device, BATCH, &err));
    OK(trained_model_learn(again, &there, &batch, &err));
    assert_true(here.loss < before.loss && norm > 0);
    assert_true(here.loss == there.loss && here.dscale == there.dscale);
    trained_model_free(model);
    trained_model_free(again);
    weights_free(weights);
    weights_free(saved);
    device_free(device);
    batch_release(&batch);
}

static void what_is_saved_is_what_was_trained(void **state)
{
    (void)state;
    check_saved("f32");
    check_saved("bf16");
}

static void check_refused(const char *folder, const char *gemm, const char *precision, const char *reason)
{
    const struct device_options on = {.gemm = gemm, .precision = precision};
    const struct model_config config = config_of(folder);
    struct trained_model *model;
    struct weights *weights;
    struct device *device;
    struct err err;
    OK(device_open(&device, &on, &err));
    OK(weights_random(&weights, 5, &err));
    assert_int_equal(open_model(&model, &config, weights, device, BATCH, &err), ERR_UNSUPPORTED);
    if (!strstr(err.msg, reason))
        fail_msg("'%s' does not say '%s'", err.msg, reason);
    weights_free(weights);
    device_free(device);
}

static void what_cannot_be_trained_is_refused(void **state)
{
    (void)state;
    check_refused(GOLDEN "towers/chinese-clip-small", NULL, "f32", "packed");
    check_refused(GOLDEN "towers/pe-core-t-16", NULL, "f32", "another end than");
    check_refused(GOLDEN "train/quick", "clblast", "bf16", "clblast does not multiply matrices of bf16");
}

static void a_batch_has_to_fit(void **state)
{
    const struct device_options on = {.precision = "f32"};
    const struct model_config config = config_of(GOLDEN "train/quick");
    const struct contrastive_batch batch = batch_new(&config);
    struct loss_report report;
    struct trained_model *model;
    struct weights *weights;
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    OK(weights_random(&weights, 5, &err));
    OK(open_model(&model, &config, weights, device, BATCH - 1, &err));
    assert_int_equal(trained_model_learn(model, &report, &batch, &err), ERR_LIMIT);
    struct contrastive_batch fewer = batch;
    fewer.count--;
    OK(trained_model_learn(model, &report, &fewer, &err));
    trained_model_free(model);
    weights_free(weights);
    device_free(device);
    batch_release(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_what_was_trained),
        cmocka_unit_test(what_cannot_be_trained_is_refused),
        cmocka_unit_test(a_batch_has_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
