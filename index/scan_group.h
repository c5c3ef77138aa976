// SPDX-License-Identifier: Apache-2.0
/*
 * Inside the scan: what a pass of scan_host.c works with, and the sums over rows that are looked at together.
 */
#ifndef DIPTYCH_INDEX_SCAN_GROUP_H
#define DIPTYCH_INDEX_SCAN_GROUP_H

#include <stdatomic.h>

#include "index/scan_host.h"
#include "index/scan_query.h"

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

struct hand;
typedef void group_body(const struct hand *hand, const uint32_t *rows, size_t count);

/* A pass over a span, by all threads. */
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

/* Each for `count` rows of the block, 1 to ROWS_TOGETHER, whose numbers in it ascend: a few queries, one after the other,
 * with the high halves of codes; many, tile by tile, with whole codes; and many, of which all lower bounds are kept. */
group_body group_few, group_many, group_look;

/* What the groups need of a query and the base of a block: `whole` as in struct passing. */
void sieve_put(
    struct sieve *sieve, size_t i, const struct host_query *query, bool whole, double base, double threshold);

/* What scores may be off by, by the rounding of their sum with a base. */
double base_radius(double base);

/* Asks for bytes from memory. */
static inline void prefetch(const void *bytes, size_t count)
{
    for (size_t at = 0; at < count; at += 64)
        __builtin_prefetch((const char *)bytes + at);
}

#endif
