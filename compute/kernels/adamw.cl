// SPDX-License-Identifier: Apache-2.0
/* AdamW (Loshchilov and Hutter, 2019) on flat buffers, 16 elements a work-item, in the order of operations of PyTorch's; the length
 * of a gradient; and running means. */

/* p = p * keep;  m = m + (g - m) * (1 - beta_1);  v = v * beta_2 + g^2 * (1 - beta_2);
 * p = p - rate * m / (sqrt(v) * by_root + eps),    g = gradient * scale
 *
 * keep is 1 - lr * decay, rate lr / (1 - beta_1^t), and by_root 1 / sqrt(1 - beta_2^t) at step t. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void adamw(global float *p, ulong p_at,
    global const float *gradients, ulong gradients_at, global float *m, ulong m_at, global float *v, ulong v_at,
    ulong count, float scale, float keep, float beta_1, float beta_2, float rate, float by_root, float eps)
{
    const ulong i = get_global_id(0) * 16;
    if (i >= count)
        return;
    const float16 g = vload16(0, gradients + gradients_at + i) * scale;
    float16 mean = vload16(0, m + m_at + i), square = vload16(0, v + v_at + i);
    mean += (g - mean) * (1 - beta_1);
    square = square * beta_2 + g * g * (1 - beta_2);
    vstore16(mean, 0, m + m_at + i);
    vstore16(square, 0, v + v_at + i);
    vstore16(vload16(0, p + p_at + i) * keep - rate * mean / (sqrt(square) * by_root + eps), 0, p + p_at + i);
}

/* a [i] = a [i] * (1 - share) + p [i] * share, as torch.lerp has it; count is a multiple of 16. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void average(
    global float *a, ulong a_at, global const float *p, ulong p_at, ulong count, float share)
{
    const ulong i = get_global_id(0) * 16;
    if (i >= count)
        return;
    const float16 from = vload16(0, a + a_at + i), to = vload16(0, p + p_at + i);
    vstore16(share < 0.5f ? from + share * (to - from) : to - (1 - share) * (to - from), 0, a + a_at + i);
}

/* sums [chunk] = the sum of in [i]^2 over the chunk, of as many as there are groups; count is a multiple of 16. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void square_sums(
    global float *sums, ulong sums_at, global const float *in, ulong in_at, ulong count)
{
    local float scratch[LANES];
    const ulong vectors = count / 16, chunk = get_group_id(0), chunks = get_num_groups(0);
    in += in_at;
    float16 sum = 0;
    for (ulong i = vectors * chunk / chunks + get_local_id(0); i < vectors * (chunk + 1) / chunks; i += LANES) {
        const float16 x = vload16(i, in);
        sum += x * x;
    }
    const float total = group_sum(sum16(sum), scratch);
    if (get_local_id(0) == 0)
        sums[sums_at + chunk] = total;
}
