// SPDX-License-Identifier: Apache-2.0
#include "tests/service/served.h"
#include "tests/service/described.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <nettle/base64.h>

#include <cmocka.h>

struct served served;

static void check(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* ---- the model, to compare with ------------------------------------------------------------------------ */

void encode_text(float *embedding, const char *text)
{
    struct err err;
    check(encoder_texts(served.encoder, embedding, &text, 1, NULL, NULL, &err), &err);
}

void encode_picture(float *embedding, const char *path, enum alpha_rule alpha)
{
    struct err err;
    struct picture picture;
    struct preprocess preprocess = *model_preprocess(served.model);
    uint8_t *pixels = mem_new(
        model_config(served.model)->vision.image_size, model_config(served.model)->vision.image_size * 3);
    preprocess.alpha = alpha;
    check(picture_read(&picture, picture_file(path), NULL, &err), &err);
    check(preprocess_run(pixels, &preprocess, &picture, &err), &err);
    check(encoder_pixels(served.encoder, embedding, pixels, 1, &err), &err);
    picture_release(&picture);
    free(pixels);
}

void expect_close(const float *got, const float *expected, const char *what)
{
    for (size_t e = 0; e < WIDTH; e++)
        if (!(fabsf(got[e] - expected[e]) <= 2e-6f))
            fail_msg("%s: element %zu is %.9g, expected %.9g", what, e, (double)got[e], (double)expected[e]);
}

void read_vector(float *out, const json_t *list)
{
    assert_int_equal(json_array_size(list), WIDTH);
    for (size_t e = 0; e < WIDTH; e++)
        out[e] = (float)json_number_value(json_array_get(list, e));
}

char *base64_file(const char *path)
{
    struct err err;
    char *bytes;
    size_t size;
    check(file_read(&bytes, &size, path, 1 << 24, &err), &err);
    char *text = mem_new(BASE64_ENCODE_RAW_LENGTH(size) + 1, 1);
    base64_encode_raw(text, size, (const uint8_t *)bytes);
    free(bytes);
    return text;
}

/* ---- the index ----------------------------------------------------------------------------------------- */

static void copy_picture(size_t i)
{
    static const char *const names[PICTURE_COUNT] = {
        "01.png", "02.png", "03.jpg", "04.png", "05.jpg", "06.jpg"};
    char from[4096], *bytes;
    size_t size;
    struct err err;
    struct new_file file;
    snprintf(from, sizeof from, DIPTYCH_ROOT "/assets/pictures/%s", names[i]);
    snprintf(served.paths[i], sizeof served.paths[i], PICTURES "/%s", names[i]);
    check(file_read(&bytes, &size, from, 1 << 24, &err), &err);
    check(new_file_open(&file, served.paths[i], &err), &err);
    fwrite(bytes, 1, size, file.stream);
    check(new_file_close(&file, true, &err), &err);
    free(bytes);
}

static void make_index(void)
{
    struct err err;
    struct index *index;
    char fingerprint[FINGERPRINT_SIZE];
    check(model_directory_fingerprint(fingerprint, MODEL, &err), &err);
    const struct index_options options = {.model = "frozen",
        .fingerprint = fingerprint,
        .width = WIDTH,
        .storage = INDEX_F32,
        .preparation = "model"};
    check(index_create(&index, INDEX, &options, &err), &err);
    for (size_t i = 0; i < PICTURE_COUNT; i++) {
        copy_picture(i);
        encode_picture(served.pictures[i], served.paths[i], ALPHA_MODEL);
        struct index_item item = {
            .kind = INDEX_IMAGE, .path = served.paths[i], .metadata = i % 2 ? "{\"odd\": true}" : NULL};
        check(index_add(index, &item, served.pictures[i], 1, &err), &err);
    }
    struct index_item text = {.kind = INDEX_TEXT, .caption = "a red heart"};
    float embedding[WIDTH];
    encode_text(embedding, text.caption);
    check(index_add(index, &text, embedding, 1, &err), &err);
    check(index_commit(index, &err), &err);
    index_free(index);
}

/* ---- the service --------------------------------------------------------------------------------------- */

struct service *served_with(struct service_options options)
{
    static const char *const names[] = {"pictures"}, *const paths[] = {INDEX};
    struct err err;
    struct service *service;
    if (!options.model)
        options.model = MODEL;
    options.device = (struct device_options){.precision = "f32"};
    options.index_names = names;
    options.index_paths = paths;
    options.index_count = 1;
    check(service_open(&service, &options, &err), &err);
    check(service_wait(service, &err), &err);
    return service;
}

int served_open(void **state)
{
    struct err err;
    const struct device_options device = {.precision = "f32"};
    (void)state;
    mkdir(PICTURES, 0777);
    check(device_open(&served.device, &device, &err), &err);
    check(model_open(&served.model, MODEL, served.device, &err), &err);
    check(encoder_open(&served.encoder, served.model, 8, &err), &err);
    make_index();
    served.service = served_with((struct service_options){0});
    served.port = service_port(served.service);
    return 0;
}

int served_close(void **state)
{
    (void)state;
    service_close(served.service, 0);
    encoder_free(served.encoder);
    model_free(served.model);
    device_free(served.device);
    return 0;
}

json_t *post(const char *path, const char *body, int status)
{
    struct answer answer = client_once(served.port, "POST", path, NULL, body);
    if (answer.status != status)
        fail_msg("POST %s: %d, expected %d: %s", path, answer.status, status, answer.body ? answer.body : "");
    json_t *value = json_loads(answer.body, 0, NULL);
    assert_non_null(value);
    expect_as_described(served.port, "POST", path, status, value);
    answer_release(&answer);
    return value;
}

json_t *post_json(const char *path, json_t *body, int status)
{
    assert_non_null(body);
    char *text = json_dumps(body, 0);
    json_t *answer = post(path, text, status);
    free(text);
    json_decref(body);
    return answer;
}
