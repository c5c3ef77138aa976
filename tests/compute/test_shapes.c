// SPDX-License-Identifier: Apache-2.0
/* A layer that is given a tensor of another shape or type than its contract says ends the program, in every
 * build, before any kernel runs on memory that is not there. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/compute.h"

/* The layers on tensors that fit, and one of them replaced by `wrong` of another shape or type: 0 is none. */
struct call {
    struct stream *stream;
    struct linear *linear; /* (32, 16), with a norm before it */
    int wrong;
};

static struct tensor made(const struct call *call, int which, enum dtype dtype, struct shape shape)
{
    struct tensor t = {0};
    if (call->wrong == which)
        shape.size[shape.rank - 1]++;
    else if (call->wrong == -which)
        dtype = dtype == DTYPE_U8 ? DTYPE_I32 : DTYPE_U8;
    tensor_new(&t, call->stream, dtype, shape, NULL);
    return t;
}

enum { B = 2, T = 5, W = 32 };
static const enum dtype F = DTYPE_F32;

static void call_linear(const struct call *call)
{
    const enum dtype real = stream_dtype(call->stream);
    linear_forward(call->linear, call->stream, made(call, 1, F, SHAPE(B, T, 32)),
        made(call, 2, real, SHAPE(B, T, 16)), EPILOGUE_NONE, NULL);
}

static void call_normed(const struct call *call)
{
    linear_forward_normed(call->linear, call->stream, made(call, 1, F, SHAPE(B * T, 32)),
        made(call, 2, F, SHAPE(B * T, 16)), 1e-5f, EPILOGUE_NONE, NULL);
}

static void call_layer_norm(const struct call *call)
{
    layer_norm(call->stream, made(call, 1, F, SHAPE(B, W)), made(call, 2, F, SHAPE(B, W)),
        made(call, 3, F, SHAPE(W)), made(call, 4, F, SHAPE(W)), 1e-5f, NULL);
}

static void call_attention(const struct call *call)
{
    const enum dtype real = stream_dtype(call->stream);
    attention(call->stream, made(call, 1, real, SHAPE(B, T, W)), made(call, 2, real, SHAPE(B, T, 3 * W)),
        NULL, 2, false, 0, NULL);
}

static void call_patchify(const struct call *call)
{
    const float scale[3] = {1, 1, 1}, shift[3] = {0};
    patchify(call->stream, made(call, 1, stream_dtype(call->stream), SHAPE(B, 4, 3 * 4 * 4)),
        made(call, 2, DTYPE_U8, SHAPE(B, 8, 8, 3)), 4, PATCHES_BY_ROW, scale, shift, NULL);
}

static void call_assemble(const struct call *call)
{
    assemble_tokens(call->stream, made(call, 1, F, SHAPE(B, T, W)), made(call, 2, F, SHAPE(B, T - 1, W)),
        made(call, 3, F, SHAPE(W)), made(call, 4, F, SHAPE(T, W)), NULL);
}

static void call_embed(const struct call *call)
{
    embed_tokens(call->stream, made(call, 1, F, SHAPE(B, T, W)), made(call, 2, DTYPE_I32, SHAPE(B, T)),
        made(call, 3, F, SHAPE(9, W)), 1, made(call, 4, F, SHAPE(W)), made(call, 5, F, SHAPE(T + 2, W)),
        made(call, 6, DTYPE_I32, SHAPE(B, T)), NULL);
}

static void call_gather(const struct call *call)
{
    gather_rows(call->stream, made(call, 1, F, SHAPE(B, W)), made(call, 2, F, SHAPE(B, T, W)),
        made(call, 3, DTYPE_I32, SHAPE(B)), NULL);
}

/* 0, or the signal that ended it. */
static int outcome_of(void (*make)(const struct call *call), const struct call *call)
{
    fflush(NULL);
    const pid_t child = fork();
    if (!child) {
        signal(SIGABRT, SIG_DFL); /* cmocka has one of its own */
        fclose(stderr);
        make(call);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* On a planning stream: launches have no part in it. */
static void a_tensor_of_another_shape_or_type_is_not_taken(void **state)
{
    static const struct {
        void (*make)(const struct call *call);
        int tensors;
    } calls[] = {{call_linear, 2}, {call_normed, 2}, {call_layer_norm, 4}, {call_attention, 2},
        {call_patchify, 2}, {call_assemble, 4}, {call_embed, 6}, {call_gather, 3}};
    const float weight[32 * 16] = {0};
    struct device *device;
    struct call call = {0};
    struct err err;
    (void)state;
    check_ok(device_open(&device, NULL, &err), &err);
    check_ok(stream_open(&call.stream, device, 0, &err), &err);
    check_ok(linear_load(&call.linear, device, weight, 32, 16, &err), &err);
    check_ok(linear_set_gamma(call.linear, device, weight, &err), &err);
    check_ok(linear_set_beta(call.linear, device, weight, &err), &err);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int wrong = -calls[i].tensors; wrong <= calls[i].tensors; wrong++) {
            call.wrong = wrong;
            const int got = outcome_of(calls[i].make, &call), want = wrong ? SIGABRT : 0;
            if (got != want)
                fail_msg("call %zu with tensor %d wrong: %d, not %d", i, wrong, got, want);
        }
    linear_free(call.linear);
    stream_free(call.stream);
    device_free(device);
}

static void views_and_rows_are_counted(void **state)
{
    (void)state;
    struct tensor t = {.shape = SHAPE(2, 3, 4)};
    assert_int_equal(shape_count(t.shape), 24);
    assert_int_equal(tensor_rows(t), 6);
    assert_int_equal(tensor_width(t), 4);
    assert_true(shape_equal(tensor_view(t, SHAPE(8, 3)).shape, SHAPE(8, 3)));
    assert_false(shape_equal(SHAPE(2, 3), SHAPE(3, 2)));
    assert_false(shape_equal(SHAPE(2, 3), SHAPE(2, 3, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_and_rows_are_counted),
        cmocka_unit_test(a_tensor_of_another_shape_or_type_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
