// SPDX-License-Identifier: Apache-2.0
/* What LoRA needs beside products: elements that drop out of a tensor, 16 a work-item. */

/* splitmix64's number i of a stream: random_at() in base. */
ulong random_number(ulong stream, ulong i)
{
    ulong bits = stream + (i + 1) * 0x9E3779B97F4A7C15ul;
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9ul;
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EBul;
    return bits ^ bits >> 31;
}

/* out [i] = in [i] * by, or where it adds out [i] +=; but 0 where the upper half of number first + i is less than `below`. Each work-item
 * reads its elements before it writes them, so that they may be one. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void drop_out(global real *out, ulong out_at,
    global const real *in, ulong in_at, ulong count, ulong key, ulong first, uint below, float by, uint adds)
{
    const ulong from = get_global_id(0) * 16, to = min(from + 16, count);
    out += out_at;
    in += in_at;
    if (!below && to == from + 16) {
        const float16 x = real_load16(in + from) * by;
        real_store16(adds ? real_load16(out + from) + x : x, out + from);
        return;
    }
    for (ulong i = from; i < to; i++) {
        const bool drops = (uint)(random_number(key, first + i) >> 32) < below;
        const float x = drops ? 0 : real_load(in + i) * by;
        real_store(adds ? real_load(out + i) + x : x, out + i);
    }
}
