// SPDX-License-Identifier: Apache-2.0
/*
 * Attention with no T x T tensor: one pass over the keys with a running maximum and sum for each query (the online
 * softmax of Milakov and Gimelshein, 2018, as FlashAttention uses it).
 *
 * A work-item carries QUERIES neighbouring queries of one head in the lanes of a vector and walks over all keys. In
 * every step a key's element meets the same element of all queries, so there are no sums across lanes, and keys and
 * values are read as scalars, the same in every lane: on a CPU a broadcast, on a GPU (QUERIES 1) one load a warp.
 *
 *   qkv     (B, T, 3, H, D): [((b*T + t)*3 + which)*W + h*D + d], W = H*D
 *   context (B, T, H, D):    [(b*T + t)*W + h*D + d]
 */
#if HEAD_WIDTH > 0

#if QUERIES == 16
typedef float16 lanes;
typedef int16 lane_ids;
#define LANE_IDS ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#define TO_ARRAY(a, v) vstore16(v, 0, a)
#define FROM_ARRAY(a) vload16(0, a)
#else
typedef float lanes;
typedef int lane_ids;
#define LANE_IDS 0
#define TO_ARRAY(a, v) (*(a) = (v))
#define FROM_ARRAY(a) (*(a))
#endif

enum { KEYS = 8 }; /* taken in one step, so that each load of a query serves that many keys */

kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void attention(global real *context, ulong context_at,
    global const real *qkv, ulong qkv_at, uint tokens, uint heads, uint causal)
{
    const int first = get_global_id(0) * QUERIES; /* of this work-item's queries */
    const uint head = get_global_id(1), batch = get_global_id(2);
    const uint width = heads * HEAD_WIDTH;
    const ulong stride = 3ul * width;
    if (first >= (int)tokens)
        return;
    qkv += qkv_at + batch * tokens * stride + head * HEAD_WIDTH;
    context += context_at + (ulong)batch * tokens * width + head * HEAD_WIDTH;
    const int queries = min(QUERIES, (int)tokens - first);
    const lane_ids ids = first + LANE_IDS;

    /* Queries turned so that lanes are queries; lanes past the last one compute on zeros and are not stored. */
    lanes q[HEAD_WIDTH], sum[HEAD_WIDTH];
    for (int d = 0; d < HEAD_WIDTH; d++) {
        float column[QUERIES];
        for (int i = 0; i < QUERIES; i++)
            column[i] = i < queries ? real_load(qkv + (first + i) * stride + d) : 0;
        q[d] = FROM_ARRAY(column) * rsqrt((float)HEAD_WIDTH);
        sum[d] = 0;
    }

    lanes maximum = -INFINITY, total = 0;
    const int last = causal ? min(first + QUERIES, (int)tokens) : (int)tokens;
    for (int key = 0; key < last; key += KEYS) {
        global const real *k[KEYS];
        lanes score[KEYS];
#pragma unroll
        for (int j = 0; j < KEYS; j++) {
            k[j] = qkv + min(key + j, last - 1) * stride + width;
            score[j] = 0;
        }
        for (int d = 0; d < HEAD_WIDTH; d++) {
#pragma unroll
            for (int j = 0; j < KEYS; j++)
                score[j] += q[d] * real_load(k[j] + d);
        }

        /* A key that does not exist or, with `causal`, comes after the query, gets no weight. Key 0 is seen by
         * every query, so the maximum is finite from the first step on. */
        lanes highest = maximum;
#pragma unroll
        for (int j = 0; j < KEYS; j++) {
            if (key + j >= last)
                score[j] = -INFINITY;
            else if (causal)
                score[j] = select(score[j], (lanes)(-INFINITY), (lane_ids)(key + j) > ids);
            highest = fmax(highest, score[j]);
        }
        const lanes fade = exp(maximum - highest);
        maximum = highest;
        total *= fade;
#pragma unroll
        for (int j = 0; j < KEYS; j++) {
            score[j] = exp(score[j] - maximum);
            total += score[j];
        }
        for (int d = 0; d < HEAD_WIDTH; d++) {
            lanes s = sum[d] * fade;
#pragma unroll
            for (int j = 0; j < KEYS; j++)
                s += score[j] * real_load(k[j] + width + d);
            sum[d] = s;
        }
    }

    for (int d = 0; d < HEAD_WIDTH; d++) {
        float column[QUERIES];
        TO_ARRAY(column, sum[d] / total);
        for (int i = 0; i < queries; i++)
            real_store(column[i], context + (ulong)(first + i) * width + d);
    }
}
#endif
