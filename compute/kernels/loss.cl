// SPDX-License-Identifier: Apache-2.0
/*
 * The two contrastive losses, on cosines (R, N) of R queries with N keys, of which key i is query i's own. A work-group has one
 * query; its cosines become the loss's gradient by them.
 *
 *   cosines [r*N + j], float
 *   stats   [r*4 + ...]: the query's part of the loss, of its gradient by `scale` and of that by `bias`, and whether its own key
 *           is the nearest
 */

/* The largest of every lane's x, and of the lanes that have it the lowest `at`, in every lane. */
void group_nearest(float *x, uint *at, local float *scratch)
{
    const float best = group_max(*x, scratch);
    *at = (uint)-group_max(*x == best ? -(float)*at : -INFINITY, scratch);
    *x = best;
}

/* Softmax cross-entropy of scale * cosines, times weight (openai/CLIP, figure 3): of logits l and their softmax p the loss is
 * log(sum(exp(l))) - l[r], and its gradient p - 1 at the own key, p elsewhere. Counts of keys are below 2^24. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void cross_entropy(global float *cosines, ulong cosines_at,
    global float *stats, ulong stats_at, uint keys, float scale, float weight)
{
    local float scratch[LANES];
    const uint own = get_group_id(0);
    cosines += cosines_at + (ulong)own * keys;
    stats += stats_at + (ulong)own * 4;

    float nearest = -INFINITY;
    uint at = 0;
    for (uint j = get_local_id(0); j < keys; j += LANES)
        if (cosines[j] > nearest) {
            nearest = cosines[j];
            at = j;
        }
    group_nearest(&nearest, &at, scratch);
    float total = 0;
    for (uint j = get_local_id(0); j < keys; j += LANES)
        total += exp(scale * (cosines[j] - nearest));
    total = group_sum(total, scratch);
    const float loss = log(total) + scale * (nearest - cosines[own]);

    float by_scale = 0;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE); /* all have read their own key's */
    for (uint j = get_local_id(0); j < keys; j += LANES) {
        const float d = weight * (exp(scale * (cosines[j] - nearest)) / total - (j == own ? 1 : 0));
        by_scale += d * cosines[j];
        cosines[j] = scale * d;
    }
    by_scale = group_sum(by_scale, scratch);
    if (get_local_id(0) == 0)
        vstore4((float4)(weight * loss, by_scale, 0, at == own), 0, stats);
}

/* Sigmoid loss (SigLIP, algorithm 1), times weight: of logits l = scale * cosines + bias, and z 1 for the own key and -1
 * for others, the loss is the sum of log(1 + exp(-z * l)), and its gradient -z / (1 + exp(z * l)). */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void sigmoid_loss(global float *cosines, ulong cosines_at,
    global float *stats, ulong stats_at, uint keys, float scale, float bias, float weight)
{
    local float scratch[LANES];
    const uint own = get_group_id(0);
    cosines += cosines_at + (ulong)own * keys;
    stats += stats_at + (ulong)own * 4;

    float loss = 0, by_scale = 0, by_bias = 0, nearest = -INFINITY;
    uint at = 0;
    for (uint j = get_local_id(0); j < keys; j += LANES) {
        const float cosine = cosines[j], z = j == own ? 1 : -1, l = z * (scale * cosine + bias);
        const float e = exp(-fabs(l)); /* does not overflow */
        const float d = -weight * z * (l > 0 ? e : 1) / (1 + e);
        if (cosine > nearest) {
            nearest = cosine;
            at = j;
        }
        loss += fmax(-l, 0.0f) + log1p(e);
        by_scale += d * cosine;
        by_bias += d;
        cosines[j] = scale * d;
    }
    loss = group_sum(loss, scratch);
    by_scale = group_sum(by_scale, scratch);
    by_bias = group_sum(by_bias, scratch);
    group_nearest(&nearest, &at, scratch);
    if (get_local_id(0) == 0)
        vstore4((float4)(weight * loss, by_scale, by_bias, at == own), 0, stats);
}
