// SPDX-License-Identifier: Apache-2.0
/*
 * Gradients of layer norm, of a bias and of L2 normalisation.
 *
 * Sums over rows are made in two steps that are the same in every run: a work-group has a chunk of the rows and adds them
 * up one after the other, in memory of its own; then add_partials puts the chunks together in their order.
 *
 *   x, dy, dx (R, W): [r*width + i]
 *   partials  (CHUNKS, N): [chunk*N + i], CHUNKS the number of groups
 */

/* The rows of this group. */
uint chunk_begin(uint rows) { return (ulong)rows * get_group_id(0) / get_num_groups(0); }
uint chunk_end(uint rows) { return (ulong)rows * (get_group_id(0) + 1) / get_num_groups(0); }

float16 load16(global const void *in, ulong at, uint in_float)
{
    return in_float ? vload16(0, (global const float *)in + at) : real_load16((global const real *)in + at);
}

float load1(global const void *in, ulong at, uint in_float)
{
    return in_float ? ((global const float *)in)[at] : real_load((global const real *)in + at);
}

/* With y = n * gamma + beta, n = (x - mean) * scale and scale = 1 / sqrt(variance + eps):
 *
 *   g = dy * gamma,   dx = scale * (g - mean(g) - n * mean(g * n)),   dgamma = sum of dy * n,   dbeta = sum of dy
 *
 * dx is added to what is there where accumulate is not 0; it may be dy. dy is real, or float where dy_float is not 0.
 * A row of partials is that of gamma, then that of beta. Widths are multiples of 16. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void layer_norm_backward(global float *dx, ulong dx_at,
    global float *partials, ulong partials_at, global const void *dy, ulong dy_at, global const float *x, ulong x_at,
    global const float *gamma, ulong gamma_at, uint rows, uint width, float eps, uint dy_float, uint accumulate)
{
    local float scratch[LANES];
    const uint first = get_local_id(0) * 16, step = LANES * 16;
    global float *dgamma = partials + partials_at + (ulong)get_group_id(0) * 2 * width, *dbeta = dgamma + width;
    gamma += gamma_at;

    for (uint i = first; i < width; i += step) {
        vstore16((float16)0, 0, dgamma + i);
        vstore16((float16)0, 0, dbeta + i);
    }
    for (uint row = chunk_begin(rows); row < chunk_end(rows); row++) {
        global const float *in = x + x_at + (ulong)row * width;
        global float *out = dx + dx_at + (ulong)row * width;
        const ulong from = dy_at + (ulong)row * width;

        float16 sum = 0;
        for (uint i = first; i < width; i += step)
            sum += vload16(0, in + i);
        const float mean = group_sum(sum16(sum), scratch) / width;
        float16 squares = 0;
        for (uint i = first; i < width; i += step) {
            const float16 d = vload16(0, in + i) - mean;
            squares += d * d;
        }
        const float scale = rsqrt(group_sum(sum16(squares), scratch) / width + eps);

        float16 sum_g = 0, sum_gn = 0;
        for (uint i = first; i < width; i += step) {
            const float16 d = load16(dy, from + i, dy_float), n = (vload16(0, in + i) - mean) * scale;
            const float16 g = d * vload16(0, gamma + i);
            sum_g += g;
            sum_gn += g * n;
            vstore16(vload16(0, dgamma + i) + d * n, 0, dgamma + i);
            vstore16(vload16(0, dbeta + i) + d, 0, dbeta + i);
        }
        const float mean_g = group_sum(sum16(sum_g), scratch) / width;
        const float mean_gn = group_sum(sum16(sum_gn), scratch) / width;

        for (uint i = first; i < width; i += step) {
            const float16 n = (vload16(0, in + i) - mean) * scale;
            const float16 g = load16(dy, from + i, dy_float) * vload16(0, gamma + i);
            const float16 d = scale * (g - mean_g - n * mean_gn);
            vstore16(accumulate ? vload16(0, out + i) + d : d, 0, out + i);
        }
    }
}

/* partials [chunk*N + i] = the sum over the chunk's rows of in [r*N + i], real, or float where in_float is not 0. Any N. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void column_sums(global float *partials, ulong partials_at,
    global const void *in, ulong in_at, uint rows, uint width, uint in_float)
{
    const uint whole = width / 16 * 16, first = get_local_id(0) * 16, step = LANES * 16;
    const uint rest = whole + get_local_id(0);
    partials += partials_at + (ulong)get_group_id(0) * width;

    for (uint i = first; i < whole; i += step)
        vstore16((float16)0, 0, partials + i);
    for (uint i = rest; i < width; i += LANES)
        partials[i] = 0;
    for (uint row = chunk_begin(rows); row < chunk_end(rows); row++) {
        const ulong from = in_at + (ulong)row * width;
        for (uint i = first; i < whole; i += step)
            vstore16(vload16(0, partials + i) + load16(in, from + i, in_float), 0, partials + i);
        for (uint i = rest; i < width; i += LANES)
            partials[i] += load1(in, from + i, in_float);
    }
}

/* out [i] += the sum over chunks of partials [chunk*stride + i], i below width */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void add_partials(global float *out, ulong out_at,
    global const float *partials, ulong partials_at, uint chunks, uint stride, uint width)
{
    const uint i = get_global_id(0);
    if (i >= width)
        return;
    partials += partials_at + i;
    float sum = 0;
    for (uint chunk = 0; chunk < chunks; chunk++)
        sum += partials[(ulong)chunk * stride];
    out[out_at + i] += sum;
}

/* With y = x / |x|: dx = (dy - y * sum(dy * y)) / |x|. dx may be dy. A row of zeros has the gradient 0. Any width. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void normalize_rows_backward(global float *dx, ulong dx_at,
    global const float *dy, ulong dy_at, global const float *x, ulong x_at, uint width)
{
    local float scratch[LANES];
    const uint first = get_local_id(0);
    const ulong row = (ulong)get_group_id(0) * width;
    dx += dx_at + row;
    dy += dy_at + row;
    x += x_at + row;

    float squares = 0, along = 0;
    for (uint i = first; i < width; i += LANES) {
        squares += x[i] * x[i];
        along += x[i] * dy[i];
    }
    squares = group_sum(squares, scratch);
    along = group_sum(along, scratch);
    const float scale = squares > 0 ? rsqrt(squares) : 0, share = squares > 0 ? along / squares : 0;
    for (uint i = first; i < width; i += LANES)
        dx[i] = (dy[i] - x[i] * share) * scale;
}
