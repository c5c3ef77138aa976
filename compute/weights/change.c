// SPDX-License-Identifier: Apache-2.0
/* Tensors that are not what their file has. A change is kept as it fits the tensor there: the rows of it that it is about, and
 * transposed where that is. */
#include "compute/weights/internal.h"
#include "compute/weights/tensor_name.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct change {
    struct change *next;
    const struct weight *weight;
    size_t row, rows, columns; /* N rows from that one on, of K columns */
    float factor;
    size_t rank;            /* R */
    const float *up;        // (N, R)
    const float *down;      // (R, K)
    const float *magnitude; // (N), or (K) by_column
    bool by_column;
    const float *value; // (N, K)
};

/* ---- taking changes ------------------------------------------------------------------------------------ */

static size_t product(const size_t *shape, int rank)
{
    size_t count = 1;
    for (int axis = 0; axis < rank; axis++)
        count *= shape[axis]; /* of a tensor that is in memory */
    return count;
}

/* Axes of length 1 that stand before a matrix or a vector say nothing. */
static void drop_ones(int *rank, size_t *shape, int to)
{
    while (*rank > to && shape[0] == 1)
        memmove(shape, shape + 1, (size_t)-- * rank * sizeof *shape);
}

static void canonical_shape(int *rank, size_t shape[WEIGHT_RANK_MAX], const struct found_tensor *found)
{
    *rank = found->weight->rank;
    memcpy(shape, found->weight->shape, sizeof found->weight->shape);
    drop_ones(rank, shape, 2);
    if (found->transposed && *rank == 2) {
        const size_t rows = shape[0];
        shape[0] = shape[1];
        shape[1] = rows;
    }
    if (*rank)
        shape[0] /= found->of;
}

bool weights_shape(int *rank, size_t shape[WEIGHT_RANK_MAX], const struct weights *weights, const char *name)
{
    struct found_tensor found;
    if (!tensor_find(&found, weights, name))
        return false;
    canonical_shape(rank, shape, &found);
    return true;
}

/* A copy of values (rows, columns), or of none, maybe as (columns, rows). */
static const float *copy(
    struct arena *arena, const float *values, size_t rows, size_t columns, bool transposed)
{
    float *out = values ? arena_alloc(arena, rows * columns * sizeof *out) : NULL;
    for (size_t row = 0; out && row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            out[transposed ? column * rows + row : row * columns + column] = values[row * columns + column];
    return out;
}

static int add_change(struct weights *weights, const struct change *change, struct err *err)
{
    struct change *added = arena_alloc(&weights->changed, sizeof *added), **end = &weights->changes;
    if (!added)
        return err_memory(err, sizeof *added);
    *added = *change;
    while (*end)
        end = &(*end)->next;
    *end = added;
    return 0;
}

int weights_change(struct weights *weights, const struct weight_change *change, struct err *err)
{
    struct found_tensor found;
    size_t shape[WEIGHT_RANK_MAX];
    int rank;
    if (!tensor_find(&found, weights, change->tensor))
        return err_set(err, ERR_FORMAT, "'%s' has no tensor '%s'", weights->source, change->tensor);
    canonical_shape(&rank, shape, &found);
    const size_t n = rank ? shape[0] : 1, k = rank ? product(shape + 1, rank - 1) : 1, r = change->rank;
    if (n != change->rows || k != change->columns)
        return err_set(err, ERR_FORMAT, "tensor '%s' of '%s' has %zu rows of %zu, not %zu of %zu",
            change->tensor, weights->source, n, k, change->rows, change->columns);
    const bool turned = found.transposed;
    struct arena *arena = &weights->changed;
    const struct change fitted = {.weight = found.weight,
        .row = turned ? 0 : n * found.part,
        .rows = turned ? k : n,
        .columns = turned ? n : k,
        .factor = change->weight,
        .rank = r,
        .up = turned ? copy(arena, change->down, r, k, true) : copy(arena, change->up, n, r, false),
        .down = turned ? copy(arena, change->up, n, r, true) : copy(arena, change->down, r, k, false),
        .magnitude = copy(arena, change->magnitude, 1, change->by_column ? k : n, false),
        .by_column = change->by_column != turned,
        .value = copy(arena, change->value, n, k, turned)};
    if (!fitted.up != !change->up || !fitted.down != !change->down ||
        !fitted.magnitude != !change->magnitude || !fitted.value != !change->value)
        return err_memory(err, n * k * sizeof(float));
    return add_change(weights, &fitted, err);
}

void weights_drop_changes(struct weights *weights)
{
    arena_release(&weights->changed);
    weights->changes = NULL;
}

bool weights_changes(const struct weights *weights, const struct weight *weight)
{
    for (const struct change *change = weights->changes; change; change = change->next)
        if (change->weight == weight)
            return true;
    return false;
}

/* ---- making them --------------------------------------------------------------------------------------- */

/* d (K) = a row of up @ down. */
static void low_rank_row(float *restrict d, const struct change *change, size_t row)
{
    memset(d, 0, change->columns * sizeof *d);
    for (size_t r = 0; r < change->rank; r++) {
        const float factor = change->up[row * change->rank + r];
        const float *restrict down = change->down + r * change->columns;
        for (size_t k = 0; k < change->columns; k++)
            d[k] += factor * down[k];
    }
}

/* lengths: of the rows, or of the columns, of base (N, K) + up @ down. d (K) is for a row. */
static void add_squares(double *lengths, float *d, const struct change *change, const float *base)
{
    for (size_t row = 0; row < change->rows; row++) {
        low_rank_row(d, change, row);
        for (size_t k = 0; k < change->columns; k++) {
            const double value = (double)base[row * change->columns + k] + (double)d[k];
            lengths[change->by_column ? k : row] += value * value;
        }
    }
}

/* scales: what makes the lengths of the rows, or columns, the magnitudes. */
static int take_scales(
    double **out, float *d, const struct change *change, const float *base, struct err *err)
{
    const size_t count = change->by_column ? change->columns : change->rows;
    double *scales = mem_new(count, sizeof *scales);
    if (!scales)
        return err_memory(err, count * sizeof *scales);
    add_squares(scales, d, change, base);
    for (size_t i = 0; i < count; i++)
        scales[i] = (double)change->magnitude[i] / sqrt(scales[i]);
    *out = scales;
    return 0;
}

/* out (K) += the change of a row, which is base (K) in the file. */
static void change_row(float *restrict out, const float *base, const float *d, const struct change *change,
    const double *scales, size_t row)
{
    const float factor = change->factor;
    const float *value = change->value ? change->value + row * change->columns : NULL;
    for (size_t k = 0; k < change->columns; k++) {
        if (value)
            out[k] = (float)((double)out[k] + (double)factor * ((double)value[k] - (double)base[k]));
        else if (scales)
            out[k] += (float)((double)factor *
                              (scales[change->by_column ? k : row] * ((double)base[k] + (double)d[k]) -
                                  (double)base[k]));
        else
            out[k] += factor * d[k];
    }
}

/* Makes a change of all its rows. out and base are the whole tensor, and may be the same. */
static int make_change(float *out, const float *base, const struct change *change, struct err *err)
{
    const size_t first = change->row * change->columns;
    float *d = mem_new(change->columns, sizeof *d);
    double *scales = NULL;
    int rc = d ? 0 : err_memory(err, change->columns * sizeof *d);
    if (!rc && change->magnitude)
        rc = take_scales(&scales, d, change, base + first, err);
    for (size_t row = 0; row < change->rows && !rc; row++) {
        const size_t at = first + row * change->columns;
        if (!change->value)
            low_rank_row(d, change, row);
        change_row(out + at, base + at, d, change, scales, row);
    }
    free(scales);
    free(d);
    return rc;
}

static int check_finite(const float *values, const struct weight *weight, struct err *err)
{
    for (size_t i = 0; i < weight->count; i++)
        if (!isfinite(values[i]))
            return err_set(err, ERR_FORMAT, "element %zu of tensor '%s' becomes %f by an adapter", i,
                weight->name, (double)values[i]);
    return 0;
}

int weights_make_changes(
    float *values, const struct weights *weights, const struct weight *weight, struct err *err)
{
    float *base = NULL; /* where a change is of what another one may have changed */
    size_t changes = 0;
    int rc = 0;
    bool of_base = false;
    for (const struct change *change = weights->changes; change; change = change->next) {
        changes += change->weight == weight;
        of_base |= change->weight == weight && (change->magnitude || change->value);
    }
    if (!changes)
        return 0;
    if (changes > 1 && of_base) {
        base = mem_new(weight->count, sizeof *base);
        if (!base)
            return err_memory(err, weight->count * sizeof *base);
        memcpy(base, values, weight->count * sizeof *base);
    }
    for (const struct change *change = weights->changes; change && !rc; change = change->next)
        if (change->weight == weight)
            rc = make_change(values, base ? base : values, change, err);
    free(base);
    return rc ? rc : check_finite(values, weight, err);
}
