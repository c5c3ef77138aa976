// SPDX-License-Identifier: Apache-2.0
/* What is trained in the layout of the file that it began with. A tensor there may be several of ours, as in_proj_weight is queries, keys and
 * values, or be transposed: weights_change knows. */
#include "compute/train/parameters.h"
#include "compute/weights/tensor_name.h"

#include <stdlib.h>
#include <string.h>

struct writing {
    const struct parameters *parameters;
    enum parameters_kind kind;
    struct stream *stream;
    struct weights *weights;
    struct weights_writer *writer;
    bool *written; // (parameters): is in the file
    float *values; /* of any parameter */
};

/* The part-th of the tensors that a parameter stands for, by Hugging Face's name. */
static void name_of(char out[NAME_SIZE], const struct parameter *item, size_t part)
{
    const struct place place = {{.outer = "", .prefix = item->prefix, .name = item->row->name}, item->layer};
    place_name(out, &place, part);
}

static size_t rows_of(struct shape shape)
{
    return shape.rank ? shape.size[0] : 1;
}

/* Whether the file has a parameter in its own shape, as rows of so many numbers, which is what weights_change asks for. */
static int check_shape(const struct parameter *item, const struct weights *weights, struct err *err)
{
    const size_t parts = name_tensors(item->row->name);
    struct shape own = item->shape;
    int rc = 0;
    if (own.rank)
        own.size[0] /= parts;
    for (size_t part = 0; part < parts && !rc; part++) {
        struct shape there = {0};
        char name[NAME_SIZE];
        int rank;
        name_of(name, item, part);
        if (!weights_shape(&rank, there.size, weights, name))
            continue;
        there.rank = (size_t)rank;
        if (rows_of(there) != rows_of(own) || shape_count(there) != shape_count(own))
            rc = err_set(err, ERR_UNSUPPORTED,
                "tensor '%s' has shape %s in the file and %s in training: what is resized when it is read "
                "cannot be written back",
                name, shape_text(rank, there.size).text, shape_text((int)own.rank, own.size).text);
    }
    return rc;
}

int parameters_can_write(const struct parameters *parameters, const struct weights *weights, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < parameters->count && !rc; i++)
        if (!parameters->items[i].frozen)
            rc = check_shape(&parameters->items[i], weights, err);
    return rc;
}

/* Changes the weights by what of a parameter is in a tensor of the file. */
static int change(const struct writing *writing, size_t i, const struct weight *tensor, struct err *err)
{
    const struct parameter *item = &writing->parameters->items[i];
    const size_t parts = name_tensors(item->row->name), count = shape_count(item->shape),
                 rows = rows_of(item->shape);
    bool is_read = false;
    int rc = 0;
    for (size_t part = 0; part < parts && !rc; part++) {
        struct found_tensor found;
        char name[NAME_SIZE];
        name_of(name, item, part);
        if (!tensor_find(&found, writing->weights, name) || found.weight != tensor)
            continue;
        writing->written[i] = true;
        if (!weights_writer_wants(writing->writer))
            continue;
        if (!is_read)
            rc = tensor_read(writing->stream, writing->values,
                parameter_tensor(writing->parameters, item, writing->kind), count, err);
        is_read = true;
        const struct weight_change value = {.tensor = name,
            .rows = rows / parts,
            .columns = count / rows,
            .weight = 1,
            .value = writing->values + count / parts * part};
        if (!rc)
            rc = weights_change(writing->weights, &value, err);
    }
    return rc;
}

static int write_tensor(const struct writing *writing, const struct weight *tensor, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < writing->parameters->count && !rc; i++)
        if (!writing->parameters->items[i].frozen)
            rc = change(writing, i, tensor, err);
    if (!rc)
        rc = weights_save_tensor(writing->weights, tensor, writing->writer, err);
    weights_drop_changes(writing->weights);
    return rc;
}

static int write_rest(const struct writing *writing, struct err *err)
{
    const struct parameters *parameters = writing->parameters;
    int rc = 0;
    for (size_t i = 0; i < parameters->count && !rc; i++) {
        const struct parameter *item = &parameters->items[i];
        if (item->frozen || writing->written[i])
            continue;
        if (weights_writer_wants(writing->writer))
            rc = tensor_read(writing->stream, writing->values,
                parameter_tensor(parameters, item, writing->kind), shape_count(item->shape), err);
        if (!rc)
            rc = param_add(
                writing->writer, item->row, "", item->prefix, item->layer, item->shape, writing->values, err);
    }
    return rc;
}

int parameters_write(const struct parameters *parameters, enum parameters_kind kind, struct stream *stream,
    struct weights *weights, struct weights_writer *writer, struct err *err)
{
    struct writing writing = {.parameters = parameters,
        .kind = kind,
        .stream = stream,
        .weights = weights,
        .writer = writer,
        .written = mem_new(parameters->count, sizeof *writing.written)};
    int rc = 0;
    if (!weights_count(weights) || weights->changes)
        rc = err_set(err, ERR_ARGUMENT, "%s: there is no file to write again",
            weights->changes ? "weights that adapters change" : "weights that are made up");
    else if (!writing.written)
        rc = err_memory(err, parameters->count * sizeof *writing.written);
    else if (!(rc = parameters_can_write(parameters, weights, err)) &&
             !(writing.values = parameters_room(parameters, err)))
        rc = ERR_MEMORY;
    for (size_t i = 0; i < weights_count(weights) && !rc; i++)
        rc = write_tensor(&writing, weights_at(weights, i), err);
    if (!rc)
        rc = write_rest(&writing, err);
    free(writing.written);
    free(writing.values);
    return rc;
}
