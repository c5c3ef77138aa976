// SPDX-License-Identifier: Apache-2.0
/* From a parameter table to parameters on the device. */
#include "compute/gemm/gemm.h"
#include "compute/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 192 };

/* The shape of one row in numbers; returns its rank. */
static int param_shape(
    size_t shape[WEIGHT_RANK_MAX], size_t *count, const struct param *param, const size_t *dims)
{
    int rank = 0;
    *count = 1;
    for (; rank < WEIGHT_RANK_MAX && param->shape[rank] != DIM_NONE; rank++) {
        shape[rank] = dims[param->shape[rank]];
        *count *= shape[rank]; /* a config's sizes are bounded: this cannot overflow */
    }
    return rank;
}

static void append(char name[NAME_SIZE], const char *text, size_t length)
{
    const size_t used = strlen(name), room = NAME_SIZE - 1 - used;
    strncat(name, text, length < room ? length : room);
}

/* Appends text, with the first `mark` in it replaced by `value`. */
static void append_filled(char name[NAME_SIZE], const char *text, const char *mark, const char *value)
{
    const char *at = strstr(text, mark);
    if (at) {
        append(name, text, (size_t)(at - text));
        append(name, value, strlen(value));
        text = at + strlen(mark);
    }
    append(name, text, strlen(text));
}

#define STACKED "{q,k,v}"

/* The tensor's full name: the prefix with its "%zu" replaced by the layer, then the row's name, with
 * "{q,k,v}" replaced by `stacked`. Names in our tables are short; one that were not would be looked up cut,
 * and not found. */
static void param_name(
    char out[NAME_SIZE], const char *prefix, size_t layer, const char *name, const char *stacked)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", layer);
    out[0] = '\0';
    append_filled(out, prefix, "%zu", number);
    append_filled(out, name, STACKED, stacked);
}

/* Three tensors of the file one below the other: a third of the rows each. */
static int fetch_stacked(float *out, const struct weights *weights, const char *prefix, size_t layer,
    const char *name, int rank, const size_t *shape, size_t count, struct err *err)
{
    size_t third[WEIGHT_RANK_MAX];
    int rc = 0;
    memcpy(third, shape, sizeof third);
    third[0] /= 3;
    for (int i = 0; i < 3 && !rc; i++) {
        char full[NAME_SIZE];
        param_name(full, prefix, layer, name, (const char *[]){"q", "k", "v"}[i]);
        rc = weights_fetch(out + (size_t)i * (count / 3), weights, full, rank, third, err);
    }
    return rc;
}

/* (K, N) in the file to (N, K) in out. */
static int fetch_transposed(float *out, const struct weights *weights, const char *name, const size_t *shape,
    size_t count, struct err *err)
{
    const size_t n = shape[0], k = shape[1];
    float *stored = mem_new(count, sizeof *stored);
    if (!stored)
        return err_memory(err, count * sizeof *stored);
    int rc = weights_fetch(stored, weights, name, 2, (size_t[]){k, n}, err);
    for (size_t row = 0; !rc && row < n; row++)
        for (size_t column = 0; column < k; column++)
            out[row * k + column] = stored[column * n + row];
    free(stored);
    return rc;
}

static const char *name_in(enum layout layout, const struct param *param)
{
    return layout == LAYOUT_HF ? param->hf : param->open_clip;
}

/* The values of one row: in the mapped file, or in memory of their own. */
struct values {
    const float *at;
    float *own;
};

static int values_get(struct values *out, const struct param *param, const char *const prefix[2],
    size_t layer, int rank, const size_t *shape, size_t count, const struct weights *weights, struct err *err)
{
    const enum layout layout = weights_layout(weights);
    const char *name = name_in(layout, param);
    const bool stacked = strstr(name, STACKED) != NULL,
               transposed = layout == LAYOUT_OPEN_CLIP && param->open_clip_transposed;
    char full[NAME_SIZE];

    *out = (struct values){0};
    param_name(full, prefix[layout], layer, name, "");
    int rc = stacked || transposed ? 0 : weights_view(&out->at, weights, full, rank, shape, err);
    if (rc || out->at)
        return rc;
    out->at = out->own = mem_new(count, sizeof *out->own);
    if (!out->own)
        return err_memory(err, count * sizeof *out->own);
    if (stacked)
        return fetch_stacked(out->own, weights, prefix[layout], layer, name, rank, shape, count, err);
    if (transposed)
        return fetch_transposed(out->own, weights, full, shape, count, err);
    return weights_fetch(out->own, weights, full, rank, shape, err);
}

static void values_release(struct values *values, size_t count)
{
    if (values->at && !values->own)
        file_map_forget(values->at, count * sizeof *values->at);
    free(values->own);
}

static int param_place(void *field, const struct param *param, const float *values, const size_t *shape,
    size_t count, struct device *device, struct err *err)
{
    switch (param->kind) {
    case PARAM_LINEAR: {
        int rc = linear_load(field, device, values, shape[0], count / shape[0], err);
        if (!rc)
            (*(struct linear **)field)->name = param->hf;
        return rc;
    }
    case PARAM_BIAS:
        return linear_set_bias(*(struct linear **)field, device, values, err);
    case PARAM_GAMMA:
        return linear_set_gamma(*(struct linear **)field, device, values, err);
    case PARAM_BETA:
        return linear_set_beta(*(struct linear **)field, device, values, err);
    case PARAM_HOST:
        *(float *)field = values[0];
        return 0;
    default: {
        struct tensor *tensor = field;
        *tensor = (struct tensor){.count = count, .element = ELEMENT_F32};
        return device_buffer(&tensor->buffer, device, values, count * sizeof *values, err);
    }
    }
}

/* Messages about memory and the device do not know which tensor it was. */
static void name_tensor(
    struct err *err, const struct param *param, const char *const prefix[2], size_t layer, enum layout layout)
{
    char full[NAME_SIZE];
    param_name(full, prefix[layout], layer, name_in(layout, param), STACKED);
    err_wrap(err, "cannot load tensor '%s'", full);
}

int params_load(void *object, const struct param *table, size_t rows, const char *const prefix[2],
    size_t layer, const size_t dims[DIM_COUNT], const struct weights *weights, struct device *device,
    struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < rows && !rc; i++) {
        size_t shape[WEIGHT_RANK_MAX] = {0}, count;
        const int rank = param_shape(shape, &count, &table[i], dims);
        void *field = (char *)object + table[i].field;
        struct values values;
        rc = values_get(&values, &table[i], prefix, layer, rank, shape, count, weights, err);
        if (!rc)
            rc = param_place(field, &table[i], values.at, shape, count, device, err);
        if (rc == ERR_MEMORY || rc == ERR_DEVICE)
            name_tensor(err, &table[i], prefix, layer, weights_layout(weights));
        values_release(&values, count);
    }
    return rc;
}

void params_release(void *object, const struct param *table, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        void *field = (char *)object + table[i].field;
        if (table[i].kind == PARAM_LINEAR)
            linear_free(*(struct linear **)field);
        else if (table[i].kind == PARAM_TENSOR && ((struct tensor *)field)->buffer)
            clReleaseMemObject(((struct tensor *)field)->buffer);
    }
}

size_t params_count(const struct param *table, size_t rows, const size_t dims[DIM_COUNT])
{
    size_t total = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t shape[WEIGHT_RANK_MAX], count;
        param_shape(shape, &count, &table[i], dims);
        total += count;
    }
    return total;
}
