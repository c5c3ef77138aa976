// SPDX-License-Identifier: Apache-2.0
/* Inside the scan: a query q as whole numbers, held as q' = t (128 A + B), with A in [-127, 127] and B in [-64, 63]. */
#ifndef DIPTYCH_INDEX_SCAN_QUERY_H
#define DIPTYCH_INDEX_SCAN_QUERY_H

#include <stddef.h>
#include <stdint.h>

enum {
    HIGH_STEP = 128, /* of a query's high bytes */
    HIGH_MAX = 127
};

struct host_query {
    double step;                /* t */
    int64_t high_sum, low_sum;  /* sum A, sum B */
    double norm;                /* ||q|| */
    double high_radius, radius; /* ||q - q'|| + g ||q'||, of the high bytes alone and of all */
};

/* high, low (stride): A and B of q (stride). */
void host_query_make(struct host_query *query, int8_t *high, int8_t *low, const double *q, size_t stride);

#endif
