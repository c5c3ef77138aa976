// SPDX-License-Identifier: Apache-2.0
#include "tests/vision/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool all_same = true;

static void check_square(char *line)
{
    struct preprocess how = preprocess_default(0);
    int width, height;
    char layout[16], mode[16], filter[16];
    uint32_t expected;
    struct err err = {0};

    assert_int_equal(sscanf(line, "%d %d %15s %15s %15s %d %d %x", &width, &height, layout, mode, filter,
                         &how.resize, &how.crop, &expected),
        8);
    how.crop_rounding = strcmp(layout, "hf") ? CROP_HALF_EVEN : CROP_FLOOR;
    how.resize_mode = strcmp(mode, "squash") ? RESIZE_SHORTEST : RESIZE_SQUASH;
    how.resample = strcmp(filter, "bicubic") ? RESAMPLE_BILINEAR : RESAMPLE_BICUBIC;

    struct picture in = synthetic(width, height);
    const size_t size = (size_t)how.crop * (size_t)how.crop * 3;
    uint8_t *pixels = malloc(size);
    assert_non_null(pixels);
    memset(pixels, 0xee, size); /* so that a byte left out shows */
    if (preprocess_run(pixels, &how, &in, &err))
        fail_msg("%s", err.msg);
    all_same &= same_checksum(line, expected, pixels, size);
    free(pixels);
    picture_release(&in);
}

static void equals_hf_and_open_clip(void **state)
{
    (void)state;
    assert_true(golden_lines("square.txt", check_square) >= 200);
    assert_true(all_same);
}

/* A crop of a million rows is never computed. */
static void extreme_ratio_costs_little(void **state)
{
    (void)state;
    struct picture in = synthetic(1, 65000);
    const struct preprocess how = preprocess_default(224);
    uint8_t *pixels = malloc(224 * 224 * 3);
    assert_non_null(pixels);
    const double before = time_now();
    assert_int_equal(preprocess_run(pixels, &how, &in, NULL), 0);
    assert_true(time_now() - before < 1);
    free(pixels);
    picture_release(&in);
}

/* ---- loading ------------------------------------------------------------------------------------------- */

#define HF "preprocessor_config.json"
#define OPEN_CLIP "open_clip_config.json"

static void write_file(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, DIPTYCH_SCRATCH "/%s", name);
    unlink(path);
    if (!text)
        return;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Puts exactly these files into the scratch folder, NULL for none, and loads it for a model of 224. */
static int load(struct preprocess *out, const char *hf, const char *open_clip, struct err *err)
{
    write_file("config.json", hf ? "{}" : NULL);
    write_file(HF, hf);
    write_file(OPEN_CLIP, open_clip);
    return preprocess_load(out, DIPTYCH_SCRATCH, 224, err);
}

static struct preprocess load_hf(const char *text)
{
    struct preprocess out;
    struct err err = {0};
    if (load(&out, text, NULL, &err))
        fail_msg("%s", err.msg);
    return out;
}

static struct preprocess load_open_clip(const char *text)
{
    struct preprocess out;
    struct err err = {0};
    if (load(&out, NULL, text, &err))
        fail_msg("%s", err.msg);
    return out;
}

static void assert_same(struct preprocess a, struct preprocess b)
{
    assert_int_equal(a.resize_mode, b.resize_mode);
    assert_int_equal(a.resample, b.resample);
    assert_int_equal(a.crop_rounding, b.crop_rounding);
    assert_int_equal(a.resize, b.resize);
    assert_int_equal(a.crop, b.crop);
    assert_float_equal(a.scale, b.scale, 0);
    for (int i = 0; i < 3; i++) {
        assert_float_equal(a.mean[i], b.mean[i], 0);
        assert_float_equal(a.std[i], b.std[i], 0);
    }
}

static void loads_what_openai_published(void **state)
{
    (void)state;
    const struct preprocess clip = preprocess_default(224);
    assert_same(load_hf("{}"), clip);
    assert_same(
        load_hf("{\"crop_size\": 224, \"do_center_crop\": true, \"do_normalize\": true, \"do_resize\": true,"
                " \"feature_extractor_type\": \"CLIPFeatureExtractor\", \"resample\": 3, \"size\": 224,"
                " \"image_mean\": [0.48145466, 0.4578275, 0.40821073],"
                " \"image_std\": [0.26862954, 0.26130258, 0.27577711]}"),
        clip);
    assert_same(
        load_hf("{\"size\": {\"shortest_edge\": 224}, \"crop_size\": {\"height\": 224, \"width\": 224},"
                " \"rescale_factor\": 0.00392156862745098, \"do_rescale\": true, \"image_mean\": null}"),
        clip);
    struct preprocess none;
    assert_int_equal(load(&none, NULL, NULL, NULL), 0);
    assert_same(none, clip);
}

static void loads_every_field(void **state)
{
    (void)state;
    struct preprocess got = load_hf("{\"size\": 256, \"crop_size\": {\"height\": 224, \"width\": 224},"
                                    " \"resample\": 2, \"do_rescale\": false, \"do_normalize\": false}");
    assert_int_equal(got.resize, 256);
    assert_int_equal(got.crop, 224);
    assert_int_equal(got.resample, RESAMPLE_BILINEAR);
    assert_int_equal(got.resize_mode, RESIZE_SHORTEST);
    assert_float_equal(got.scale, 1, 0);
    assert_float_equal(got.mean[1], 0, 0);
    assert_float_equal(got.std[2], 1, 0);

    got = load_hf(
        "{\"size\": {\"height\": 224, \"width\": 224}, \"image_mean\": 0.5, \"image_std\": [0.5, 0.25, 1]}");
    assert_int_equal(got.resize_mode, RESIZE_SQUASH);
    assert_int_equal(got.crop, 224);
    assert_float_equal(got.mean[2], 0.5, 0);
    assert_float_equal(got.std[1], 0.25, 0);

    got = load_open_clip(
        "{\"model_cfg\": {}, \"preprocess_cfg\": {\"mean\": [0.5, 0.5, 0.5], \"std\": 0.5,"
        " \"interpolation\": \"bilinear\", \"resize_mode\": \"squash\", \"size\": [224, 224]}}");
    assert_int_equal(got.resize_mode, RESIZE_SQUASH);
    assert_int_equal(got.resample, RESAMPLE_BILINEAR);
    assert_int_equal(got.crop_rounding, CROP_HALF_EVEN);
    assert_float_equal(got.std[2], 0.5, 0);

    got = load_open_clip("{\"preprocess_cfg\": {\"mean\": [0.1, 0.2, 0.3]}}");
    assert_int_equal(got.resize_mode, RESIZE_SHORTEST);
    assert_int_equal(got.resample, RESAMPLE_BICUBIC);
    assert_float_equal(got.mean[0], 0.1f, 0);
    assert_float_equal(got.std[0], preprocess_default(224).std[0], 0);
}

static void layout_follows_the_model_config(void **state)
{
    (void)state;
    struct preprocess got;
    assert_int_equal(load(&got, "{}", "{\"preprocess_cfg\": {}}", NULL), 0);
    assert_int_equal(got.crop_rounding, CROP_FLOOR);
    write_file("config.json", NULL);
    assert_int_equal(preprocess_load(&got, DIPTYCH_SCRATCH, 224, NULL), 0);
    assert_int_equal(got.crop_rounding, CROP_HALF_EVEN);
}

static void refuses_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text;
        enum err_code code;
        const char *message;
    } cases[] = {
        {HF, "{\"crop_size\": 336}", ERR_FORMAT, "it makes pictures of 336 x 336, the model takes 224 x 224"},
        {HF, "{\"size\": \"224\"}", ERR_FORMAT, "'size' is not a whole number from 1 to 16384"},
        {HF, "{\"size\": -1}", ERR_FORMAT, "'size' is not a whole number from 1 to 16384"},
        {HF, "{\"size\": {}}", ERR_FORMAT, "'size' is not a whole number from 1 to 16384"},
        {HF, "{\"size\": {\"shortest_edge\": 224, \"longest_edge\": 500}}", ERR_UNSUPPORTED,
            "'size' limits the longest edge, which is not supported"},
        {HF, "{\"size\": {\"height\": 224, \"width\": 448}}", ERR_UNSUPPORTED,
            "'size' is 448 x 224 and not square"},
        {HF, "{\"do_resize\": false}", ERR_UNSUPPORTED,
            "'do_resize' is false: pictures of any size cannot be read"},
        {HF, "{\"do_center_crop\": false}", ERR_UNSUPPORTED,
            "'do_center_crop' is false and 'size' not square: pictures would differ in size"},
        {HF, "{\"resample\": 1}", ERR_UNSUPPORTED, "'resample' is neither 2 (bilinear) nor 3 (bicubic)"},
        {HF, "{\"rescale_factor\": \"x\"}", ERR_FORMAT, "'rescale_factor' is not a number"},
        {HF, "{\"image_mean\": [0.5, 0.5]}", ERR_FORMAT,
            "'image_mean' is neither a number nor a list of three"},
        {HF, "{\"image_std\": [1, 0, 1]}", ERR_FORMAT, "a standard deviation is 0"},
        {OPEN_CLIP, "{\"preprocess_cfg\": {\"resize_mode\": \"longest\"}}", ERR_UNSUPPORTED,
            "'resize_mode' is 'longest', supported are 'shortest' and 'squash'"},
        {OPEN_CLIP, "{\"preprocess_cfg\": {\"interpolation\": 3}}", ERR_UNSUPPORTED,
            "'interpolation' is not a word, supported are 'bicubic' and 'bilinear'"},
        {OPEN_CLIP, "{\"preprocess_cfg\": {\"size\": 256}}", ERR_FORMAT,
            "it makes pictures of 256 x 256, the model takes 224 x 224"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool hf = !strcmp(cases[i].file, HF);
        struct preprocess got;
        struct err err = {0};
        char expected[512];
        snprintf(expected, sizeof expected, "unable to use '%s/%s': %s", DIPTYCH_SCRATCH, cases[i].file,
            cases[i].message);
        const int rc = load(&got, hf ? cases[i].text : NULL, hf ? NULL : cases[i].text, &err);
        assert_string_equal(err.msg, expected);
        assert_int_equal(rc, cases[i].code);
    }
}

static void names_the_broken_file(void **state)
{
    (void)state;
    struct preprocess got;
    struct err err = {0};
    assert_int_equal(load(&got, "{\"size\": }", NULL, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, HF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_hf_and_open_clip),
        cmocka_unit_test(extreme_ratio_costs_little),
        cmocka_unit_test(loads_what_openai_published),
        cmocka_unit_test(loads_every_field),
        cmocka_unit_test(layout_follows_the_model_config),
        cmocka_unit_test(refuses_with_a_reason),
        cmocka_unit_test(names_the_broken_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
