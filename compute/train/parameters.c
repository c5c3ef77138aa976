// SPDX-License-Identifier: Apache-2.0
#include "compute/train/parameters.h"
#include "compute/weights/internal.h"

#include <stdlib.h>

enum { ALIGN = 16 }; /* elements: the widest vector that kernels load */

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
    flat_release(&parameters->frozen);
    flat_release(&parameters->frozen_reals);
    free(parameters->items);
    free(parameters);
}

/* ---- what there is ------------------------------------------------------------------------------------- */

static struct tensor *field_of(void *object, const struct param *row)
{
    return (struct tensor *)((char *)object + (row->trained - 1));
}

int parameters_add(struct parameters *parameters, const struct param *table, size_t rows, const char *prefix,
    size_t layer, const size_t dims[DIM_COUNT], void *values, void *gradients, size_t trained_from,
    struct err *err)
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
            .frozen = row->trained - 1 < trained_from,
            .value = field_of(values, row),
            .gradient = field_of(gradients, row)};
    }
    return 0;
}

/* ---- where it lies ------------------------------------------------------------------------------------- */

/* Whether a product takes it. */
static bool is_operand(const struct parameter *item)
{
    const enum param_kind kind = item->row->kind;
    return kind == PARAM_LINEAR || kind == PARAM_LINEAR_EXACT || kind == PARAM_LORA_A || kind == PARAM_LORA_B;
}

/* As open_clip's groups: what has one axis is a gain, a bias or a token, and does not decay. */
static enum region region_of(const struct parameters *parameters, const struct parameter *item)
{
    if (!item->frozen)
        return item->shape.rank > 1 ? REGION_DECAYING : REGION_OTHERS;
    return is_operand(item) && parameters->real != DTYPE_F32 ? REGION_FROZEN_REALS : REGION_FROZEN;
}

static void lay_out(struct parameters *parameters)
{
    size_t *sizes = parameters->sizes;
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *item = &parameters->items[i];
        item->region = region_of(parameters, item);
        item->offset = sizes[item->region];
        sizes[item->region] += groups_of(shape_count(item->shape), ALIGN) * ALIGN;
    }
    for (size_t i = 0; i < parameters->count; i++)
        if (parameters->items[i].region == REGION_OTHERS)
            parameters->items[i].offset += sizes[REGION_DECAYING];
}

static size_t elements(const struct parameters *parameters)
{
    return parameters->sizes[REGION_DECAYING] + parameters->sizes[REGION_OTHERS];
}

struct tensor parameters_flat(const struct parameters *parameters, enum parameters_kind kind)
{
    return (struct tensor){parameters->flats[kind].buffer, 0, SHAPE(elements(parameters)), DTYPE_F32};
}

struct tensor parameter_tensor(
    const struct parameters *parameters, const struct parameter *item, enum parameters_kind kind)
{
    const bool real = item->region == REGION_FROZEN_REALS;
    const struct flat *flat = real           ? &parameters->frozen_reals
                              : item->frozen ? &parameters->frozen
                                             : &parameters->flats[kind];
    return (struct tensor){flat->buffer, item->offset, item->shape, real ? parameters->real : DTYPE_F32};
}

size_t parameters_decaying(const struct parameters *parameters)
{
    return parameters->sizes[REGION_DECAYING];
}

size_t parameters_trained(const struct parameters *parameters)
{
    size_t count = 0;
    for (size_t i = 0; i < parameters->count; i++)
        count += parameters->items[i].frozen ? 0 : shape_count(parameters->items[i].shape);
    return count;
}

size_t parameters_bytes(const struct parameters *parameters)
{
    const size_t *sizes = parameters->sizes, real = dtype_size(parameters->real);
    const size_t copies = parameters->real == DTYPE_F32 ? 0 : sizes[REGION_DECAYING];
    const size_t kinds = PARAMETERS_KINDS - !parameters->averages;
    return (kinds * elements(parameters) + sizes[REGION_FROZEN]) * sizeof(float) +
           (copies + sizes[REGION_FROZEN_REALS]) * real;
}

/* As layers take it: weights of more axes, of convolutions, as (N, K). */
static struct tensor matrix_tensor(struct tensor tensor)
{
    const size_t n = tensor.shape.size[0];
    return tensor.shape.rank > 2 ? tensor_view(tensor, SHAPE(n, shape_count(tensor.shape) / n)) : tensor;
}

void parameters_hand_out(const struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *item = &parameters->items[i];
        struct tensor value = parameter_tensor(parameters, item, PARAMETERS_VALUES);
        if (!item->frozen && is_operand(item) && parameters->real != DTYPE_F32) {
            value.buffer = parameters->reals.buffer;
            value.dtype = parameters->real;
        }
        *item->value = matrix_tensor(value);
        *item->gradient = item->frozen
                              ? (struct tensor){0}
                              : matrix_tensor(parameter_tensor(parameters, item, PARAMETERS_GRADIENTS));
    }
}

void parameters_keep_averages(struct parameters *parameters)
{
    parameters->averages = true;
}

bool parameters_have(const struct parameters *parameters, enum parameters_kind kind)
{
    return parameters->flats[kind].buffer;
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static int flat_open(
    struct flat *flat, struct device *device, size_t count, enum dtype dtype, struct err *err)
{
    const size_t bytes = count * dtype_size(dtype);
    const int rc = count ? device_memory(&flat->buffer, &flat->host, device, bytes, err) : 0;
    if (rc)
        err_wrap(err, "no %zu bytes for what is trained on '%s'", bytes, device->name);
    return rc;
}

int parameters_open(struct parameters *parameters, struct device *device, struct err *err)
{
    const size_t *sizes = parameters->sizes;
    const enum dtype real = device->activations;
    int rc = 0;
    parameters->real = real;
    lay_out(parameters);
    for (int kind = 0; kind < PARAMETERS_KINDS && !rc; kind++)
        if (kind != PARAMETERS_AVERAGES || parameters->averages)
            rc = flat_open(&parameters->flats[kind], device, elements(parameters), DTYPE_F32, err);
    if (!rc && real != DTYPE_F32)
        rc = flat_open(&parameters->reals, device, sizes[REGION_DECAYING], real, err);
    if (!rc)
        rc = flat_open(&parameters->frozen, device, sizes[REGION_FROZEN], DTYPE_F32, err);
    if (!rc)
        rc = flat_open(&parameters->frozen_reals, device, sizes[REGION_FROZEN_REALS], real, err);
    if (!rc)
        parameters_hand_out(parameters);
    return rc;
}

int parameters_round(const struct parameters *parameters, struct stream *stream, struct err *err)
{
    const size_t decaying = parameters_decaying(parameters); /* all operands are among those */
    struct tensor from = parameters_flat(parameters, PARAMETERS_VALUES), to = from;
    if (parameters->real == DTYPE_F32 || !decaying)
        return 0;
    to.buffer = parameters->reals.buffer;
    to.dtype = parameters->real;
    return tensor_convert(stream, tensor_view(to, SHAPE(decaying)), tensor_view(from, SHAPE(decaying)), err);
}

int parameters_clear_gradients(struct parameters *parameters, struct stream *stream, struct err *err)
{
    return tensor_clear(stream, parameters_flat(parameters, PARAMETERS_GRADIENTS), err);
}
