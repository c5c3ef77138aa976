// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures that a model was not made for. Its scope is data beside the default model, and what it is worth is measured
 * here each time: on scenes that render_scenes.sh has drawn anew, and on photographs where a checkout has some.
 */
#include "joint/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IMAGES DIPTYCH_FIXTURES "/images/"
#define DEFAULT DIPTYCH_ROOT "/assets/model"
#define SILENT DIPTYCH_ROOT "/tests/model" /* has no scope.json */
#define FOLDER DIPTYCH_SCRATCH "/scope"

enum { BATCH = 32, SIDE = 96 };

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static struct scope default_scope(void)
{
    struct scope scope;
    struct err err;
    check_ok(scope_read(&scope, DEFAULT, &err), &err);
    assert_non_null(scope.knows);
    return scope;
}

static double rest_of(const uint8_t *pixels, size_t colours)
{
    double rest;
    struct err err;
    check_ok(palette_rest(&rest, pixels, SIDE, colours, &err), &err);
    return rest;
}

/* ---- the share that is left ---------------------------------------------------------------------------- */

typedef void painter(uint8_t rgb[3], int x, int y);

static const uint8_t *painted(painter *paint)
{
    static uint8_t pixels[SIDE * SIDE * 3];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            paint(pixels + 3 * (y * SIDE + x), x, y);
    return pixels;
}

/* Six bars of 32, 20, 16, 12, 8 and 8 columns; the last two differ by less than what counts as near. */
static void bars(uint8_t rgb[3], int x, int y)
{
    static const int ends[] = {32, 52, 68, 80, 88, 96};
    static const uint8_t colours[][3] = {
        {255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}, {128, 64, 128}, {128, 64, 144}};
    int bar = 0;
    (void)y;
    while (x >= ends[bar])
        bar++;
    memcpy(rgb, colours[bar], 3);
}

/* By hand: of the halved square's 48 columns, those at the four edges between unlike colours go, one on either side.
 * 15 + 8 + 6 + 4 + 7 are left, and the last two bars are one colour. */
static void share_is_what_is_left(void **state)
{
    static const int left[] = {40, 25, 17, 11, 4, 0, 0};
    (void)state;
    const uint8_t *pixels = painted(bars);
    for (size_t colours = 0; colours < sizeof left / sizeof *left; colours++)
        assert_float_equal(rest_of(pixels, colours), left[colours] / 40., 1e-12);
}

static void one_colour(uint8_t rgb[3], int x, int y)
{
    (void)x, (void)y;
    memset(rgb, 7, 3);
}

/* Checked in cells of two, which no mean over 2 x 2 hides. */
static void all_edges(uint8_t rgb[3], int x, int y)
{
    memset(rgb, (x / 2 + y / 2) % 2 ? 0 : 255, 3);
}

static void light(uint8_t rgb[3], int x, int y)
{
    rgb[0] = (uint8_t)(255 * x / SIDE), rgb[1] = (uint8_t)(255 * y / SIDE), rgb[2] = 128;
}

static void extremes(void **state)
{
    (void)state;
    assert_float_equal(rest_of(painted(one_colour), 1), 0, 0);
    assert_float_equal(rest_of(painted(all_edges), 4), 1, 0);
    assert_true(rest_of(painted(light), 4) > 0.5);
}

/* ---- what it is worth ---------------------------------------------------------------------------------- */

struct tally {
    size_t outside, count;
};

static double share(const struct tally *tally)
{
    return (double)tally->outside / (double)tally->count;
}

/* Pictures below a folder whose name ends so ("": any) that can be read. */
static struct tally judge_folder(const struct scope *scope, const char *folder, const char *suffix)
{
    struct strings all = {0}, paths = {0};
    struct preprocess preprocess;
    struct loader *loader;
    struct tally tally = {0};
    struct passed_over passed = {0};
    struct err err = {0};
    const struct preprocess otherwise = preprocess_default(SIDE);
    check_ok(preprocess_load(&preprocess, DEFAULT, &otherwise, &err), &err);
    check_ok(picture_list_add(&all, &passed, folder, NULL, folder, NULL, &err), &err);
    for (size_t i = 0; i < all.count; i++) {
        const size_t length = strlen(all.items[i]), end = strlen(suffix);
        if (picture_suffix(all.items[i]) && length >= end && !strcmp(all.items[i] + length - end, suffix))
            check_ok(strings_add(&paths, all.items[i], length, &err), &err);
    }
    struct picture_source *pictures = picture_files((const char *const *)paths.items, paths.count);
    check_ok(loader_open(&loader, &preprocess, &(struct loader_options){.batch = BATCH}, &err), &err);
    loader_start(loader, pictures, paths.count);
    for (struct loaded_batch batch; loader_next(loader, &batch);)
        for (size_t i = 0; i < batch.good; i++, tally.count++)
            tally.outside += rest_of(batch.pixels + i * SIDE * SIDE * 3, scope->colours) > scope->rest;
    loader_free(loader);
    free(pictures);
    strings_release(&paths);
    strings_release(&all);
    assert_true(tally.count > 0);
    print_message(
        "%s: %zu of %zu outside, %.1f %%\n", folder, tally.outside, tally.count, 100 * share(&tally));
    return tally;
}

static void add(struct tally *sum, struct tally tally)
{
    sum->outside += tally.outside;
    sum->count += tally.count;
}

static void scenes_are_inside(void **state)
{
    static const char *const kinds[] = {"single", "count", "mixed"};
    struct scope scope = default_scope();
    struct tally sum = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s/%s", DIPTYCH_SCENES, kinds[i]);
        add(&sum, judge_folder(&scope, folder, ""));
    }
    print_message("fresh scenes: %.2f %% outside\n", 100 * share(&sum));
    assert_true(share(&sum) <= 0.01);
    scope_release(&scope);
}

static void photographs_are_outside(void **state)
{
    static const struct {
        const char *folder, *suffix;
    } sets[] = {{"photos", ".jpg"}, {"groceries/val", ""}, {"groceries/iconic-images-and-descriptions", ""},
        {"formats", ""}};
    struct scope scope = default_scope();
    struct tally sum = {0};
    (void)state;
    if (!file_exists(IMAGES)) {
        scope_release(&scope);
        print_message("no photographs in %s: how many are told is not measured\n", IMAGES);
        skip();
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, IMAGES "%s", sets[i].folder);
        add(&sum, judge_folder(&scope, folder, sets[i].suffix));
    }
    print_message("photographs: %.2f %% outside\n", 100 * share(&sum));
    assert_true(share(&sum) >= 0.95);
    scope_release(&scope);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static void write_scope(const char *text)
{
    struct arena arena = {0};
    assert_int_equal(system("rm -rf " FOLDER " && mkdir -p " FOLDER), 0);
    if (text) {
        FILE *file = fopen(path_join(&arena, FOLDER, SCOPE_FILE), "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0 && !fclose(file));
    }
    arena_release(&arena);
}

static void file_is_read_or_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } wrong[] = {
        {"[]", "no JSON object"},
        {"{\"colours\": 4, \"rest\": 0.1}", "'knows'"},
        {"{\"knows\": \"\", \"colours\": 4, \"rest\": 0.1}", "'knows'"},
        {"{\"knows\": \"x\", \"rest\": 0.1}", "'colours'"},
        {"{\"knows\": \"x\", \"colours\": 0, \"rest\": 0.1}", "'colours'"},
        {"{\"knows\": \"x\", \"colours\": 65, \"rest\": 0.1}", "'colours'"},
        {"{\"knows\": \"x\", \"colours\": 2.5, \"rest\": 0.1}", "'colours'"},
        {"{\"knows\": \"x\", \"colours\": 4}", "'rest'"},
        {"{\"knows\": \"x\", \"colours\": 4, \"rest\": 1.5}", "'rest'"},
        {"{\"knows\": \"x\", \"colours\": 4, \"rest\": -1}", "'rest'"},
    };
    struct scope scope;
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_scope(wrong[i].text);
        assert_int_equal(scope_read(&scope, FOLDER, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, SCOPE_FILE));
        assert_non_null(strstr(err.msg, wrong[i].reason));
        assert_null(scope.knows);
    }
    write_scope(NULL);
    check_ok(scope_read(&scope, FOLDER, &err), &err);
    assert_null(scope.knows);
    write_scope("{\"knows\": \"maps\", \"colours\": 7, \"rest\": 0.25}");
    check_ok(scope_read(&scope, FOLDER, &err), &err);
    assert_string_equal(scope.knows, "maps");
    assert_int_equal(scope.colours, 7);
    assert_float_equal(scope.rest, 0.25, 0);
    scope_release(&scope);
}

/* ---- the encoder --------------------------------------------------------------------------------------- */

static void encode(struct encoder *encoder, const uint8_t *pixels, size_t count)
{
    float embeddings[3 * 1024];
    struct err err;
    assert_true(count * model_width(encoder_model(encoder)) <= sizeof embeddings / sizeof *embeddings);
    check_ok(encoder_pixels(encoder, embeddings, pixels, count, &err), &err);
}

/* Light and one colour through a model, in three batches: how many are outside, and which of the last two. */
static size_t outside_of(const char *path, struct device *device, bool first[2])
{
    const size_t bytes = SIDE * SIDE * 3;
    struct model *model;
    struct encoder *encoder;
    struct err err;
    uint8_t *pixels = mem_new(3, bytes);
    assert_non_null(pixels);
    memcpy(pixels, painted(light), bytes);
    memcpy(pixels + bytes, painted(one_colour), bytes);
    memcpy(pixels + 2 * bytes, painted(light), bytes);
    check_ok(model_open(&model, path, device, &err), &err);
    check_ok(encoder_open(&encoder, model, 3, &err), &err);
    encode(encoder, pixels, 3);
    encode(encoder, pixels + bytes, 2);
    encode(encoder, pixels, 2);
    memcpy(first, encoder_outside(encoder), 2 * sizeof *first);
    const size_t count = encoder_outside_count(encoder);
    encoder_free(encoder);
    model_free(model);
    free(pixels);
    return count;
}

/* Of a model that says nothing about itself no picture is outside. */
static void encoder_says_which(void **state)
{
    struct device *device;
    struct err err;
    bool first[2];
    (void)state;
    check_ok(device_open(&device, NULL, &err), &err);
    assert_int_equal(outside_of(DEFAULT, device, first), 4);
    assert_true(first[0] && !first[1]);
    assert_int_equal(outside_of(SILENT, device, first), 0);
    assert_true(!first[0] && !first[1]);
    device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(share_is_what_is_left),
        cmocka_unit_test(extremes),
        cmocka_unit_test(scenes_are_inside),
        cmocka_unit_test(photographs_are_outside),
        cmocka_unit_test(file_is_read_or_refused),
        cmocka_unit_test(encoder_says_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
