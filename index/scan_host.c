// SPDX-License-Identifier: Apache-2.0
/*
 * With a few queries a pass reads the high halves of the codes alone, which is a quarter of the bytes of float16 rows, and
 * the low halves of those rows that this leaves. With many, whose products take longer than reading, it multiplies whole
 * codes. Either way queries are rounded to eight bits first, and whoever is left is multiplied with all their bits.
 *
 * A query q is held as q' = t (128 A + B), with A in [-127, 127] and B in [-64, 63]. With D = <C, A> and S = sum A
 *
 *   <s (C - 127.5), 128 t A> = 64 t s (2 D - 255 S)
 *
 * and with D = <H, A>
 *
 *   <s (16 H - 120), 128 t A> = 1024 t s (2 D - 15 S)
 *
 * where all in brackets is exact in 32 bits.
 */
#include "index/scan_host.h"
#include "index/scan_batch.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    HIGH_STEP = 128, /* of a query's high bytes */
    HIGH_MAX = 127,
    STRIDE_MAX = 16384, /* 2 * 255 * 127 * STRIDE_MAX has 31 bits */
};

struct host_query {
    double step;                /* t */
    int64_t high_sum, low_sum;  /* sum A, sum B */
    double norm;                /* ||q|| */
    double high_radius, radius; /* ||q - q'|| + g ||q'||, of the high bytes alone and of all */
};

/* What one thread works with. */
struct worker {
    uint8_t *codes;             // (ROWS_TOGETHER, stride)
    int32_t *products;          // (ROWS_TOGETHER, tiles, TILE)
    uint32_t *rows;             // (COARSE_BLOCK): those of the block that take part
    struct sieve *sieves;       // (tiles)
    double *bases;              // (Q)
    struct survivor *survivors; // (ROWS_TOGETHER * Q)
    size_t found;
};

struct host {
    const struct scan_dots *dots;
    size_t count, tiles, stride;
    struct host_query *queries; // (Q)
    const float *scaled;        // (Q, stride), the caller's
    int8_t *high, *low;         // (Q, stride): A and B
    int8_t *packed;             // (tiles, stride/4, TILE, 4): A, zeros past the last query
    struct worker *workers;     // (members)
    size_t members;
};

bool host_fits(size_t stride)
{
    return stride <= STRIDE_MAX;
}

/* ---- queries ------------------------------------------------------------------------------------------- */

static void query_round(struct host_query *query, int8_t *high, int8_t *low, const double *q, size_t stride)
{
    const double evaluation = 0x1p-18; /* of bounds in float: some roundings of 2^-24 */
    double largest = 0, squares = 0, high_squares = 0, high_left = 0, all_squares = 0, left = 0;
    for (size_t i = 0; i < stride; i++)
        largest = fmax(largest, fabs(q[i]));
    *query = (struct host_query){.step = (float)(largest / (HIGH_STEP * HIGH_MAX))};
    for (size_t i = 0; i < stride; i++) {
        const double most = HIGH_STEP * HIGH_MAX, per = query->step > 0 ? q[i] / query->step : 0;
        const int all = (int)floor(fmax(-most, fmin(most, per)) + 0.5);
        const int a = (all + HIGH_STEP / 2 + HIGH_STEP * HIGH_STEP) / HIGH_STEP - HIGH_STEP;
        const double by_high = query->step * HIGH_STEP * a, by_all = query->step * all;
        high[i] = (int8_t)a;
        low[i] = (int8_t)(all - HIGH_STEP * a);
        query->high_sum += high[i];
        query->low_sum += low[i];
        squares += q[i] * q[i];
        high_squares += by_high * by_high;
        high_left += (q[i] - by_high) * (q[i] - by_high);
        all_squares += by_all * by_all;
        left += (q[i] - by_all) * (q[i] - by_all);
    }
    query->norm = sqrt(squares) * (1 + evaluation);
    query->high_radius = (sqrt(high_left) + evaluation * sqrt(high_squares)) * (1 + evaluation);
    query->radius = (sqrt(left) + evaluation * sqrt(all_squares)) * (1 + evaluation);
}

static void pack(struct host *host)
{
    for (size_t i = 0; i < host->count; i++)
        for (size_t j = 0; j < host->stride; j++)
            host->packed[(i / TILE * host->stride + j / 4 * 4) * TILE + i % TILE * 4 + j % 4] =
                host->high[i * host->stride + j];
}

int host_open(struct host **out, const struct scan_dots *dots, const float *scaled, const double *rotated,
    size_t query_count, size_t stride, struct err *err)
{
    struct host *host = mem_new(1, sizeof *host);
    if (!host)
        return err_memory(err, sizeof *host);
    *host = (struct host){.dots = dots,
        .count = query_count,
        .tiles = groups_of(query_count, TILE),
        .stride = stride,
        .scaled = scaled,
        .queries = mem_new(query_count, sizeof *host->queries),
        .high = mem_new(query_count, stride),
        .low = mem_new(query_count, stride)};
    host->packed = mem_new(host->tiles * TILE, stride);
    if (!host->queries || !host->high || !host->low || !host->packed) {
        host_free(host);
        return err_memory(err, query_count * stride);
    }
    for (size_t i = 0; i < query_count; i++)
        query_round(
            &host->queries[i], host->high + i * stride, host->low + i * stride, rotated + i * stride, stride);
    pack(host);
    *out = host;
    return 0;
}

static void workers_free(struct host *host)
{
    for (size_t i = 0; i < host->members; i++) {
        free(host->workers[i].codes);
        free(host->workers[i].products);
        free(host->workers[i].rows);
        free(host->workers[i].sieves);
        free(host->workers[i].bases);
        free(host->workers[i].survivors);
    }
    free(host->workers);
    host->workers = NULL;
    host->members = 0;
}

static int workers_make(struct host *host, size_t members, struct err *err)
{
    const size_t each = ROWS_TOGETHER * (host->stride + host->count * sizeof(struct survivor));
    if (host->members >= members)
        return 0;
    workers_free(host);
    host->workers = mem_new(members, sizeof *host->workers);
    for (; host->workers && host->members < members; host->members++) {
        struct worker *worker = &host->workers[host->members];
        worker->codes = mem_new(ROWS_TOGETHER, host->stride);
        worker->products = mem_new(ROWS_TOGETHER * host->tiles * TILE, sizeof *worker->products);
        worker->rows = mem_new(COARSE_BLOCK, sizeof *worker->rows);
        worker->sieves = mem_new(host->tiles, sizeof *worker->sieves);
        worker->bases = mem_new(host->count, sizeof *worker->bases);
        worker->survivors = mem_new(ROWS_TOGETHER * host->count, sizeof *worker->survivors);
        if (!worker->codes || !worker->products || !worker->rows || !worker->sieves || !worker->bases ||
            !worker->survivors) {
            host->members++;
            return err_memory(err, each);
        }
    }
    return host->workers ? 0 : err_memory(err, members * sizeof *host->workers);
}

void host_free(struct host *host)
{
    if (!host)
        return;
    workers_free(host);
    free(host->queries);
    free(host->high);
    free(host->low);
    free(host->packed);
    free(host);
}

/* ---- one block ----------------------------------------------------------------------------------------- */

struct passing {
    struct host *host;
    const struct host_span *span;
    struct survivor *survivors;
    size_t room;
    atomic_size_t found;
};

/* A block in hand. */
struct hand {
    const struct passing *pass;
    struct worker *worker;
    struct coarse_block block;
    uint32_t first; /* row of the span */
};

/* A float that is no larger, by little. */
static float float_down(double x)
{
    return (float)(x - (fabs(x) * 0x1p-22 + 0x1p-120));
}

/* What scores may be off by, by the rounding of their sum with a base. */
static double base_radius(double base)
{
    return fabs(base) * 0x1p-20;
}

/* The rounding of a limit and of what is compared with it is in query_round's `evaluation`. */
static void sieve_put(
    struct sieve *sieve, size_t i, const struct host_query *query, bool whole, double base, double threshold)
{
    sieve->scale[i] = (float)(query->step * HIGH_STEP * (whole ? 0.5 : 8));
    sieve->offset[i] = (int32_t)(query->high_sum * (whole ? 255 : 15));
    sieve->error[i] = (float)query->norm;
    sieve->norm[i] = (float)query->high_radius;
    sieve->limit[i] = float_down(threshold - base - base_radius(base));
}

/* All bits of row and query. */
static void refine(const struct hand *hand, size_t row, size_t k)
{
    const struct host *host = hand->pass->host;
    const struct host_query *query = &host->queries[k];
    const size_t half = host->stride / 2;
    int32_t dots[2];
    host->dots->row(dots, hand->block.high + row * half, hand->block.low + row * half, half,
        host->high + k * host->stride, host->low + k * host->stride);
    const int64_t dot = HIGH_STEP * (int64_t)dots[0] + dots[1];
    const int64_t twice = 2 * dot - 255 * (HIGH_STEP * query->high_sum + query->low_sum);
    const double base = hand->worker->bases[k];
    const double score = 0.5 * query->step * hand->block.scale[row] * (double)twice + base;
    const double radius = (double)hand->block.error[row] * query->norm +
                          (double)hand->block.norm[row] * query->radius + base_radius(base);
    if (score + radius <= (double)hand->pass->span->thresholds[k])
        return;
    hand->worker->survivors[hand->worker->found++] = (struct survivor){.row = hand->first + (uint32_t)row,
        .query = (uint32_t)k,
        .lower = float_down(score - radius),
        .upper = -float_down(-score - radius)};
}

/* Hands over what a group of rows has left. */
static void flush(struct passing *pass, struct worker *worker)
{
    if (!worker->found)
        return;
    const size_t at = atomic_fetch_add(&pass->found, worker->found);
    if (at < pass->room)
        memcpy(pass->survivors + at, worker->survivors,
            (worker->found < pass->room - at ? worker->found : pass->room - at) * sizeof *worker->survivors);
    worker->found = 0;
}

/* A few queries, one after the other, with the high halves of rows (count). */
static void group_few(const struct hand *hand, const uint32_t *rows, size_t count)
{
    const struct host *host = hand->pass->host;
    const struct coarse_block *block = &hand->block;
    const size_t half = host->stride / 2;
    const bool together = rows[count - 1] - rows[0] == count - 1;
    int32_t dots[ROWS_TOGETHER];
    uint8_t keep[ROWS_TOGETHER];
    for (size_t k = 0; k < host->count; k++) {
        const int8_t *q = host->high + k * host->stride;
        const struct sieve *sieve = hand->worker->sieves;
        if (together)
            host->dots->plane(dots, block->high + rows[0] * half, count, half, q);
        for (size_t i = 0; i < count && !together; i++)
            host->dots->plane(&dots[i], block->high + rows[i] * half, 1, half, q);
        for (size_t i = 0; i < count; i++) {
            const size_t row = rows[i];
            const float score = block->scale[row] * sieve->scale[k] * (float)(2 * dots[i] - sieve->offset[k]);
            const float upper =
                score + (block->high_error[row] * sieve->error[k] + block->norm[row] * sieve->norm[k]);
            keep[i] = !(upper <= sieve->limit[k]);
        }
        for (size_t i = 0; i < count; i++)
            if (keep[i])
                refine(hand, rows[i], k);
    }
}

/* Many queries, tile by tile, with the whole codes of rows (count). */
static void group_many(const struct hand *hand, const uint32_t *rows, size_t count)
{
    const struct host *host = hand->pass->host;
    const struct coarse_block *block = &hand->block;
    struct worker *worker = hand->worker;
    const size_t half = host->stride / 2;
    for (size_t i = 0; i < count; i++)
        host->dots->unpack(worker->codes + i * host->stride, block->high + rows[i] * half,
            block->low + rows[i] * half, half);
    host->dots->product(
        worker->products, worker->codes, groups_of(count, 16) * 16, host->stride, host->packed, host->tiles);
    for (size_t i = 0; i < count; i++)
        for (size_t tile = 0; tile < host->tiles; tile++) {
            const size_t row = rows[i];
            unsigned survive = host->dots->sift(worker->products + (i * host->tiles + tile) * TILE,
                &worker->sieves[tile], block->scale[row], block->error[row], block->norm[row]);
            for (size_t k = tile * TILE; survive; k++, survive >>= 1)
                if ((survive & 1) && k < host->count)
                    refine(hand, row, k);
        }
}

/* The number of zeros below the lowest one of a word that is not 0. */
static unsigned trailing_zeros(uint64_t word)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(word);
#else
    unsigned zeros = 0;
    while (!(word >> zeros & 1))
        zeros++;
    return zeros;
#endif
}

/* The rows of a block that the mask chooses. */
static size_t rows_choose(uint32_t *rows, const uint64_t *mask, int64_t first)
{
    size_t count = 0;
    for (uint32_t row = 0; row < COARSE_BLOCK; row += 64) {
        uint64_t word = mask ? mask[((size_t)first + row) / 64] : UINT64_MAX;
        for (; word; word &= word - 1)
            rows[count++] = row + trailing_zeros(word);
    }
    return count;
}

/* The products of the block's centre with the queries. */
static void bases_make(const struct hand *hand)
{
    const struct host *host = hand->pass->host;
    const struct index_rows centre = {
        .data = hand->block.centre, .count = 1, .width = host->stride, .storage = INDEX_F32};
    for (size_t k = 0; k < host->count; k++)
        hand->worker->bases[k] = rows_score(&centre, 0, host->scaled + k * host->stride);
}

static void block_pass(void *context, size_t member, size_t i)
{
    struct passing *pass = context;
    const struct host *host = pass->host;
    const struct host_span *span = pass->span;
    const int64_t first = span->first + (int64_t)i * COARSE_BLOCK;
    const bool many = host->count > FEW;
    const struct hand hand = {.pass = pass,
        .worker = &host->workers[member],
        .block = coarse_block_at(span->coarse->blocks, host->stride, first / COARSE_BLOCK),
        .first = (uint32_t)(i * COARSE_BLOCK)};
    const size_t count = rows_choose(hand.worker->rows, span->mask, first);
    if (count)
        bases_make(&hand);
    for (size_t k = 0; count && k < host->count; k++)
        sieve_put(&hand.worker->sieves[k / TILE], k % TILE, &host->queries[k], many, hand.worker->bases[k],
            (double)span->thresholds[k]);
    for (size_t at = 0; at < count; at += ROWS_TOGETHER) {
        const size_t rows = count - at < ROWS_TOGETHER ? count - at : ROWS_TOGETHER;
        (many ? group_many : group_few)(&hand, hand.worker->rows + at, rows);
        flush(pass, hand.worker);
    }
}

int host_pass(struct host *host, const struct host_span *span, struct survivor *survivors, size_t room,
    size_t *found, struct pool *pool, struct err *err)
{
    struct passing pass = {.host = host, .span = span, .survivors = survivors, .room = room};
    const int rc = workers_make(host, pool_members(pool), err);
    if (rc)
        return rc;
    pool_loop(pool, span->count / COARSE_BLOCK, block_pass, &pass);
    *found = atomic_load(&pass.found);
    return 0;
}
