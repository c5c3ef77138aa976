// SPDX-License-Identifier: Apache-2.0
/* Blocks that are not CLIP's against the golden states of tests/golden/blocks.py, in every precision and with every GEMM
 * provider that the device has. Those of CLIP are in the towers of tests/joint/test_towers.c. */
#include "compute/weights/safetensors.h"
#include "tests/support/providers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 41, BATCH = 3, GRID = 3 };

static const struct kind {
    const char *name;
    size_t tokens;
    struct transformer_config config;
} kinds[] = {
    {"eva02", 1 + GRID *GRID,
        {.layers = 2,
            .width = 64,
            .heads = 2,
            .mlp_width = 90,
            .eps = 1e-6f,
            .gated = true,
            .inner_norm = true,
            .rotary = {.grid = GRID, .class_tokens = 1, .scale = 16.0f / GRID}}},
    {"pe", GRID *GRID,
        {.layers = 2,
            .width = 96,
            .heads = 2,
            .mlp_width = 208,
            .activation = ACTIVATION_GELU,
            .eps = 1e-5f,
            .rotary = {.grid = GRID, .first = 1, .scale = 1, .x_first = true}}},
    {"post_norm", 10,
        {.layers = 2,
            .width = 64,
            .heads = 4,
            .mlp_width = 160,
            .activation = ACTIVATION_GELU,
            .eps = 1e-6f,
            .norm_place = NORM_OF_BRANCH}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

#define OK(call) assert_ok(call, &err)

static void assert_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

struct golden {
    struct arena arena;
    struct file_map map;
    struct weight *tensors;
    size_t count;
};

static void golden_open(struct golden *golden)
{
    static const char path[] = DIPTYCH_ROOT "/tests/golden/blocks.safetensors";
    struct err err;
    *golden = (struct golden){0};
    OK(file_map_open(&golden->map, path, &err));
    OK(safetensors_parse(
        &golden->tensors, &golden->count, &golden->arena, golden->map.data, golden->map.size, path, &err));
}

static void golden_release(struct golden *golden)
{
    free(golden->tensors);
    file_map_release(&golden->map);
    arena_release(&golden->arena);
}

/* A copy of a kind's states before or after: in the file nothing is aligned. */
static float *golden_states(const struct golden *golden, const struct kind *kind, const char *which)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", kind->name, which);
    for (size_t i = 0; i < golden->count; i++)
        if (!strcmp(golden->tensors[i].name, name)) {
            const size_t bytes = BATCH * kind->tokens * kind->config.width * sizeof(float);
            assert_int_equal(weight_bytes(&golden->tensors[i]), bytes);
            return memcpy(malloc(bytes), golden->tensors[i].data, bytes);
        }
    fail_msg("the golden file has no '%s'", name);
    return NULL;
}

/* The states after all blocks, in place. */
static void forward(struct device *device, const struct kind *kind, float *states)
{
    const struct shape shape = SHAPE(BATCH, kind->tokens, kind->config.width);
    struct transformer *transformer;
    struct weights *weights;
    struct stream *stream = NULL;
    struct tensor x;
    struct err err;
    size_t bytes = 0; /* at first only planned */
    OK(weights_random(&weights, SEED, &err));
    OK(transformer_load(
        &transformer, &kind->config, "vision_model.encoder.layers.%zu.", weights, device, &err));
    for (int turn = 0; turn < 2; turn++) {
        stream_free(stream);
        OK(stream_open(&stream, device, bytes, &err));
        OK(tensor_new(&x, stream, DTYPE_F32, shape, &err));
        OK(tensor_write(stream, x, states, shape_count(shape), &err));
        OK(transformer_forward(transformer, stream, x, NULL, kind->config.layers, &err));
        bytes = stream_peak(stream);
    }
    OK(tensor_read(stream, states, x, shape_count(shape), &err));
    stream_free(stream);
    transformer_free(transformer);
    weights_free(weights);
}

static void check(const struct kind *kind, const char *gemm, const char *precision, double limit)
{
    const struct device_options options = {.gemm = gemm, .precision = precision};
    const size_t count = BATCH * kind->tokens * kind->config.width;
    struct golden golden;
    struct device *device;
    struct err err;
    double largest = 0, worst = 0;
    if (!cpu_has(gemm, precision)) {
        print_message("%s %s: not here: the CPU has no such instructions\n", gemm, precision);
        return;
    }
    golden_open(&golden);
    OK(device_open(&device, &options, &err));
    float *states = golden_states(&golden, kind, "in"), *want = golden_states(&golden, kind, "out");
    forward(device, kind, states);
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)states[i] - (double)want[i]);
        largest = fmax(largest, fabs((double)want[i]));
        worst = difference <= worst ? worst : difference; /* a NaN stays */
    }
    if (!(worst <= limit * largest))
        fail_msg("%s, %s %s: the largest difference is %.3g of %.3g, allowed %.3g", kind->name, gemm,
            precision, worst, largest, limit * largest);
    print_message("%-10s %-7s %s: %.1e\n", kind->name, gemm, precision, worst / largest);
    free(states), free(want);
    device_free(device);
    golden_release(&golden);
}

static void blocks_are_the_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        check(&kinds[i], "avx512", "f32", 2e-6);
        check(&kinds[i], "avx2", "f32", 2e-6);
        check(&kinds[i], "onednn", "f32", 2e-6);
        check(&kinds[i], "clblast", "f32", 2e-6);
    }
}

static void blocks_in_16_bits_stay_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        check(&kinds[i], "onednn", "bf16", 2e-2);
        check(&kinds[i], "clblast", "bf16", 2e-2);
        check(&kinds[i], "clblast", "f16", 3e-3);
    }
}

static void blocks_on_amx_stay_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS && amx_serves(PRECISION_BF16); i++)
        check(&kinds[i], "amx", "bf16", 2e-2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_the_references),
        cmocka_unit_test(blocks_in_16_bits_stay_near),
    };
    const struct CMUnitTest on_amx[] = {cmocka_unit_test(blocks_on_amx_stay_near)};
    (void)argv;
    if (argc > 1 && !amx_serves(PRECISION_BF16)) {
        print_message("the CPU has no AMX, and nothing stands in for it\n");
        return 1;
    }
    return argc > 1 ? cmocka_run_group_tests(on_amx, NULL, NULL)
                    : cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(on_amx, NULL, NULL);
}
