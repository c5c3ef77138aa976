// SPDX-License-Identifier: Apache-2.0
/* Passes over blocks of codes by the threads of the host: who works with what, and in which order. scan_group.c has the sums. */
#include "index/scan_host.h"
#include "index/scan_batch.h"
#include "index/scan_group.h"

#include <stdlib.h>

enum { STRIDE_MAX = 16384 /* 2 * 255 * 127 * STRIDE_MAX has 31 bits */ };

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
    prefetch(block.centre, host->stride * sizeof *block.centre);
    for (size_t i = 0; i < count; i++) {
        prefetch(block.high + rows[i] * host->stride / 2, host->stride / 2);
        prefetch(block.scale + rows[i], 1);
        prefetch(block.high_error + rows[i], 1);
        prefetch(block.norm + rows[i], 1);
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

/* Twice the radius, and twice that of the base, which is at most ||m|| ||q||, with as much again for its rounding. */
struct look_width host_look_width(const struct host *host, size_t query)
{
    const struct host_query *q = &host->queries[query];
    return (struct look_width){2 * q->norm, 2 * q->high_radius, 4 * base_radius(q->norm)};
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
