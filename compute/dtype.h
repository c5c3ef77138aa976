// SPDX-License-Identifier: Apache-2.0
/* The types of numbers, in files and on devices. */
#ifndef DIPTYCH_COMPUTE_DTYPE_H
#define DIPTYCH_COMPUTE_DTYPE_H

#include "base/base.h"

/* Of the elements of a tensor. */
enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_F16, DTYPE_U8, DTYPE_I32, DTYPE_COUNT };

size_t dtype_size(enum dtype dtype); /* bytes of an element */

const char *dtype_name(enum dtype dtype); /* "f32", "bf16", "f16", "u8", "i32" */

/* value as a tensor of that type would hold it; DTYPE_F32, _BF16 and _F16 only. */
float dtype_round(float value, enum dtype dtype);

#endif
