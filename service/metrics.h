// SPDX-License-Identifier: Apache-2.0
/* Inside service: what is counted of requests. */
#ifndef DIPTYCH_SERVICE_METRICS_H
#define DIPTYCH_SERVICE_METRICS_H

#include "base/base.h"

struct metrics;
struct route;

int metrics_open(struct metrics **out, struct err *err); /* ERR_MEMORY */
void metrics_free(struct metrics *metrics);

/* A request was answered; route NULL: of no route. */
void metrics_count(struct metrics *metrics, const struct route *route, int status, double seconds);

/* In Prometheus' text format, version 0.0.4: requests and seconds by route, with a histogram. */
void metrics_print(struct metrics *metrics, FILE *out);

#endif
