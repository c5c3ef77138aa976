// SPDX-License-Identifier: Apache-2.0
/* The chosen rows of an index whose vectors differ, numbered 0 to count - 1 in their order: the first row with each
 * vector, bit for bit. */
#ifndef DIPTYCH_INDEX_DISTINCT_H
#define DIPTYCH_INDEX_DISTINCT_H

#include "index/index.h"

/* Zero-initialise; the rows outlive it. */
struct distinct {
    const struct index_rows *all;
    int64_t *first;         // (all): the first row with the vector of each; -1: not looked at
    uint64_t *mask;         // (ceil(all / 64)): those first rows
    struct index_rows rows; /* with that mask */
    float *vectors;         // (count, E)
    int64_t *numbers;       // (count): their rows
    uint32_t *of_row;       // (all): the number of a first row
    size_t count;
};

int distinct_init(struct distinct *distinct, struct index *index, const struct index_rows *rows,
    const struct job *job, struct err *err);
void distinct_release(struct distinct *distinct);

#endif
