// SPDX-License-Identifier: Apache-2.0
/* A model whose files change while it is open: encoding texts reads one of them. */
#include "joint/joint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGINAL DIPTYCH_ROOT "/tests/model"
#define FILE_OF(directory) directory "/model.safetensors"

/* Of float32 tables, which stay in the file on a CPU, and of others, which are converted when they are loaded. */
#define REPLACED DIPTYCH_SCRATCH "/replaced"
#define WRITTEN DIPTYCH_SCRATCH "/written"
#define HALF DIPTYCH_SCRATCH "/half"

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

static void open_model(const char *directory, enum dtype dtype)
{
    const struct device_options options = {.device = "cpu"};
    struct model_conversion made;
    check_ok(model_convert(&made, directory, ORIGINAL, &dtype, NULL, &err));
    check_ok(device_open(&device, &options, &err));
    check_ok(model_open(&model, directory, device, &err));
    check_ok(encoder_open(&encoder, model, 1, &err));
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
    open_model(REPLACED, DTYPE_F32);
    check_ok(encode(before));
    check_ok(
        file_copy(FILE_OF(REPLACED), ORIGINAL "/config.json", &err)); /* under a new name, then renamed */
    check_ok(encode(after));
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(unlink(FILE_OF(REPLACED)), 0);
    check_ok(encode(after));
    assert_memory_equal(before, after, sizeof before);
}

static void files_that_are_written_over_are_an_error(void **state)
{
    float embedding[WIDTH_MAX];
    (void)state;
    open_model(WRITTEN, DTYPE_F32);
    check_ok(encode(embedding));
    assert_int_equal(truncate(FILE_OF(WRITTEN), 4096), 0);
    assert_int_equal(encode(embedding), ERR_IO);
    assert_string_equal(err.msg, "'" FILE_OF(WRITTEN) "' was written over since it was opened");
}

static void files_that_are_not_needed_any_more_may_be(void **state)
{
    float before[WIDTH_MAX] = {0}, after[WIDTH_MAX] = {0};
    (void)state;
    open_model(HALF, DTYPE_F16);
    check_ok(encode(before));
    assert_int_equal(truncate(FILE_OF(HALF), 4096), 0);
    check_ok(encode(after));
    assert_memory_equal(before, after, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(files_that_are_replaced_are_still_read, close_model),
        cmocka_unit_test_teardown(files_that_are_written_over_are_an_error, close_model),
        cmocka_unit_test_teardown(files_that_are_not_needed_any_more_may_be, close_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
