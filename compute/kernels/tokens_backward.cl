// SPDX-License-Identifier: Apache-2.0
/* Gradients of the ends of the towers: of what tokens are made of, and of what rows are taken from them. Each element of a
 * result is one work-item's, which adds up in one order. The first grid dimension runs in whole groups and may go past the
 * end; a work-item has 16 columns of W.
 *
 *   dtokens (B, T, W): [(b*T + t)*W + i], float
 */

/* out [t*W + i] += the sum over b of dtokens [(b*T + t)*W + i], for as many t as the grid has: of positions, or of what every
 * sequence begins with. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void sum_sequences(global float *out, ulong out_at,
    global const float *dtokens, ulong dtokens_at, uint batch, uint tokens, uint width)
{
    const uint i = get_global_id(0) * 16, t = get_global_id(1);
    if (i >= width)
        return;
    out += out_at + (ulong)t * width + i;
    dtokens += dtokens_at + (ulong)t * width + i;
    float16 sum = 0;
    for (uint b = 0; b < batch; b++)
        sum += vload16(0, dtokens + (ulong)b * tokens * width);
    vstore16(vload16(0, out) + sum, 0, out);
}

/* out (B, T-first, W), real, = dtokens from token `first` of each sequence on. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void skip_tokens(global real *out, ulong out_at,
    global const float *dtokens, ulong dtokens_at, uint first, uint tokens, uint width)
{
    const uint i = get_global_id(0) * 16, t = get_global_id(1), b = get_global_id(2), kept = tokens - first;
    if (i >= width)
        return;
    real_store16(vload16(0, dtokens + dtokens_at + ((ulong)b * tokens + first + t) * width + i),
        out + out_at + ((ulong)b * kept + t) * width + i);
}

/* dtable [id*W + i] += the sum of the rows of dtokens whose token has that id: id is ids[g], and these are the rows
 * order[starts[g]] up to order[starts[g + 1] - 1], for each g of the grid's second dimension. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void embed_tokens_backward(global float *dtable, ulong dtable_at,
    global const float *dtokens, ulong dtokens_at, global const int *ids, ulong ids_at, global const int *starts,
    ulong starts_at, global const int *order, ulong order_at, uint width)
{
    const uint i = get_global_id(0) * 16, g = get_global_id(1);
    if (i >= width)
        return;
    dtable += dtable_at + (ulong)ids[ids_at + g] * width + i;
    dtokens += dtokens_at + i;
    order += order_at;
    starts += starts_at;
    float16 sum = vload16(0, dtable);
    for (int at = starts[g]; at < starts[g + 1]; at++)
        sum += vload16(0, dtokens + (ulong)order[at] * width);
    vstore16(sum, 0, dtable);
}

/* dtokens = drows [b*W + i] where t is pick[b], which is 0 for all where has_pick is 0; else 0. Elements are copied as they are:
 * offsets and W count units of two bytes, whatever the type. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void gather_rows_backward(global ushort *dtokens,
    ulong dtokens_at, global const ushort *drows, ulong drows_at, global const int *pick, ulong pick_at, uint has_pick,
    uint tokens, uint width)
{
    const uint i = get_global_id(0) * 16, t = get_global_id(1), b = get_global_id(2);
    if (i >= width)
        return;
    const uint picked = has_pick ? pick[pick_at + b] : 0;
    const ushort16 d = t == picked ? vload16(0, drows + drows_at + (ulong)b * width + i) : (ushort16)0;
    vstore16(d, 0, dtokens + dtokens_at + ((ulong)b * tokens + t) * width + i);
}

/* dtokens = drows [b*W + i] / (T - first) from token `first` on, before it 0. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void mean_rows_backward(global float *dtokens,
    ulong dtokens_at, global const float *drows, ulong drows_at, uint first, uint tokens, uint width)
{
    const uint i = get_global_id(0) * 16, t = get_global_id(1), b = get_global_id(2);
    if (i >= width)
        return;
    const float16 d = vload16(0, drows + drows_at + (ulong)b * width + i) / (tokens - first);
    vstore16(t < first ? (float16)0 : d, 0, dtokens + dtokens_at + ((ulong)b * tokens + t) * width + i);
}
