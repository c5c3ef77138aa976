// SPDX-License-Identifier: Apache-2.0
/* What some blocks do between their matrix products and others do not. The first grid dimension of element-wise kernels
 * runs in whole groups and may go past the end. */

/* qkv [((b*T + t)*3 + which)*W + h*D + d], which 0 and 1: pairs of elements (d, d+1) turn by the angle whose cosine and sine
 * are rotation [t*D + d] and [t*D + d+1]. A work-item turns 16 elements. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void rotate_pairs(global real *qkv, ulong qkv_at,
    global const float *rotation, ulong rotation_at, uint tokens, uint width, uint head_width)
{
    const uint i = get_global_id(0) * 16, t = get_global_id(1), batch = get_global_id(2);
    if (i >= 2 * width)
        return;
    global real *at = qkv + qkv_at + ((ulong)batch * tokens + t) * 3 * width + i;
    const float16 x = real_load16(at);
    const float16 turn = vload16(0, rotation + rotation_at + (ulong)t * head_width + i % head_width);
    float16 y;
    y.even = x.even * turn.even - x.odd * turn.odd;
    y.odd = x.odd * turn.even + x.even * turn.odd;
    real_store16(y, at);
}

/* out [r*W + i] = silu(in [r*2*W + i]) * in [r*2*W + W + i] */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void gate(
    global real *out, ulong out_at, global const real *in, ulong in_at, uint width)
{
    const uint i = get_global_id(0);
    const ulong row = (ulong)get_global_id(1) * width;
    if (i >= width)
        return;
    in += in_at + 2 * row + i;
    const float g = real_load(in);
    real_store(g / (1 + exp(-g)) * real_load(in + width), out + out_at + row + i);
}

/* x [r*W + i] = (x - mean) / sqrt(variance + eps) * gamma [i] + beta [i], of any width: what 16 do not divide a work-item
 * takes one by one. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void inner_norm(global real *x, ulong x_at,
    global const float *gamma, ulong gamma_at, global const float *beta, ulong beta_at, uint width, float eps)
{
    local float scratch[LANES];
    const uint whole = width / 16 * 16, first = get_local_id(0) * 16, step = LANES * 16;
    const uint rest = whole + get_local_id(0);
    x += x_at + (ulong)get_group_id(0) * width;
    gamma += gamma_at;
    beta += beta_at;

    float16 sum = 0;
    float sum_rest = 0;
    for (uint i = first; i < whole; i += step)
        sum += real_load16(x + i);
    for (uint i = rest; i < width; i += LANES)
        sum_rest += real_load(x + i);
    const float mean = group_sum(sum16(sum) + sum_rest, scratch) / width;

    float16 squares = 0;
    float squares_rest = 0;
    for (uint i = first; i < whole; i += step) {
        const float16 d = real_load16(x + i) - mean;
        squares += d * d;
    }
    for (uint i = rest; i < width; i += LANES) {
        const float d = real_load(x + i) - mean;
        squares_rest += d * d;
    }
    const float scale = rsqrt(group_sum(sum16(squares) + squares_rest, scratch) / width + eps);

    for (uint i = first; i < whole; i += step)
        real_store16((real_load16(x + i) - mean) * scale * vload16(0, gamma + i) + vload16(0, beta + i), x + i);
    for (uint i = rest; i < width; i += LANES)
        real_store((real_load(x + i) - mean) * scale * gamma[i] + beta[i], x + i);
}

/* x [r*W + i] += y [r*W + i] */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void add_rows(
    global float *x, ulong x_at, global const float *y, ulong y_at, uint width)
{
    const uint i = get_global_id(0);
    const ulong row = (ulong)get_global_id(1) * width;
    if (i < width)
        x[x_at + row + i] += y[y_at + row + i];
}

/* rows [b*W + i] = mean over t from `first` on of tokens [(b*T + t)*W + i]; a work-item for 16 elements. With has_starts,
 * those of b are the rows starts[b] to starts[b + 1]. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void mean_rows(global float *rows, ulong rows_at,
    global const float *tokens, ulong tokens_at, global const int *starts, ulong starts_at, uint has_starts,
    uint first, uint count, uint width)
{
    const uint i = get_global_id(0) * 16, batch = get_global_id(1);
    if (i >= width)
        return;
    const ulong begin = has_starts ? starts[starts_at + batch] : (ulong)batch * count;
    if (has_starts)
        count = starts[starts_at + batch + 1] - begin;
    tokens += tokens_at + begin * width + i;
    float16 sum = 0;
    for (uint t = first; t < count; t++)
        sum += vload16(0, tokens + (ulong)t * width);
    vstore16(sum / (count - first), 0, rows + rows_at + (ulong)batch * width + i);
}
