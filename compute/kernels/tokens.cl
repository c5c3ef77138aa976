// SPDX-License-Identifier: Apache-2.0
/* Pictures and ids to tokens, tokens to rows: the ends of the towers. The first grid dimension runs in whole groups and
 * may go past the end. */

/* patches [((b*G + gy)*G + gx)*3*P*P + (c*P + y)*P + x] = pixel * scale[c] + shift[c], real, where
 * pixels [((b*S + gy*P + y)*S + gx*P + x)*3 + c] are bytes: a work-item writes one patch. Nested, the bits of a patch's
 * number in its square of 4 x 4 are a half of y, a half of x, a quarter of y, a quarter of x. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void patchify(global real *patches, ulong patches_at,
    global const uchar *pixels, ulong pixels_at, uint image_size, uint patch_size, uint nested,
    float4 scale, float4 shift)
{
    const uint grid = image_size / patch_size, patch = get_global_id(0), batch = get_global_id(1);
    if (patch >= grid * grid)
        return;
    const uint area = patch_size * patch_size, square = patch / 16, in = patch % 16, squares = grid / 4;
    const uint gy = nested ? square / squares * 4 + in / 8 * 2 + in / 2 % 2 : patch / grid;
    const uint gx = nested ? square % squares * 4 + in / 4 % 2 * 2 + in % 2 : patch % grid;
    pixels += pixels_at + (((ulong)batch * image_size + gy * patch_size) * image_size + gx * patch_size) * 3;
    patches += patches_at + ((ulong)batch * grid * grid + patch) * 3 * area;

    for (uint y = 0; y < patch_size; y++)
        for (uint x = 0; x < patch_size; x++) {
            const float4 rgb = convert_float4((uchar4)(vload3(0, pixels + (y * image_size + x) * 3), 0));
            const float4 value = rgb * scale + shift;
            const uint at = y * patch_size + x;
            real_store(value.x, patches + at);
            real_store(value.y, patches + area + at);
            real_store(value.z, patches + 2 * area + at);
        }
}

/* values [i] = bytes[i] * scale[i mod 3] + shift[i mod 3], real, for i below count */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void scale_bytes(global real *values, ulong values_at,
    global const uchar *bytes, ulong bytes_at, ulong count, float4 scale, float4 shift)
{
    const ulong i = get_global_id(0);
    if (i >= count)
        return;
    const uint channel = i % 3;
    const float by = channel == 0 ? scale.x : channel == 1 ? scale.y : scale.z;
    const float plus = channel == 0 ? shift.x : channel == 1 ? shift.y : shift.z;
    real_store(bytes[bytes_at + i] * by + plus, values + values_at + i);
}

/* tokens [(b*T + t)*W + i] = positions[(t-U)*W + i] + (t < C ? class_token[i] : patches[(b*(T-C) + t-C)*W + i]), where C,
 * the number of class tokens, is 1 or 0, and U that of those without a position */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void assemble_tokens(global float *tokens, ulong tokens_at,
    global const float *patches, ulong patches_at, global const float *class_token, ulong class_at,
    global const float *positions, ulong positions_at, uint class_tokens, uint unplaced, uint count,
    uint width)
{
    const uint i = get_global_id(0) * 16, t = get_global_id(1), batch = get_global_id(2);
    if (i >= width)
        return;
    global const float *from =
        t < class_tokens
            ? class_token + class_at
            : patches + patches_at + ((ulong)batch * (count - class_tokens) + t - class_tokens) * width;
    float16 value = vload16(0, from + i);
    if (t >= unplaced)
        value += vload16(0, positions + positions_at + (ulong)(t - unplaced) * width + i);
    vstore16(value, 0, tokens + tokens_at + ((ulong)batch * count + t) * width + i);
}

/* Elements at to at + 15 of a table of float32, of float16 where type is 1, or of bfloat16 where it is 2. */
float16 table_load16(global const void *table, ulong at, uint type)
{
    if (type == 1)
        return vload_half16(0, (global const half *)table + at);
    if (type == 2)
        return as_float16(convert_uint16(vload16(0, (global const ushort *)table + at)) << 16);
    return vload16(0, (global const float *)table + at);
}

/* tokens [(b*T + t)*W + i] = table[ids[b*T + t]*W + i] * scale + positions[p*W + i], for a table of that type, where p is
 * places[b*T + t], or t where has_places is 0; the id class_id is no row of the table but class_token */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void embed_tokens(global float *tokens, ulong tokens_at,
    global const int *ids, ulong ids_at, global const void *table, ulong table_at, uint type, float scale,
    global const float *class_token, ulong class_at, int class_id, global const float *positions,
    ulong positions_at, global const int *places, ulong places_at, uint has_places, uint count, uint width)
{
    const uint i = get_global_id(0) * 16, t = get_global_id(1), batch = get_global_id(2);
    if (i >= width)
        return;
    const ulong row = (ulong)batch * count + t;
    const int id = ids[ids_at + row];
    const ulong place = has_places ? places[places_at + row] : t;
    const float16 token = id == class_id ? vload16(0, class_token + class_at + i)
                                         : table_load16(table, table_at + (ulong)id * width + i, type) * scale;
    const float16 value = token + vload16(0, positions + positions_at + place * width + i);
    vstore16(value, 0, tokens + tokens_at + row * width + i);
}

/* rows [b*W + i] = tokens[(b*T + pick[b])*W + i], T 0 where b picks from all; pick is 0 for all where has_pick is 0. Elements are copied as they
 * are: offsets and W count units of two bytes, whatever the type. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void gather_rows(global ushort *rows, ulong rows_at,
    global const ushort *tokens, ulong tokens_at, global const int *pick, ulong pick_at, uint has_pick, uint count,
    uint width)
{
    const uint i = get_global_id(0) * 16, batch = get_global_id(1);
    if (i >= width)
        return;
    const ulong token = (ulong)batch * count + (has_pick ? pick[pick_at + batch] : 0);
    vstore16(vload16(0, tokens + tokens_at + token * width + i), 0, rows + rows_at + (ulong)batch * width + i);
}
