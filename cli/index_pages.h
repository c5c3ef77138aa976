// SPDX-License-Identifier: Apache-2.0
/* The pages of `diptych index duplicates` and `diptych index outliers`. */
#ifndef DIPTYCH_CLI_INDEX_PAGES_H
#define DIPTYCH_CLI_INDEX_PAGES_H

#include "index/index.h"

struct duplicates_report {
    const char *path; /* of the index */
    struct index *index;
    const struct index_groups *groups;
    int64_t searched; /* items looked at */
    bool identical;   /* only the same bytes; otherwise: */
    double threshold;
};

/* Writes the groups as one HTML page, the first of them where there are too many for a browser; the best picture of each
 * is marked. */
int duplicates_page(
    const char *path, const struct duplicates_report *report, const struct job *job, struct err *err);

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
