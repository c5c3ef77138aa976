// SPDX-License-Identifier: Apache-2.0
/* Models by a file of weights: its config beside it, or told by the weights; and variants. */
#include "joint/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/checkpoint.h"
#include "tests/support/safetensors_writer.h"

#define DIRECTORY DIPTYCH_SCRATCH "/model"
#define ALONE DIPTYCH_SCRATCH "/alone"
#define SCRIPT DIPTYCH_ROOT "/tests/golden/torch/script.pt"

static void the_config_lies_beside(void **state)
{
    struct checkpoint checkpoint;
    struct model_config directory, file;
    struct preprocess preprocess;
    struct err err = {0};
    char fingerprints[2][FINGERPRINT_SIZE];
    (void)state;
    checkpoint_directory(DIRECTORY, LAYOUT_OPEN_CLIP);
    checkpoint_init(&checkpoint, LAYOUT_OPEN_CLIP, "F32");
    write_safetensors(DIRECTORY "/epoch_3.safetensors", checkpoint.tensors, checkpoint.count);
    write_safetensors(DIRECTORY "/open_clip_model.safetensors", checkpoint.tensors, checkpoint.count);
    checkpoint_release(&checkpoint);
    assert_int_equal(model_config_read(&directory, DIRECTORY, &err), 0);
    assert_int_equal(model_config_read(&file, DIRECTORY "/epoch_3.safetensors", &err), 0);
    assert_int_equal(file.layout, LAYOUT_OPEN_CLIP);
    assert_int_equal(file.vision.block.heads, directory.vision.block.heads);
    assert_int_equal(file.text.vocab, directory.text.vocab);
    assert_false(file.no_file);
    assert_int_equal(model_preprocess_read(&preprocess, &file, DIRECTORY "/epoch_3.safetensors", &err), 0);
    assert_int_equal(model_directory_fingerprint(fingerprints[0], DIRECTORY, &err), 0);
    assert_int_equal(model_directory_fingerprint(fingerprints[1], DIRECTORY "/epoch_3.safetensors", &err), 0);
    assert_string_equal(fingerprints[0], fingerprints[1]);
}

static struct weights *open_checkpoint(void (*change)(struct checkpoint *))
{
    struct checkpoint checkpoint;
    struct weights *weights = NULL;
    struct err err = {0};
    checkpoint_init(&checkpoint, LAYOUT_OPEN_CLIP, "F16");
    if (change)
        change(&checkpoint);
    write_safetensors(DIPTYCH_SCRATCH "/told.safetensors", checkpoint.tensors, checkpoint.count);
    checkpoint_release(&checkpoint);
    if (weights_open(&weights, DIPTYCH_SCRATCH "/told.safetensors", &err))
        fail_msg("%s", err.msg);
    return weights;
}

static void weights_tell_a_config(void **state)
{
    struct model_config config, wanted = checkpoint_config();
    struct weights *weights = open_checkpoint(NULL);
    struct err err = {0};
    (void)state;
    assert_int_equal(model_config_of_weights(&config, weights, &err), 0);
    assert_int_equal(config.layout, LAYOUT_OPEN_CLIP);
    assert_int_equal(config.vision.image_size, wanted.vision.image_size);
    assert_int_equal(config.vision.patch_size, wanted.vision.patch_size);
    assert_int_equal(config.vision.embed_width, wanted.vision.embed_width);
    assert_int_equal(config.vision.block.layers, wanted.vision.block.layers);
    assert_int_equal(config.vision.block.width, 64);
    assert_int_equal(config.vision.block.heads, 1); /* 64 wide, in all of OpenAI's */
    assert_int_equal(config.vision.block.mlp_width, wanted.vision.block.mlp_width);
    assert_int_equal(config.vision.block.activation, ACTIVATION_QUICK_GELU);
    assert_true(config.vision.pre_norm);
    assert_int_equal(config.text.vocab, wanted.text.vocab);
    assert_int_equal(config.text.context, wanted.text.context);
    assert_int_equal(config.text.block.layers, wanted.text.block.layers);
    assert_int_equal(config.text.eot_rule, EOT_ARGMAX);
    assert_true(config.text.block.causal && !config.vision.block.causal);
    weights_free(weights);
}

static void rename_patches(struct checkpoint *checkpoint)
{
    checkpoint_find(checkpoint, "visual.conv1.weight")->name = "visual.layer1.0.conv1.weight";
}

static void drop_texts(struct checkpoint *checkpoint)
{
    checkpoint_find(checkpoint, "token_embedding.weight")->name = "text.token_embedding.weight";
}

static void weights_of_others_tell_none(void **state)
{
    static const struct {
        void (*change)(struct checkpoint *);
        const char *message;
    } cases[] = {{rename_patches, "is a ResNet"}, {drop_texts, "no tensor 'token_embedding.weight'"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct model_config config;
        struct err err = {0};
        struct weights *weights = open_checkpoint(cases[i].change);
        assert_int_equal(model_config_of_weights(&config, weights, &err), ERR_UNSUPPORTED);
        assert_non_null(strstr(err.msg, cases[i].message));
        weights_free(weights);
    }
}

static void alone(const char *name, const char *target)
{
    struct arena arena = {0};
    mkdir(ALONE, 0755);
    const char *path = path_join(&arena, ALONE, name);
    unlink(path);
    assert_int_equal(symlink(target, path), 0);
    arena_release(&arena);
}

/* The golden one is 16 wide, which no head of OpenAI's fits; it shows who has told. */
static void torch_script_needs_no_config(void **state)
{
    struct model_config config;
    struct err err = {0};
    (void)state;
    alone("ViT-B-32.pt", SCRIPT);
    assert_int_equal(model_config_read(&config, ALONE, &err), ERR_FORMAT);
    assert_non_null(
        strstr(err.msg, "cannot load '" ALONE "': the vision width 16 is not a multiple of its 0 heads"));
    alone("ViT-B-32.pt", DIPTYCH_ROOT "/tests/golden/torch/open_clip.bin");
    assert_int_equal(model_config_read(&config, ALONE, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "unable to open '" ALONE "/config.json'"));
}

static void variants(void **state)
{
    static const char *const files[] = {ALONE "/pytorch_model.bin.index.fp16.json",
        ALONE "/pytorch_model.fp16.bin", ALONE "/model.safetensors.index.fp16.json",
        ALONE "/model.fp16.safetensors"};
    struct arena arena = {0};
    struct err err = {0};
    const char *found;
    (void)state;
    mkdir(ALONE, 0755);
    for (size_t i = 0; i < 4; i++)
        unlink(files[i]);
    assert_int_equal(model_variant(&found, ALONE, "fp16", &arena, &err), ERR_IO);
    assert_string_equal(
        err.msg, "no weights of variant 'fp16' in '" ALONE "': it has no 'model.fp16.safetensors'");
    for (size_t i = 0; i < 4; i++) {
        write_text(files[i], "");
        assert_int_equal(model_variant(&found, ALONE, "fp16", &arena, &err), 0);
        assert_string_equal(found, files[i]);
    }
    assert_int_equal(model_variant(&found, ALONE, "../fp16", &arena, &err), ERR_ARGUMENT);
    assert_int_equal(model_variant(&found, ALONE, "", &arena, &err), ERR_ARGUMENT);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_config_lies_beside),
        cmocka_unit_test(weights_tell_a_config),
        cmocka_unit_test(weights_of_others_tell_none),
        cmocka_unit_test(torch_script_needs_no_config),
        cmocka_unit_test(variants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
