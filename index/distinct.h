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

static inline const uint8_t *rows_bytes(const struct index_rows *rows, int64_t row)
{
    return (const uint8_t *)rows->data + (size_t)row * rows->stride;
}

/* The chosen rows by their bytes, and where these are the same by number, for free(): (chosen). */
int rows_by_bytes(int64_t **out, const struct index_rows *rows, struct err *err);

/* first (count): the first of the chosen rows with the bytes of each; -1: it is none of them. From their order. */
void rows_first(int64_t *first, const int64_t *order, const struct index_rows *rows);

#endif
