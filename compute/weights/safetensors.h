// SPDX-License-Identifier: Apache-2.0
/* Inside compute/weights: the bytes of one safetensors file as a list of checked tensors. */
#ifndef DIPTYCH_COMPUTE_SAFETENSORS_H
#define DIPTYCH_COMPUTE_SAFETENSORS_H

#include "compute/weights/weights.h"

/* Writes the tensors of a file's bytes to *out, in the order their data lies in; it goes back through free().
 * Names are copied to the arena; data points into bytes; `file` is borrowed, for messages, which do not hold
 * it themselves. */
int safetensors_parse(struct weight **out, size_t *count, struct arena *arena, const uint8_t *bytes,
    size_t size, const char *file, struct err *err);

/* *out: the "__metadata__" of those bytes, for json_decref; NULL: there is none. ERR_FORMAT: not all of it are texts. */
int safetensors_notes(struct json_t **out, const uint8_t *bytes, size_t size, struct err *err);

#endif
