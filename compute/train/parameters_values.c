// SPDX-License-Identifier: Apache-2.0
/* Values of parameters: from weights to the device, and from there to files. */
#include "compute/train/lora.h"
#include "compute/train/parameters.h"
#include "compute/weights/tensor_name.h"

#include <stdlib.h>
#include <string.h>

float *parameters_room(const struct parameters *parameters, struct err *err)
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

/* ---- to the device ------------------------------------------------------------------------------------- */

static int first_values(float *values, const struct parameters *parameters, size_t i,
    const struct weights *weights, struct err *err)
{
    const struct parameter *item = &parameters->items[i];
    if (item->row->kind != PARAM_LORA_A && item->row->kind != PARAM_LORA_B)
        return param_fetch(values, item->row, item->prefix, item->layer, item->shape, weights, err);
    lora_start(values, item->row->kind, item->shape, random_at(parameters->seed, i));
    return 0;
}

/* Values are used up where they are rounded. */
static int put(struct stream *stream, struct tensor to, float *values, size_t count, struct err *err)
{
    uint16_t *bits = (uint16_t *)values; /* each written where one was read before */
    if (to.dtype == DTYPE_F32)
        return tensor_write(stream, to, values, count, err);
    for (size_t i = 0; i < count; i++) {
        const float value = values[i];
        bits[i] = to.dtype == DTYPE_F16 ? f32_to_f16(value) : f32_to_bf16(value);
    }
    return tensor_write(stream, to, bits, count, err);
}

int parameters_load(
    struct parameters *parameters, struct stream *stream, const struct weights *weights, struct err *err)
{
    int rc = 0;
    float *values = parameters_room(parameters, err);
    if (!values)
        return ERR_MEMORY;
    for (int kind = 0; kind < PARAMETERS_KINDS && !rc; kind++)
        if (parameters_have(parameters, (enum parameters_kind)kind))
            rc = tensor_clear(stream, parameters_flat(parameters, (enum parameters_kind)kind), err);
    for (size_t i = 0; i < parameters->count && !rc; i++) {
        const struct parameter *item = &parameters->items[i];
        const struct tensor to = parameter_tensor(parameters, item, PARAMETERS_VALUES);
        rc = first_values(values, parameters, i, weights, err);
        if (!rc)
            rc = put(stream, to, values, shape_count(item->shape), err);
    }
    free(values);
    return rc ? rc : parameters_round(parameters, stream, err);
}

/* Of an adapter's file, whose names have that before them. */
static const char adapter_outer[] = "base_model.model.";

/* One below the other, where a row stands for several. */
static int fetch_adapted(
    float *values, const struct parameter *item, const struct weights *tensors, struct err *err)
{
    const struct place place = {
        {.outer = adapter_outer, .prefix = item->prefix, .name = item->row->name}, item->layer};
    const size_t count = name_tensors(item->row->name), part = shape_count(item->shape) / count;
    size_t shape[WEIGHT_RANK_MAX];
    int rc = 0;
    memcpy(shape, item->shape.size, sizeof shape);
    shape[0] /= count;
    for (size_t i = 0; i < count && !rc; i++) {
        char name[NAME_SIZE];
        place_name(name, &place, i);
        rc = weights_fetch(values + i * part, tensors, name, (int)item->shape.rank, shape, err);
    }
    return rc;
}

int parameters_load_adapter(
    struct parameters *parameters, struct stream *stream, const struct weights *tensors, struct err *err)
{
    int rc = 0;
    float *values = parameters_room(parameters, err);
    if (!values)
        return ERR_MEMORY;
    for (size_t i = 0; i < parameters->count && !rc; i++) {
        const struct parameter *item = &parameters->items[i];
        if (item->frozen)
            continue;
        rc = fetch_adapted(values, item, tensors, err);
        if (!rc)
            rc = tensor_write(stream, parameter_tensor(parameters, item, PARAMETERS_VALUES), values,
                shape_count(item->shape), err);
    }
    free(values);
    return rc ? rc : parameters_round(parameters, stream, err);
}

/* What LoRA changes is the product of both, so that B alone is where the share goes. */
static void blend(float *values, const float *start, const struct parameter *item, float share)
{
    const size_t count = shape_count(item->shape);
    for (size_t i = 0; i < count && item->row->kind != PARAM_LORA_A; i++)
        values[i] = (1 - share) * start[i] + share * values[i];
}

int parameters_blend(struct parameters *parameters, struct stream *stream, const struct weights *weights,
    float share, struct err *err)
{
    float *values = parameters_room(parameters, err),
          *start = values ? parameters_room(parameters, err) : NULL;
    int rc = start ? 0 : ERR_MEMORY;
    for (size_t i = 0; i < parameters->count && !rc; i++) {
        const struct parameter *item = &parameters->items[i];
        const struct tensor to = parameter_tensor(parameters, item, PARAMETERS_VALUES);
        const size_t count = shape_count(item->shape);
        if (item->frozen)
            continue;
        if ((rc = first_values(start, parameters, i, weights, err)) ||
            (rc = tensor_read(stream, values, to, count, err)))
            break;
        blend(values, start, item, share);
        rc = tensor_write(stream, to, values, count, err);
    }
    free(values);
    free(start);
    return rc ? rc : parameters_round(parameters, stream, err);
}

/* ---- to files ------------------------------------------------------------------------------------------ */

static int save(const struct parameters *parameters, enum parameters_kind kind, const char *outer,
    struct stream *stream, struct weights_writer *writer, struct err *err)
{
    int rc = 0;
    float *values = parameters_room(parameters, err);
    if (!values)
        return ERR_MEMORY;
    for (size_t i = 0; i < parameters->count && !rc; i++) {
        const struct parameter *item = &parameters->items[i];
        const size_t count = shape_count(item->shape);
        if (item->frozen)
            continue;
        if (weights_writer_wants(writer))
            rc = tensor_read(stream, values, parameter_tensor(parameters, item, kind), count, err);
        if (!rc)
            rc = param_add(writer, item->row, outer, item->prefix, item->layer, item->shape, values, err);
    }
    free(values);
    return rc;
}

int parameters_save(const struct parameters *parameters, enum parameters_kind kind, struct stream *stream,
    struct weights_writer *writer, struct err *err)
{
    return save(parameters, kind, "", stream, writer, err);
}

int parameters_save_adapter(const struct parameters *parameters, enum parameters_kind kind,
    struct stream *stream, struct weights_writer *writer, struct err *err)
{
    return save(parameters, kind, adapter_outer, stream, writer, err);
}
