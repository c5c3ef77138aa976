// SPDX-License-Identifier: Apache-2.0
/* Dot products in double, as eight sums side by side, which a compiler turns into vector arithmetic; in one
 * order, so that equal vectors give equal numbers everywhere. */
#ifndef DIPTYCH_INDEX_DOT_H
#define DIPTYCH_INDEX_DOT_H

#include <stddef.h>

double dot_f32(const float *a, const float *b, size_t width);
double dot_f64(const double *a, const double *b, size_t width);

#endif
