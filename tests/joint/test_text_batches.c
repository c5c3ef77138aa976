// SPDX-License-Identifier: Apache-2.0
/* Texts of all lengths in one call: which are encoded together is a matter of time only. */
#include "joint/joint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 32 };

static struct device *device;
static struct model *model;
static struct encoder *encoder;
static struct err err;

static void check_ok(int rc)
{
    if (rc)
        fail_msg("%s", err.msg);
}

static int open_encoder(void **state)
{
    const struct device_options options = {.precision = "f32"};
    (void)state;
    check_ok(device_open(&device, &options, &err));
    check_ok(model_open(&model, DIPTYCH_ROOT "/tests/model", device, &err));
    check_ok(encoder_open(&encoder, model, BATCH, &err));
    return 0;
}

static int close_encoder(void **state)
{
    (void)state;
    encoder_free(encoder);
    model_free(model);
    device_free(device);
    return 0;
}

static int count_step(void *context, const char *unit, size_t done, size_t total)
{
    size_t *steps = context;
    (void)unit, (void)done, (void)total;
    ++*steps;
    return 0;
}

/* Encodes texts of so many words each, together and one by one. How many batches it were together. */
static size_t batches_of(const size_t *words, size_t count)
{
    const size_t width = model_width(model);
    char texts[BATCH][1024] = {""};
    const char *list[BATCH];
    float *together = mem_new(count, width * sizeof *together), *alone = mem_new(width, sizeof *alone);
    size_t steps = 0;
    const struct job job = {.step = count_step, .context = &steps};
    for (size_t i = 0; i < count; i++) {
        for (size_t word = 0; word < words[i]; word++)
            strcat(texts[i], (i + word) % 3 ? "a " : "red ");
        list[i] = texts[i];
    }
    check_ok(encoder_texts(encoder, together, list, count, NULL, &job, &err));
    for (size_t i = 0; i < count; i++) {
        check_ok(encoder_texts(encoder, alone, &list[i], 1, NULL, NULL, &err));
        for (size_t e = 0; e < width; e++)
            if (!(fabsf(together[i * width + e] - alone[e]) < 1e-5F))
                fail_msg("text %zu: element %zu is %g, alone %g", i, e, (double)together[i * width + e],
                    (double)alone[e]);
    }
    free(together);
    free(alone);
    return steps;
}

static void texts_of_like_length_are_one_batch(void **state)
{
    size_t words[BATCH];
    (void)state;
    for (size_t i = 0; i < BATCH; i++)
        words[i] = 6 + i % 4;
    assert_int_equal(batches_of(words, BATCH), 1);
}

static void a_long_text_does_not_lengthen_the_short_ones(void **state)
{
    size_t words[BATCH];
    (void)state;
    for (size_t i = 0; i < BATCH; i++)
        words[i] = i == 5 ? 60 : 4;
    assert_int_equal(batches_of(words, BATCH), 2);
    for (size_t i = 0; i < BATCH; i++)
        words[i] = (i * 13 + 7) % BATCH * 2; /* 0 to 62 */
    const size_t batches = batches_of(words, BATCH);
    assert_in_range(batches, 3, BATCH / 3);
}

static void few_texts_are_one_batch(void **state)
{
    const size_t words[] = {2, 40};
    (void)state;
    assert_int_equal(batches_of(words, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_like_length_are_one_batch),
        cmocka_unit_test(a_long_text_does_not_lengthen_the_short_ones),
        cmocka_unit_test(few_texts_are_one_batch),
    };
    return cmocka_run_group_tests(tests, open_encoder, close_encoder);
}
