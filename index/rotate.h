// SPDX-License-Identifier: Apache-2.0
#ifndef DIPTYCH_INDEX_ROTATE_H
#define DIPTYCH_INDEX_ROTATE_H

#include <stddef.h>

/* v (stride) = R v, for coarse codes and the queries that meet them. R is orthogonal, the same everywhere and always: signs
 * by chance, then Walsh and Hadamard's transform of pieces as long as the largest power of two that divides stride, a
 * multiple of 64. It spreads each channel over a piece, so that none has the largest values to itself, and takes n log n
 * additions. In double it keeps products and norms to 2^-48 of the norms. */
void rotate(double *v, size_t stride);

#endif
