// SPDX-License-Identifier: Apache-2.0
/*
 * Attention with no T x T tensor: one pass over the keys with a running maximum and sum for each query (the online
 * softmax of Milakov and Gimelshein, 2018, as FlashAttention uses it).
 *
 * A work-item carries QUERIES neighbouring queries of one head in the lanes of vectors and walks over all keys. In
 * every step a key's element meets the same element of all queries, so there are no sums across lanes, and keys and
 * values are read as scalars, the same in every lane: on a CPU a broadcast for two vectors of 16, on a GPU (QUERIES 1)
 * one load a warp.
 *
 *   qkv     (B, T, 3, H, D): [((b*T + t)*3 + which)*W + h*D + d], W = H*D
 *   context (B, T, H, D):    [(b*T + t)*W + h*D + d]
 *
 * With has_starts, sequence b is the rows starts[b] to starts[b + 1], and T is its own length. The last `unseen` of a
 * sequence's tokens are no keys.
 */
#if HEAD_WIDTH > 0

#if QUERIES > 1
typedef float16 lanes;
typedef int16 lane_ids;
enum { VECTORS = QUERIES / 16, VECTOR_LANES = 16 };
#define LANE_IDS ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

/* 16 rows of 16 become 16 columns: blocks of 8 x 8 off the diagonal change places, then in each block those of 4 x 4,
 * and so on. */
void transpose16(float16 x[16])
{
    for (int i = 0; i < 8; i++) {
        const float16 a = x[i], b = x[i + 8];
        x[i] = (float16)(a.lo, b.lo);
        x[i + 8] = (float16)(a.hi, b.hi);
    }
    for (int block = 0; block < 16; block += 8)
        for (int i = block; i < block + 4; i++) {
            const float16 a = x[i], b = x[i + 4];
            x[i] = (float16)(a.s0123, b.s0123, a.s89ab, b.s89ab);
            x[i + 4] = (float16)(a.s4567, b.s4567, a.scdef, b.scdef);
        }
    for (int block = 0; block < 16; block += 4)
        for (int i = block; i < block + 2; i++) {
            const float16 a = x[i], b = x[i + 2];
            x[i] = (float16)(a.s01, b.s01, a.s45, b.s45, a.s89, b.s89, a.scd, b.scd);
            x[i + 2] = (float16)(a.s23, b.s23, a.s67, b.s67, a.sab, b.sab, a.sef, b.sef);
        }
    for (int i = 0; i < 16; i += 2) {
        const float16 a = x[i], b = x[i + 1];
        x[i] = (float16)(a.s0, b.s0, a.s2, b.s2, a.s4, b.s4, a.s6, b.s6, a.s8, b.s8, a.sa, b.sa, a.sc, b.sc, a.se, b.se);
        x[i + 1] =
            (float16)(a.s1, b.s1, a.s3, b.s3, a.s5, b.s5, a.s7, b.s7, a.s9, b.s9, a.sb, b.sb, a.sd, b.sd, a.sf, b.sf);
    }
}

/* Columns d to d + 15 of the queries. Keys come after them in memory, so that reading past a head's end is safe. */
void load_columns(lanes *q, global const real *from, ulong stride, int queries, int d)
{
    for (int i = 0; i < 16; i++)
        q[i] = real_load16(from + min(i, queries - 1) * stride + d);
    transpose16(q);
}

void store_columns(lanes *sum, global real *to, ulong stride, int queries, int d)
{
    transpose16(sum);
    for (int i = 0; i < min(16, queries); i++)
        if (d + 16 <= HEAD_WIDTH)
            real_store16(sum[i], to + i * stride + d);
        else { /* head widths are multiples of 8 */
            float row[16];
            vstore16(sum[i], 0, row);
            for (int j = 0; j < 8; j++)
                real_store(row[j], to + i * stride + d + j);
        }
}
#else
typedef float lanes;
typedef int lane_ids;
enum { VECTORS = 1, VECTOR_LANES = 1 };
#define LANE_IDS 0

void load_columns(lanes *q, global const real *from, ulong stride, int queries, int d)
{
    for (int j = 0; j < 16 && d + j < HEAD_WIDTH; j++)
        q[j] = real_load(from + d + j);
}

void store_columns(lanes *sum, global real *to, ulong stride, int queries, int d)
{
    for (int j = 0; j < 16 && d + j < HEAD_WIDTH; j++)
        real_store(sum[j], to + d + j);
}
#endif

enum { COLUMNS = (HEAD_WIDTH + 15) / 16 * 16 };
enum { KEYS = 8 }; /* taken in one step, so that each load of a query serves that many keys */

kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void attention(global real *context, ulong context_at,
    global const real *qkv, ulong qkv_at, global const int *starts, ulong starts_at, uint has_starts, uint tokens,
    uint heads, uint causal, uint unseen)
{
    const int first = get_global_id(0) * QUERIES; /* of this work-item's queries */
    const uint head = get_global_id(1), batch = get_global_id(2);
    const uint width = heads * HEAD_WIDTH;
    const ulong stride = 3ul * width, begin = has_starts ? starts[starts_at + batch] : (ulong)batch * tokens;
    if (has_starts)
        tokens = starts[starts_at + batch + 1] - begin;
    if (first >= (int)tokens)
        return;
    qkv += qkv_at + begin * stride + head * HEAD_WIDTH;
    context += context_at + begin * width + head * HEAD_WIDTH;

    /* Queries turned so that lanes are queries. Lanes past the last one compute on its copies and are not stored. */
    lanes q[VECTORS][COLUMNS], sum[VECTORS][COLUMNS], maximum[VECTORS], total[VECTORS];
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
        const int at = min(first + v * VECTOR_LANES, (int)tokens - 1);
        for (int d = 0; d < HEAD_WIDTH; d += 16)
            load_columns(q[v] + d, qkv + at * stride, stride, (int)tokens - at, d);
        for (int d = 0; d < HEAD_WIDTH; d++) {
            q[v][d] *= rsqrt((float)HEAD_WIDTH);
            sum[v][d] = 0;
        }
        maximum[v] = -INFINITY;
        total[v] = 0;
    }

    const int seen = (int)(tokens - unseen), last = causal ? min(first + QUERIES, seen) : seen;
    for (int key = 0; key < last; key += KEYS) {
        global const real *k[KEYS];
        lanes score[VECTORS][KEYS], fade[VECTORS];
#pragma unroll
        for (int j = 0; j < KEYS; j++) {
            k[j] = qkv + min(key + j, last - 1) * stride + width;
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                score[v][j] = 0;
        }
        for (int d = 0; d < HEAD_WIDTH; d++) {
#pragma unroll
            for (int j = 0; j < KEYS; j++) {
                const float x = real_load(k[j] + d);
#pragma unroll
                for (int v = 0; v < VECTORS; v++)
                    score[v][j] += q[v][d] * x;
            }
        }

        /* A key that does not exist or, with `causal`, comes after the query, gets no weight. Key 0 is seen by
         * every query, so the maximum is finite from the first step on. */
#pragma unroll
        for (int v = 0; v < VECTORS; v++) {
            const lane_ids ids = first + v * VECTOR_LANES + LANE_IDS;
            lanes highest = maximum[v];
#pragma unroll
            for (int j = 0; j < KEYS; j++) {
                if (key + j >= last)
                    score[v][j] = -INFINITY;
                else if (causal)
                    score[v][j] = select(score[v][j], (lanes)(-INFINITY), (lane_ids)(key + j) > ids);
                highest = fmax(highest, score[v][j]);
            }
            fade[v] = exp(maximum[v] - highest);
            maximum[v] = highest;
            total[v] *= fade[v];
#pragma unroll
            for (int j = 0; j < KEYS; j++) {
                score[v][j] = exp(score[v][j] - highest);
                total[v] += score[v][j];
            }
        }
        for (int d = 0; d < HEAD_WIDTH; d++) {
            lanes s[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                s[v] = sum[v][d] * fade[v];
#pragma unroll
            for (int j = 0; j < KEYS; j++) {
                const float x = real_load(k[j] + width + d);
#pragma unroll
                for (int v = 0; v < VECTORS; v++)
                    s[v] += score[v][j] * x;
            }
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                sum[v][d] = s[v];
        }
    }

#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
        const int at = first + v * VECTOR_LANES;
        const lanes scale = 1 / total[v];
        for (int d = 0; d < HEAD_WIDTH; d++)
            sum[v][d] *= scale;
        for (int d = 0; d < HEAD_WIDTH; d += 16)
            store_columns(sum[v] + d, context + (ulong)at * width, width, (int)tokens - at, d);
    }
}
#endif
