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
#include "index/scan_group.h"
#include "index/dot.h"
#include "index/scan_batch.h"

#include <math.h>
#include <string.h>

/* A float that is no larger, by little. */
static float float_down(double x)
{
    return (float)(x - (fabs(x) * 0x1p-22 + 0x1p-120));
}

double base_radius(double base)
{
    return fabs(base) * 0x1p-20;
}

/* The rounding of a limit and of what is compared with it is in host_query_make's `evaluation`. */
void sieve_put(
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

void group_few(const struct hand *hand, const uint32_t *rows, size_t count)
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
                prefetch(block->low + rows[i] * half, half);
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

void group_many(const struct hand *hand, const uint32_t *rows, size_t count)
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
void group_look(const struct hand *hand, const uint32_t *rows, size_t count)
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
