// SPDX-License-Identifier: Apache-2.0
/* A model whose files change while it is open: encoding texts reads one of them. */
#include "joint/joint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGINAL DIPTYCH_ROOT "/tests/model"
#define MODEL DIPTYCH_SCRATCH "/model"
#define WEIGHTS MODEL "/model.safetensors"

enum { WIDTH_MAX = 128 };

static struct device *device;
static struct model *model;
static struct encoder *encoder;
static struct err err;

static void check_ok(int rc)
{
    if (rc)
        fail_msg("%s", err.msg);
}

static void copy(const char *name)
{
    struct arena arena = {0};
    check_ok(file_copy(path_join(&arena, MODEL, name), path_join(&arena, ORIGINAL, name), &err));
    arena_release(&arena);
}

static int open_model(void **state)
{
    static const char *const files[] = {
        "config.json", "model.safetensors", "preprocessor_config.json", "vocab.json", "merges.txt"};
    const struct device_options options = {0};
    (void)state;
    mkdir(MODEL, 0755);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        copy(files[i]);
    check_ok(device_open(&device, &options, &err));
    check_ok(model_open(&model, MODEL, device, &err));
    check_ok(encoder_open(&encoder, model, 1, &err));
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    encoder_free(encoder);
    model_free(model);
    device_free(device);
    return 0;
}

static int encode(float embedding[WIDTH_MAX])
{
    const char *text = "a red heart";
    assert_true(model_width(model) <= WIDTH_MAX);
    return encoder_texts(encoder, embedding, &text, 1, NULL, NULL, &err);
}

static void files_that_are_replaced_are_still_read(void **state)
{
    float before[WIDTH_MAX] = {0}, after[WIDTH_MAX] = {0};
    (void)state;
    check_ok(encode(before));
    check_ok(file_copy(WEIGHTS, ORIGINAL "/config.json", &err)); /* under a new name, then renamed */
    check_ok(encode(after));
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(unlink(WEIGHTS), 0);
    check_ok(encode(after));
    assert_memory_equal(before, after, sizeof before);
}

static void files_that_are_written_over_are_an_error(void **state)
{
    float embedding[WIDTH_MAX];
    (void)state;
    check_ok(encode(embedding));
    assert_int_equal(truncate(WEIGHTS, 4096), 0);
    assert_int_equal(encode(embedding), ERR_IO);
    assert_string_equal(err.msg, "'" WEIGHTS "' was written over since it was opened");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_that_are_replaced_are_still_read, open_model, close_model),
        cmocka_unit_test_setup_teardown(files_that_are_written_over_are_an_error, open_model, close_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
