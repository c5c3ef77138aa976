// SPDX-License-Identifier: Apache-2.0
/* From a parameter table to parameters on the device. */
#include "compute/gemm/gemm.h"
#include "compute/positions.h"
#include "compute/weights/tensor_name.h"

#include <stdlib.h>
#include <string.h>

struct shape param_shape(const struct param *param, const size_t dims[DIM_COUNT])
{
    struct shape shape = {0};
    for (; shape.rank < WEIGHT_RANK_MAX && param->shape[shape.rank] != DIM_NONE; shape.rank++)
        shape.size[shape.rank] = dims[param->shape[shape.rank]];
    return shape;
}

/* The same in parts; returns the rank. */
static int shape_parts(
    size_t sizes[WEIGHT_RANK_MAX], size_t *count, const struct param *param, const size_t *dims)
{
    const struct shape shape = param_shape(param, dims);
    memcpy(sizes, shape.size, shape.rank * sizeof *sizes);
    *count = shape_count(shape); /* a config's sizes are bounded: this cannot overflow */
    return (int)shape.rank;
}

/* Tensors of the file one below the other: each has as many of the rows. */
static int fetch_stacked(float *out, const struct weights *weights, const struct place *place, int rank,
    const size_t *shape, size_t count, struct err *err)
{
    const size_t tensors = name_tensors(place->stored.name);
    size_t part[WEIGHT_RANK_MAX];
    int rc = 0;
    memcpy(part, shape, sizeof part);
    part[0] /= tensors;
    for (size_t i = 0; i < tensors && !rc; i++) {
        char name[NAME_SIZE];
        float *rows = out + i * (count / tensors);
        place_name(name, place, i);
        if (name_is_left_out(place->stored.name, i))
            memset(rows, 0, count / tensors * sizeof *rows);
        else
            rc = weights_fetch(rows, weights, name, rank, part, err);
    }
    return rc;
}

/* (K, N) in the file to (N, K) in out. */
static int fetch_transposed(float *out, const struct weights *weights, const char *name, const size_t *shape,
    size_t count, struct err *err)
{
    const size_t n = shape[0], k = shape[1];
    float *stored = mem_passing(count, sizeof *stored);
    if (!stored)
        return err_memory(err, count * sizeof *stored);
    int rc = weights_fetch(stored, weights, name, 2, (size_t[]){k, n}, err);
    for (size_t row = 0; !rc && row < n; row++)
        for (size_t column = 0; column < k; column++)
            out[row * k + column] = stored[column * n + row];
    mem_passing_free(stored);
    return rc;
}

/* Some of the equal parts that the rows of a tensor of the file are. */
static int fetch_part(float *out, const struct weights *weights, const struct place *place, int rank,
    const size_t *shape, size_t count, struct err *err)
{
    const size_t first = place->stored.part.first, of = place->stored.part.of;
    const size_t part = count / place->stored.part.count; /* elements */
    size_t whole[WEIGHT_RANK_MAX];
    char name[NAME_SIZE];
    memcpy(whole, shape, sizeof whole);
    whole[0] = shape[0] / place->stored.part.count * of;
    float *stored = mem_passing(part * of, sizeof *stored);
    if (!stored)
        return err_memory(err, part * of * sizeof *stored);
    place_name(name, place, 0);
    const int rc = weights_fetch(stored, weights, name, rank, whole, err);
    if (!rc)
        memcpy(out, stored + first * part, count * sizeof *out);
    mem_passing_free(stored);
    return rc;
}

static bool is_positions(enum param_kind kind)
{
    return kind == PARAM_GRID || kind == PARAM_SQUARE || kind == PARAM_LINE;
}

/* A table of positions of another size than the model's, in a layout whose own loader resizes it. */
static const struct weight *positions_to_resize(
    const struct weights *weights, const struct param *param, const char *name, const size_t *shape)
{
    const struct weight *weight =
        is_positions(param->kind) && weights->layout == LAYOUT_OPEN_CLIP ? weights_find(weights, name) : NULL;
    const bool other = weight && weight->rank >= 2 && weight->shape[weight->rank - 1] == shape[1] &&
                       weight->shape[weight->rank - 2] != shape[0];
    return other ? weight : NULL;
}

static int fetch_resized(float *out, const struct weights *weights, const struct weight *weight, size_t count,
    enum param_kind kind, struct err *err)
{
    float *stored = mem_passing(weight->count, sizeof *stored);
    if (!stored)
        return err_memory(err, weight->count * sizeof *stored);
    const size_t *shape = weight->shape + weight->rank - 2;
    int rc = weights_fetch(stored, weights, weight->name, 2, shape, err);
    if (!rc && (rc = positions_resize(out, count, stored, shape[0], shape[1], kind, err)))
        err_wrap(err, "cannot load '%s': tensor '%s'", weight->file, weight->name);
    mem_passing_free(stored);
    return rc;
}

/* The values of one row: in the mapped file, or in memory of their own. */
struct values {
    const void *at;
    float *own;
    enum dtype dtype; /* float32, but of a table in the file */
    bool kept;        /* they go on being read there */
};

/* With `halves` values of 16 bits stay as they are. */
static int values_get(struct values *out, const struct param *param, const struct place *place, int rank,
    const size_t *shape, size_t count, const struct weights *weights, bool halves, struct err *err)
{
    const bool stacked = name_tensors(place->stored.name) > 1, part = place->stored.part.of;
    char name[NAME_SIZE];

    *out = (struct values){.dtype = DTYPE_F32};
    place_name(name, place, 0);
    const struct weight *positions = positions_to_resize(weights, param, name, shape);
    int rc = stacked || part || place->stored.transposed || positions
                 ? 0
                 : weights_view(&out->at, &out->dtype, weights, name, rank, shape, halves, err);
    if (rc || out->at)
        return rc;
    out->dtype = DTYPE_F32;
    out->at = out->own = mem_passing(count, sizeof *out->own);
    if (!out->own)
        return err_memory(err, count * sizeof *out->own);
    if (positions)
        return fetch_resized(out->own, weights, positions, shape[0], param->kind, err);
    if (stacked)
        return fetch_stacked(out->own, weights, place, rank, shape, count, err);
    if (part)
        return fetch_part(out->own, weights, place, rank, shape, count, err);
    if (place->stored.transposed)
        return fetch_transposed(out->own, weights, name, shape, count, err);
    return weights_fetch(out->own, weights, name, rank, shape, err);
}

static void values_release(struct values *values, const struct weights *weights, size_t count)
{
    if (values->kept)
        weights_keep(weights, values->at);
    else if (values->at && !values->own)
        weights_forget(weights, values->at, count * dtype_size(values->dtype));
    mem_passing_free(values->own);
}

static struct shape tensor_shape(int rank, const size_t *size)
{
    struct shape shape = {.rank = (size_t)rank};
    memcpy(shape.size, size, shape.rank * sizeof *size);
    return shape;
}

static bool is_tensor(enum param_kind kind)
{
    return kind == PARAM_TENSOR || kind == PARAM_TABLE || is_positions(kind);
}

/* Whether the values can stay where they are: a device with memory of its own has none of the file. */
static bool stays_in_file(const struct param *param, const struct values *values, const struct device *device)
{
    return param->kind == PARAM_TABLE && !values->own && device_is_cpu(device->id);
}

static int param_place(void *field, const struct param *param, struct values *from, int rank,
    const size_t *shape, size_t count, struct device *device, struct err *err)
{
    switch (param->kind) {
    case PARAM_HOST:
        *(float *)field = *(const float *)from->at;
        return 0;
    case PARAM_VALUES:
        return host_copy(field, from->at, count, err);
    default: {
        struct tensor *tensor = field;
        const size_t bytes = count * dtype_size(from->dtype);
        *tensor = (struct tensor){.shape = tensor_shape(rank, shape), .dtype = from->dtype};
        from->kept = stays_in_file(param, from, device);
        if (from->kept)
            return device_buffer_at(&tensor->buffer, device, from->at, bytes, err);
        return device_buffer(&tensor->buffer, device, from->at, bytes, err);
    }
    }
}

/* Messages about memory and the device do not know which tensor it was. */
static void say_which(struct err *err, const struct place *place)
{
    char name[NAME_SIZE];
    place_prefix(name, place);
    err_wrap(err, "cannot load tensor '%s%s'", name, place->stored.name);
}

static int param_load(void *object, const struct param *param, const struct place *place,
    const size_t dims[DIM_COUNT], const struct weights *weights, struct device *device, struct err *err)
{
    size_t shape[WEIGHT_RANK_MAX] = {0}, count;
    const int rank = shape_parts(shape, &count, param, dims);
    struct values values;
    int rc = values_get(&values, param, place, rank, shape, count, weights, param->kind == PARAM_TABLE, err);
    if (!rc)
        rc = param_place((char *)object + param->field, param, &values, rank, shape, count, device, err);
    if (rc == ERR_MEMORY || rc == ERR_DEVICE)
        say_which(err, place);
    values_release(&values, weights, count);
    return rc;
}

bool param_is_there(const struct param *param, const size_t dims[DIM_COUNT])
{
    return param->when == ALWAYS || dims[param->when];
}

static bool is_linear(enum param_kind kind)
{
    return kind == PARAM_LINEAR || kind == PARAM_LINEAR_EXACT;
}

/* What a linear layer has. */
enum part { PART_NONE, PART_WEIGHT, PART_BIAS, PART_GAMMA, PART_BETA, PARTS };

static enum part part_of(enum param_kind kind)
{
    return is_linear(kind)       ? PART_WEIGHT
           : kind == PARAM_BIAS  ? PART_BIAS
           : kind == PARAM_GAMMA ? PART_GAMMA
           : kind == PARAM_BETA  ? PART_BETA
                                 : PART_NONE;
}

/* The weight in the first row, and what further rows have for the same layer. */
static int layer_rows_load(void *object, const struct param *table, size_t rows, const char *prefix,
    size_t layer, const size_t dims[DIM_COUNT], const struct weights *weights, struct device *device,
    struct err *err)
{
    struct values values[PARTS] = {0}, *weight = &values[PART_WEIGHT];
    size_t shape[WEIGHT_RANK_MAX] = {0}, counts[PARTS] = {0};
    struct linear **out = (struct linear **)((char *)object + table->field);
    int rc = 0;
    for (size_t i = 0; i < rows && !rc; i++) {
        const struct param *param = &table[i];
        const enum part part = part_of(param->kind);
        if (param->field != table->field || !part || !param_is_there(param, dims))
            continue;
        const struct place place = place_of(prefix, param->name, layer, weights);
        const int rank = shape_parts(shape, &counts[part], param, dims);
        rc = values_get(&values[part], param, &place, rank, shape, counts[part], weights, false, err);
        if (rc == ERR_MEMORY)
            say_which(err, &place);
    }
    if (!rc) {
        const struct linear_values all = {.weight = weight->at,
            .bias = values[PART_BIAS].at,
            .gamma = values[PART_GAMMA].at,
            .beta = values[PART_BETA].at,
            .lasting = weights_in_file(weights, weight->at),
            .exact = table->kind == PARAM_LINEAR_EXACT};
        const struct place place = place_of(prefix, table->name, layer, weights);
        shape_parts(shape, &counts[PART_WEIGHT], table, dims);
        const size_t n = shape[0], k = counts[PART_WEIGHT] / n;
        if (!(rc = linear_load_layer(out, &weight->kept, device, &all, n, k, err)))
            (*out)->name = table->name;
        else
            say_which(err, &place);
    }
    for (size_t part = 0; part < PARTS; part++)
        values_release(&values[part], weights, counts[part]);
    return rc;
}

int params_load(void *object, const struct param *table, size_t rows, const char *prefix, size_t layer,
    const size_t dims[DIM_COUNT], const struct weights *weights, struct device *device, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < rows && !rc; i++) {
        const struct place place = place_of(prefix, table[i].name, layer, weights);
        if (!param_is_there(&table[i], dims))
            continue;
        if (is_linear(table[i].kind))
            rc = layer_rows_load(object, &table[i], rows - i, prefix, layer, dims, weights, device, err);
        else if (!part_of(table[i].kind))
            rc = param_load(object, &table[i], &place, dims, weights, device, err);
    }
    return rc;
}

int param_fetch(float *out, const struct param *param, const char *prefix, size_t layer, struct shape shape,
    const struct weights *weights, struct err *err)
{
    const struct place place = place_of(prefix, param->name, layer, weights);
    const size_t count = shape_count(shape);
    struct values values;
    const int rc =
        values_get(&values, param, &place, (int)shape.rank, shape.size, count, weights, false, err);
    if (!rc)
        memcpy(out, values.at, count * sizeof *out);
    values_release(&values, weights, count);
    return rc;
}

int param_add(struct weights_writer *writer, const struct param *param, const char *outer, const char *prefix,
    size_t layer, struct shape shape, const float *values, struct err *err)
{
    const struct place place = {{.outer = outer, .prefix = prefix, .name = param->name}, layer};
    const size_t tensors = name_tensors(param->name), part = shape_count(shape) / tensors;
    int rc = 0;
    shape.size[0] /= tensors;
    for (size_t i = 0; i < tensors && !rc; i++) {
        char name[NAME_SIZE];
        place_name(name, &place, i);
        rc = weights_writer_add(
            writer, name, (int)shape.rank, shape.size, values ? values + i * part : NULL, err);
    }
    return rc;
}

static int param_save(const struct param *param, const char *prefix, size_t layer,
    const size_t dims[DIM_COUNT], const struct weights *weights, struct weights_writer *writer,
    struct err *err)
{
    const struct place from = place_of(prefix, param->name, layer, weights);
    const struct shape shape = param_shape(param, dims);
    const size_t count = shape_count(shape);
    struct values values = {0};
    int rc = weights_writer_wants(writer)
                 ? values_get(&values, param, &from, (int)shape.rank, shape.size, count, weights, false, err)
                 : 0;
    if (!rc)
        rc = param_add(writer, param, "", prefix, layer, shape, values.at, err);
    values_release(&values, weights, count);
    return rc;
}

int params_save(const struct param *table, size_t rows, const char *prefix, size_t layer,
    const size_t dims[DIM_COUNT], const struct weights *weights, struct weights_writer *writer,
    struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < rows && !rc; i++)
        if (param_is_there(&table[i], dims))
            rc = param_save(&table[i], prefix, layer, dims, weights, writer, err);
    return rc;
}

size_t params_layers(const struct weights *weights, const char *prefix)
{
    struct place place = place_of(prefix, "", 0, weights);
    char name[NAME_SIZE];
    for (place_prefix(name, &place); weights_begins(weights, name); place_prefix(name, &place))
        place.layer++;
    return place.layer;
}

size_t params_rows(const struct weights *weights, const char *name)
{
    const struct place place = place_of("", name, 0, weights);
    char stored[NAME_SIZE];
    place_name(stored, &place, 0);
    const struct weight *weight = weights_find(weights, stored);
    return weight && weight->rank ? weight->shape[0] : 0;
}

/* Leaves nothing behind, since several rows may be about one field, each with its own condition. */
void params_release(void *object, const struct param *table, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        void *field = (char *)object + table[i].field;
        if (is_linear(table[i].kind)) {
            linear_free(*(struct linear **)field);
            *(struct linear **)field = NULL;
        } else if (is_tensor(table[i].kind)) {
            struct tensor *tensor = field;
            if (tensor->buffer)
                clReleaseMemObject(tensor->buffer);
            *tensor = (struct tensor){0};
        } else if (table[i].kind == PARAM_VALUES) {
            free(*(float **)field);
            *(float **)field = NULL;
        }
    }
}

int tensor_load(
    struct tensor *out, struct device *device, struct shape shape, const float *values, struct err *err)
{
    *out = (struct tensor){.shape = shape, .dtype = DTYPE_F32};
    return device_buffer(&out->buffer, device, values, shape_count(shape) * sizeof *values, err);
}

size_t params_count(const struct param *table, size_t rows, const size_t dims[DIM_COUNT])
{
    size_t total = 0;
    for (size_t i = 0; i < rows; i++) {
        total += param_is_there(&table[i], dims) ? shape_count(param_shape(&table[i], dims)) : 0;
    }
    return total;
}
