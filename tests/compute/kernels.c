// SPDX-License-Identifier: Apache-2.0
#include "tests/compute/kernels.h"
#include "tests/compute/twins.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

double tolerance(const struct bench *bench)
{
    return device_tolerance(bench->device);
}

void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

void compare(const float *got, const float *want, size_t count, double relative, const char *what)
{
    double largest = 0, worst = 0;
    size_t where = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - want[i]);
        if (!(difference <= worst)) {
            worst = difference;
            where = i;
        }
    }
    if (!(worst <= relative * largest))
        fail_msg("%s: element %zu of %zu is %.9g, not %.9g; the largest difference is %.3g, allowed %.3g",
            what, where, count, (double)got[where], (double)want[where], worst, relative * largest);
}

void round_real(const struct bench *bench, float *values, uint16_t *bits, size_t count)
{
    const enum dtype real = stream_dtype(bench->stream);
    for (size_t i = 0; i < count && real != DTYPE_F32; i++) {
        bits[i] = real == DTYPE_F16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
        values[i] = real == DTYPE_F16 ? f16_to_f32(bits[i]) : bf16_to_f32(bits[i]);
    }
}

struct tensor put_real(const struct bench *bench, float *values, struct shape shape)
{
    const enum dtype real = stream_dtype(bench->stream);
    const size_t count = shape_count(shape);
    uint16_t *bits = malloc(count * sizeof *bits);
    struct tensor t;
    struct err err;
    round_real(bench, values, bits, count);
    check_ok(tensor_new(&t, bench->stream, real, shape, &err), &err);
    check_ok(tensor_write(bench->stream, t, real == DTYPE_F32 ? (void *)values : bits, count, &err), &err);
    free(bits);
    return t;
}

void get_real(const struct bench *bench, float *values, struct tensor t, size_t count)
{
    uint16_t *bits = malloc(count * sizeof *bits);
    struct err err;
    check_ok(tensor_read(bench->stream, t.dtype == DTYPE_F32 ? (void *)values : bits, t, count, &err), &err);
    for (size_t i = 0; i < count && t.dtype != DTYPE_F32; i++)
        values[i] = t.dtype == DTYPE_F16 ? f16_to_f32(bits[i]) : bf16_to_f32(bits[i]);
    free(bits);
}

struct tensor put(const struct bench *bench, enum dtype dtype, const void *values, struct shape shape)
{
    struct tensor t;
    struct err err;
    check_ok(tensor_new(&t, bench->stream, dtype, shape, &err), &err);
    check_ok(tensor_write(bench->stream, t, values, shape_count(shape), &err), &err);
    return t;
}

float *random_floats(size_t count, uint64_t seed)
{
    float *values = malloc(count * sizeof *values);
    fill_random(values, count, seed);
    return values;
}
