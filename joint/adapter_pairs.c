// SPDX-License-Identifier: Apache-2.0
#include "joint/adapter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A module's tensors by what they are, and the model's that they change. */
struct module {
    const struct weight *parts[ADAPTER_PARTS];
    const char *weight, *bias; /* their names in the model; NULL: it has none */
    size_t shape[WEIGHT_RANK_MAX];
    int dims;          /* of the weight */
    size_t n, k, rank; /* the weight as a matrix, and R */
    float scale;       /* of up @ down */
};

static char *join(struct arena *arena, const char *module, const char *name)
{
    char *out = arena_alloc(arena, strlen(module) + strlen(name) + 1);
    if (out)
        strcpy(stpcpy(out, module), name);
    return out;
}

static const char *name_of(
    struct arena *arena, const char *module, const char *last, const char *fused, const struct weights *model)
{
    size_t shape[WEIGHT_RANK_MAX];
    int dims;
    const char *plain = join(arena, module, last), *other = join(arena, module, fused);
    return plain && weights_shape(&dims, shape, model, plain)   ? plain
           : other && weights_shape(&dims, shape, model, other) ? other
                                                                : NULL;
}

/* ---- checks -------------------------------------------------------------------------------------------- */

static bool same_shape(const struct weight *tensor, int dims, const size_t *shape)
{
    if (tensor->rank != dims)
        return false;
    for (int axis = 0; axis < dims; axis++)
        if (tensor->shape[axis] != shape[axis])
            return false;
    return true;
}

static int check_shape(const struct weight *tensor, int dims, const size_t *shape, struct err *err)
{
    if (same_shape(tensor, dims, shape))
        return 0;
    return err_set(err, ERR_FORMAT, "tensor '%s' has shape %s, expected %s", tensor->name,
        shape_text(tensor->rank, tensor->shape).text, shape_text(dims, shape).text);
}

/* Both halves of a product have to be there. */
static int need_both(
    const struct module *module, enum adapter_part down, enum adapter_part up, struct err *err)
{
    const struct weight *a = module->parts[down], *b = module->parts[up];
    if (!a == !b)
        return 0;
    return err_set(err, ERR_FORMAT, "tensor '%s' has no other half beside it", (a ? a : b)->name);
}

/* What tells a convolution's from a matrix: its spatial lengths, which up has as 1. */
static int check_shapes(const struct module *module, struct err *err)
{
    const bool table = module->parts[ADAPTER_EMBEDDING_DOWN];
    const size_t r = module->rank;
    size_t down[WEIGHT_RANK_MAX] = {r, module->shape[0]}, up[WEIGHT_RANK_MAX] = {module->shape[0], r, 1, 1};
    int dims = table ? 2 : module->dims;
    if (table)
        up[0] = module->k;
    else
        memcpy(down + 1, module->shape + 1, (WEIGHT_RANK_MAX - 1) * sizeof *down);
    const int rc = check_shape(module->parts[table ? ADAPTER_EMBEDDING_DOWN : ADAPTER_DOWN], dims, down, err);
    return rc ? rc : check_shape(module->parts[table ? ADAPTER_EMBEDDING_UP : ADAPTER_UP], dims, up, err);
}

static int check_magnitude(const struct module *module, const struct adapter_config *config, struct err *err)
{
    const struct weight *magnitude = module->parts[ADAPTER_MAGNITUDE];
    const bool table = module->parts[ADAPTER_EMBEDDING_DOWN];
    const size_t count = table ? module->k : module->n;
    if (!magnitude != !config->dora)
        return err_set(err, ERR_FORMAT, "'use_dora' is %s, but '%s' has %s", config->dora ? "true" : "false",
            module->weight, magnitude ? "a magnitude" : "no magnitude");
    if (!magnitude)
        return 0;
    return module->dims > 2 ? check_shape(magnitude, module->dims, (size_t[]){1, count, 1, 1}, err)
                            : check_shape(magnitude, 1, &count, err);
}

/* ---- values -------------------------------------------------------------------------------------------- */

static int take_values(
    float **out, struct adapter *adapter, const struct weight *tensor, float scale, struct err *err)
{
    size_t bytes;
    *out = size_mul(&bytes, tensor->count, sizeof **out) ? arena_alloc(&adapter->arena, bytes) : NULL;
    if (!*out)
        return err_memory(err, tensor->count);
    const int rc = weights_values(*out, adapter->tensors, tensor, err);
    for (size_t i = 0; i < tensor->count && !rc && scale != 1; i++)
        (*out)[i] *= scale;
    return rc;
}

/* in (rows, columns) as (columns, rows). */
static int transpose(float **values, struct adapter *adapter, size_t rows, size_t columns, struct err *err)
{
    float *out = arena_alloc(&adapter->arena, rows * columns * sizeof *out);
    if (!out)
        return err_memory(err, rows * columns * sizeof *out);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            out[column * rows + row] = (*values)[row * columns + column];
    *values = out;
    return 0;
}

static int add_change(struct adapter *adapter, struct weight_change change, struct err *err)
{
    if (adapter->count == adapter->room) {
        const size_t room = adapter->room ? 2 * adapter->room : 64;
        struct weight_change *grown = mem_grow(adapter->changes, room, sizeof *grown);
        if (!grown)
            return err_memory(err, room * sizeof *grown);
        adapter->changes = grown;
        adapter->room = room;
    }
    change.weight = adapter->weight;
    adapter->changes[adapter->count++] = change;
    return 0;
}

/* ---- the kinds of change ------------------------------------------------------------------------------- */

static int add_value(
    struct adapter *adapter, const struct adapter_key *key, const struct weights *model, struct err *err)
{
    struct weight_change change = {.tensor = join(&adapter->arena, key->module, ""), .rows = 1};
    size_t shape[WEIGHT_RANK_MAX];
    float *values;
    int dims;
    if (!change.tensor || !weights_shape(&dims, shape, model, change.tensor)) /* it is there: adapter_keys */
        return err_memory(err, strlen(key->module));
    int rc = check_shape(key->tensor, dims, shape, err);
    if (!rc)
        rc = take_values(&values, adapter, key->tensor, 1, err);
    if (rc)
        return rc;
    if (dims)
        change.rows = shape[0];
    change.columns = key->tensor->count / change.rows;
    change.value = values;
    adapter->counts.replaced++;
    return add_change(adapter, change, err);
}

/* W += up @ down, or of a table (V, W), whose halves are transposed: W += (up @ down)'. */
static int add_product(struct adapter *adapter, const struct module *module, struct err *err)
{
    const bool table = module->parts[ADAPTER_EMBEDDING_DOWN];
    const struct weight *magnitude = module->parts[ADAPTER_MAGNITUDE];
    float *up, *down, *lengths = NULL;
    int rc =
        take_values(&down, adapter, module->parts[table ? ADAPTER_EMBEDDING_DOWN : ADAPTER_DOWN], 1, err);
    if (!rc)
        rc = take_values(
            &up, adapter, module->parts[table ? ADAPTER_EMBEDDING_UP : ADAPTER_UP], module->scale, err);
    if (!rc && magnitude)
        rc = take_values(&lengths, adapter, magnitude, 1, err);
    if (!rc && table && !(rc = transpose(&down, adapter, module->rank, module->n, err)))
        rc = transpose(&up, adapter, module->k, module->rank, err);
    if (rc)
        return rc;
    struct adapter_counts *counts = &adapter->counts;
    counts->pairs++;
    counts->magnitudes += magnitude != NULL;
    counts->rank_min =
        counts->pairs == 1 || module->rank < counts->rank_min ? module->rank : counts->rank_min;
    counts->rank_max = module->rank > counts->rank_max ? module->rank : counts->rank_max;
    return add_change(adapter,
        (struct weight_change){.tensor = module->weight,
            .rows = module->n,
            .columns = module->k,
            .rank = module->rank,
            .up = table ? down : up,
            .down = table ? up : down,
            .magnitude = lengths,
            .by_column = table},
        err);
}

/* b += scale * bias: a product of rank 1 with 1. */
static int add_bias(struct adapter *adapter, const struct module *module, struct err *err)
{
    static const float one = 1;
    const struct weight *bias = module->parts[ADAPTER_UP_BIAS];
    float *values;
    if (!module->bias)
        return err_set(err, ERR_FORMAT, "tensor '%s' is for a module that has no bias", bias->name);
    int rc = check_shape(bias, 1, &module->n, err);
    if (!rc)
        rc = take_values(&values, adapter, bias, module->scale, err);
    if (rc)
        return rc;
    return add_change(adapter,
        (struct weight_change){
            .tensor = module->bias, .rows = module->n, .columns = 1, .rank = 1, .up = values, .down = &one},
        err);
}

/* ---- a module ------------------------------------------------------------------------------------------ */

/* R, and what up @ down is multiplied by. */
static int find_scale(struct module *module, struct adapter *adapter, const char *name, struct err *err)
{
    const struct adapter_config *config = &adapter->config;
    const struct weight *down = module->parts[ADAPTER_DOWN], *stored = module->parts[ADAPTER_ALPHA];
    double alpha;
    float *value;
    int rc = adapter_config_module(&module->rank, &alpha, config, name, err);
    if (!rc && !module->rank) { /* kohya-ss: without an alpha the scale is 1 */
        module->rank = down->rank ? down->shape[0] : 0;
        alpha = (double)module->rank;
        if (!module->rank)
            return err_set(err, ERR_FORMAT, "tensor '%s' has rank 0", down->name);
        if (stored && stored->count != 1)
            return err_set(err, ERR_FORMAT, "tensor '%s' is no number", stored->name);
        if (stored && !(rc = take_values(&value, adapter, stored, 1, err)))
            alpha = (double)*value;
    }
    const double rank = (double)module->rank;
    module->scale = (float)(alpha / (config->rank_stabilized ? sqrt(rank) : rank));
    return rc;
}

int adapter_add_module(struct adapter *adapter, const struct adapter_key *keys, size_t count,
    const struct weights *model, struct err *err)
{
    const char *name = keys->module;
    struct module module = {.weight = name_of(&adapter->arena, name, ".weight", ".in_proj_weight", model),
        .bias = name_of(&adapter->arena, name, ".bias", ".in_proj_bias", model)};
    int rc;
    if (keys->part == ADAPTER_VALUE)
        return add_value(adapter, keys, model, err);
    for (size_t i = 0; i < count; i++)
        module.parts[keys[i].part] = keys[i].tensor;
    if (!module.weight || !weights_shape(&module.dims, module.shape, model, module.weight))
        return err_memory(err, strlen(name)); /* it is there: adapter_keys */
    if ((rc = need_both(&module, ADAPTER_DOWN, ADAPTER_UP, err)) ||
        (rc = need_both(&module, ADAPTER_EMBEDDING_DOWN, ADAPTER_EMBEDDING_UP, err)))
        return rc;
    if (!module.parts[ADAPTER_DOWN] == !module.parts[ADAPTER_EMBEDDING_DOWN] || module.dims < 2)
        return err_set(
            err, ERR_FORMAT, "tensor '%s' is of no product that a module can have", keys->tensor->name);
    module.n = module.shape[0];
    module.k = 1;
    for (int axis = 1; axis < module.dims; axis++)
        module.k *= module.shape[axis];
    if ((rc = find_scale(&module, adapter, name, err)) || (rc = check_shapes(&module, err)) ||
        (rc = check_magnitude(&module, &adapter->config, err)) || (rc = add_product(adapter, &module, err)))
        return rc;
    return module.parts[ADAPTER_UP_BIAS] ? add_bias(adapter, &module, err) : 0;
}
