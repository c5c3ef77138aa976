// SPDX-License-Identifier: Apache-2.0
/* Inside service: the terms of a search, from the body of its request to the vector that is looked for. */
#ifndef DIPTYCH_SERVICE_TERMS_H
#define DIPTYCH_SERVICE_TERMS_H

#include "service/inputs.h"

/* The terms of a query. All memory is the request's. */
struct terms {
    struct input *inputs;      // (input_count): those that the model encodes
    struct input_notes *notes; // (input_count): of those that are pictures
    int64_t *ids;              // (id_count): items, whose vectors the index has
    float *weights;            // (input_count + id_count): in that order
    size_t input_count, id_count;
};

/* Those of the fields "text", "image" and "terms". ERR_ARGUMENT, ERR_FORMAT: a picture; ERR_MEMORY. */
int terms_read(struct terms *terms, const struct call *call, struct err *err);
bool terms_any(const struct terms *terms);

/* query (E): their weighted sum, of length 1. ERR_NOT_FOUND: an id; ERR_ARGUMENT: they cancel out; and engine_encode's
 * errors. */
int terms_encode(float *query, const struct call *call, struct shelf_index *index, const struct terms *terms,
    struct err *err);

#endif
