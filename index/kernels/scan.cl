// SPDX-License-Identifier: Apache-2.0
/* The exact scan's passes over many rows. They find no winners: each row gets bounds on its score, and rows whose upper
 * bound is above a query's threshold go onto a list that the host ranks (index/scan.h has the proof).
 *
 * A work-group takes ROWS rows. Arguments that all passes share:
 *
 *   found           how many rows survived; may count past room, then the list lacks some
 *   list            (room) of {row in the span, query, lower bound, upper bound as float bits}
 *   limits          (3, padded): for each query the factors of a row's error and norm, and the threshold
 *   allowed         a bit for each row of the span that may be returned; not read where filtered is 0
 *
 *   bases           (blocks, padded): for each block of coded rows in the span the product of its centre with each query
 *
 * Coded rows lie in blocks of BLOCK (index/coarse.h): the centre (stride) float, the codes' high and low halves
 * (BLOCK, stride/2) uchar each, then scale, error of the high halves alone, error, norm (BLOCK) float each. stride is a
 * multiple of 64. Queries that meet them are rotated as the codes are. */

#define ROWS 64
#define BLOCK 1024

#define TINY 0x1p-90f /* more than all that devices lose by flushing subnormal floats to zero */

bool row_allowed(global const uchar *allowed, uint filtered, uint row)
{
    return !filtered || (allowed[row >> 3] >> (row & 7) & 1);
}

/* Negated, so that a bound that is not a number survives. */
void survive_above(global uint *found, global uint *list, uint room, uint row, uint query, float score, float radius,
    float threshold)
{
    const float upper = score + radius;
    if (upper <= threshold)
        return;
    const uint at = atomic_inc(found);
    if (at < room)
        vstore4((uint4)(row, query, as_uint(score - radius), as_uint(upper)), at, list);
}

/* ---- coded rows ---------------------------------------------------------------------------------------------------- */

struct coded {
    global const uchar *high, *low; /* (stride/2) */
    float scale, error, norm;
};

struct coded coded_row(global const uchar *blocks, uint row, uint stride)
{
    const ulong plane = (ulong)BLOCK * stride / 2;
    const ulong block_bytes = stride * sizeof(float) + 2 * plane + 4 * BLOCK * sizeof(float);
    global const uchar *high = blocks + row / BLOCK * block_bytes + stride * sizeof(float);
    global const float *bounds = (global const float *)(high + 2 * plane);
    const uint i = row % BLOCK;
    struct coded coded;
    coded.high = high + (ulong)i * stride / 2;
    coded.low = coded.high + plane;
    coded.scale = bounds[i];
    coded.error = bounds[2 * BLOCK + i];
    coded.norm = bounds[3 * BLOCK + i];
    return coded;
}

/* Sixteen codes from their halves, the first from the low bits of a byte and the second from the high, less what lies
 * in the middle of all: values of eight bits at the most. */
float16 first_codes(uchar16 high, uchar16 low)
{
    return convert_float16((high & (uchar16)15) << (uchar16)4 | (low & (uchar16)15)) - 127.5f;
}

float16 second_codes(uchar16 high, uchar16 low)
{
    return convert_float16((high & (uchar16)240) | low >> (uchar16)4) - 127.5f;
}

/* A base is rounded, and so is its sum with a score. */
float base_radius(float base)
{
    return fabs(base) * 0x1p-20f;
}

/* Bounds of coded rows for a few queries (count, stride), one after the other while the row is in the cache. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void scan_coded(global uint *found, ulong found_at,
    global uint *list, ulong list_at, uint room, global const float *queries, ulong queries_at,
    global const float *limits, ulong limits_at, uint count, uint padded, global const uchar *allowed, ulong allowed_at,
    uint filtered, global const uchar *blocks, ulong blocks_at, uint rows, uint stride, global const float *bases,
    ulong bases_at)
{
    local float scratch[LANES];
    const uint begin = get_group_id(0) * ROWS, end = min(begin + ROWS, rows), lane = get_local_id(0);
    limits += limits_at;
    bases += bases_at + (ulong)(begin / BLOCK) * padded;
    for (uint row = begin; row < end; row++) {
        if (!row_allowed(allowed + allowed_at, filtered, row))
            continue;
        const struct coded r = coded_row(blocks + blocks_at, row, stride);
        for (uint k = 0; k < count; k++) {
            global const float *q = queries + queries_at + (ulong)k * stride;
            float16 a = 0, b = 0;
            for (uint i = lane * 16; i < stride / 2; i += LANES * 16) {
                const uchar16 high = vload16(0, r.high + i), low = vload16(0, r.low + i);
                a += first_codes(high, low) * vload16(0, q + i);
                b += second_codes(high, low) * vload16(0, q + stride / 2 + i);
            }
            const float dot_product = group_sum(sum16(a + b), scratch);
            if (lane == 0)
                survive_above(found + found_at, list + list_at, room, row, k, r.scale * dot_product + bases[k],
                    r.error * limits[k] + r.norm * limits[padded + k] + base_radius(bases[k]), limits[2 * padded + k]);
        }
    }
}

/* x (rows, stride) real: the codes of rows from `first` on, for the matrix product, exact in every real type. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void expand(global real *x, ulong x_at,
    global const uchar *blocks, ulong blocks_at, uint first, uint rows, uint stride)
{
    const uint begin = get_group_id(0) * ROWS, end = min(begin + ROWS, rows);
    for (uint row = begin; row < end; row++) {
        const struct coded r = coded_row(blocks + blocks_at, first + row, stride);
        global real *out = x + x_at + (ulong)row * stride;
        for (uint i = get_local_id(0) * 16; i < stride / 2; i += LANES * 16) {
            const uchar16 high = vload16(0, r.high + i), low = vload16(0, r.low + i);
            real_storea16(first_codes(high, low), out + i);
            real_storea16(second_codes(high, low), out + stride / 2 + i);
        }
    }
}

/* As all(), which PoCL takes lane by lane. */
int all16(int16 x)
{
    const int8 a = x.lo & x.hi;
    const int4 b = a.lo & a.hi;
    const int2 c = b.lo & b.hi;
    return c.x & c.y;
}

/* The survivors among products (rows, padded) float of the rows from `first` on with all queries; padded is a multiple
 * of 16, and thresholds past count are infinite. */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void survivors(global uint *found, ulong found_at,
    global uint *list, ulong list_at, uint room, global const float *products, ulong products_at,
    global const float *limits, ulong limits_at, uint count, uint padded, global const uchar *allowed, ulong allowed_at,
    uint filtered, global const uchar *blocks, ulong blocks_at, uint first, uint rows, uint stride,
    global const float *bases, ulong bases_at)
{
    const uint begin = get_group_id(0) * ROWS, end = min(begin + ROWS, rows);
    limits += limits_at;
    for (uint row = begin; row < end; row++) {
        if (!row_allowed(allowed + allowed_at, filtered, first + row))
            continue;
        const struct coded r = coded_row(blocks + blocks_at, first + row, stride);
        global const float *p = products + products_at + (ulong)row * padded;
        global const float *base = bases + bases_at + (ulong)((first + row) / BLOCK) * padded;
        for (uint k = get_local_id(0) * 16; k < padded; k += LANES * 16) {
            const float16 score = r.scale * vload16(0, p + k) + vload16(0, base + k);
            const float16 radius = r.error * vload16(0, limits + k) + r.norm * vload16(0, limits + padded + k) +
                                   fabs(vload16(0, base + k)) * 0x1p-20f;
            if (all16(islessequal(score + radius, vload16(0, limits + 2 * padded + k))))
                continue;
            for (uint j = k; j < min(k + 16, count); j++)
                survive_above(found + found_at, list + list_at, room, first + row, j, r.scale * p[j] + base[j],
                    r.error * limits[j] + r.norm * limits[padded + j] + base_radius(base[j]), limits[2 * padded + j]);
        }
    }
}

/* ---- stored rows --------------------------------------------------------------------------------------------------- */

/* Rows as they are stored, `pitch` bytes apart, in float arithmetic: for rows that have no codes. The radius is the
 * rounding error of the sum: a factor of sum |r_i|, as no |q_i| is above 1. */
#define SCAN_STORED(NAME, LOAD16, LOAD, SCALE)                                                                         \
    kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void NAME(global uint *found, ulong found_at,            \
        global uint *list, ulong list_at, uint room, global const float *queries, ulong queries_at,                    \
        global const float *limits, ulong limits_at, uint count, uint padded, global const uchar *allowed,             \
        ulong allowed_at, uint filtered, global const uchar *stored, ulong stored_at, uint rows, uint stride,          \
        uint width, ulong pitch)                                                                                       \
    {                                                                                                                  \
        local float scratch[LANES];                                                                                    \
        const uint begin = get_group_id(0) * ROWS, end = min(begin + ROWS, rows), lane = get_local_id(0);              \
        const uint whole = width / 16 * 16;                                                                            \
        limits += limits_at;                                                                                           \
        for (uint row = begin; row < end; row++) {                                                                     \
            if (!row_allowed(allowed + allowed_at, filtered, row))                                                     \
                continue;                                                                                              \
            global const uchar *r = stored + stored_at + row * pitch;                                                  \
            const float scale = SCALE(r, width);                                                                       \
            float16 sums = 0;                                                                                          \
            float rest = 0;                                                                                            \
            for (uint i = lane * 16; i < whole; i += LANES * 16)                                                       \
                sums += fabs(LOAD16(r, i));                                                                            \
            for (uint i = whole + lane; i < width; i += LANES)                                                         \
                rest += fabs(LOAD(r, i));                                                                              \
            const float magnitude = fabs(scale) * group_sum(sum16(sums) + rest, scratch);                              \
            for (uint k = 0; k < count; k++) {                                                                         \
                global const float *q = queries + queries_at + (ulong)k * stride;                                      \
                sums = 0;                                                                                              \
                rest = 0;                                                                                              \
                for (uint i = lane * 16; i < whole; i += LANES * 16)                                                   \
                    sums += LOAD16(r, i) * vload16(0, q + i);                                                          \
                for (uint i = whole + lane; i < width; i += LANES)                                                     \
                    rest += LOAD(r, i) * q[i];                                                                         \
                const float dot_product = group_sum(sum16(sums) + rest, scratch);                                      \
                if (lane == 0)                                                                                         \
                    survive_above(found + found_at, list + list_at, room, row, k, scale * dot_product,                 \
                        magnitude * limits[k] + TINY, limits[2 * padded + k]);                                         \
            }                                                                                                          \
        }                                                                                                              \
    }

#define F32_LOAD16(r, i) vload16(0, (global const float *)(r) + (i))
#define F32_LOAD(r, i) ((global const float *)(r))[i]
#define F16_LOAD16(r, i) vload_half16(0, (global const half *)(r) + (i))
#define F16_LOAD(r, i) vload_half(i, (global const half *)(r))
#define I8_LOAD16(r, i) convert_float16(vload16(0, (global const char *)(r) + (i)))
#define I8_LOAD(r, i) (float)((global const char *)(r))[i]
#define ONE(r, width) 1.0f
#define I8_SCALE(r, width) as_float(vload4(0, (r) + (width)))

SCAN_STORED(scan_f32, F32_LOAD16, F32_LOAD, ONE)
SCAN_STORED(scan_f16, F16_LOAD16, F16_LOAD, ONE)
SCAN_STORED(scan_i8, I8_LOAD16, I8_LOAD, I8_SCALE)
