// SPDX-License-Identifier: Apache-2.0
/* A trained model in the layout of the file that it began with: the same tensors, which are the model that was trained. */
#include "joint/train/trained_model.h"
#include "tests/support/checkpoint.h"
#include "tests/support/safetensors_writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_ok(call, &err)

enum { BATCH = 3, TOKENS = 8 };

static void assert_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

struct bench {
    struct model_config config;
    struct device *device;
    uint8_t *pixels; // (BATCH, S, S, 3)
    int32_t ids[BATCH * TOKENS], eot[BATCH];
};

static void bench_open(struct bench *bench, struct model_config config)
{
    const struct device_options on = {.gemm = "onednn", .precision = "f32"};
    struct err err;
    bench->config = config;
    const size_t size = bench->config.vision.image_size;
    bench->pixels = malloc(BATCH * size * size * 3);
    for (size_t i = 0; i < BATCH * size * size * 3; i++)
        bench->pixels[i] = (uint8_t)random_at(1, i);
    for (size_t i = 0; i < BATCH * TOKENS; i++)
        bench->ids[i] = (int32_t)(random_at(2, i) % bench->config.text.vocab);
    for (int32_t i = 0; i < BATCH; i++)
        bench->eot[i] = TOKENS - 1 - i;
    OK(device_open(&bench->device, &on, &err));
}

static void bench_release(struct bench *bench)
{
    device_free(bench->device);
    free(bench->pixels);
}

static double loss_of(struct trained_model *model, const struct bench *bench)
{
    const struct batch_texts texts = {.tokens = TOKENS, .ids = bench->ids, .eot = bench->eot};
    const struct contrastive_batch batch = {
        .count = BATCH, .pixels = bench->pixels, .texts = &texts, .each = 1};
    struct loss_report report;
    struct err err;
    OK(trained_model_learn(model, &report, &batch, &err));
    return report.loss;
}

static struct trained_model *open_model(
    const struct bench *bench, const struct weights *weights, enum trained_what what)
{
    const struct trained_model_options options = {
        .loss = bench->config.score == SCORE_SIGMOID ? LOSS_SIGMOID : LOSS_SOFTMAX,
        .batch = BATCH,
        .chunk = BATCH,
        .tokens = TOKENS,
        .what = what};
    const struct preprocess preprocess = preprocess_default((int)bench->config.vision.image_size);
    struct trained_model *model;
    struct err err;
    OK(trained_model_open(&model, &bench->config, &preprocess, weights, bench->device, &options, &err));
    return model;
}

static void write_model(const struct trained_model *model, struct weights *weights, const char *path)
{
    struct weights_writer *writer;
    struct err err;
    OK(weights_writer_open(&writer, path, DTYPE_F32, NULL, &err));
    OK(trained_model_write(model, PARAMETERS_VALUES, weights, writer, &err));
    OK(weights_writer_begin(writer, &err));
    OK(trained_model_write(model, PARAMETERS_VALUES, weights, writer, &err));
    OK(weights_writer_close(writer, true, &err));
}

static bool same_values(const struct weights *a, const struct weights *b, const char *name)
{
    const struct weight *left = weights_find(a, name), *right = weights_find(b, name);
    float *of_left = malloc(left->count * sizeof *of_left),
          *of_right = malloc(left->count * sizeof *of_right);
    struct err err;
    assert_int_equal(left->count, right->count);
    OK(weights_values(of_left, a, left, &err));
    OK(weights_values(of_right, b, right, &err));
    const bool same = !memcmp(of_left, of_right, left->count * sizeof *of_left);
    free(of_left);
    free(of_right);
    return same;
}

/* Every tensor by its name and shape; of those that have one of these in their names none changes, and all others do. */
static void check_tensors(
    const struct weights *before, const struct weights *after, const char *const *frozen)
{
    assert_int_equal(weights_count(before), weights_count(after));
    for (size_t i = 0; i < weights_count(before); i++) {
        const struct weight *weight = weights_at(before, i), *other = weights_at(after, i);
        bool stays = false;
        for (size_t k = 0; frozen[k]; k++)
            stays |= !strncmp(weight->name, frozen[k], strlen(frozen[k]));
        assert_string_equal(weight->name, other->name);
        assert_int_equal(weight->rank, other->rank);
        assert_memory_equal(weight->shape, other->shape, sizeof weight->shape);
        if (same_values(before, after, weight->name) != stays)
            fail_msg("'%s' has %s", weight->name, stays ? "changed" : "not changed");
    }
}

/* A step from the file `from` on, written: what of it is trained is another, all else as it was, and the model the same. */
static void check_file(
    const struct bench *bench, const char *from, enum trained_what what, const char *const *frozen)
{
    static const char to[] = DIPTYCH_SCRATCH "/to.safetensors";
    const struct adamw_options step = {1, 1e-3, 0.9, 0.98, 1e-6, 0.2, 0};
    struct weights *before, *after;
    struct err err;
    double norm;
    OK(weights_open(&before, from, &err));
    struct trained_model *model = open_model(bench, before, what);
    loss_of(model, bench);
    OK(trained_model_step(model, &step, &norm, &err));
    write_model(model, before, to);
    OK(weights_open(&after, to, &err));
    assert_int_equal(weights_layout(after), weights_layout(before));
    check_tensors(before, after, frozen);
    struct trained_model *again = open_model(bench, after, TRAINED_ALL);
    const double want = loss_of(model, bench), got = loss_of(again, bench);
    assert_true(fabs(got / want - 1) < 1e-6);
    trained_model_free(model);
    trained_model_free(again);
    weights_free(before);
    weights_free(after);
}

static void write_layout(const char *path, enum layout layout)
{
    struct checkpoint checkpoint;
    checkpoint_init(&checkpoint, layout, "F32");
    write_safetensors(path, checkpoint.tensors, checkpoint.count);
    checkpoint_release(&checkpoint);
}

static void check_layout(
    const struct bench *bench, enum layout layout, enum trained_what what, const char *const *frozen)
{
    static const char from[] = DIPTYCH_SCRATCH "/from.safetensors";
    write_layout(from, layout);
    check_file(bench, from, what, frozen);
}

static void layouts_stay(void **state)
{
    static const char *const none[] = {NULL},
                             *const hf_vision[] = {"vision_model", "visual_projection", NULL},
                             *const vision[] = {"visual.", NULL};
    struct bench bench;
    (void)state;
    bench_open(&bench, checkpoint_config());
    check_layout(&bench, LAYOUT_HF, TRAINED_ALL, none);
    check_layout(&bench, LAYOUT_OPEN_CLIP, TRAINED_ALL, none);
    check_layout(&bench, LAYOUT_HF, TRAINED_TEXT, hf_vision);
    check_layout(&bench, LAYOUT_OPEN_CLIP, TRAINED_TEXT, vision);
    bench_release(&bench);
}

static struct model_config siglip_config(void)
{
    const struct transformer_config block = {
        .layers = 2, .width = 32, .heads = 2, .mlp_width = 48, .activation = ACTIVATION_GELU, .eps = 1e-6f};
    return (struct model_config){.score = SCORE_SIGMOID,
        .vision = {.block = block,
            .image_size = 32,
            .patch_size = 8,
            .embed_width = 32,
            .patch_bias = true,
            .pooling = VISION_POOL_ATTENTION,
            .projection = PROJECTION_NONE},
        .text = {.block = block,
            .vocab = 40,
            .context = TOKENS,
            .embed_width = 32,
            .eot_rule = EOT_LAST,
            .projection = PROJECTION_LAYER}};
}

/* Of open_clip, whose vision tower is timm's: tests/golden/siglip.py. */
static void siglip_stays_in_the_layout_of_open_clip(void **state)
{
    static const char from[] = DIPTYCH_ROOT "/tests/golden/siglip_open_clip.safetensors";
    static const char *const none[] = {NULL}, *const vision[] = {"visual.", NULL},
                             *const text[] = {"text.", NULL};
    struct bench bench;
    (void)state;
    bench_open(&bench, siglip_config());
    check_file(&bench, from, TRAINED_ALL, none);
    check_file(&bench, from, TRAINED_TEXT, vision);
    check_file(&bench, from, TRAINED_VISION, text);
    bench_release(&bench);
}

static void what_no_file_has_is_refused(void **state)
{
    struct bench bench;
    struct weights *weights;
    struct weights_writer *writer;
    struct err err;
    (void)state;
    bench_open(&bench, checkpoint_config());
    OK(weights_random(&weights, 3, &err));
    struct trained_model *model = open_model(&bench, weights, TRAINED_ALL);
    OK(weights_writer_open(&writer, DIPTYCH_SCRATCH "/no.safetensors", DTYPE_F32, NULL, &err));
    assert_int_equal(trained_model_write(model, PARAMETERS_VALUES, weights, writer, &err), ERR_ARGUMENT);
    OK(weights_writer_close(writer, false, &err));
    trained_model_free(model);
    weights_free(weights);
    bench_release(&bench);
}

/* A model for larger pictures than its weights have positions for, as open_clip's loader allows. */
static void positions_that_were_resized_are_refused(void **state)
{
    static const char from[] = DIPTYCH_SCRATCH "/resized.safetensors";
    struct model_config config = checkpoint_config();
    struct bench bench;
    struct weights *weights;
    struct weights_writer *writer;
    struct err err;
    (void)state;
    config.vision.image_size += config.vision.patch_size;
    bench_open(&bench, config);
    write_layout(from, LAYOUT_OPEN_CLIP);
    OK(weights_open(&weights, from, &err));
    struct trained_model *all = open_model(&bench, weights, TRAINED_ALL),
                         *text = open_model(&bench, weights, TRAINED_TEXT);
    OK(trained_model_can_write(text, weights, &err)); /* the table stays as it is */
    assert_int_equal(trained_model_can_write(all, weights, &err), ERR_UNSUPPORTED);
    assert_non_null(
        strstr(err.msg, "position_embedding.weight' has shape (17, 64) in the file and (26, 64)"));
    OK(weights_writer_open(&writer, DIPTYCH_SCRATCH "/no.safetensors", DTYPE_F32, NULL, &err));
    assert_int_equal(trained_model_write(all, PARAMETERS_VALUES, weights, writer, &err), ERR_UNSUPPORTED);
    OK(weights_writer_close(writer, false, &err));
    trained_model_free(all);
    trained_model_free(text);
    weights_free(weights);
    bench_release(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_stay),
        cmocka_unit_test(siglip_stays_in_the_layout_of_open_clip),
        cmocka_unit_test(what_no_file_has_is_refused),
        cmocka_unit_test(positions_that_were_resized_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
