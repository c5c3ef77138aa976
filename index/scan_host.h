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

/* How many rows of the block that begins at row `first` a mask chooses. */
size_t block_chosen(const uint64_t *mask, int64_t first);

/* The survivors of a span, at most `room` of them; *found counts on past it. */
int host_pass(struct host *host, const struct host_span *span, struct survivor *survivors, size_t room,
    size_t *found, struct pool *pool, struct err *err);

/* A row that was looked at, and of its bounds what is not the query's: error and norm as in its codes, and ||m||. */
struct looked {
    uint32_t row; /* of the span */
    float error, norm, centre;
};

/* rows (room), lowers (Q, room): a span's chosen rows, *found of them in no set order, and lower bounds of their scores. room is
 * at least that. Thresholds are not looked at. */
int host_look(struct host *host, const struct host_span *span, struct looked *rows, float *lowers,
    size_t room, size_t *found, struct pool *pool, struct err *err);

/* What to add to the lower bound of a row that was looked at for its upper one: error, norm and centre times these. */
struct look_width {
    double error, norm, centre;
};
struct look_width host_look_width(const struct host *host, size_t query);

#endif
