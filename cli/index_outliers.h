// SPDX-License-Identifier: Apache-2.0
/* The page of `diptych index outliers`. */
#ifndef DIPTYCH_CLI_INDEX_OUTLIERS_H
#define DIPTYCH_CLI_INDEX_OUTLIERS_H

#include "index/index.h"

struct outliers_report {
    const char *path; /* of the index */
    const struct index_view *view;
    const double *similarities; // (view->count)
    const size_t *order;        // (shown), the least similar first
    size_t shown;
    double alpha;
};

int outliers_page(
    const char *path, const struct outliers_report *report, const struct job *job, struct err *err);

#endif
