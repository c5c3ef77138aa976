// SPDX-License-Identifier: Apache-2.0
/* `diptych index cluster`: what it has found, and how that comes out. */
#ifndef DIPTYCH_CLI_INDEX_CLUSTER_H
#define DIPTYCH_CLI_INDEX_CLUSTER_H

#include "index/index.h"
#include "vision/vision.h"

struct cluster {
    const size_t *items; // (size): which of the view's, the nearest to the centroid first
    size_t size;
    double cosine;     /* the mean of its items' with the centroid */
    const char *label; /* the closest to the centroid; NULL: there are no labels */
    double label_cosine;
};

struct cluster_report {
    const char *path; /* of the index */
    const struct index_view *view;
    const double *cosines;          // (view->count): with the centroid of the item's cluster
    const struct cluster *clusters; // (count), the largest first
    size_t count;
    double similarity; /* the mean of all cosines */
    const struct picture_options *picture;
};

/*   table  a line a cluster, and below it its `top` items nearest to the centroid
 *   tsv    cluster, label, id, path or text, cosine: a line an item
 *   json   {"cluster", "size", "cosine", "label", "label_cosine", "nearest": [...], "ids": [...]}: a line a
 *          cluster; without label and label_cosine where there are no labels */
int cluster_print(const struct cluster_report *report, int format, size_t top, struct err *err);

/* Writes a page with a gallery of the nearest items of each cluster. */
int cluster_page(
    const char *path, const struct cluster_report *report, const struct job *job, struct err *err);

#endif
