// SPDX-License-Identifier: Apache-2.0
/* Steps of AdamW against a twin in double precision. */
#include "compute/train/train.h"
#include "tests/compute/kernels.h"
#include "tests/support/work.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N = 7, K = 13, STEPS = 3 };

/* A matrix, which decays, and its bias, which does not. */
struct two {
    struct tensor weight, bias;
};

static const struct param table[] = {
    {PARAM_TENSOR, 0, "fc1.weight", {DIM_MLP, DIM_WIDTH}, ALWAYS, TRAINED(struct two, weight)},
    {PARAM_TENSOR, 0, "fc1.bias", {DIM_MLP}, ALWAYS, TRAINED(struct two, bias)},
};

/* p, m and v (count) after a step along g (count). */
static void twin_adamw(double *p, double *m, double *v, const float *g, size_t count, double scale,
    double decay, const struct adamw_options *options)
{
    const double t = (double)options->step;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)g[i] * scale;
        m[i] = options->beta_1 * m[i] + (1 - options->beta_1) * d;
        v[i] = options->beta_2 * v[i] + (1 - options->beta_2) * d * d;
        const double mean = m[i] / (1 - pow(options->beta_1, t)),
                     square = v[i] / (1 - pow(options->beta_2, t));
        p[i] -= options->rate * (decay * p[i] + mean / (sqrt(square) + options->eps));
    }
}

static void check_steps(const struct bench *bench, double clip)
{
    enum { ALL = N * K + N };
    const size_t dims[DIM_COUNT] = {[DIM_MLP] = N, [DIM_WIDTH] = K}, mark = stream_mark(bench->stream);
    struct parameters *parameters;
    struct weights *weights;
    struct two values, gradients;
    struct err err;
    float start[ALL], got[ALL], want[ALL];
    double p[ALL], m[ALL] = {0}, v[ALL] = {0};
    check_ok(weights_random(&weights, 3, &err), &err);
    check_ok(parameters_new(&parameters, &err), &err);
    check_ok(
        parameters_add(parameters, table, 2, "", 0, dims, &values, &gradients, TRAIN_FROM_FIRST, &err), &err);
    check_ok(parameters_open(parameters, bench->device, &err), &err);
    check_ok(parameters_load(parameters, bench->stream, weights, &err), &err);
    get_real(bench, start, values.weight, N * K);
    get_real(bench, start + N * K, values.bias, N);
    for (size_t i = 0; i < ALL; i++)
        p[i] = (double)start[i];
    for (size_t step = 1; step <= STEPS; step++) {
        const struct adamw_options options = {step, 0.01, 0.9, 0.98, 1e-6, 0.2, clip};
        float *g = random_floats(ALL, step);
        double squares = 0, norm = 0;
        for (size_t i = 0; i < ALL; i++)
            squares += (double)g[i] * (double)g[i];
        check_ok(parameters_clear_gradients(parameters, bench->stream, &err), &err);
        check_ok(tensor_write(bench->stream, gradients.weight, g, N * K, &err), &err);
        check_ok(tensor_write(bench->stream, gradients.bias, g + N * K, N, &err), &err);
        check_ok(parameters_step(parameters, bench->stream, &options, &norm, &err), &err);
        assert_true(fabs(norm - sqrt(squares)) <= 1e-6 * norm);
        const double scale = clip > 0 && clip < sqrt(squares) ? clip / sqrt(squares) : 1;
        twin_adamw(p, m, v, g, N * K, scale, 0.2, &options);
        twin_adamw(p + N * K, m + N * K, v + N * K, g + N * K, N, scale, 0, &options);
        free(g);
    }
    get_real(bench, got, values.weight, N * K);
    get_real(bench, got + N * K, values.bias, N);
    for (size_t i = 0; i < ALL; i++)
        want[i] = (float)p[i];
    compare(got, want, ALL, 2e-6, "AdamW");

    /* A gradient that is no number changes nothing. */
    const struct adamw_options options = {STEPS + 1, 0.01, 0.9, 0.98, 1e-6, 0.2, clip};
    double norm;
    check_ok(tensor_write(bench->stream, gradients.bias, &(float){NAN}, 1, &err), &err);
    check_ok(parameters_step(parameters, bench->stream, &options, &norm, &err), &err);
    assert_true(isnan(norm));
    get_real(bench, want, values.weight, N * K);
    assert_memory_equal(want, got, N * K * sizeof *got);
    parameters_free(parameters);
    weights_free(weights);
    stream_rewind(bench->stream, mark);
}

void adamw_matches(void **state)
{
    if (!work_fits(STEPS * N * K))
        return;
    check_steps(*state, 0);
    check_steps(*state, 1.5);
    check_steps(*state, 1e6);
}

static void check_average(const struct bench *bench, double decay)
{
    enum { ALL = N * K + N };
    const size_t dims[DIM_COUNT] = {[DIM_MLP] = N, [DIM_WIDTH] = K};
    struct parameters *parameters;
    struct weights *weights;
    struct two values, gradients;
    struct err err;
    float before[ALL], after[ALL], got[ALL], want[ALL];
    check_ok(weights_random(&weights, 3, &err), &err);
    check_ok(parameters_new(&parameters, &err), &err);
    check_ok(
        parameters_add(parameters, table, 2, "", 0, dims, &values, &gradients, TRAIN_FROM_FIRST, &err), &err);
    parameters_keep_averages(parameters);
    check_ok(parameters_open(parameters, bench->device, &err), &err);
    check_ok(parameters_load(parameters, bench->stream, weights, &err), &err);
    check_ok(parameters_average(parameters, bench->stream, 0, &err), &err);
    get_real(bench, before, values.weight, N * K);
    get_real(bench, before + N * K, values.bias, N);
    for (size_t i = 0; i < ALL; i++)
        after[i] = before[i] + (float)i * 0.125f;
    check_ok(tensor_write(bench->stream, values.weight, after, N * K, &err), &err);
    check_ok(tensor_write(bench->stream, values.bias, after + N * K, N, &err), &err);
    check_ok(parameters_average(parameters, bench->stream, decay, &err), &err);
    check_ok(parameters_exchange_averages(parameters, bench->stream, &err), &err);
    get_real(bench, got, values.weight, N * K);
    get_real(bench, got + N * K, values.bias, N);
    for (size_t i = 0; i < ALL; i++)
        want[i] = (float)(decay * (double)before[i] + (1 - decay) * (double)after[i]);
    compare(got, want, ALL, 1e-6, "averages");
    parameters_free(parameters);
    weights_free(weights);
}

void averages_match(void **state)
{
    if (!work_fits(N * K))
        return;
    check_average(*state, 0.9);
    check_average(*state, 0.25);
}

void rates_warm_up_and_fall(void **state)
{
    (void)state;
    assert_true(fabs(cosine_rate(2, 0, 4, 12) - 0.5) < 1e-12);
    assert_true(fabs(cosine_rate(2, 3, 4, 12) - 2) < 1e-12);
    assert_true(fabs(cosine_rate(2, 4, 4, 12) - 2) < 1e-12);
    assert_true(fabs(cosine_rate(2, 8, 4, 12) - 1) < 1e-12);
    assert_true(cosine_rate(2, 11, 4, 12) > 0 && cosine_rate(2, 11, 4, 12) < 0.1);
}
