// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: the names that tensors have in a file, of those in parameter tables, and back.
 *
 * A name in a table may stand for several tensors, "{q,k,v}_proj.weight" for three; and a prefix for those of all layers,
 * "vision_model.encoder.layers.%zu.".
 */
#ifndef DIPTYCH_COMPUTE_TENSOR_NAME_H
#define DIPTYCH_COMPUTE_TENSOR_NAME_H

#include "compute/weights/internal.h"

/* Names in our tables are short; one that were not would be looked up cut, and not found. */
enum { NAME_SIZE = 192 };

/* Where the tensors of a row are: the names as the file has them. */
struct place {
    struct stored stored;
    size_t layer;
};

struct place place_of(const char *prefix, const char *name, size_t layer, const struct weights *weights);

/* What stands before the name, and the full name of tensor i of those that it stands for. */
void place_prefix(char out[NAME_SIZE], const struct place *place);
void place_name(char out[NAME_SIZE], const struct place *place, size_t i);

/* How many tensors a name stands for, and whether tensor i is one that the file leaves out, as the k of "{q,,v}_bias": it is
 * all zeros. */
size_t name_tensors(const char *name);
bool name_is_left_out(const char *name, size_t i);

/* Which of the tensors that a name of a table stands for is called `name`; SIZE_MAX: none. */
size_t name_item(const char *table_name, const char *name);

/* A tensor in a file. */
struct found_tensor {
    const struct weight *weight;
    bool transposed; /* (K, N) there */
    size_t part, of; /* its rows are this one of so many equal parts; of 1: all */
};

/* The tensor of that name in the file, or else the one that Hugging Face's layout calls so. false: there is none. */
bool tensor_find(struct found_tensor *out, const struct weights *weights, const char *name);

#endif
