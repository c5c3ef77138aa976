// SPDX-License-Identifier: Apache-2.0
/* Attention, and the turning of pairs before it, against their twins. */
#include "tests/compute/kernels.h"
#include "tests/compute/twins.h"
#include "tests/support/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void attention_matches(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t batch, tokens, heads, head_width;
        bool causal;
        size_t unseen;
    } cases[] = {
        {1, 1, 1, 8, false, 0},
        {1, 1, 2, 64, true, 0},
        {2, 5, 3, 16, true, 0},
        {3, 16, 2, 64, false, 0},
        {2, 17, 2, 64, true, 0},
        {2, 50, 12, 64, false, 0},
        {1, 77, 8, 64, true, 0},
        {1, 257, 2, 80, false, 0},
        {1, 33, 2, 104, false, 0},
        {1, 31, 1, 128, true, 0},
        {1, 34, 1, 24, true, 0},
        {2, 2, 1, 8, true, 1},
        {2, 33, 2, 64, true, 1},
        {2, 50, 2, 64, true, 20},
        {1, 65, 1, 24, false, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t width = cases[i].heads * cases[i].head_width, rows = cases[i].batch * cases[i].tokens;
        if (!work_fits(rows * cases[i].tokens * width / 16)) /* in vectors */
            continue;
        const size_t mark = stream_mark(bench->stream);
        float *qkv = random_floats(rows * 3 * width, i), *want = malloc(rows * width * sizeof *want),
              *got = malloc(rows * width * sizeof *got);
        struct err err;
        char what[96];
        const struct tensor in = put_real(bench, qkv, SHAPE(cases[i].batch, cases[i].tokens, 3 * width));
        struct tensor out;
        check_ok(tensor_new(&out, bench->stream, stream_dtype(bench->stream),
                     SHAPE(cases[i].batch, cases[i].tokens, width), &err),
            &err);
        check_ok(
            attention(bench->stream, out, in, NULL, cases[i].heads, cases[i].causal, cases[i].unseen, &err),
            &err);
        get_real(bench, got, out, rows * width);
        twin_attention(want, qkv, cases[i].batch, cases[i].tokens, cases[i].heads, cases[i].head_width,
            cases[i].causal, cases[i].unseen);
        snprintf(what, sizeof what, "attention of %zu tokens, head width %zu", cases[i].tokens,
            cases[i].head_width);
        compare(got, want, rows * width, tolerance(bench), what);
        free(qkv), free(want), free(got);
        stream_rewind(bench->stream, mark);
    }
}

/* Sequences of different lengths side by side are what each is alone. */
void attention_of_sequences_matches(void **state)
{
    const struct bench *bench = *state;
    enum { COUNT = 5, ROWS = 121, HEADS = 3, HEAD_WIDTH = 24, WIDTH = HEADS * HEAD_WIDTH };
    static const int32_t starts[COUNT + 1] = {0, 1, 34, 50, 118, ROWS};
    const size_t mark = stream_mark(bench->stream);
    float *qkv = random_floats(ROWS * 3 * WIDTH, 3), *query = random_floats(WIDTH, 4),
          *want = malloc(ROWS * WIDTH * sizeof *want), *got = malloc(ROWS * WIDTH * sizeof *got);
    const struct tensor in = put_real(bench, qkv, SHAPE(1, ROWS, 3 * WIDTH)),
                        kv = tensor_view(in, SHAPE(1, ROWS, 2 * WIDTH));
    const struct sequences sequences = {COUNT, 68, starts, put(bench, DTYPE_I32, starts, SHAPE(COUNT + 1))};
    const struct sequences from_second = {
        COUNT - 1, 68, starts + 1, put(bench, DTYPE_I32, starts + 1, SHAPE(COUNT))};
    const enum dtype real = stream_dtype(bench->stream);
    struct tensor context, pooled;
    struct err err;
    for (size_t i = 0; i < WIDTH; i++)
        query[i] /= 4;
    check_ok(tensor_new(&context, bench->stream, real, SHAPE(1, ROWS, WIDTH), &err), &err);
    check_ok(tensor_new(&pooled, bench->stream, real, SHAPE(COUNT, WIDTH), &err), &err);
    check_ok(attention(bench->stream, context, in, &from_second, HEADS, true, 1, &err), &err);
    get_real(bench, got, context, ROWS * WIDTH);
    for (size_t i = 1; i < COUNT; i++)
        twin_attention(want + starts[i] * WIDTH, qkv + starts[i] * 3 * WIDTH, 1,
            (size_t)(starts[i + 1] - starts[i]), HEADS, HEAD_WIDTH, true, 1);
    compare(got + starts[1] * WIDTH, want + starts[1] * WIDTH, (size_t)(ROWS - starts[1]) * WIDTH,
        tolerance(bench), "causal attention of sequences, the last token unseen");

    check_ok(attention(bench->stream, context, in, &sequences, HEADS, false, 0, &err), &err);
    get_real(bench, got, context, ROWS * WIDTH);
    for (size_t i = 0; i < COUNT; i++)
        twin_attention(want + starts[i] * WIDTH, qkv + starts[i] * 3 * WIDTH, 1,
            (size_t)(starts[i + 1] - starts[i]), HEADS, HEAD_WIDTH, false, 0);
    compare(got, want, ROWS * WIDTH, tolerance(bench), "attention of sequences");

    check_ok(attend_once(bench->stream, pooled, put(bench, DTYPE_F32, query, SHAPE(WIDTH)), kv, &sequences,
                 HEADS, &err),
        &err);
    get_real(bench, got, pooled, COUNT * WIDTH);
    for (size_t i = 0; i < COUNT; i++)
        twin_attend_once(want + i * WIDTH, query, qkv + starts[i] * 2 * WIDTH, 1,
            (size_t)(starts[i + 1] - starts[i]), HEADS, HEAD_WIDTH);
    compare(got, want, COUNT * WIDTH, tolerance(bench), "attend_once of sequences");
    free(qkv), free(query), free(want), free(got);
    stream_rewind(bench->stream, mark);
}

/* More keys than lanes, fewer, and no multiple of them. */
void attend_once_matches(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t batch, tokens, heads, head_width;
    } cases[] = {
        {1, 1, 1, 8}, {3, 5, 2, 24}, {2, 64, 3, 64}, {2, 196, 12, 64}, {1, 257, 2, 72}, {1, 130, 1, 128}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t batch = cases[i].batch, tokens = cases[i].tokens,
                     width = cases[i].heads * cases[i].head_width, count = batch * tokens * 2 * width;
        if (!work_fits(count / 16)) /* in vectors */
            continue;
        const size_t mark = stream_mark(bench->stream);
        float *query = random_floats(width, i), *kv = random_floats(count, i + 1),
              *want = malloc(batch * width * sizeof *want), *got = malloc(batch * width * sizeof *got);
        struct err err;
        const struct tensor in = put_real(bench, kv, SHAPE(batch, tokens, 2 * width));
        struct tensor out;
        for (size_t n = 0; n < width; n++)
            query[n] /= 4;
        check_ok(
            tensor_new(&out, bench->stream, stream_dtype(bench->stream), SHAPE(batch, width), &err), &err);
        check_ok(attend_once(bench->stream, out, put(bench, DTYPE_F32, query, SHAPE(width)), in, NULL,
                     cases[i].heads, &err),
            &err);
        get_real(bench, got, out, batch * width);
        twin_attend_once(want, query, kv, batch, tokens, cases[i].heads, cases[i].head_width);
        compare(got, want, batch * width, tolerance(bench), "attend_once");
        free(query), free(kv), free(want), free(got);
        stream_rewind(bench->stream, mark);
    }
}

void pairs_turn(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t batch, tokens, heads, head_width;
    } cases[] = {{1, 1, 1, 16}, {2, 5, 3, 32}, {2, 17, 3, 64}, {1, 9, 16, 96}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t batch = cases[i].batch, tokens = cases[i].tokens, head_width = cases[i].head_width;
        const size_t row = 3 * cases[i].heads * head_width, count = batch * tokens * row;
        const size_t mark = stream_mark(bench->stream);
        float *qkv = random_floats(count, i), *rotation = random_floats(tokens * head_width, i + 1),
              *got = malloc(count * sizeof *got);
        struct err err;
        const struct tensor in = put_real(bench, qkv, SHAPE(batch, tokens, row));
        check_ok(rotate_pairs(bench->stream, in, put(bench, DTYPE_F32, rotation, SHAPE(tokens, head_width)),
                     cases[i].heads, &err),
            &err);
        get_real(bench, got, in, count);
        twin_rotate_pairs(qkv, rotation, batch, tokens, cases[i].heads, head_width);
        compare(got, qkv, count, tolerance(bench), "rotate_pairs");
        free(qkv), free(rotation), free(got);
        stream_rewind(bench->stream, mark);
    }
}
