// SPDX-License-Identifier: Apache-2.0
/* libdiptych as a program sees it: handles, codes, structs of other sizes, and each input's outcome. The numbers are held
 * against the command's by test_same.sh. */
#include "joint/diptych.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PICTURES DIPTYCH_ROOT "/assets/pictures/"
enum { LABELS = 3 };
static const char *const labels[LABELS] = {"a red heart", "a blue star", "a yellow trapezoid"};

static struct diptych_model *model;
static size_t width;
static struct diptych_error error;

static int open_model(void **state)
{
    struct diptych_model_info info = {.size = sizeof info};
    (void)state;
    if (diptych_model_open(&model, NULL, NULL, NULL, &error) || diptych_model_info(model, &info, &error))
        fprintf(stderr, "%s\n", error.message);
    width = info.width;
    return !width;
}

static int close_model(void **state)
{
    (void)state;
    diptych_model_free(model);
    return 0;
}

static void assert_says(int code, int expected, const char *words)
{
    if (code != expected || error.code != expected || !strstr(error.message, words))
        fail_msg("code %d (expected %d): '%s' (expected '%s')", code, expected, error.message, words);
}

/* ---- codes --------------------------------------------------------------------------------------------- */

static void codes_have_names(void **state)
{
    (void)state;
    assert_string_equal(diptych_code_name(DIPTYCH_OK), "ok");
    for (int code = DIPTYCH_ERROR_ARGUMENT; code <= DIPTYCH_ERROR_MODEL; code++)
        assert_non_null(diptych_code_name(code));
    assert_null(diptych_code_name(DIPTYCH_ERROR_MODEL + 1));
    assert_null(diptych_code_name(-1));
    assert_string_equal(diptych_version(), VERSION);
}

static void null_is_an_argument(void **state)
{
    struct diptych_classifier *classifier;
    struct diptych_outcomes *outcomes = (void *)&error;
    const struct diptych_image image = {.path = PICTURES "01.png"};
    float row[4];
    int64_t label;
    (void)state;
    assert_says(diptych_model_open(NULL, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "out is NULL");
    assert_says(diptych_model_info(NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "model is NULL");
    assert_says(diptych_model_info(model, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "out is NULL");
    assert_says(diptych_encode_images(NULL, row, &image, 1, NULL, &outcomes, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "model is NULL");
    assert_null(outcomes);
    assert_says(diptych_encode_images(model, NULL, &image, 1, NULL, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "embeddings is NULL");
    assert_says(diptych_encode_images(model, row, NULL, 1, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "images is NULL");
    assert_says(diptych_encode_texts(model, row, NULL, 1, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "texts is NULL");
    assert_says(diptych_classifier_open(&classifier, NULL, labels, LABELS, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "model is NULL");
    assert_null(classifier);
    assert_says(diptych_classifier_open(&classifier, model, NULL, LABELS, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "labels is NULL");
    assert_says(diptych_classify(NULL, &label, row, 1, &image, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "classifier is NULL");
    assert_says(diptych_rank(NULL, &label, NULL, NULL, &image, 1, labels, NULL, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "model is NULL");
    assert_says(diptych_rank(model, &label, NULL, NULL, &image, 1, labels, NULL, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "caption_counts is NULL");
    assert_says(diptych_job_new(NULL, &error), DIPTYCH_ERROR_ARGUMENT, "out is NULL");
    assert_says(diptych_job_progress(NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "job is NULL");
    assert_says(diptych_outcomes_get(NULL, 0, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "outcomes is NULL");
    assert_int_equal(diptych_model_open(NULL, NULL, NULL, NULL, NULL), DIPTYCH_ERROR_ARGUMENT);

    diptych_model_free(NULL);
    diptych_classifier_free(NULL);
    diptych_outcomes_free(NULL);
    diptych_job_free(NULL);
    diptych_job_cancel(NULL);
    assert_int_equal(diptych_outcomes_count(NULL), 0);
    assert_int_equal(diptych_outcomes_failed(NULL), 0);
    assert_int_equal(diptych_classifier_labels(NULL), 0);
    assert_null(diptych_classifier_label(NULL, 0));
    assert_false(diptych_job_is_cancelled(NULL));
}

static void models_that_are_missing_have_a_code(void **state)
{
    struct diptych_model *none = model;
    (void)state;
    assert_says(diptych_model_open(&none, DIPTYCH_SCRATCH "/no-model", NULL, NULL, &error), DIPTYCH_ERROR_IO,
        DIPTYCH_SCRATCH "/no-model");
    assert_null(none);
    assert_says(diptych_model_open(&none, "openai/clip-vit-base-patch32", NULL, NULL, &error),
        DIPTYCH_ERROR_NOT_FOUND, "openai/clip-vit-base-patch32");
    const struct diptych_model_options options = {.size = sizeof options, .precision = "f7"};
    assert_says(diptych_model_open(&none, NULL, &options, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "'f7'");
    const struct diptych_model_options alpha = {.size = sizeof alpha, .alpha = "pink"};
    assert_says(diptych_model_open(&none, NULL, &alpha, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "alpha is one of 'model', 'white', 'black', 'drop', not 'pink'");
    const struct diptych_model_options both = {.size = sizeof both, .index = "a.dip", .download = 1};
    assert_says(diptych_model_open(&none, NULL, &both, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "download is of no use with index");
}

#define LORA DIPTYCH_ROOT "/tests/golden/lora/"

/* Merged as the command does it; an embedding and a fingerprint of its own. */
static void models_take_adapters(void **state)
{
    static const char *const names[] = {LORA "plain:0.5", LORA "dora"}, *const gone = LORA "gone",
                             *const no = NULL;
    static const char text[] = "a red heart", *const texts = text;
    struct diptych_model_options options = {.size = sizeof options, .precision = "f32"};
    struct diptych_model_info infos[2] = {{.size = sizeof *infos}, {.size = sizeof *infos}};
    struct diptych_model *models[2], *none = NULL;
    float rows[2][16];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        options.lora = names;
        options.lora_count = 2 * i;
        assert_int_equal(diptych_model_open(&models[i], LORA "model", &options, NULL, &error), 0);
        assert_int_equal(diptych_model_info(models[i], &infos[i], &error), 0);
        assert_int_equal(infos[i].width, 16);
        assert_int_equal(diptych_encode_texts(models[i], rows[i], &texts, 1, NULL, NULL, NULL, &error), 0);
    }
    assert_string_not_equal(infos[0].fingerprint, infos[1].fingerprint);
    assert_memory_not_equal(rows[0], rows[1], sizeof rows[0]);
    diptych_model_free(models[0]);
    diptych_model_free(models[1]);
    options.lora = &gone;
    options.lora_count = 1;
    assert_says(
        diptych_model_open(&none, LORA "model", &options, NULL, &error), DIPTYCH_ERROR_IO, "'" LORA "gone'");
    options.lora = &no;
    assert_says(diptych_model_open(&none, LORA "model", &options, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "an item of lora is NULL");
}

/* ---- structs of other sizes ---------------------------------------------------------------------------- */

/* What a program that was compiled with another version hands over. */
struct sized {
    const char *name;
    size_t size; /* today's */
    int (*call)(const void *options);
};

static int open_with(const void *options)
{
    struct diptych_model *opened;
    const int rc = diptych_model_open(&opened, NULL, options, NULL, &error);
    diptych_model_free(opened);
    return rc;
}

static int encode_with(const void *options)
{
    float *row = malloc(width * sizeof *row); // (1, E)
    const int rc = diptych_encode_texts(model, row, labels, 1, options, NULL, NULL, &error);
    free(row);
    return rc;
}

static int classify_with(const void *options)
{
    struct diptych_classifier *classifier;
    const int rc = diptych_classifier_open(&classifier, model, labels, LABELS, options, NULL, &error);
    diptych_classifier_free(classifier);
    return rc;
}

static const struct sized sized[] = {
    {"model", sizeof(struct diptych_model_options), open_with},
    {"encode", sizeof(struct diptych_encode_options), encode_with},
    {"classifier", sizeof(struct diptych_classifier_options), classify_with},
};

/* Behind a struct that ends early lies what must not be read: here, bytes that would make no sense. */
static void options_may_be_of_another_version(void **state)
{
    enum { LATER = 16 };
    (void)state;
    for (size_t i = 0; i < sizeof sized / sizeof *sized; i++) {
        const struct sized *s = &sized[i];
        unsigned char *bytes = malloc(s->size + LATER);
        for (size_t size = sizeof(size_t); size <= s->size; size += sizeof(size_t)) {
            memset(bytes, 0xEE, s->size + LATER);
            memset(bytes, 0, size);
            memcpy(bytes, &size, sizeof size);
            if (s->call(bytes))
                fail_msg("%s of %zu bytes: %s", s->name, size, error.message);
        }
        const size_t later = s->size + LATER, none = 0;
        memset(bytes, 0, later);
        memcpy(bytes, &later, sizeof later);
        assert_int_equal(s->call(bytes), 0);
        bytes[later - 1] = 1;
        assert_says(s->call(bytes), DIPTYCH_ERROR_UNSUPPORTED, "does not know");
        memcpy(bytes, &none, sizeof none);
        assert_says(s->call(bytes), DIPTYCH_ERROR_ARGUMENT, "does not begin with its size");
        free(bytes);
    }
}

static void filled_structs_may_be_of_another_version(void **state)
{
    struct {
        struct diptych_model_info info;
        unsigned char later[16];
    } all;
    (void)state;
    for (size_t size = sizeof(size_t); size <= sizeof all; size += sizeof(size_t)) {
        memset(&all, 0xEE, sizeof all);
        all.info.size = size;
        assert_int_equal(diptych_model_info(model, &all.info, &error), 0);
        assert_int_equal(all.info.size, size);
        if (size >= 2 * sizeof(size_t))
            assert_int_equal(all.info.width, width);
        for (size_t i = size; i < sizeof all; i++)
            assert_int_equal(((unsigned char *)&all)[i], 0xEE);
        for (size_t i = sizeof all.info; i < size; i++)
            assert_int_equal(((unsigned char *)&all)[i], 0);
    }
    all.info.size = 0;
    assert_says(
        diptych_model_info(model, &all.info, &error), DIPTYCH_ERROR_ARGUMENT, "does not begin with its size");
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static struct diptych_outcome outcome(const struct diptych_outcomes *outcomes, size_t i)
{
    struct diptych_outcome out = {.size = sizeof out};
    assert_int_equal(diptych_outcomes_get(outcomes, i, &out, &error), 0);
    return out;
}

/* By its place in a batch, a row may be summed in another order: oneDNN's code for AVX2 does so, that for AVX-512 does not. */
static void assert_same_rows(const float *a, const float *b)
{
    for (size_t e = 0; e < width; e++)
        assert_true(fabsf(a[e] - b[e]) <= 1e-6f);
}

/* A path, a file's bytes and its pixels are one picture. The row of each stands in its place, whatever fails. */
static void pictures_come_in_three_ways(void **state)
{
    enum { COUNT = 6, EDGE = 20, ROW = 64 };
    uint8_t pixels[EDGE][ROW], packed[EDGE][3 * EDGE];
    char ppm[64 + sizeof packed];
    size_t size;
    char *bytes = read_file(PICTURES "03.jpg", &size);
    struct diptych_outcomes *outcomes;
    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        (&pixels[0][0])[i] = (uint8_t)(i * 7 + i / 11);
    for (size_t y = 0; y < EDGE; y++)
        memcpy(packed[y], pixels[y], sizeof packed[y]);
    const int head = sprintf(ppm, "P6 %d %d 255\n", EDGE, EDGE);
    memcpy(ppm + head, packed, sizeof packed);

    const struct diptych_image images[COUNT] = {
        {.path = PICTURES "03.jpg"},
        {.bytes = bytes, .size = size},
        {.path = "none.jpg"},
        {.pixels = pixels[0], .width = EDGE, .height = EDGE, .stride = ROW},
        {.bytes = "no picture", .size = 10},
        {.bytes = ppm, .size = (size_t)head + sizeof packed},
    };
    float *rows = malloc(COUNT * width * sizeof *rows); // (COUNT, E)
    assert_int_equal(diptych_encode_images(model, rows, images, COUNT, NULL, &outcomes, NULL, &error), 0);
    assert_int_equal(diptych_outcomes_count(outcomes), COUNT);
    assert_int_equal(diptych_outcomes_failed(outcomes), 2);
    assert_same_rows(rows, rows + width);
    assert_same_rows(rows + 3 * width, rows + 5 * width);
    for (size_t e = 0; e < width; e++)
        assert_true(isnan(rows[2 * width + e]) && isnan(rows[4 * width + e]));
    double square = 0;
    for (size_t e = 0; e < width; e++)
        square += (double)rows[e] * (double)rows[e];
    assert_true(fabs(square - 1) < 1e-5);

    assert_int_equal(outcome(outcomes, 0).code, 0);
    assert_string_equal(outcome(outcomes, 0).message, "");
    assert_int_equal(outcome(outcomes, 2).code, DIPTYCH_ERROR_IO);
    assert_non_null(strstr(outcome(outcomes, 2).message, "none.jpg"));
    assert_int_equal(outcome(outcomes, 4).code, DIPTYCH_ERROR_FORMAT);
    assert_non_null(strstr(outcome(outcomes, 4).message, "input 4"));
    assert_true(outcome(outcomes, 3).outside); /* stripes are no scene */
    assert_false(outcome(outcomes, 0).outside);
    struct diptych_outcome out = {.size = sizeof out};
    assert_says(
        diptych_outcomes_get(outcomes, COUNT, &out, &error), DIPTYCH_ERROR_ARGUMENT, "there are 6 outcomes");
    diptych_outcomes_free(outcomes);
    free(rows);
    free(bytes);
}

/* Grey is its colour; alpha is what it is in a file: pixels that are clear all over are those that the model's rule makes. */
static void pixels_have_channels(void **state)
{
    enum { EDGE = 24, PIXELS = EDGE * EDGE, COUNT = 5 };
    uint8_t grey[PIXELS], rgb[PIXELS][3], opaque[PIXELS][4], clear[PIXELS][4];
    char file[64 + sizeof clear];
    (void)state;
    for (size_t i = 0; i < PIXELS; i++) {
        grey[i] = (uint8_t)(i * 3);
        memset(rgb[i], grey[i], 3);
        memcpy(opaque[i], (const uint8_t[]){grey[i], grey[i], grey[i], 255}, 4);
        memcpy(clear[i], (const uint8_t[]){grey[i], grey[i], grey[i], (uint8_t)(i / EDGE * 10)}, 4);
    }
    const int head = sprintf(file, "PyRGBA %d %d 255\n", EDGE, EDGE);
    memcpy(file + head, clear, sizeof clear);
    const struct diptych_image images[COUNT] = {
        {.pixels = grey, .width = EDGE, .height = EDGE, .channels = 1},
        {.pixels = rgb[0], .width = EDGE, .height = EDGE, .channels = 3},
        {.pixels = opaque[0], .width = EDGE, .height = EDGE, .channels = 4, .stride = 4 * EDGE},
        {.pixels = clear[0], .width = EDGE, .height = EDGE, .channels = 4},
        {.bytes = file, .size = (size_t)head + sizeof clear},
    };
    struct diptych_model *white;
    const struct diptych_model_options options = {
        .size = sizeof options, .alpha = "white", .precision = "f32"};
    float *rows = malloc(COUNT * width * sizeof *rows); // (COUNT, E)
    assert_int_equal(diptych_model_open(&white, NULL, &options, NULL, &error), 0);
    assert_int_equal(diptych_encode_images(white, rows, images, COUNT, NULL, NULL, NULL, &error), 0);
    assert_same_rows(rows, rows + width);
    assert_same_rows(rows, rows + 2 * width);
    assert_same_rows(rows + 3 * width, rows + 4 * width);
    assert_memory_not_equal(rows, rows + 3 * width, width * sizeof *rows);
    diptych_model_free(white);
    free(rows);
}

static void images_that_are_none_are_arguments(void **state)
{
    static const uint8_t pixels[12];
    static const struct {
        struct diptych_image image;
        const char *words;
    } cases[] = {
        {{.path = NULL}, "image 1: it has no path, bytes or pixels"},
        {{.bytes = "x", .size = 1, .pixels = pixels, .width = 1, .height = 1}, "it has bytes and pixels"},
        {{.pixels = pixels, .width = 0, .height = 1}, "pixels of 0 x 1"},
        {{.pixels = pixels, .width = 2, .height = 2, .stride = 5}, "a stride of 5"},
        {{.pixels = pixels, .width = 1, .height = 2, .channels = 4, .stride = 3}, "a stride of 3"},
        {{.pixels = pixels, .width = 1, .height = 1, .channels = 2}, "pixels of 2 channels are no picture"},
    };
    float *rows = malloc(2 * width * sizeof *rows); // (2, E)
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct diptych_image images[2] = {{.path = PICTURES "01.png"}, cases[i].image};
        assert_says(diptych_encode_images(model, rows, images, 2, NULL, NULL, NULL, &error),
            DIPTYCH_ERROR_ARGUMENT, cases[i].words);
    }
    assert_int_equal(diptych_encode_images(model, NULL, NULL, 0, NULL, NULL, NULL, &error), 0);
    assert_int_equal(diptych_encode_texts(model, NULL, NULL, 0, NULL, NULL, NULL, &error), 0);
    free(rows);
}

/* ---- texts --------------------------------------------------------------------------------------------- */

static void texts_fail_and_are_cut_one_by_one(void **state)
{
    enum { COUNT = 4 };
    char longer[1000];
    struct diptych_outcomes *outcomes;
    (void)state;
    for (size_t i = 0; i + 1 < sizeof longer; i += 2)
        memcpy(longer + i, "a ", 2);
    longer[sizeof longer - 1] = '\0';
    const char *const texts[COUNT] = {"a red heart", "\xFF\xFE", longer, "a red heart"};
    float *rows = malloc(COUNT * width * sizeof *rows); // (COUNT, E)
    assert_int_equal(diptych_encode_texts(model, rows, texts, COUNT, NULL, &outcomes, NULL, &error), 0);
    assert_int_equal(diptych_outcomes_failed(outcomes), 1);
    assert_int_equal(outcome(outcomes, 1).code, DIPTYCH_ERROR_FORMAT);
    assert_true(outcome(outcomes, 2).truncated);
    assert_false(outcome(outcomes, 3).truncated);
    assert_true(isnan(rows[width]));
    assert_same_rows(rows, rows + 3 * width);
    diptych_outcomes_free(outcomes);

    const char *const none[2] = {"a", NULL};
    assert_says(diptych_encode_texts(model, rows, none, 2, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "texts[1] is NULL");
    free(rows);
}

/* Raw embeddings point the same way. */
static void raw_embeddings_keep_their_length(void **state)
{
    const struct diptych_encode_options raw = {.size = sizeof raw, .raw = 1};
    float *rows = malloc(2 * width * sizeof *rows); // (2, E)
    double dot = 0, square = 0;
    (void)state;
    assert_int_equal(diptych_encode_texts(model, rows, labels, 1, NULL, NULL, NULL, &error), 0);
    assert_int_equal(diptych_encode_texts(model, rows + width, labels, 1, &raw, NULL, NULL, &error), 0);
    for (size_t e = 0; e < width; e++) {
        dot += (double)rows[e] * (double)rows[width + e];
        square += (double)rows[width + e] * (double)rows[width + e];
    }
    assert_true(fabs(dot / sqrt(square) - 1) < 1e-5);
    assert_true(fabs(square - 1) > 1e-3);
    free(rows);
}

/* ---- classifying and ranking --------------------------------------------------------------------------- */

static void classifiers_name_their_mistakes(void **state)
{
    static const char *const twice[2] = {"cat", "cat"}, *const set[1] = {"@nothing"};
    static const char *const unfilled[1] = {"a photo"};
    const struct diptych_classifier_options options = {
        .size = sizeof options, .templates = unfilled, .template_count = 1};
    const struct diptych_classifier_options probe = {.size = sizeof probe, .probe = "none.probe"};
    struct diptych_classifier *c;
    (void)state;
    assert_says(
        diptych_classifier_open(&c, model, twice, 2, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "'cat'");
    assert_says(
        diptych_classifier_open(&c, model, set, 1, NULL, NULL, &error), DIPTYCH_ERROR_NOT_FOUND, "@nothing");
    assert_says(diptych_classifier_open(&c, model, labels, 0, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "no labels");
    assert_says(diptych_classifier_open(&c, model, labels, LABELS, &options, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "template 'a photo' is no set of templates and has no {}");
    assert_says(diptych_classifier_open(&c, model, labels, LABELS, &probe, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "a probe has labels of its own");
    assert_says(
        diptych_classifier_open(&c, model, NULL, 0, &probe, NULL, &error), DIPTYCH_ERROR_IO, "'none.probe'");
}

/* As with the command: ImageNet has 1000 classes, and two labels twice. */
static void labels_of_a_data_set_count_once(void **state)
{
    static const char *const set[1] = {"@imagenet"}, *const bare[1] = {"{}"};
    const struct diptych_classifier_options options = {
        .size = sizeof options, .templates = bare, .template_count = 1};
    struct diptych_model *tiny;
    struct diptych_classifier *classifier;
    (void)state;
    assert_int_equal(diptych_model_open(&tiny, LORA "model", NULL, NULL, &error), 0);
    assert_int_equal(diptych_classifier_open(&classifier, tiny, set, 1, &options, NULL, &error), 0);
    assert_int_equal(diptych_classifier_labels(classifier), 998);
    diptych_classifier_free(classifier);
    diptych_model_free(tiny);
}

static void pictures_are_classified_in_their_order(void **state)
{
    enum { COUNT = 3, TOP = 2 };
    static const struct diptych_image images[COUNT] = {
        {.path = PICTURES "02.png"}, {.path = "none.jpg"}, {.path = PICTURES "01.png"}};
    struct diptych_classifier *classifier;
    struct diptych_outcomes *outcomes;
    int64_t best[COUNT][TOP], again[COUNT][TOP];
    float scores[COUNT][TOP], rescores[COUNT][TOP];
    (void)state;
    assert_int_equal(diptych_classifier_open(&classifier, model, labels, LABELS, NULL, NULL, &error), 0);
    assert_int_equal(diptych_classifier_labels(classifier), LABELS);
    assert_string_equal(diptych_classifier_label(classifier, 1), labels[1]);
    assert_null(diptych_classifier_label(classifier, LABELS));

    assert_int_equal(
        diptych_classify(classifier, best[0], scores[0], TOP, images, COUNT, &outcomes, NULL, &error), 0);
    assert_int_equal(diptych_outcomes_failed(outcomes), 1);
    assert_int_equal(best[0][0], 1);
    assert_int_equal(best[2][0], 0);
    assert_true(scores[0][0] > 0.9f && scores[0][0] >= scores[0][1]);
    assert_int_equal(best[1][0], -1);
    assert_true(isnan(scores[1][0]));
    diptych_outcomes_free(outcomes);

    float *rows = malloc(COUNT * width * sizeof *rows); // (COUNT, E)
    assert_int_equal(diptych_encode_images(model, rows, images, COUNT, NULL, NULL, NULL, &error), 0);
    assert_int_equal(
        diptych_classify_embeddings(classifier, again[0], rescores[0], TOP, rows, COUNT, &error), 0);
    assert_memory_equal(best, again, sizeof best);
    assert_true(scores[0][1] == rescores[0][1] && scores[2][0] == rescores[2][0]);
    free(rows);

    assert_says(diptych_classify(classifier, best[0], scores[0], LABELS + 1, images, 1, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "1 to 3");
    assert_says(diptych_classify(classifier, best[0], scores[0], 0, images, 1, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "top is 0");
    diptych_classifier_free(classifier);
}

/* The classifier keeps what it needs of a model that is freed. */
static void classifiers_outlive_their_model(void **state)
{
    const struct diptych_image image = {.path = PICTURES "02.png"};
    struct diptych_model *own;
    struct diptych_classifier *classifier;
    int64_t best;
    float score;
    (void)state;
    assert_int_equal(diptych_model_open(&own, NULL, NULL, NULL, &error), 0);
    assert_int_equal(diptych_classifier_open(&classifier, own, labels, LABELS, NULL, NULL, &error), 0);
    diptych_model_free(own);
    assert_int_equal(diptych_classify(classifier, &best, &score, 1, &image, 1, NULL, NULL, &error), 0);
    assert_int_equal(best, 1);
    diptych_classifier_free(classifier);
}

static void captions_are_ranked_a_picture_each(void **state)
{
    enum { COUNT = 4, N = 9 };
    static const struct diptych_image images[COUNT] = {{.path = PICTURES "01.png"},
        {.path = PICTURES "02.png"}, {.path = "none.jpg"}, {.path = PICTURES "02.png"}};
    static const char *const captions[N] = {"a blue star", "a red heart",                 /* of the first */
        "a red heart", "a blue star", "a red heart", "a yellow trapezoid", "a blue star", /* three, one */
        "a red heart", "\xFF"};
    static const size_t counts[COUNT] = {2, 4, 1, 2};
    struct diptych_outcomes *outcomes;
    int64_t order[N];
    float scores[N], cosines[N];
    double sum = 0;
    (void)state;
    assert_int_equal(
        diptych_rank(model, order, scores, cosines, images, COUNT, captions, counts, &outcomes, NULL, &error),
        0);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 0);
    assert_int_equal(order[2], 1);
    assert_true(order[3] != order[4] && cosines[3] >= cosines[4]);
    for (size_t i = 2; i < 6; i++)
        sum += (double)scores[i];
    assert_true(fabs(sum - 1) < 1e-5);
    for (size_t i = 6; i < N; i++)
        assert_true(order[i] == -1 && isnan(scores[i]) && isnan(cosines[i]));
    assert_int_equal(outcome(outcomes, 2).code, DIPTYCH_ERROR_IO);
    assert_int_equal(outcome(outcomes, 3).code, DIPTYCH_ERROR_FORMAT);
    assert_non_null(strstr(outcome(outcomes, 3).message, "caption 1: "));
    assert_int_equal(diptych_outcomes_failed(outcomes), 2);
    diptych_outcomes_free(outcomes);
    assert_int_equal(
        diptych_rank(model, order, NULL, NULL, images, 1, captions, counts, NULL, NULL, &error), 0);
    assert_int_equal(order[0], 1);
}

/* ---- jobs ---------------------------------------------------------------------------------------------- */

struct watched {
    size_t steps, reports, end_at;
    int32_t last_code;
};

static int32_t count_step(void *context, const char *unit, size_t done, size_t total)
{
    struct watched *w = context;
    (void)unit, (void)total;
    w->steps++;
    return w->end_at && done >= w->end_at;
}

static void count_report(void *context, int32_t code, const char *message)
{
    struct watched *w = context;
    w->reports++;
    w->last_code = code;
    assert_non_null(strstr(message, "none.jpg"));
}

static void jobs_tell_and_end(void **state)
{
    enum { COUNT = 200 };
    static struct diptych_image images[COUNT];
    struct diptych_progress progress = {.size = sizeof progress};
    struct watched watched = {0};
    struct diptych_job *job;
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        images[i].path = i == 1 ? "none.jpg" : PICTURES "01.png";
    float *rows = malloc(COUNT * width * sizeof *rows); // (COUNT, E)

    assert_int_equal(diptych_job_new(&job, &error), 0);
    assert_int_equal(diptych_job_watch(job, count_step, count_report, &watched, &error), 0);
    assert_int_equal(diptych_encode_images(model, rows, images, 2, NULL, NULL, job, &error), 0);
    assert_true(watched.steps > 0);
    assert_int_equal(watched.reports, 1);
    assert_int_equal(watched.last_code, DIPTYCH_ERROR_IO);
    assert_int_equal(diptych_job_progress(job, &progress, &error), 0);
    assert_string_equal(progress.unit, "pictures");
    assert_int_equal(progress.done, 2);
    assert_int_equal(progress.total, 2);

    watched.end_at = 32;
    assert_says(diptych_encode_images(model, rows, images, COUNT, NULL, NULL, job, &error),
        DIPTYCH_ERROR_CANCELLED, "interrupted");
    assert_int_equal(diptych_job_progress(job, &progress, &error), 0);
    assert_true(progress.done < COUNT);
    watched.end_at = 0;
    assert_false(diptych_job_is_cancelled(job));
    diptych_job_cancel(job);
    assert_true(diptych_job_is_cancelled(job));
    assert_says(diptych_encode_images(model, rows, images, 1, NULL, NULL, job, &error),
        DIPTYCH_ERROR_CANCELLED, "interrupted");
    assert_says(diptych_encode_texts(model, rows, labels, 1, NULL, NULL, job, &error),
        DIPTYCH_ERROR_CANCELLED, "interrupted");
    diptych_job_free(job);
    free(rows);
}

static int32_t end_tokenizing(void *context, const char *unit, size_t done, size_t total)
{
    (void)context, (void)done, (void)total;
    return !strcmp(unit, "tokenizing texts");
}

static void many_texts_end_before_they_are_encoded(void **state)
{
    enum { COUNT = 1024 };
    static const char *texts[COUNT];
    struct diptych_job *job;
    float *rows = malloc(COUNT * width * sizeof *rows); // (COUNT, E)
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        texts[i] = labels[i % LABELS];
    assert_int_equal(diptych_job_new(&job, &error), 0);
    assert_int_equal(diptych_job_watch(job, end_tokenizing, NULL, NULL, &error), 0);
    assert_says(diptych_encode_texts(model, rows, texts, COUNT, NULL, NULL, job, &error),
        DIPTYCH_ERROR_CANCELLED, "interrupted");
    diptych_job_free(job);
    free(rows);
}

int main(void)
{
    unsetenv("DIPTYCH_MODEL");
    setenv("HF_HOME", DIPTYCH_SCRATCH "/hub", 1); /* of the user's models none */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_names),
        cmocka_unit_test(null_is_an_argument),
        cmocka_unit_test(models_that_are_missing_have_a_code),
        cmocka_unit_test(models_take_adapters),
        cmocka_unit_test(options_may_be_of_another_version),
        cmocka_unit_test(filled_structs_may_be_of_another_version),
        cmocka_unit_test(pictures_come_in_three_ways),
        cmocka_unit_test(pixels_have_channels),
        cmocka_unit_test(images_that_are_none_are_arguments),
        cmocka_unit_test(texts_fail_and_are_cut_one_by_one),
        cmocka_unit_test(raw_embeddings_keep_their_length),
        cmocka_unit_test(classifiers_name_their_mistakes),
        cmocka_unit_test(labels_of_a_data_set_count_once),
        cmocka_unit_test(pictures_are_classified_in_their_order),
        cmocka_unit_test(classifiers_outlive_their_model),
        cmocka_unit_test(captions_are_ranked_a_picture_each),
        cmocka_unit_test(jobs_tell_and_end),
        cmocka_unit_test(many_texts_end_before_they_are_encoded),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
