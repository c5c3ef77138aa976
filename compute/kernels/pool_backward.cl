// SPDX-License-Identifier: Apache-2.0
/*
 * The gradient of attention of one query over the tokens of each picture: attend_once() in pool.cl, whose layouts these are.
 *
 *   query, dqueries  [h*D + d], [(b*H + h)*D + d], float
 *   kv, dkv          [((b*T + t)*2 + p)*H*D + h*D + d], keys p = 0 and values p = 1, real
 *   dcontext         [(b*H + h)*D + d], real
 *   weights          [((b*H + h)*2 + i)*T + t], float: the softmax, then the gradients by scores
 */

/* out [i] = in [i] * by, of so many. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void scale_floats(
    global float *out, ulong out_at, global const float *in, ulong in_at, uint count, float by)
{
    const uint i = get_global_id(0);
    if (i < count)
        out[out_at + i] = in[in_at + i] * by;
}

/* A work-group has a head of a picture. Of weights w and the gradients dw by them: ds = w * (dw - sum(w * dw)), dk = ds * q, dv = w *
 * dcontext and dq = the sum of ds * k. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void attend_once_backward(global real *dkv, ulong dkv_at,
    global float *dqueries, ulong dqueries_at, global float *weights, ulong weights_at, global const real *dcontext,
    ulong dcontext_at, global const float *query, ulong query_at, global const real *kv, ulong kv_at, uint tokens,
    uint head_width)
{
    local float scratch[LANES];
    const uint head = get_group_id(0), batch = get_group_id(1), heads = get_num_groups(0), lane = get_local_id(0);
    const uint width = heads * head_width;
    const ulong stride = 2ul * width, row = (ulong)batch * width + head * head_width;
    query += query_at + head * head_width;
    kv += kv_at + (ulong)batch * tokens * stride + head * head_width;
    dkv += dkv_at + (ulong)batch * tokens * stride + head * head_width;
    dcontext += dcontext_at + row;
    dqueries += dqueries_at + row;
    weights += weights_at + ((ulong)batch * heads + head) * 2 * tokens;
    global float *dscores = weights + tokens;

    float highest = -INFINITY, total = 0, mean = 0;
    for (uint t = lane; t < tokens; t += LANES) {
        float score = 0, d = 0;
        for (uint i = 0; i < head_width; i++) {
            score += query[i] * real_load(kv + t * stride + i);
            d += real_load(dcontext + i) * real_load(kv + t * stride + width + i);
        }
        weights[t] = score;
        dscores[t] = d;
        highest = fmax(highest, score);
    }
    highest = group_max(highest, scratch);
    for (uint t = lane; t < tokens; t += LANES) {
        weights[t] = exp(weights[t] - highest);
        total += weights[t];
    }
    total = group_sum(total, scratch);
    for (uint t = lane; t < tokens; t += LANES) {
        weights[t] /= total;
        mean += weights[t] * dscores[t];
    }
    mean = group_sum(mean, scratch);
    for (uint t = lane; t < tokens; t += LANES) {
        const float ds = weights[t] * (dscores[t] - mean);
        dscores[t] = ds;
        for (uint i = 0; i < head_width; i++) {
            real_store(ds * query[i], dkv + t * stride + i);
            real_store(weights[t] * real_load(dcontext + i), dkv + t * stride + width + i);
        }
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (uint i = lane; i < head_width; i += LANES) {
        float sum = 0;
        for (uint t = 0; t < tokens; t++)
            sum += dscores[t] * real_load(kv + t * stride + i);
        dqueries[i] = sum;
    }
}
