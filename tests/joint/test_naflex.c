// SPDX-License-Identifier: Apache-2.0
/* Pictures of different grids in one batch against transformers' SigLIP 2: tests/golden/naflex.py. */
#include "compute/weights/safetensors.h"
#include "joint/joint.h"
#include "tests/support/providers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PICTURES = 4, WIDTH = 128, PATCH_VALUES = 3 * 8 * 8, SEED = 31 };

#define GOLDEN DIPTYCH_ROOT "/tests/golden/"

static int32_t grids[PICTURES][2];
static float wanted[PICTURES][WIDTH];
static struct model_config config;

static int read_golden(void **state)
{
    const char *path = GOLDEN "towers/siglip2-naflex/embeddings.safetensors";
    struct arena arena = {0};
    struct file_map map;
    struct weight *tensors;
    size_t count;
    struct err err;
    (void)state;
    if (model_config_read(&config, GOLDEN "towers/siglip2-naflex", &err) || file_map_open(&map, path, &err) ||
        safetensors_parse(&tensors, &count, &arena, map.data, map.size, path, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(tensors[i].name, "grids"))
            memcpy(grids, tensors[i].data, sizeof grids);
        if (!strcmp(tensors[i].name, "image_embeds"))
            memcpy(wanted, tensors[i].data, sizeof wanted);
    }
    free(tensors);
    arena_release(&arena);
    file_map_release(&map);
    return 0;
}

/* As patch_bytes() in naflex.py. */
static void paint(struct patches *patches, uint32_t number)
{
    patches->rows = (uint32_t)grids[number][0];
    patches->columns = (uint32_t)grids[number][1];
    const uint32_t count = patches->rows * patches->columns * PATCH_VALUES;
    for (uint32_t i = 0; i < count; i++)
        patches->pixels[i] = (uint8_t)(i * (number + 3) / 7 + (i * 2654435761u >> 27));
}

/* embeddings (PICTURES, WIDTH), `batch` pictures at a time. False where the device cannot do what is asked. */
static bool embed(float *embeddings, const char *gemm, const char *precision, size_t batch)
{
    const struct device_options options = {.gemm = gemm, .precision = precision};
    struct device *device;
    struct model *model = NULL;
    struct encoder *encoder = NULL;
    struct err err;
    if (device_open(&device, &options, &err)) {
        if (cpu_has(gemm, precision))
            fail_msg("%s", err.msg);
        return false;
    }
    if (model_random(&model, &config, SEED, device, &err) || encoder_open(&encoder, model, batch, &err))
        fail_msg("%s", err.msg);
    const size_t bytes = preprocess_bytes(model_preprocess(model));
    uint8_t *pixels = calloc(PICTURES, bytes);
    for (uint32_t i = 0; i < PICTURES; i++)
        paint((void *)(pixels + i * bytes), i);
    for (size_t i = 0; i < PICTURES; i += batch)
        if (encoder_pixels(encoder, embeddings + i * WIDTH, pixels + i * bytes, batch, &err))
            fail_msg("%s", err.msg);
    free(pixels);
    encoder_free(encoder);
    model_free(model);
    device_free(device);
    return true;
}

static double largest_difference(const float *a, const float *b)
{
    double worst = 0;
    for (size_t i = 0; i < PICTURES * WIDTH; i++)
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst;
}

static void mixed_grids_are_the_references(void **state)
{
    static const char *const providers[] = {"avx512", "avx2", "onednn", "clblast"};
    (void)state;
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        float got[PICTURES * WIDTH];
        if (!embed(got, providers[i], "f32", PICTURES))
            continue;
        const double worst = largest_difference(got, wanted[0]);
        print_message("%s f32: largest difference %.1e\n", providers[i], worst);
        assert_true(worst <= 2e-6);
    }
}

static void in_16_bits_they_stay_near(void **state)
{
    static const char *const cases[][2] = {
        {"amx", "bf16"}, {"onednn", "bf16"}, {"clblast", "bf16"}, {"onednn", "f16"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float got[PICTURES][WIDTH];
        if (!embed(got[0], cases[i][0], cases[i][1], PICTURES))
            continue;
        for (size_t p = 0; p < PICTURES; p++) {
            double cosine = 0;
            for (size_t e = 0; e < WIDTH; e++)
                cosine += (double)got[p][e] * (double)wanted[p][e];
            if (!(cosine >= 0.9998))
                fail_msg("%s %s: picture %zu has cosine %.6f", cases[i][0], cases[i][1], p, cosine);
        }
    }
}

static void a_batch_changes_nothing(void **state)
{
    float one[PICTURES * WIDTH], all[PICTURES * WIDTH];
    (void)state;
    embed(one, "auto", "f32", 1);
    embed(all, "auto", "f32", PICTURES);
    assert_true(largest_difference(one, all) <= 1e-6);
}

/* Sizes and grids by transformers' own function. */
static void grids_are_the_references(void **state)
{
    const struct preprocess preprocess = preprocess_siglip2(256);
    FILE *file = fopen(GOLDEN "patch_grids.tsv", "r");
    char line[128];
    size_t checked = 0;
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        int height, width;
        size_t rows, columns, got_rows, got_columns;
        if (sscanf(line, "%d %d %zu %zu", &height, &width, &rows, &columns) != 4)
            continue;
        preprocess_patch_grid(&preprocess, width, height, &got_rows, &got_columns);
        assert_int_equal(got_rows, rows);
        assert_int_equal(got_columns, columns);
        checked++;
    }
    fclose(file);
    assert_int_equal(checked, 14);
}

/* A line of a pixel's height becomes one row of patches; each is the part of the picture that it stands for. */
static void a_picture_becomes_its_patches(void **state)
{
    enum { LONG = 100000 };
    const struct preprocess preprocess = preprocess_siglip2(256);
    struct patches *patches = malloc(preprocess_bytes(&preprocess));
    uint8_t *bytes = malloc(3 * LONG);
    const struct picture line = {.pixels = bytes, .width = LONG, .height = 1};
    struct err err;
    (void)state;
    for (size_t i = 0; i < 3 * LONG; i++)
        bytes[i] = (uint8_t)(i / 3 * 256 / LONG);
    if (preprocess_run((uint8_t *)patches, &preprocess, &line, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(patches->rows, 1);
    assert_int_equal(patches->columns, 256);
    for (size_t patch = 0; patch < 256; patch++)
        for (size_t i = 0; i < 16 * 16 * 3; i++)
            assert_true(abs(patches->pixels[patch * 16 * 16 * 3 + i] - (int)patch) <= 1);
    free(patches);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_grids_are_the_references),
        cmocka_unit_test(in_16_bits_they_stay_near),
        cmocka_unit_test(a_batch_changes_nothing),
        cmocka_unit_test(grids_are_the_references),
        cmocka_unit_test(a_picture_becomes_its_patches),
    };
    return cmocka_run_group_tests(tests, read_golden, NULL);
}
