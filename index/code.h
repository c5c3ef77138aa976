// SPDX-License-Identifier: Apache-2.0
/* Inside the codes' file: one row of it. */
#ifndef DIPTYCH_INDEX_CODE_H
#define DIPTYCH_INDEX_CODE_H

#include "index/coarse.h"

/* As coarse.h has them. */
struct code {
    uint8_t *high, *low; // (stride/2)
    float scale, high_error, error, norm;
};

struct code code_get(const struct coarse_block *block, size_t stride, size_t row);
void code_put(const struct coarse_block *block, size_t row, const struct code *code);

/* A row's residual to a centre (E), rotated, and what sums in double may be off that it takes part in. */
struct residual {
    double *u; // (stride)
    double slack;
};

/* The residual of `row`, for codes or for checking them; out->u has the room. */
void residual_make(struct residual *out, const struct index_rows *rows, int64_t row, const float *centre);

/* centre (E) = the mean of the rows [first, first + COARSE_BLOCK) that have codes; sums (E). */
void centre_make(float *centre, double *sums, double *vector, const struct index_rows *rows, int64_t first);

/* Codes of a residual. Rows beyond what float32 arithmetic bears, not finite ones among them, get no codes and
 * an infinite error, so that they always survive; very small ones are all error. */
void code_make(struct code *code, const struct residual *residual, size_t stride);

/* Whether the bounds the scan builds on are true. An infinite error bounds anything. */
bool code_holds(const struct code *code, const struct residual *residual, size_t stride);

#endif
