// SPDX-License-Identifier: Apache-2.0
/* `diptych index map`: the points, and the page that shows them. */
#ifndef DIPTYCH_CLI_INDEX_MAP_H
#define DIPTYCH_CLI_INDEX_MAP_H

#include "index/index.h"

struct map_report {
    const char *path; /* of the index */
    const struct index_view *view;
    const float *points; // (count, 2)
    double explained[2]; /* the share of the variance that each component holds */
};

/* Writes the points in their plane as one HTML page, to zoom and move. Up to 25,000 of the
 * pictures have a thumbnail. */
int map_page(const char *path, const struct map_report *report, const struct job *job, struct err *err);

#endif
