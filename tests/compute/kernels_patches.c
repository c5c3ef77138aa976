// SPDX-License-Identifier: Apache-2.0
/* From pixels to patches to tokens, and the picking of rows after the blocks, against plain C. */
#include "tests/compute/kernels.h"
#include "tests/compute/twins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Patches as they come, of a number that no group divides. */
void scale_bytes_matches(void **state)
{
    const struct bench *bench = *state;
    enum { ROWS = 7, WIDTH = 3 * 5 * 5, COUNT = ROWS * WIDTH };
    static const float scale[3] = {0.01f, 0.02f, 0.03f}, shift[3] = {-1, 0, 0.5f};
    const size_t mark = stream_mark(bench->stream);
    uint8_t bytes[COUNT];
    float want[COUNT], got[COUNT];
    struct tensor out;
    struct err err;
    for (size_t i = 0; i < COUNT; i++) {
        bytes[i] = (uint8_t)(i * 37);
        want[i] = (float)bytes[i] * scale[i % 3] + shift[i % 3];
    }
    const struct tensor in = put(bench, DTYPE_U8, bytes, SHAPE(ROWS, WIDTH));
    check_ok(tensor_new(&out, bench->stream, stream_dtype(bench->stream), SHAPE(ROWS, WIDTH), &err), &err);
    check_ok(scale_bytes(bench->stream, out, in, scale, shift, &err), &err);
    get_real(bench, got, out, COUNT);
    compare(got, want, COUNT, tolerance(bench), "scale_bytes");
    stream_rewind(bench->stream, mark);
}

void patchify_matches(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t image, patch;
        enum patch_order order;
    } cases[] = {{32, 8, PATCHES_BY_ROW}, {28, 14, PATCHES_BY_ROW},
        {30, 14, PATCHES_BY_ROW}, /* with a border */
        {7, 7, PATCHES_BY_ROW}, {32, 8, PATCHES_NESTED}, {48, 4, PATCHES_NESTED}};
    const float scale[3] = {0.0146f, 0.015f, 0.0142f}, shift[3] = {-1.79f, -1.75f, -1.48f};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t s = cases[i].image, p = cases[i].patch, g = s / p, batch = 3,
                     count = batch * g * g * 3 * p * p;
        const size_t mark = stream_mark(bench->stream);
        uint8_t *pixels = malloc(batch * s * s * 3);
        float *want = malloc(count * sizeof *want), *got = malloc(count * sizeof *got);
        struct tensor out;
        struct err err;
        for (size_t j = 0; j < batch * s * s * 3; j++)
            pixels[j] = (uint8_t)(j * 2654435761u >> 13);
        const struct tensor in = put(bench, DTYPE_U8, pixels, SHAPE(batch, s, s, 3));
        check_ok(tensor_new(
                     &out, bench->stream, stream_dtype(bench->stream), SHAPE(batch, g * g, 3 * p * p), &err),
            &err);
        check_ok(patchify(bench->stream, out, in, p, cases[i].order, scale, shift, &err), &err);
        get_real(bench, got, out, count);
        twin_patchify(want, pixels, batch, s, p, cases[i].order, scale, shift);
        compare(got, want, count, tolerance(bench), "patchify");
        free(pixels), free(want), free(got);
        stream_rewind(bench->stream, mark);
    }
}

/* Rows of tokens (2, T, W) float32, whose elements are `want`, and of the same bits as numbers of 16 bits. */
static void check_picks(const struct bench *bench, const float *want, struct tensor tokens,
    const int32_t *pick, size_t count, size_t width)
{
    enum { B = 2 };
    const struct tensor none = {0}, picks = put(bench, DTYPE_I32, pick, SHAPE(B));
    for (int i = 0; i < 4; i++) {
        const bool with_pick = i & 1, halves = i & 2;
        const enum dtype dtype = halves ? DTYPE_BF16 : DTYPE_F32;
        const size_t w = halves ? 2 * width : width;
        struct tensor picked, from = tokens;
        struct err err;
        float *rows = malloc(B * width * sizeof *rows);
        from.dtype = dtype;
        from.offset *= sizeof(float) / dtype_size(dtype);
        from.shape = SHAPE(B, count, w);
        check_ok(tensor_new(&picked, bench->stream, dtype, SHAPE(B, w), &err), &err);
        check_ok(gather_rows(bench->stream, picked, from, with_pick ? picks : none, &err), &err);
        check_ok(tensor_read(bench->stream, rows, picked, B * w, &err), &err);
        for (size_t b = 0; b < B; b++)
            assert_memory_equal(rows + b * width,
                want + (b * count + (with_pick ? (size_t)pick[b] : 0)) * width, width * sizeof *rows);
        free(rows);
    }
}

/* Of one row of tokens, whose elements are `want`, that is as many sequences. */
static void check_picks_of_all(
    const struct bench *bench, const float *want, struct tensor tokens, size_t width)
{
    enum { B = 3 };
    static const int32_t pick[B] = {9, 0, 4};
    struct tensor picked;
    struct err err;
    float *rows = malloc(B * width * sizeof *rows);
    tokens = tensor_view(tokens, SHAPE(1, tensor_rows(tokens), width));
    check_ok(tensor_new(&picked, bench->stream, DTYPE_F32, SHAPE(B, width), &err), &err);
    check_ok(gather_rows(bench->stream, picked, tokens, put(bench, DTYPE_I32, pick, SHAPE(B)), &err), &err);
    check_ok(tensor_read(bench->stream, rows, picked, B * width, &err), &err);
    for (size_t b = 0; b < B; b++)
        assert_memory_equal(rows + b * width, want + (size_t)pick[b] * width, width * sizeof *rows);
    free(rows);
}

void tokens_are_put_together(void **state)
{
    const struct bench *bench = *state;
    enum { B = 2, T = 5, W = 48, V = 9 };
    const size_t mark = stream_mark(bench->stream);
    float *patches = random_floats(B * T * W, 1), *class_token = random_floats(W, 2),
          *positions = random_floats(T * W, 3), *table = random_floats(V * W, 4);
    const int32_t ids[B * T] = {8, 0, 3, 3, 1, 7, 6, 5, 4, 2}, pick[B] = {4, 1};
    const int32_t places[B * T] = {2, 3, 4, 0, 1, 4, 4, 0, 2, 1};
    float got[B * T * W];
    const struct tensor at = put(bench, DTYPE_F32, positions, SHAPE(T, W)), none = {0};
    struct tensor tokens;
    struct err err;
    check_ok(tensor_new(&tokens, bench->stream, DTYPE_F32, SHAPE(B, T, W), &err), &err);

    check_ok(assemble_tokens(bench->stream, tokens, put(bench, DTYPE_F32, patches, SHAPE(B, T - 1, W)),
                 put(bench, DTYPE_F32, class_token, SHAPE(W)), at, &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int b = 0; b < B; b++)
        for (int t = 0; t < T; t++)
            for (int i = 0; i < W; i++) {
                const float token = t ? patches[(b * (T - 1) + t - 1) * W + i] : class_token[i];
                assert_float_equal(got[(b * T + t) * W + i], token + positions[t * W + i], 0);
            }

    check_ok(assemble_tokens(bench->stream, tokens, put(bench, DTYPE_F32, patches, SHAPE(B, T, W)),
                 (struct tensor){0}, at, &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int i = 0; i < B * T * W; i++)
        assert_float_equal(got[i], patches[i] + positions[i % (T * W)], 0);

    check_ok(assemble_tokens(bench->stream, tokens, put(bench, DTYPE_F32, patches, SHAPE(B, T - 1, W)),
                 put(bench, DTYPE_F32, class_token, SHAPE(W)),
                 put(bench, DTYPE_F32, positions, SHAPE(T - 1, W)), &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int b = 0; b < B; b++)
        for (int t = 0; t < T; t++)
            for (int i = 0; i < W; i++)
                assert_float_equal(got[(b * T + t) * W + i],
                    t ? patches[(b * (T - 1) + t - 1) * W + i] + positions[(t - 1) * W + i] : class_token[i],
                    0);

    check_ok(
        embed_tokens(bench->stream, tokens, put(bench, DTYPE_I32, ids, SHAPE(B, T)),
            put(bench, DTYPE_F32, table, SHAPE(V - 1, W)), 32, put(bench, DTYPE_F32, class_token, SHAPE(W)),
            at, put(bench, DTYPE_I32, places, SHAPE(B, T)), &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int row = 0; row < B * T; row++)
        for (int i = 0; i < W; i++) {
            const float token = ids[row] == V - 1 ? class_token[i] : 32 * table[ids[row] * W + i];
            assert_float_equal(got[row * W + i], token + positions[places[row] * W + i], 0);
        }

    check_ok(embed_tokens(bench->stream, tokens, put(bench, DTYPE_I32, ids, SHAPE(B, T)),
                 put(bench, DTYPE_F32, table, SHAPE(V, W)), 1, none, at, none, &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int row = 0; row < B * T; row++)
        for (int i = 0; i < W; i++)
            assert_float_equal(got[row * W + i], table[ids[row] * W + i] + positions[row % T * W + i], 0);

    for (enum dtype type = DTYPE_BF16; type <= DTYPE_F16; type++) {
        uint16_t halves[V * W];
        for (int i = 0; i < V * W; i++)
            halves[i] =
                type == DTYPE_F16 ? f32_to_f16(table[i] / (i % 2 ? 1 : 1 << 16)) : f32_to_bf16(table[i]);
        check_ok(embed_tokens(bench->stream, tokens, put(bench, DTYPE_I32, ids, SHAPE(B, T)),
                     put(bench, type, halves, SHAPE(V, W)), 1, none, at, none, &err),
            &err);
        check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
        for (int row = 0; row < B * T; row++)
            for (int i = 0; i < W; i++) {
                const uint16_t half = halves[ids[row] * W + i];
                const float value = type == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half);
                assert_float_equal(got[row * W + i], value + positions[row % T * W + i], 0);
            }
    }

    check_picks(bench, got, tokens, pick, T, W);
    check_picks_of_all(bench, got, tokens, W);
    free(patches), free(class_token), free(positions), free(table);
    stream_rewind(bench->stream, mark);
}
