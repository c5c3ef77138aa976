// SPDX-License-Identifier: Apache-2.0
/*
 * The softmax inside of attention, and its gradient, of T x T scores that are matrix products. A work-group has one query's
 * row of them, of any length.
 *
 *   scores, dweights (B, H, T, T): [((b*H + h)*T + t)*T + key], float
 *   weights          (B, H, T, T), real
 */

/* Elements at to at + 15 of a row of `count`; what is past its end is `past`. */
float16 row_load(global const float *row, uint at, uint count, float past)
{
    float some[16];
    if (at + 16 <= count)
        return vload16(0, row + at);
    for (uint i = 0; i < 16; i++)
        some[i] = at + i < count ? row[at + i] : past;
    return vload16(0, some);
}

float16 row_load_real(global const real *row, uint at, uint count)
{
    float some[16];
    if (at + 16 <= count)
        return real_load16(row + at);
    for (uint i = 0; i < 16; i++)
        some[i] = at + i < count ? real_load(row + at + i) : 0;
    return vload16(0, some);
}

void row_store(float16 x, global real *row, uint at, uint count)
{
    float some[16];
    if (at + 16 <= count) {
        real_store16(x, row + at);
        return;
    }
    vstore16(x, 0, some);
    for (uint i = 0; at + i < count; i++)
        real_store(some[i], row + at + i);
}

float max16(float16 x)
{
    const float8 a = fmax(x.lo, x.hi);
    const float4 b = fmax(a.lo, a.hi);
    const float2 c = fmax(b.lo, b.hi);
    return fmax(c.x, c.y);
}

/* weights = softmax(scale * scores), row by row; with `causal` a query sees itself and those before it, and the others'
 * weights are 0. In float, scores and weights may be one tensor. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void attention_weights(global real *weights, ulong weights_at,
    global const float *scores, ulong scores_at, uint tokens, float scale, uint causal)
{
    local float scratch[LANES];
    const uint query = get_group_id(0), first = get_local_id(0) * 16, step = LANES * 16;
    const uint seen = causal ? query + 1 : tokens;
    const ulong row = ((ulong)get_group_id(1) * tokens + query) * tokens;
    weights += weights_at + row;
    scores += scores_at + row;

    float16 highest = -INFINITY;
    for (uint i = first; i < seen; i += step)
        highest = fmax(highest, row_load(scores, i, seen, -INFINITY));
    const float maximum = group_max(max16(highest), scratch);
    float16 total = 0;
    for (uint i = first; i < seen; i += step)
        total += exp(scale * (row_load(scores, i, seen, -INFINITY) - maximum));
    const float by = 1 / group_sum(sum16(total), scratch);
    for (uint i = first; i < tokens; i += step) {
        const float16 score = i < seen ? row_load(scores, i, seen, -INFINITY) : (float16)(-INFINITY);
        row_store(exp(scale * (score - maximum)) * by, weights, i, tokens);
    }
}

/* weights, of a softmax of scale * scores, become dscores = scale * weights * (dweights - sum(weights * dweights)). */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void attention_weights_backward(global real *weights,
    ulong weights_at, global const float *dweights, ulong dweights_at, uint tokens, float scale)
{
    local float scratch[LANES];
    const uint first = get_local_id(0) * 16, step = LANES * 16;
    const ulong row = ((ulong)get_group_id(1) * tokens + get_group_id(0)) * tokens;
    weights += weights_at + row;
    dweights += dweights_at + row;

    float16 sum = 0;
    for (uint i = first; i < tokens; i += step)
        sum += row_load_real(weights, i, tokens) * row_load(dweights, i, tokens, 0);
    const float mean = group_sum(sum16(sum), scratch);
    for (uint i = first; i < tokens; i += step) {
        const float16 d = row_load(dweights, i, tokens, 0) - mean;
        row_store(scale * row_load_real(weights, i, tokens) * d, weights, i, tokens);
    }
}
