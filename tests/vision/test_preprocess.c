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

/* ---- pictures of all kinds ----------------------------------------------------------------------------- */

static const struct geometry {
    enum resize_mode mode;
    int size;
    enum resample filter;
    uint8_t fill;
} geometries[] = {
    {RESIZE_SHORTEST, 8, RESAMPLE_BICUBIC, 0},
    {RESIZE_SHORTEST, 20, RESAMPLE_BICUBIC, 0},
    {RESIZE_SHORTEST, 9, RESAMPLE_BICUBIC, 0},
    {RESIZE_SQUASH, 7, RESAMPLE_BILINEAR, 0},
    {RESIZE_LONGEST, 12, RESAMPLE_BICUBIC, 0}, /* from here on open_clip alone */
    {RESIZE_LONGEST, 17, RESAMPLE_BICUBIC, 100},
};

/* What this build cannot read, or by another decoder than Pillow's. */
static bool is_left_out(const char *name)
{
#ifndef DIPTYCH_WEBP
    if (strstr(name, ".webp"))
        return true;
#endif
#ifndef DIPTYCH_JPEG_TURBO
    if (strstr(name, ".jpg"))
        return true;
#endif
    (void)name;
    return false;
}

static int index_of(const char *const *names, const char *name)
{
    int i = 0;
    while (names[i] && strcmp(names[i], name))
        i++;
    return i;
}

static void check_kind(char *line)
{
    char *rest = line, path[512], what[128];
    const char *name = strtok_r(rest, " ", &rest), *layout = strtok_r(rest, " ", &rest);
    const char *way = strtok_r(rest, " ", &rest);
    const bool hf = !strcmp(layout, "hf");
    uint8_t pixels[20 * 20 * 3];
    struct picture picture;
    struct err err = {0};
    if (is_left_out(name))
        return;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (picture_read(&picture, picture_file(path), NULL, &err))
        fail_msg("%s", err.msg);
    for (const struct geometry *g = geometries; *rest; g++) {
        const uint32_t expected = (uint32_t)strtoul(rest, &rest, 16);
        struct preprocess how = preprocess_default(g->size);
        how.resize_mode = g->mode;
        how.resample = g->filter;
        how.fill = g->fill;
        how.alpha = (enum alpha_rule)index_of(alpha_names, way);
        how.rgb_order = hf ? RGB_FIRST : RGB_LAST;
        how.crop_rounding = hf ? CROP_FLOOR : CROP_HALF_EVEN;
        if (preprocess_run(pixels, &how, &picture, &err))
            fail_msg("%s", err.msg);
        snprintf(what, sizeof what, "%s, %s, alpha %s, %s to %d", name, layout, way,
            resize_mode_names[g->mode], g->size);
        all_same &= same_checksum(what, expected, pixels, (size_t)g->size * (size_t)g->size * 3);
    }
    picture_release(&picture);
}

static void all_kinds_of_pictures_equal_both_references(void **state)
{
    (void)state;
    all_same = true;
    assert_true(golden_lines("kinds.txt", check_kind) >= 300);
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
#define PROCESSOR "processor_config.json"
#define NO_FILTER "'resample' is not a number from 0 to 5, nor bicubic, bilinear, lanczos or nearest-exact"
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
    const struct preprocess otherwise = preprocess_default(224);
    return preprocess_load(out, DIPTYCH_SCRATCH, &otherwise, err);
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

/* processor_config.json of transformers 5, under "image_processor". */
static int load_both(struct preprocess *out, const char *processor, const char *hf, struct err *err)
{
    write_file(PROCESSOR, processor);
    const int rc = load(out, hf, NULL, err);
    write_file(PROCESSOR, NULL);
    return rc;
}

static void processor_config_wins(void **state)
{
    (void)state;
    static const char settings[] = "{\"size\": {\"height\": 224, \"width\": 224}, \"resample\": 2}";
    const struct preprocess clip = preprocess_default(224);
    char text[256];
    struct preprocess got, expected = load_hf(settings);
    assert_string_equal(expected.source, HF);
    snprintf(
        text, sizeof text, "{\"image_processor\": %s, \"processor_class\": \"CLIPProcessor\"}", settings);

    assert_int_equal(load_both(&got, text, NULL, NULL), 0);
    assert_same(got, expected);
    assert_string_equal(got.source, PROCESSOR);
    assert_int_equal(load_both(&got, text, "{\"resample\": 1}", NULL), 0);
    assert_same(got, expected);
    /* older ones hold nothing about pictures */
    assert_int_equal(load_both(&got, "{\"processor_class\": \"CLIPProcessor\"}", settings, NULL), 0);
    assert_same(got, expected);
    assert_string_equal(got.source, HF);
    assert_int_equal(load_both(&got, "{\"image_processor\": null}", settings, NULL), 0);
    assert_same(got, expected);
    assert_int_equal(load_both(&got, "{}", NULL, NULL), 0);
    assert_same(got, clip);
    assert_null(got.source);
}

static void processor_config_is_checked(void **state)
{
    (void)state;
    struct preprocess got;
    struct err err = {0};
    assert_int_equal(load_both(&got, "{\"image_processor\": 3}", "{}", &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, PROCESSOR "': 'image_processor' is no object"));
    assert_int_equal(
        load_both(&got, "{\"image_processor\": {\"resample\": 9}}", "{}", &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, PROCESSOR "': " NO_FILTER));
    assert_int_equal(load_both(&got, "{", "{}", &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, PROCESSOR));
}

static void knows_every_way_to_resize(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum resample filter;
    } filters[] = {{"0", RESAMPLE_NEAREST}, {"1", RESAMPLE_LANCZOS}, {"4", RESAMPLE_BOX},
        {"5", RESAMPLE_HAMMING}, {"\"bilinear\"", RESAMPLE_BILINEAR}, {"\"bicubic\"", RESAMPLE_BICUBIC},
        {"\"lanczos\"", RESAMPLE_LANCZOS}, {"\"nearest-exact\"", RESAMPLE_NEAREST},
        {"null", RESAMPLE_BICUBIC}};
    char text[64];
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        snprintf(text, sizeof text, "{\"resample\": %s}", filters[i].text);
        assert_int_equal(load_hf(text).resample, filters[i].filter);
    }
    assert_int_equal(load_hf("{\"do_resize\": false}").resize_mode, RESIZE_NONE);
    assert_int_equal(load_hf("{\"do_resize\": false}").crop, 224);
    assert_int_equal(load_hf("{\"size\": [224, 224]}").resize_mode, RESIZE_SQUASH);
    assert_int_equal(load_hf("{\"do_convert_rgb\": false}").rgb_order, RGB_FIRST);
    assert_int_equal(load_open_clip("{}").rgb_order, RGB_LAST);
    const struct preprocess longest =
        load_open_clip("{\"preprocess_cfg\": {\"resize_mode\": \"longest\", \"fill_color\": 7}}");
    assert_int_equal(longest.resize_mode, RESIZE_LONGEST);
    assert_int_equal(longest.fill, 7);
}

static void layout_follows_the_model_config(void **state)
{
    (void)state;
    struct preprocess got;
    assert_int_equal(load(&got, "{}", "{\"preprocess_cfg\": {}}", NULL), 0);
    assert_int_equal(got.crop_rounding, CROP_FLOOR);
    write_file("config.json", NULL);
    const struct preprocess otherwise = preprocess_default(224);
    assert_int_equal(preprocess_load(&got, DIPTYCH_SCRATCH, &otherwise, NULL), 0);
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
            "'size' has 'longest_edge', which is not supported"},
        {HF, "{\"size\": {\"height\": 224, \"width\": 448}}", ERR_UNSUPPORTED,
            "'size' is 448 x 224 and not square"},
        {HF, "{\"size\": {\"max_height\": 224, \"max_width\": 224}}", ERR_UNSUPPORTED,
            "'size' has 'max_height', which is not supported"},
        {HF, "{\"size\": [224, 448]}", ERR_UNSUPPORTED, "'size' is 448 x 224 and not square"},
        {HF, "{\"do_resize\": false, \"do_center_crop\": false}", ERR_UNSUPPORTED,
            "'do_center_crop' is false and so is 'do_resize': pictures would differ in size"},
        {HF, "{\"do_pad\": true}", ERR_UNSUPPORTED, "'do_pad' is true, which is not supported"},
        {HF, "{\"do_center_crop\": false}", ERR_UNSUPPORTED,
            "'do_center_crop' is false and 'size' not square: pictures would differ in size"},
        {HF, "{\"resample\": 6}", ERR_UNSUPPORTED, NO_FILTER},
        {HF, "{\"resample\": -1}", ERR_UNSUPPORTED, NO_FILTER},
        {HF, "{\"resample\": \"nearest\"}", ERR_UNSUPPORTED, NO_FILTER},
        {HF, "{\"rescale_factor\": \"x\"}", ERR_FORMAT, "'rescale_factor' is not a number"},
        {HF, "{\"image_mean\": [0.5, 0.5]}", ERR_FORMAT,
            "'image_mean' is neither a number nor a list of three"},
        {HF, "{\"rescale_factor\": 1e300}", ERR_FORMAT,
            "a factor, mean or standard deviation is out of range"},
        {HF, "{\"image_std\": [1, 0, 1]}", ERR_FORMAT, "a standard deviation is 0"},
        {OPEN_CLIP, "{\"preprocess_cfg\": {\"resize_mode\": \"widest\"}}", ERR_UNSUPPORTED,
            "'resize_mode' is 'widest', supported are 'shortest', 'squash' and 'longest'"},
        {OPEN_CLIP, "{\"preprocess_cfg\": {\"resize_mode\": \"longest\", \"fill_color\": 256}}",
            ERR_UNSUPPORTED, "'fill_color' is not a whole number from 0 to 255"},
        {OPEN_CLIP, "{\"preprocess_cfg\": {\"interpolation\": 3}}", ERR_UNSUPPORTED,
            "'interpolation' is not a word, supported are 'bicubic', 'random' and 'bilinear'"},
        {OPEN_CLIP, "{\"preprocess_cfg\": {\"size\": [224, 336]}}", ERR_UNSUPPORTED,
            "'size' is 336 x 224 and not square"},
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
        cmocka_unit_test(all_kinds_of_pictures_equal_both_references),
        cmocka_unit_test(extreme_ratio_costs_little),
        cmocka_unit_test(loads_what_openai_published),
        cmocka_unit_test(loads_every_field),
        cmocka_unit_test(processor_config_wins),
        cmocka_unit_test(processor_config_is_checked),
        cmocka_unit_test(knows_every_way_to_resize),
        cmocka_unit_test(layout_follows_the_model_config),
        cmocka_unit_test(refuses_with_a_reason),
        cmocka_unit_test(names_the_broken_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
