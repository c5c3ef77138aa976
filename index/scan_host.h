// SPDX-License-Identifier: Apache-2.0
/* Inside the scan: the passes over coded rows on the host's own CPU, in whole numbers, where it has instructions for them.
 * They stand in for the kernels of scan.cl on a device that is that CPU. */
#ifndef DIPTYCH_INDEX_SCAN_HOST_H
#define DIPTYCH_INDEX_SCAN_HOST_H

#include "index/coarse.h"
#include "index/scan_dots.h"

struct survivor;

/* Queries as whole numbers. */
struct host;

/* Whether codes of that stride can be multiplied without overflow. */
bool host_fits(size_t stride);

/* scaled (Q, stride): the queries, which stay where they are; rotated (Q, stride): R q of each. */
int host_open(struct host **out, const struct scan_dots *dots, const float *scaled, const double *rotated,
    size_t query_count, size_t stride, struct err *err);
void host_free(struct host *host);

/* What a pass goes over. */
struct host_span {
    const struct coarse *coarse;
    const uint64_t *mask; /* of all rows, or NULL */
    int64_t first;        /* row: a multiple of COARSE_BLOCK, as is count */
    size_t count;
    const float *thresholds; // (Q)
};

/* The survivors of a span, at most `room` of them; *found counts on past it. */
int host_pass(struct host *host, const struct host_span *span, struct survivor *survivors, size_t room,
    size_t *found, struct pool *pool, struct err *err);

/* lowers (Q, room): lower bounds of the scores of a span's chosen rows, *found a query, in no set order. room is at least
 * that. Thresholds are not looked at. */
int host_lowers(struct host *host, const struct host_span *span, float *lowers, size_t room, size_t *found,
    struct pool *pool, struct err *err);

#endif
