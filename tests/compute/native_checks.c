// SPDX-License-Identifier: Apache-2.0
#include "tests/compute/native_checks.h"
#include "base/base.h"
#include "tests/compute/twins.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

float *random_bf16(uint16_t *bits, size_t count, uint64_t seed, float scale)
{
    float *values = malloc(count * sizeof *values);
    fill_random(values, count, seed);
    for (size_t i = 0; i < count; i++)
        values[i] = bf16_to_f32(bits[i] = f32_to_bf16(values[i] * scale));
    return values;
}

static double largest_of(const float *values, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)values[i]));
    return largest;
}

void check_near(const float *got, const float *want, size_t count, double near, const char *what)
{
    const double allowed = near * largest_of(want, count);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= allowed))
            fail_msg("%s: element %zu is %.9g, not %.9g", what, i, (double)got[i], (double)want[i]);
}

/* scale: of the numbers; large ones make scores that leave one key all the weight. */
static void check_shape(const struct attention_kernel *kernel, size_t tokens, size_t heads, size_t head_width,
    float scale, bool causal, size_t unseen)
{
    enum { BATCH = 2 };
    const size_t width = heads * head_width, count = BATCH * tokens * width;
    uint16_t *qkv_bits = malloc(3 * count * sizeof *qkv_bits), *context = malloc(count * sizeof *context);
    float *qkv = random_bf16(qkv_bits, 3 * count, tokens, scale), *want = malloc(count * sizeof *want),
          *got = malloc(count * sizeof *got);
    void *scratch = aligned_alloc(64, kernel->bytes(tokens, head_width));
    const struct native_attention attention = {.tokens = tokens,
        .heads = heads,
        .head_width = head_width,
        .causal = causal,
        .unseen = unseen,
        .qkv = qkv_bits,
        .context = context};
    /* What lies in the scratch memory before must not matter. */
    memset(scratch, 0xff, kernel->bytes(tokens, head_width));
    for (size_t i = 0; i < BATCH * heads; i++)
        kernel->attend(&attention, i / heads, i % heads, scratch);
    twin_attention(want, qkv, BATCH, tokens, heads, head_width, causal, unseen);
    for (size_t i = 0; i < count; i++)
        got[i] = bf16_to_f32(context[i]);
    char what[80];
    snprintf(what, sizeof what, "attention of %zu tokens, %zu heads of %zu%s", tokens, heads, head_width,
        causal ? ", causal" : "");
    check_near(got, want, count, 0x1p-8, what);
    free(qkv_bits), free(context), free(qkv), free(want), free(got), free(scratch);
}

void check_attention(const struct attention_kernel *kernel)
{
    static const size_t shapes[][3] = {{1, 1, 8}, {5, 2, 16}, {32, 1, 32}, {33, 3, 64}, {50, 2, 64},
        {77, 2, 104}, {130, 1, 80}, {64, 2, 72}, {40, 1, 128}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int causal = 0; causal < 2; causal++) {
            check_shape(kernel, shapes[i][0], shapes[i][1], shapes[i][2], 1, causal, 0);
            check_shape(kernel, shapes[i][0], shapes[i][1], shapes[i][2], 12, causal, 0);
            if (shapes[i][0] > 1)
                check_shape(
                    kernel, shapes[i][0], shapes[i][1], shapes[i][2], 12, causal, 1 + shapes[i][0] / 40);
        }
}
