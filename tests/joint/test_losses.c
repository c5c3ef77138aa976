// SPDX-License-Identifier: Apache-2.0
/* Contrastive losses with smoothed and shared targets, and pairs that are left out, and their gradients, against PyTorch's, of tests/golden/losses.py. */
#include "tests/joint/golden_training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 11, WIDTH = 24, COUNT = BATCH * WIDTH };
#define NEAR 1e-5 /* of what float64 gives, relative to the largest */

static double number_of(const struct tensor_file *file, const char *kind, const char *name)
{
    double *value = tensor_copy_of(file, kind, name), out = *value;
    free(value);
    return out;
}

static double farthest(const float *got, const float *want)
{
    double far = 0, largest = 0;
    for (size_t i = 0; i < COUNT; i++) {
        far = fmax(far, fabs((double)got[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    return far / largest;
}

struct loss_case {
    const char *kind; /* "smooth." */
    struct loss_options options;
    const char *fits; /* the targets' name; NULL: each picture's own text */
};

static struct tensor put(struct stream *stream, const float *values)
{
    struct tensor out;
    struct err err;
    OK(tensor_new(&out, stream, DTYPE_F32, SHAPE(BATCH, WIDTH), &err));
    OK(tensor_write(stream, out, values, COUNT, &err));
    return out;
}

static void check(struct stream *stream, const struct tensor_file *file, const struct loss_case *one)
{
    struct loss_options options = one->options;
    float *images = tensor_copy_of(file, "", "images"), *texts = tensor_copy_of(file, "", "texts"),
          *want_images = tensor_copy_of(file, one->kind, "dimages"),
          *want_texts = tensor_copy_of(file, one->kind, "dtexts"), got[COUNT], got_texts[COUNT];
    uint8_t *fits = tensor_copy_of(file, "", one->fits && strcmp(one->fits, "groups") ? one->fits : "fits");
    int64_t *groups = tensor_copy_of(file, "", "groups");
    size_t ids[BATCH];
    struct loss_report report;
    struct err err;
    const struct tensor left = put(stream, images), right = put(stream, texts), dleft = put(stream, images),
                        dright = put(stream, images);
    for (size_t i = 0; i < BATCH; i++)
        ids[i] = (size_t)groups[i];
    if (one->fits && !strcmp(one->fits, "groups"))
        fits_of_groups(fits, ids, BATCH);
    options.fits = one->fits ? fits : NULL;
    options.share = 0.25f; /* a quarter, and three more */
    OK(contrastive_loss(&report, stream, dleft, dright, left, right, &options, &err));
    options.share = 0.75f;
    options.adds = true;
    OK(contrastive_loss(&report, stream, dleft, dright, left, right, &options, &err));
    OK(tensor_read(stream, got, dleft, COUNT, &err));
    OK(tensor_read(stream, got_texts, dright, COUNT, &err));
    for (size_t i = 0; i < COUNT; i++)
        got_texts[i] /= options.share; /* of the last alone */
    const double loss = number_of(file, one->kind, "loss"), dscale = number_of(file, one->kind, "dscale"),
                 dbias = number_of(file, one->kind, "dbias"), by_images = farthest(got, want_images),
                 by_texts = farthest(got_texts, want_texts);
    print_message(
        "%-8s loss %.6f, gradients within %.1e and %.1e\n", one->kind, report.loss, by_images, by_texts);
    assert_true(fabs(report.loss - loss) <= NEAR * loss && by_images <= NEAR && by_texts <= NEAR);
    assert_true(fabs(report.dscale - dscale) <= 4 * NEAR * fabs(dscale));
    assert_true(fabs(report.dbias - dbias) <= NEAR * fabs(dbias));
    free(images), free(texts), free(want_images), free(want_texts), free(fits), free(groups);
}

static void losses_are_those_of_pytorch(void **state)
{
    static const struct loss_case cases[] = {
        {"smooth.", {.loss = LOSS_SOFTMAX, .scale = 14, .smoothing = 0.1f}, NULL},
        {"shared.", {.loss = LOSS_SOFTMAX, .scale = 14}, "groups"},
        {"both.", {.loss = LOSS_SOFTMAX, .scale = 14, .smoothing = 0.2f}, "fits"},
        {"sigmoid.", {.loss = LOSS_SIGMOID, .scale = 14, .bias = -3}, "fits"},
        {"partial.", {.loss = LOSS_SOFTMAX, .scale = 14}, "partial"},
        {"sparse.", {.loss = LOSS_SOFTMAX, .scale = 14, .smoothing = 0.3f}, "partial"},
        {"few.", {.loss = LOSS_SIGMOID, .scale = 14, .bias = -3}, "partial"},
    };
    const struct device_options on = {.precision = "f32"};
    struct tensor_file file;
    struct device *device;
    struct stream *stream;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    OK(stream_open(&stream, device, 1 << 20, &err));
    tensor_file_open(&file, DIPTYCH_ROOT "/tests/golden/losses.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(stream, &file, &cases[i]);
    tensor_file_release(&file);
    stream_free(stream);
    device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_are_those_of_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
