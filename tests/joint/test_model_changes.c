// SPDX-License-Identifier: Apache-2.0
/* A model whose files change while it is open: encoding texts reads one of them. */
#include "joint/joint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGINAL DIPTYCH_ROOT "/tests/model"
#define FILE_OF(directory) directory "/model.safetensors"

/* A table of tokens stays in the file on a CPU, of 16 bits too, but where it lies at odd addresses: there it is converted
 * when it is loaded. */
#define REPLACED DIPTYCH_SCRATCH "/replaced"
#define WRITTEN DIPTYCH_SCRATCH "/written"
#define HALF DIPTYCH_SCRATCH "/half"
#define ODD DIPTYCH_SCRATCH "/odd"
#define BOTH DIPTYCH_SCRATCH "/both"

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

static void make_model(const char *directory, enum dtype dtype)
{
    struct model_conversion made;
    check_ok(model_convert(&made, directory, ORIGINAL, NULL, &dtype, NULL, &err));
}

static void open_model(const char *directory, bool weights_in_file)
{
    const struct device_options options = {
        .device = "cpu", .gemm = "onednn", .precision = "f32", .weights_in_file = weights_in_file};
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
    make_model(REPLACED, DTYPE_F32);
    open_model(REPLACED, true);
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
    make_model(WRITTEN, DTYPE_F32);
    open_model(WRITTEN, true);
    check_ok(encode(embedding));
    assert_int_equal(truncate(FILE_OF(WRITTEN), 4096), 0);
    assert_int_equal(encode(embedding), ERR_IO);
    assert_string_equal(err.msg, "'" FILE_OF(WRITTEN) "' was written over since it was opened");
}

static void tables_of_16_bits_stay_in_the_file(void **state)
{
    float embedding[WIDTH_MAX];
    (void)state;
    make_model(HALF, DTYPE_F16);
    open_model(HALF, false);
    check_ok(encode(embedding));
    assert_int_equal(truncate(FILE_OF(HALF), 4096), 0);
    assert_int_equal(encode(embedding), ERR_IO);
    assert_string_equal(err.msg, "'" FILE_OF(HALF) "' was written over since it was opened");
}

/* The same tensors one byte further on. */
static void make_odd(const char *path)
{
    char *bytes;
    size_t size;
    uint64_t header;
    check_ok(file_read(&bytes, &size, path, 1 << 26, &err));
    memcpy(&header, bytes, sizeof header);
    const size_t data = sizeof header + header;
    header++;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(&header, sizeof header, 1, file), 1);
    assert_int_equal(fwrite(bytes + sizeof header, data - sizeof header, 1, file), 1);
    fputc(' ', file);
    assert_int_equal(fwrite(bytes + data, size - data, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

static void files_that_are_not_needed_any_more_may_be(void **state)
{
    float before[WIDTH_MAX] = {0}, after[WIDTH_MAX] = {0};
    (void)state;
    make_model(ODD, DTYPE_F16);
    make_odd(FILE_OF(ODD));
    open_model(ODD, true);
    check_ok(encode(before));
    assert_int_equal(truncate(FILE_OF(ODD), 4096), 0);
    check_ok(encode(after));
    assert_memory_equal(before, after, sizeof before);
}

static void encode_grey(float embedding[WIDTH_MAX], int *rc)
{
    const size_t edge = (size_t)model_config(model)->vision.image_size, bytes = edge * edge * 3;
    uint8_t *pixels = mem_new(bytes, 1);
    memset(pixels, 100, bytes);
    *rc = encoder_pixels(encoder, embedding, pixels, 1, &err);
    free(pixels);
}

static void weights_give_the_same_in_the_file_and_in_memory(void **state)
{
    float texts[2][WIDTH_MAX] = {{0}}, pictures[2][WIDTH_MAX] = {{0}};
    int rc;
    make_model(BOTH, DTYPE_F32);
    for (int in_file = 0; in_file <= 1; in_file++) {
        open_model(BOTH, in_file);
        check_ok(encode(texts[in_file]));
        encode_grey(pictures[in_file], &rc);
        check_ok(rc);
        if (!in_file)
            close_model(state);
    }
    for (size_t i = 0; i < WIDTH_MAX; i++) {
        assert_true(fabsf(texts[0][i] - texts[1][i]) < 1e-5F);
        assert_true(fabsf(pictures[0][i] - pictures[1][i]) < 1e-5F);
    }
    assert_int_equal(truncate(FILE_OF(BOTH), 4096), 0);
    encode_grey(pictures[1], &rc);
    assert_int_equal(rc, ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(files_that_are_replaced_are_still_read, close_model),
        cmocka_unit_test_teardown(files_that_are_written_over_are_an_error, close_model),
        cmocka_unit_test_teardown(tables_of_16_bits_stay_in_the_file, close_model),
        cmocka_unit_test_teardown(files_that_are_not_needed_any_more_may_be, close_model),
        cmocka_unit_test_teardown(weights_give_the_same_in_the_file_and_in_memory, close_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
