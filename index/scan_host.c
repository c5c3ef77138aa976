// SPDX-License-Identifier: Apache-2.0
/*
 * With a few queries a pass reads the high halves of the codes alone, which is a quarter of the bytes of float16 rows, and
 * the low halves of those rows that this leaves. With many, whose products take longer than reading, it multiplies whole
 * codes. Either way it multiplies with the queries' high bytes first, A of scan_query.h, and with all their bits for whoever is
 * left. With S = sum A and D = <C, A>
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
#include "index/dot.h"
#include "index/scan_batch.h"
#include "index/scan_query.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STRIDE_MAX = 16384 /* 2 * 255 * 127 * STRIDE_MAX has 31 bits */ };

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
        host_query_make(
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

struct hand;
typedef void group_body(const struct hand *hand, const uint32_t *rows, size_t count);

struct passing {
    struct host *host;
    const struct host_span *span;
    group_body *group;
    bool whole;                 /* it has the whole codes, not the high halves alone */
    struct survivor *survivors; // (room), or
    struct looked *looked;      // (room), and
    float *lowers;              // (Q, room)
    size_t room;
    atomic_size_t found;
};

/* A block in hand. */
struct hand {
    struct passing *pass;
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

/* The rounding of a limit and of what is compared with it is in host_query_make's `evaluation`. */
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

/* Asks for bytes from memory. */
static void ask(const void *bytes, size_t count)
{
    for (size_t at = 0; at < count; at += 64)
        __builtin_prefetch((const char *)bytes + at);
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
                ask(block->low + rows[i] * half, half);
        for (size_t i = 0; i < count; i++)
            if (keep[i])
                refine(hand, rows[i], k);
    }
    flush(hand->pass, hand->worker);
}

/* products (count, tiles, TILE) of the whole codes of rows (count) with the high bytes of all queries. */
static void group_multiply(const struct hand *hand, const uint32_t *rows, size_t count)
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
}

/* Many queries, tile by tile. */
static void group_many(const struct hand *hand, const uint32_t *rows, size_t count)
{
    const struct host *host = hand->pass->host;
    const struct coarse_block *block = &hand->block;
    struct worker *worker = hand->worker;
    group_multiply(hand, rows, count);
    for (size_t i = 0; i < count; i++)
        for (size_t tile = 0; tile < host->tiles; tile++) {
            const size_t row = rows[i];
            unsigned survive = host->dots->sift(worker->products + (i * host->tiles + tile) * TILE,
                &worker->sieves[tile], block->scale[row], block->error[row], block->norm[row]);
            for (size_t k = tile * TILE; survive; k++, survive >>= 1)
                if ((survive & 1) && k < host->count)
                    refine(hand, row, k);
        }
    flush(hand->pass, worker);
}

/* A sum of squares in double loses less than this has room for. */
static float centre_norm(const struct coarse_block *block, size_t stride)
{
    return (float)(sqrt(dot_f32(block->centre, block->centre, stride)) * (1 + 0x1p-20));
}

/* What group_many compares with limits, but below: lower bounds, those of a query side by side. */
static void group_look(const struct hand *hand, const uint32_t *rows, size_t count)
{
    struct passing *pass = hand->pass;
    const struct host *host = pass->host;
    const struct coarse_block *block = &hand->block;
    const struct worker *worker = hand->worker;
    const size_t at = atomic_fetch_add(&pass->found, count);
    const float centre = centre_norm(block, host->stride);
    group_multiply(hand, rows, count);
    for (size_t i = 0; i < count; i++)
        pass->looked[at + i] =
            (struct looked){hand->first + rows[i], block->error[rows[i]], block->norm[rows[i]], centre};
    for (size_t k = 0; k < host->count; k++) {
        const struct sieve *sieve = &worker->sieves[k / TILE];
        const float scale = sieve->scale[k % TILE], error = sieve->error[k % TILE],
                    norm = sieve->norm[k % TILE];
        const float base = float_down(worker->bases[k] - base_radius(worker->bases[k]));
        float *lowers = pass->lowers + k * pass->room + at;
        for (size_t i = 0; i < count; i++) {
            const size_t row = rows[i];
            const int32_t dot = worker->products[i * host->tiles * TILE + k];
            const float score = block->scale[row] * scale * (float)(2 * dot - sieve->offset[k % TILE]);
            lowers[i] = base + (score - (block->error[row] * error + block->norm[row] * norm));
        }
    }
}

/* Twice the radius, and twice that of the base, which is at most ||m|| ||q||, with as much again for its rounding. */
struct look_width host_look_width(const struct host *host, size_t query)
{
    const struct host_query *q = &host->queries[query];
    return (struct look_width){2 * q->norm, 2 * q->high_radius, 4 * base_radius(q->norm)};
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

size_t block_chosen(const uint64_t *mask, int64_t first)
{
    size_t chosen = mask ? 0 : COARSE_BLOCK;
    for (size_t word = 0; mask && word < COARSE_BLOCK / 64; word++)
        chosen += (size_t)__builtin_popcountll(mask[(size_t)first / 64 + word]);
    return chosen;
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
    const float *queries[BATCH_MAX];
    for (size_t k = 0; k < host->count; k++)
        queries[k] = host->scaled + k * host->stride;
    rows_scores(hand->worker->bases, &centre, 0, queries, host->count);
}

/* Asks for what a pass reads first of a block of which the mask leaves little, which the CPU does not foresee. */
static void block_ask(const struct host *host, const struct host_span *span, int64_t first)
{
    enum { FEW_ROWS = COARSE_BLOCK / 8 };
    uint32_t rows[COARSE_BLOCK];
    const size_t count = block_chosen(span->mask, first);
    const struct coarse_block block =
        coarse_block_at(span->coarse->blocks, host->stride, first / COARSE_BLOCK);
    if (!count || count > FEW_ROWS)
        return;
    rows_choose(rows, span->mask, first);
    ask(block.centre, host->stride * sizeof *block.centre);
    for (size_t i = 0; i < count; i++) {
        ask(block.high + rows[i] * host->stride / 2, host->stride / 2);
        ask(block.scale + rows[i], 1);
        ask(block.high_error + rows[i], 1);
        ask(block.norm + rows[i], 1);
    }
}

static void block_pass(void *context, size_t member, size_t i)
{
    struct passing *pass = context;
    const struct host *host = pass->host;
    const struct host_span *span = pass->span;
    const int64_t first = span->first + (int64_t)i * COARSE_BLOCK;
    const struct hand hand = {.pass = pass,
        .worker = &host->workers[member],
        .block = coarse_block_at(span->coarse->blocks, host->stride, first / COARSE_BLOCK),
        .first = (uint32_t)(i * COARSE_BLOCK)};
    const size_t count = rows_choose(hand.worker->rows, span->mask, first);
    if ((i + 1) * COARSE_BLOCK < span->count)
        block_ask(host, span, first + COARSE_BLOCK);
    if (count)
        bases_make(&hand);
    for (size_t k = 0; count && k < host->count; k++)
        sieve_put(&hand.worker->sieves[k / TILE], k % TILE, &host->queries[k], pass->whole,
            hand.worker->bases[k], (double)span->thresholds[k]);
    for (size_t at = 0; at < count; at += ROWS_TOGETHER)
        pass->group(&hand, hand.worker->rows + at, count - at < ROWS_TOGETHER ? count - at : ROWS_TOGETHER);
}

/* *found: what the groups have counted. */
static int run(struct passing *pass, size_t *found, struct pool *pool, struct err *err)
{
    const int rc = workers_make(pass->host, pool_members(pool), err);
    if (rc)
        return rc;
    pool_loop(pool, pass->span->count / COARSE_BLOCK, block_pass, pass);
    *found = atomic_load(&pass->found);
    return 0;
}

int host_pass(struct host *host, const struct host_span *span, struct survivor *survivors, size_t room,
    size_t *found, struct pool *pool, struct err *err)
{
    const bool many = host->count > FEW;
    struct passing pass = {.host = host,
        .span = span,
        .group = many ? group_many : group_few,
        .whole = many,
        .survivors = survivors,
        .room = room};
    return run(&pass, found, pool, err);
}

int host_look(struct host *host, const struct host_span *span, struct looked *rows, float *lowers,
    size_t room, size_t *found, struct pool *pool, struct err *err)
{
    struct passing pass = {.host = host,
        .span = span,
        .group = group_look,
        .whole = true,
        .looked = rows,
        .lowers = lowers,
        .room = room};
    return run(&pass, found, pool, err);
}
