// SPDX-License-Identifier: Apache-2.0
/*
 * The two contrastive losses, on cosines (R, N) of R queries with N keys, of which key i is query i's own. A work-group has one
 * query; its cosines become the loss's gradient by them.
 *
 *   cosines [r*N + j], float
 *   stats   [r*4 + ...]: the query's part of the loss, of its gradient by `scale` and of that by `bias`, and whether the nearest key is
 *           right
 *   fits    [r*N + j], or by column [j*N + r]: whether key j is RIGHT for query r, as its own is, WRONG, or LEFT_OUT as if it were not
 *           there; without, its own alone is right
 */
enum { WRONG, RIGHT, LEFT_OUT };

/* The largest of every lane's x, and of the lanes that have it the lowest `at`, in every lane. */
void group_nearest(float *x, uint *at, local float *scratch)
{
    const float best = group_max(*x, scratch);
    *at = (uint)-group_max(*x == best ? -(float)*at : -INFINITY, scratch);
    *x = best;
}

uint verdict(global const uchar *fits, uint has_fits, uint by_column, uint keys, uint own, uint j)
{
    if (!has_fits)
        return j == own ? RIGHT : WRONG;
    return fits[by_column ? (ulong)j * keys + own : (ulong)own * keys + j];
}

/* Softmax cross-entropy of scale * cosines, times weight (openai/CLIP, figure 3): of logits l, their softmax p and targets t the loss
 * is log(sum(exp(l))) - sum(t * l), and its gradient p - t. Keys that are right share a target, of which all share `smoothing`. Counts of
 * keys are below 2^24. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void cross_entropy(global float *cosines, ulong cosines_at,
    global float *stats, ulong stats_at, global const uchar *fits, ulong fits_at, uint has_fits, uint by_column,
    uint keys, float scale, float smoothing, float weight)
{
    local float scratch[LANES];
    const uint own = get_group_id(0);
    cosines += cosines_at + (ulong)own * keys;
    stats += stats_at + (ulong)own * 4;
    fits += fits_at;

    float nearest = -INFINITY, right = 0, compared = 0;
    uint at = 0;
    for (uint j = get_local_id(0); j < keys; j += LANES) {
        const uint is = verdict(fits, has_fits, by_column, keys, own, j);
        right += is == RIGHT ? 1 : 0;
        compared += is == LEFT_OUT ? 0 : 1;
        if (is != LEFT_OUT && cosines[j] > nearest) {
            nearest = cosines[j];
            at = j;
        }
    }
    group_nearest(&nearest, &at, scratch);
    const float of_right = (1 - smoothing) / group_sum(right, scratch), of_all = smoothing / group_sum(compared, scratch);
    float total = 0;
    for (uint j = get_local_id(0); j < keys; j += LANES)
        if (verdict(fits, has_fits, by_column, keys, own, j) != LEFT_OUT)
            total += exp(scale * (cosines[j] - nearest));
    total = group_sum(total, scratch);

    float by_scale = 0, below = 0; /* how far targets are below the nearest */
    for (uint j = get_local_id(0); j < keys; j += LANES) {
        const uint is = verdict(fits, has_fits, by_column, keys, own, j);
        if (is == LEFT_OUT) {
            cosines[j] = 0;
            continue;
        }
        const float target = of_all + (is == RIGHT ? of_right : 0);
        const float d = weight * (exp(scale * (cosines[j] - nearest)) / total - target);
        below += target * (nearest - cosines[j]);
        by_scale += d * cosines[j];
        cosines[j] = scale * d;
    }
    below = group_sum(below, scratch);
    by_scale = group_sum(by_scale, scratch);
    if (get_local_id(0) == 0)
        vstore4((float4)(weight * (log(total) + scale * below), by_scale, 0,
                    verdict(fits, has_fits, by_column, keys, own, at) == RIGHT ? 1 : 0), 0, stats);
}

/* Sigmoid loss (SigLIP, algorithm 1), times weight: of logits l = scale * cosines + bias, and z 1 for keys that are right and -1
 * for others, the loss is the sum of log(1 + exp(-z * l)), and its gradient -z / (1 + exp(z * l)). */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void sigmoid_loss(global float *cosines, ulong cosines_at,
    global float *stats, ulong stats_at, global const uchar *fits, ulong fits_at, uint has_fits, uint by_column,
    uint keys, float scale, float bias, float weight)
{
    local float scratch[LANES];
    const uint own = get_group_id(0);
    cosines += cosines_at + (ulong)own * keys;
    stats += stats_at + (ulong)own * 4;
    fits += fits_at;

    float loss = 0, by_scale = 0, by_bias = 0, nearest = -INFINITY;
    uint at = 0;
    for (uint j = get_local_id(0); j < keys; j += LANES) {
        const uint is = verdict(fits, has_fits, by_column, keys, own, j);
        if (is == LEFT_OUT) {
            cosines[j] = 0;
            continue;
        }
        const float cosine = cosines[j], z = is == RIGHT ? 1 : -1;
        const float l = z * (scale * cosine + bias), e = exp(-fabs(l)); /* does not overflow */
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
        vstore4((float4)(weight * loss, by_scale, by_bias,
                    verdict(fits, has_fits, by_column, keys, own, at) == RIGHT ? 1 : 0), 0, stats);
}
