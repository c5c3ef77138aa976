// SPDX-License-Identifier: Apache-2.0
/*
 * What is trained, in flat buffers of one layout:
 *
 *   | weights, which decay | gains, biases and other vectors, which do not |
 *
 * each tensor at a multiple of ALIGN elements, in the order in which parameter tables were added.
 */
#include "compute/train/parameters.h"
#include "compute/weights.h"

#include <stdlib.h>

enum { ALIGN = 16 }; /* elements: the widest vector that kernels load */

struct parameter {
    const struct param *row;
    const char *prefix;
    size_t layer;
    struct shape shape;
    size_t offset;                   /* in all of the buffers */
    struct tensor *value, *gradient; /* what it is to those who use it */
};

struct parameters {
    struct parameter *items;
    size_t count, room;
    size_t decaying, elements; /* of the buffers: of the first part, and of both */
    struct flat {
        cl_mem buffer;
        void *host;
    } flats[PARAMETERS_KINDS],
        reals; /* values of what decays as activations are, where these are not float32 */
    enum dtype real;
};

int parameters_new(struct parameters **out, struct err *err)
{
    *out = mem_new(1, sizeof **out);
    return *out ? 0 : err_memory(err, sizeof **out);
}

static void flat_release(struct flat *flat)
{
    if (flat->buffer)
        clReleaseMemObject(flat->buffer);
    free(flat->host);
}

void parameters_free(struct parameters *parameters)
{
    if (!parameters)
        return;
    for (int kind = 0; kind < PARAMETERS_KINDS; kind++)
        flat_release(&parameters->flats[kind]);
    flat_release(&parameters->reals);
    free(parameters->items);
    free(parameters);
}

static struct tensor *field_of(void *object, const struct param *row)
{
    return (struct tensor *)((char *)object + (row->trained - 1));
}

int parameters_add(struct parameters *parameters, const struct param *table, size_t rows, const char *prefix,
    size_t layer, const size_t dims[DIM_COUNT], void *values, void *gradients, struct err *err)
{
    for (size_t i = 0; i < rows; i++) {
        const struct param *row = &table[i];
        if (!param_is_there(row, dims))
            continue;
        if (!row->trained)
            return err_set(
                err, ERR_UNSUPPORTED, "models with a tensor '%s%s' cannot be trained", prefix, row->name);
        const int rc = array_grow(parameters->items, &parameters->room, parameters->count + 1, err);
        if (rc)
            return rc;
        struct parameter *item = &parameters->items[parameters->count++];
        *item = (struct parameter){.row = row,
            .prefix = prefix,
            .layer = layer,
            .shape = param_shape(row, dims),
            .value = field_of(values, row),
            .gradient = field_of(gradients, row)};
    }
    return 0;
}

/* As open_clip's groups: what has one axis is a gain, a bias or a token. */
static bool decays(const struct parameter *item)
{
    return item->shape.rank > 1;
}

static void lay_out(struct parameters *parameters)
{
    size_t offset = 0;
    for (int part = 0; part < 2; part++) {
        for (size_t i = 0; i < parameters->count; i++) {
            struct parameter *item = &parameters->items[i];
            if (decays(item) != !part)
                continue;
            item->offset = offset;
            offset += groups_of(shape_count(item->shape), ALIGN) * ALIGN;
        }
        parameters->decaying = part ? parameters->decaying : offset;
    }
    parameters->elements = offset;
}

static struct tensor tensor_of(
    const struct parameters *parameters, const struct parameter *item, enum parameters_kind kind)
{
    return (struct tensor){parameters->flats[kind].buffer, item->offset, item->shape, DTYPE_F32};
}

size_t parameters_decaying(const struct parameters *parameters)
{
    return parameters->decaying;
}

size_t parameters_bytes(const struct parameters *parameters)
{
    const size_t real = parameters->real == DTYPE_F32 ? 0 : dtype_size(parameters->real);
    return PARAMETERS_KINDS * parameters->elements * sizeof(float) + parameters->decaying * real;
}

/* As layers take it: weights of more axes, of convolutions, as (N, K). */
static struct tensor matrix_tensor(struct tensor tensor)
{
    const size_t n = tensor.shape.size[0];
    return tensor.shape.rank > 2 ? tensor_view(tensor, SHAPE(n, shape_count(tensor.shape) / n)) : tensor;
}

struct tensor parameters_flat(const struct parameters *parameters, enum parameters_kind kind)
{
    return (struct tensor){parameters->flats[kind].buffer, 0, SHAPE(parameters->elements), DTYPE_F32};
}

/* Whether a product takes it. */
static bool is_operand(const struct parameter *item)
{
    return item->row->kind == PARAM_LINEAR || item->row->kind == PARAM_LINEAR_EXACT;
}

static void hand_out(const struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *item = &parameters->items[i];
        struct tensor value = tensor_of(parameters, item, PARAMETERS_VALUES);
        if (is_operand(item) && parameters->real != DTYPE_F32) {
            value.buffer = parameters->reals.buffer;
            value.dtype = parameters->real;
        }
        *item->value = matrix_tensor(value);
        *item->gradient = matrix_tensor(tensor_of(parameters, item, PARAMETERS_GRADIENTS));
    }
}

static int flat_open(struct flat *flat, struct device *device, size_t bytes, struct err *err)
{
    const int rc = device_memory(&flat->buffer, &flat->host, device, bytes, err);
    if (rc)
        err_wrap(err, "no %zu bytes for what is trained on '%s'", bytes, device->name);
    return rc;
}

int parameters_open(struct parameters *parameters, struct device *device, struct err *err)
{
    int rc = 0;
    lay_out(parameters);
    parameters->real = device->activations;
    for (int kind = 0; kind < PARAMETERS_KINDS && !rc; kind++)
        rc = flat_open(&parameters->flats[kind], device, parameters->elements * sizeof(float), err);
    if (!rc && parameters->real != DTYPE_F32)
        rc = flat_open(&parameters->reals, device, parameters->decaying * dtype_size(parameters->real), err);
    if (!rc)
        hand_out(parameters);
    return rc;
}

int parameters_round(const struct parameters *parameters, struct stream *stream, struct err *err)
{
    const size_t decaying = parameters->decaying; /* all operands are among those */
    struct tensor from = parameters_flat(parameters, PARAMETERS_VALUES), to = from;
    if (parameters->real == DTYPE_F32 || !decaying)
        return 0;
    to.buffer = parameters->reals.buffer;
    to.dtype = parameters->real;
    return tensor_convert(stream, tensor_view(to, SHAPE(decaying)), tensor_view(from, SHAPE(decaying)), err);
}

/* A host's copy of the largest of them. */
static float *room_for_any(const struct parameters *parameters, struct err *err)
{
    size_t most = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const size_t count = shape_count(parameters->items[i].shape);
        most = count > most ? count : most;
    }
    float *room = mem_new(most, sizeof *room);
    if (!room)
        err_memory(err, most * sizeof *room);
    return room;
}

int parameters_load(
    struct parameters *parameters, struct stream *stream, const struct weights *weights, struct err *err)
{
    int rc = 0;
    float *values = room_for_any(parameters, err);
    if (!values)
        return ERR_MEMORY;
    for (int kind = 0; kind < PARAMETERS_KINDS && !rc; kind++)
        rc = tensor_clear(stream, parameters_flat(parameters, (enum parameters_kind)kind), err);
    for (size_t i = 0; i < parameters->count && !rc; i++) {
        const struct parameter *item = &parameters->items[i];
        rc = param_fetch(values, item->row, item->prefix, item->layer, item->shape, weights, err);
        if (!rc)
            rc = tensor_write(stream, tensor_of(parameters, item, PARAMETERS_VALUES), values,
                shape_count(item->shape), err);
    }
    free(values);
    return rc ? rc : parameters_round(parameters, stream, err);
}

int parameters_save(const struct parameters *parameters, enum parameters_kind kind, struct stream *stream,
    struct weights_writer *writer, struct err *err)
{
    int rc = 0;
    float *values = room_for_any(parameters, err);
    if (!values)
        return ERR_MEMORY;
    for (size_t i = 0; i < parameters->count && !rc; i++) {
        const struct parameter *item = &parameters->items[i];
        if (weights_writer_wants(writer))
            rc =
                tensor_read(stream, values, tensor_of(parameters, item, kind), shape_count(item->shape), err);
        if (!rc)
            rc = param_add(writer, item->row, item->prefix, item->layer, item->shape, values, err);
    }
    free(values);
    return rc;
}

int parameters_clear_gradients(struct parameters *parameters, struct stream *stream, struct err *err)
{
    return tensor_clear(stream, parameters_flat(parameters, PARAMETERS_GRADIENTS), err);
}
