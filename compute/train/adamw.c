// SPDX-License-Identifier: Apache-2.0
/* A step of AdamW. Arithmetic stands in compute/kernels/adamw.cl. */
#include "compute/train/kernels.h"
#include "compute/train/parameters.h"

#include <math.h>

/* *out: the length of all gradients as one vector. Waits for the device. */
static int gradient_norm(
    double *out, const struct parameters *parameters, struct stream *stream, struct err *err)
{
    enum { CHUNKS = 1024 };
    const size_t mark = stream_mark(stream);
    const struct launch launch = {
        .source = &adamw_source, .kernel = "square_sums", .groups = {CHUNKS}, .local = stream_lanes(stream)};
    const struct tensor gradients = parameters_flat(parameters, PARAMETERS_GRADIENTS);
    const cl_ulong count = shape_count(gradients.shape);
    float values[CHUNKS] = {0};
    struct tensor sums; // (CHUNKS)
    double total = 0;
    int rc = tensor_new(&sums, stream, DTYPE_F32, SHAPE(CHUNKS), err);
    if (!rc)
        rc = KERNEL_RUN(stream, &launch, err, ARG_TENSOR(sums), ARG_TENSOR(gradients), ARG(count));
    if (!rc)
        rc = tensor_read(stream, values, sums, CHUNKS, err);
    for (size_t i = 0; i < CHUNKS; i++)
        total += (double)values[i];
    *out = sqrt(total);
    stream_rewind(stream, mark);
    return rc;
}

/* The elements from `first` on, count of them. */
static int update(const struct parameters *parameters, struct stream *stream,
    const struct adamw_options *options, size_t first, size_t count, double decay, float scale,
    struct err *err)
{
    const struct launch launch = {
        .source = &adamw_source, .kernel = "adamw", .groups = {groups_of(count, 16 * GROUP)}, .local = GROUP};
    const double t = (double)options->step;
    const float keep = (float)(1 - options->rate * decay), beta_1 = (float)options->beta_1,
                beta_2 = (float)options->beta_2,
                rate = (float)(options->rate / (1 - pow(options->beta_1, t))),
                by_root = (float)(1 / sqrt(1 - pow(options->beta_2, t))), eps = (float)options->eps;
    const cl_ulong elements = count;
    struct tensor flats[PARAMETERS_KINDS];
    for (int kind = 0; kind < PARAMETERS_KINDS; kind++) {
        flats[kind] = parameters_flat(parameters, (enum parameters_kind)kind);
        flats[kind].offset += first;
    }
    if (!count)
        return 0;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(flats[PARAMETERS_VALUES]),
        ARG_TENSOR(flats[PARAMETERS_GRADIENTS]), ARG_TENSOR(flats[PARAMETERS_MEANS]),
        ARG_TENSOR(flats[PARAMETERS_SQUARES]), ARG(elements), ARG(scale), ARG(keep), ARG(beta_1), ARG(beta_2),
        ARG(rate), ARG(by_root), ARG(eps));
}

int parameters_step(struct parameters *parameters, struct stream *stream, const struct adamw_options *options,
    double *norm, struct err *err)
{
    const size_t decaying = parameters_decaying(parameters),
                 all = shape_count(parameters_flat(parameters, PARAMETERS_VALUES).shape);
    int rc = gradient_norm(norm, parameters, stream, err);
    if (rc || !isfinite(*norm))
        return rc;
    const double share = options->clip > 0 ? options->clip / (*norm + 1e-6) : 1; /* clip_grad_norm_'s */
    const float scale = share < 1 ? (float)share : 1;
    rc = update(parameters, stream, options, 0, decaying, options->decay, scale, err);
    if (!rc)
        rc = update(parameters, stream, options, decaying, all - decaying, 0, scale, err);
    return rc ? rc : parameters_round(parameters, stream, err);
}

double cosine_rate(double rate, size_t step, size_t warmup, size_t steps)
{
    static const double pi = 3.14159265358979323846;
    if (step < warmup)
        return rate * (double)(step + 1) / (double)warmup;
    return rate * (1 + cos(pi * (double)(step - warmup) / (double)(steps - warmup))) / 2;
}
