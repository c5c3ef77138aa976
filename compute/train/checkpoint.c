// SPDX-License-Identifier: Apache-2.0
/* What steps depend on, in a file and back: the flat buffers as they are. */
#include "compute/train/parameters.h"

#include <stdlib.h>

static const struct {
    enum parameters_kind kind;
    const char *name;
} kept[] = {{PARAMETERS_VALUES, "values"}, {PARAMETERS_MEANS, "means"}, {PARAMETERS_SQUARES, "squares"},
    {PARAMETERS_AVERAGES, "averages"}};

enum { KEPT = sizeof kept / sizeof *kept };

static float *room_for_one(const struct parameters *parameters, size_t *count, struct err *err)
{
    *count = shape_count(parameters_flat(parameters, PARAMETERS_VALUES).shape);
    float *values = mem_new(*count, sizeof *values);
    if (!values)
        err_memory(err, *count * sizeof *values);
    return values;
}

int parameters_keep(const struct parameters *parameters, struct stream *stream, struct weights_writer *writer,
    struct err *err)
{
    size_t count;
    float *values = room_for_one(parameters, &count, err);
    int rc = values ? 0 : ERR_MEMORY;
    for (size_t i = 0; i < KEPT && !rc; i++) {
        if (!parameters_have(parameters, kept[i].kind))
            continue;
        if (weights_writer_wants(writer))
            rc = tensor_read(stream, values, parameters_flat(parameters, kept[i].kind), count, err);
        if (!rc)
            rc = weights_writer_add(writer, kept[i].name, 1, &count, values, err);
    }
    free(values);
    return rc;
}

static int restore_one(const struct parameters *parameters, struct stream *stream, float *values,
    size_t count, size_t i, const struct weights *weights, struct err *err)
{
    const struct weight *weight = weights_find(weights, kept[i].name);
    if (!weight || weight->rank != 1 || weight->shape[0] != count)
        return err_set(err, ERR_FORMAT, "no tensor '%s' of %zu elements", kept[i].name, count);
    const int rc = weights_values(values, weights, weight, err);
    return rc ? rc : tensor_write(stream, parameters_flat(parameters, kept[i].kind), values, count, err);
}

int parameters_restore(
    struct parameters *parameters, struct stream *stream, const struct weights *weights, struct err *err)
{
    size_t count;
    float *values = room_for_one(parameters, &count, err);
    int rc = values ? 0 : ERR_MEMORY;
    for (size_t i = 0; i < KEPT && !rc; i++)
        if (parameters_have(parameters, kept[i].kind))
            rc = restore_one(parameters, stream, values, count, i, weights, err);
    free(values);
    return rc ? rc : parameters_round(parameters, stream, err);
}
