// SPDX-License-Identifier: Apache-2.0
/* Inside compute: the elements of a weights file as float32. */
#ifndef DIPTYCH_COMPUTE_ELEMENTS_H
#define DIPTYCH_COMPUTE_ELEMENTS_H

#include "base/base.h"

/* What became of a conversion. */
enum elements_result { ELEMENTS_DONE, ELEMENTS_NOT_FLOAT, ELEMENTS_NOT_FINITE };

/* Writes count little-endian elements, at any address, of a safetensors type that is a float, to out:
 * "F32", "F16", "BF16", "F64", which is rounded, or "F8_E4M3", "F8_E5M2" and those with FNUZ.
 * ELEMENTS_NOT_FLOAT: another type, nothing was written. ELEMENTS_NOT_FINITE: *bad is the first infinity or
 * NaN. */
enum elements_result elements_to_f32(
    float *out, const uint8_t *data, size_t count, const char *type, size_t *bad);

/* The same of elements that stay as they are, of a type that kernels read: "F32", "F16", "BF16". */
enum elements_result elements_check(const uint8_t *data, size_t count, const char *type, size_t *bad);

#endif
