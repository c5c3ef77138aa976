// SPDX-License-Identifier: Apache-2.0
/*
 * Attention of one query, the same for all sequences: pooling. A work-group has a head of a sequence; its lanes take
 * keys in turn, each with a running maximum and sum as in attention.cl, and put theirs together at the end.
 *
 *   query   (H, D), scaled by 1/sqrt(D) already
 *   kv      (B, T, 2, H, D): [((b*T + t)*2 + which)*W + h*D + d], W = H*D
 *   context (B, H, D):       [b*W + h*D + d]
 *
 * With has_starts, sequence b is the rows starts[b] to starts[b + 1], and T is its own length.
 */
#if HEAD_WIDTH > 0

enum { EIGHTS = HEAD_WIDTH / 8 };

kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void attend_once(global real *context, ulong context_at,
    global const float *query, ulong query_at, global const real *kv, ulong kv_at, global const int *starts,
    ulong starts_at, uint has_starts, uint tokens, uint heads)
{
    local float scratch[LANES];
    const uint head = get_group_id(0), batch = get_group_id(1), width = heads * HEAD_WIDTH;
    const ulong stride = 2ul * width, begin = has_starts ? starts[starts_at + batch] : (ulong)batch * tokens;
    if (has_starts)
        tokens = starts[starts_at + batch + 1] - begin;
    query += query_at + head * HEAD_WIDTH;
    kv += kv_at + begin * stride + head * HEAD_WIDTH;
    context += context_at + (ulong)batch * width + head * HEAD_WIDTH;

    float8 q[EIGHTS], sum[EIGHTS];
    float maximum = -INFINITY, total = 0;
    for (int i = 0; i < EIGHTS; i++) {
        q[i] = vload8(i, query);
        sum[i] = 0;
    }
    for (uint t = get_local_id(0); t < tokens; t += LANES) {
        global const real *key = kv + t * stride, *value = key + width;
        float8 products = 0;
        for (int i = 0; i < EIGHTS; i++)
            products += q[i] * real_load8(key + i * 8);
        const float score = sum8(products), highest = fmax(maximum, score);
        const float fade = exp(maximum - highest), weight = exp(score - highest);
        maximum = highest;
        total = total * fade + weight;
        for (int i = 0; i < EIGHTS; i++)
            sum[i] = sum[i] * fade + weight * real_load8(value + i * 8);
    }

    /* A lane that had no key has the sum 0, and fades to it. */
    const float fade = exp(maximum - group_max(maximum, scratch));
    const float scale = 1 / group_sum(total * fade, scratch);
    for (int i = 0; i < EIGHTS; i++) {
        float eight[8];
        vstore8(sum[i] * fade, 0, eight);
        for (int j = 0; j < 8; j++) {
            const float x = group_sum(eight[j], scratch);
            if (get_local_id(0) == 0)
                real_store(x * scale, context + i * 8 + j);
        }
    }
}
#endif
