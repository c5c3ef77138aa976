// SPDX-License-Identifier: Apache-2.0
/* Queries of several terms against their definition, with the default model. */
#include "joint/joint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEART DIPTYCH_ROOT "/assets/pictures/01.png"

enum { WIDTH = 128 }; /* of the default model */

static struct device *device;
static struct model *model;
static struct encoder *encoder;
static struct loader *loader;
static const struct loader_options options = {.batch = 2, .threads = 1};
static struct err err;

static void check_ok(int rc)
{
    if (rc)
        fail_msg("%s", err.msg);
}

static void encode(float *embedding, const struct query_term *terms, size_t count)
{
    check_ok(query_encode(embedding, encoder, loader, terms, count, NULL, NULL, &err));
}

static void expect_close(const float *got, const float *expected)
{
    for (size_t e = 0; e < WIDTH; e++)
        if (!(fabsf(got[e] - expected[e]) <= 1e-6f))
            fail_msg("element %zu: %.9g, expected %.9g", e, (double)got[e], (double)expected[e]);
}

static void one_term_is_its_embedding(void **state)
{
    (void)state;
    const char *text = "a red heart";
    float got[WIDTH], expected[WIDTH];
    encode(got, &(struct query_term){.text = text, .weight = 3}, 1);
    check_ok(encoder_texts(encoder, expected, &text, 1, NULL, NULL, &err));
    expect_close(got, expected);
}

static void terms_add_up(void **state)
{
    (void)state;
    const struct query_term terms[] = {{.picture = {.path = HEART}, .weight = 0.5f},
        {.text = "a blue star", .weight = 1}, {.text = "a red heart", .weight = -0.25f}};
    float parts[3][WIDTH], expected[WIDTH], got[WIDTH], all[WIDTH];
    double square = 0;
    for (size_t t = 0; t < 3; t++)
        encode(parts[t], &(struct query_term){terms[t].text, terms[t].picture, 1}, 1);
    for (size_t e = 0; e < WIDTH; e++) {
        expected[e] = 0.5f * parts[0][e] + parts[1][e] - 0.25f * parts[2][e];
        square += (double)expected[e] * expected[e];
    }
    for (size_t e = 0; e < WIDTH; e++)
        expected[e] /= (float)sqrt(square);
    encode(got, terms, 3);
    expect_close(got, expected);
    square = 0;
    for (size_t e = 0; e < WIDTH; e++)
        square += (double)got[e] * got[e];
    assert_true(fabs(square - 1) < 1e-6);

    const struct query_term scaled[] = {{.picture = {.path = HEART}, .weight = 5},
        {.text = "a blue star", .weight = 10}, {.text = "a red heart", .weight = -2.5f}};
    encode(all, scaled, 3);
    expect_close(all, expected);
}

static void pictures_come_as_bytes_too(void **state)
{
    (void)state;
    float as_file[WIDTH], as_bytes[WIDTH];
    char *bytes;
    size_t size;
    check_ok(file_read(&bytes, &size, HEART, 1 << 20, &err));
    const struct query_term file[] = {
        {.picture = picture_file(HEART), .weight = 2}, {.text = "a", .weight = 1}};
    const struct query_term upload[] = {
        {.picture = picture_bytes("upload", (uint8_t *)bytes, size), .weight = 2},
        {.text = "a", .weight = 1}};
    encode(as_file, file, 2);
    encode(as_bytes, upload, 2);
    assert_memory_equal(as_bytes, as_file, sizeof as_file);

    const struct query_term cut = {
        .picture = picture_bytes("upload", (uint8_t *)bytes, size / 2), .weight = 1};
    assert_int_equal(query_encode(as_bytes, encoder, loader, &cut, 1, NULL, NULL, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "unable to read 'upload': damaged PNG"));
    free(bytes);
}

struct watch {
    size_t calls, last, total, end_at;
};

static int watch_step(void *context, const char *unit, size_t done, size_t total)
{
    struct watch *watch = context;
    assert_string_equal(unit, "pictures");
    assert_true(done >= watch->last);
    watch->calls++;
    watch->last = done;
    watch->total = total;
    return done >= watch->end_at;
}

static void can_be_watched_and_ended(void **state)
{
    (void)state;
    struct watch all = {.end_at = 100}, half = {.end_at = 2};
    struct job job = {.step = watch_step, .context = &all};
    struct query_term terms[5];
    float out[WIDTH];
    for (size_t i = 0; i < 5; i++)
        terms[i] = (struct query_term){.picture = picture_file(HEART), .weight = 1};
    check_ok(query_encode(out, encoder, loader, terms, 5, NULL, &job, &err));
    assert_true(all.calls >= 3); /* batches of two */
    assert_int_equal(all.last, 5);
    assert_int_equal(all.total, 5);
    job.context = &half;
    assert_int_equal(query_encode(out, encoder, loader, terms, 5, NULL, &job, &err), ERR_CANCELLED);
    assert_int_equal(half.last, 2);
}

static void errors(void **state)
{
    (void)state;
    float out[WIDTH];
    size_t truncated;
    const struct query_term cancel[] = {{.text = "a dog", .weight = 1}, {.text = "a dog", .weight = -1}};
    assert_int_equal(query_encode(out, encoder, loader, cancel, 2, NULL, NULL, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "cancel out"));
    const struct query_term missing = {.picture = picture_file("no/such.png"), .weight = 1};
    assert_int_equal(query_encode(out, encoder, loader, &missing, 1, NULL, NULL, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "no/such.png"));
    char text[2001];
    memset(text, 'a', 2000);
    for (size_t i = 1; i < 2000; i += 2)
        text[i] = ' ';
    text[2000] = '\0';
    const struct query_term longer = {.text = text, .weight = 1};
    check_ok(query_encode(out, encoder, loader, &longer, 1, &truncated, NULL, &err));
    assert_int_equal(truncated, 1);
}

static int open_all(void **state)
{
    (void)state;
    check_ok(device_open(&device, &(struct device_options){.precision = "f32"}, &err));
    check_ok(model_open(&model, DIPTYCH_ROOT "/tests/model", device, &err));
    assert_int_equal(model_width(model), WIDTH);
    check_ok(encoder_open(&encoder, model, options.batch, &err));
    check_ok(loader_open(&loader, model_preprocess(model), &options, &err));
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    loader_free(loader);
    encoder_free(encoder);
    model_free(model);
    device_free(device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_term_is_its_embedding),
        cmocka_unit_test(terms_add_up),
        cmocka_unit_test(pictures_come_as_bytes_too),
        cmocka_unit_test(can_be_watched_and_ended),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
