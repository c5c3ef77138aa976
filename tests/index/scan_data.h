// SPDX-License-Identifier: Apache-2.0
/* Rows made up for tests of the scan, in each storage and of kinds that are hard in one way each. */
#ifndef DIPTYCH_TESTS_INDEX_SCAN_DATA_H
#define DIPTYCH_TESTS_INDEX_SCAN_DATA_H

#include "index/scan.h"

enum kind {
    KIND_RANDOM,     /* unit vectors in all directions */
    KIND_CLUSTERED,  /* close around eight of them: bounds of many rows overlap */
    KIND_TIES,       /* few small whole numbers: most scores occur often */
    KIND_NEAR,       /* one vector, rows apart in the last bit of some elements */
    KIND_DUPLICATES, /* the same row throughout */
    KIND_OUTLIER,    /* one channel a thousand times the others */
    KIND_CONE,       /* a strong common direction, fewer and fewer of the others, two large channels */
    KIND_ZERO,       /* every other row zero */
    KIND_TINY,       /* subnormal floats */
    KIND_HUGE,       /* near the largest float of the storage */
    KIND_DAMAGED,    /* NaN and infinite elements or scales in some rows */
    KIND_COUNT
};

extern const char *const kind_names[KIND_COUNT];

/* Floats in [-1, 1) from a seed that goes on. */
float noise(uint64_t *seed);

/* Rows of a kind; free with data_free. */
struct index_rows data_make(enum index_storage storage, enum kind kind, size_t width, size_t count);
void data_free(struct index_rows *rows);

#endif
