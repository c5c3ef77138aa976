// SPDX-License-Identifier: Apache-2.0
/* Layer norm, L2 normalisation and rounding of rows: one work-group a row. */

/* out [r*width + i] = (in[r*width + i] - mean) / sqrt(variance + eps) * gamma[i] + beta[i]
 * out is real, or float where out_float is not 0. Widths are multiples of 16, which a work-item takes at a time. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void layer_norm(global void *out, ulong out_at,
    global const float *in, ulong in_at, global const float *gamma, ulong gamma_at, global const float *beta,
    ulong beta_at, uint width, float eps, uint out_float)
{
    local float scratch[LANES];
    const ulong row = (ulong)get_group_id(0) * width;
    const uint first = get_local_id(0) * 16, step = LANES * 16;
    in += in_at + row;
    gamma += gamma_at;
    beta += beta_at;

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

    for (uint i = first; i < width; i += step) {
        const float16 y = (vload16(0, in + i) - mean) * scale * vload16(0, gamma + i) + vload16(0, beta + i);
        if (out_float)
            vstore16(y, 0, (global float *)out + out_at + row + i);
        else
            real_store16(y, (global real *)out + out_at + row + i);
    }
}

/* x [r*width + i] /= length of row r. A row of zeros stays. Any width: embeddings are as wide as a model likes, and too
 * few to be worth vectors. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void normalize_rows(global float *x, ulong x_at, uint width)
{
    local float scratch[LANES];
    const uint first = get_local_id(0);
    x += x_at + (ulong)get_group_id(0) * width;

    float squares = 0;
    for (uint i = first; i < width; i += LANES)
        squares += x[i] * x[i];
    const float length = sqrt(group_sum(squares, scratch));
    const float scale = length > 0 ? 1 / length : 0;
    for (uint i = first; i < width; i += LANES)
        x[i] *= scale;
}

float16 load16(global const void *in, ulong at, uint in_float)
{
    return in_float ? vload16(0, (global const float *)in + at) : real_load16((global const real *)in + at);
}

float load1(global const void *in, ulong at, uint in_float)
{
    return in_float ? ((global const float *)in)[at] : real_load((global const real *)in + at);
}

/* out [r*width + i] = rint(in[r*width + i] / step) * step, where 127 steps are the largest magnitude of row r: what int8 would
 * hold. Any width: what 16 do not divide a work-item takes one by one. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void round_rows(
    global float *out, ulong out_at, global const void *in, ulong in_at, uint width, uint in_float)
{
    local float scratch[LANES];
    const ulong row = (ulong)get_group_id(0) * width;
    const uint whole = width / 16 * 16, first = get_local_id(0) * 16, step = LANES * 16;
    const uint rest = whole + get_local_id(0);
    in_at += row;
    out += out_at + row;

    float16 magnitudes = 0;
    float largest = 0;
    for (uint i = first; i < whole; i += step)
        magnitudes = fmax(magnitudes, fabs(load16(in, in_at + i, in_float)));
    for (uint i = rest; i < width; i += LANES)
        largest = fmax(largest, fabs(load1(in, in_at + i, in_float)));
    const float8 eight = fmax(magnitudes.lo, magnitudes.hi);
    const float4 four = fmax(eight.lo, eight.hi);
    const float2 two = fmax(four.lo, four.hi);
    largest = group_max(fmax(largest, fmax(two.x, two.y)), scratch);

    const float by = largest > 0 ? 127 / largest : 0, unit = largest / 127;
    for (uint i = first; i < whole; i += step)
        vstore16(rint(load16(in, in_at + i, in_float) * by) * unit, 0, out + i);
    for (uint i = rest; i < width; i += LANES)
        out[i] = rint(load1(in, in_at + i, in_float) * by) * unit;
}
