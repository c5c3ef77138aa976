// SPDX-License-Identifier: Apache-2.0
#include "compute/weights/internal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/elements.h"

static int make_up(struct weights **out, weights_fill *fill, uint64_t seed, struct err *err)
{
    struct weights *weights = mem_new(1, sizeof *weights);
    if (!weights)
        return err_memory(err, sizeof *weights);
    layout_set(weights, LAYOUT_HF);
    weights->fill = fill;
    weights->seed = seed;
    *out = weights;
    return 0;
}

int weights_random(struct weights **out, uint64_t seed, struct err *err)
{
    return make_up(out, weights_random_fill, seed, err);
}

int weights_fresh(struct weights **out, uint64_t seed, struct err *err)
{
    return make_up(out, weights_fresh_fill, seed, err);
}

const char *weights_note(const struct weights *weights, const char *name)
{
    return json_string_value(json_object_get(weights->notes, name));
}

void weights_free(struct weights *weights)
{
    if (!weights)
        return;
    for (struct mapped_file *file = weights->files; file; file = file->next)
        file_map_release(&file->map);
    free(weights->items);
    free(weights->by_name);
    json_decref(weights->notes);
    weights_drop_changes(weights);
    arena_release(&weights->arena);
    free(weights);
}

int weights_check_files(const struct weights *weights, struct err *err)
{
    for (const struct mapped_file *file = weights->files; file; file = file->next)
        if (file->used && file_map_written_over(&file->map))
            return err_set(err, ERR_IO, "'%s' was written over since it was opened", file->path);
    return 0;
}

enum layout weights_layout(const struct weights *weights)
{
    return weights->layout;
}

bool weights_script(const struct weights *weights)
{
    return weights->script;
}

size_t weights_count(const struct weights *weights)
{
    return weights->count;
}

const struct weight *weights_at(const struct weights *weights, size_t i)
{
    return &weights->items[i];
}

bool weight_is_dropped(const char *name)
{
    static const char *const dropped[] = {
        "input_resolution", "context_length", "vocab_size", "position_ids", "attn_mask"};
    const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (!strcmp(last, dropped[i]))
            return true;
    return false;
}

/* The file that has this address; NULL: none. */
static struct mapped_file *file_with(const struct weights *weights, const void *data)
{
    for (struct mapped_file *file = weights->files; file; file = file->next) {
        const uintptr_t begin = (uintptr_t)file->map.data, at = (uintptr_t)data;
        if (at >= begin && at - begin < file->map.size)
            return file;
    }
    return NULL;
}

bool weights_in_file(const struct weights *weights, const void *data)
{
    return file_with(weights, data) != NULL;
}

void weights_forget(const struct weights *weights, const void *data, size_t size)
{
    if (file_with(weights, data))
        file_map_forget(data, size);
}

void weights_keep(const struct weights *weights, const void *data)
{
    struct mapped_file *file = file_with(weights, data);
    if (file)
        file->used = true;
}

static int name_against(const void *name, const void *element)
{
    const struct weight *const *weight = element;
    return strcmp(name, (*weight)->name);
}

const struct weight *weights_find(const struct weights *weights, const char *name)
{
    if (!weights->count)
        return NULL;
    const struct weight *const *found =
        bsearch(name, weights->by_name, weights->count, sizeof *weights->by_name, name_against);
    return found ? *found : NULL;
}

struct shape_text shape_text(int rank, const size_t *shape)
{
    struct shape_text out = {"("};
    for (int axis = 0, used = 1; axis < rank; axis++)
        used +=
            snprintf(out.text + used, sizeof out.text - (size_t)used, "%s%zu", axis ? ", " : "", shape[axis]);
    strcat(out.text, ")");
    return out;
}

/* Axes of length 1 may come before the others: a scalar has shape (1) in some files, a class token (1, 1, W). */
static bool same_shape(const struct weight *weight, int rank, const size_t *shape)
{
    const int more = weight->rank - rank;
    for (int axis = 0; axis < weight->rank; axis++)
        if (weight->shape[axis] != (axis < more ? 1 : shape[axis - more]))
            return false;
    return more >= 0;
}

/* The tensor of a file, if it has the shape. */
static int weight_get(const struct weight **out, const struct weights *weights, const char *name, int rank,
    const size_t *shape, struct err *err)
{
    const struct weight *weight = weights_find(weights, name);
    if (!weight)
        return err_set(err, ERR_FORMAT, "cannot load '%s': tensor '%s' is missing", weights->source, name);
    if (!same_shape(weight, rank, shape))
        return err_set(err, ERR_FORMAT, "cannot load '%s': tensor '%s' has shape %s, expected %s",
            weight->file, name, shape_text(weight->rank, weight->shape).text, shape_text(rank, shape).text);
    *out = weight;
    return 0;
}

int weights_values(float *out, const struct weights *weights, const struct weight *weight, struct err *err)
{
    return weights_fetch(out, weights, weight->name, weight->rank, weight->shape, err);
}

static int not_finite(const struct weight *weight, size_t at, float value, struct err *err)
{
    return err_set(err, ERR_FORMAT, "cannot load '%s': element %zu of tensor '%s' is %f", weight->file, at,
        weight->name, (double)value);
}

int weights_fetch(float *out, const struct weights *weights, const char *name, int rank, const size_t *shape,
    struct err *err)
{
    if (weights->fill)
        return weights->fill(out, name, weights->seed, rank, shape)
                   ? 0
                   : err_set(
                         err, ERR_FORMAT, "cannot make up tensor '%s': no known kind has such a name", name);

    const struct weight *weight;
    size_t bad;
    int rc = weight_get(&weight, weights, name, rank, shape, err);
    if (rc)
        return rc;
    switch (elements_to_f32(out, weight->data, weight->count, weight->type, &bad)) {
    case ELEMENTS_DONE:
        weights_forget(weights, weight->data, weight_bytes(weight));
        return weights_make_changes(out, weights, weight, err);
    case ELEMENTS_NOT_FLOAT:
        return err_set(err, ERR_FORMAT, "cannot load '%s': tensor '%s' is of type %s, which is no float",
            weight->file, name, weight->type);
    case ELEMENTS_NOT_FINITE:
        return not_finite(weight, bad, out[bad], err);
    }
    return 0;
}

/* Whether elements of that type can be read where they lie. */
static bool is_viewed(enum dtype *dtype, const struct weight *weight, bool halves)
{
    static const char *const types[] = {[DTYPE_F32] = "F32", [DTYPE_BF16] = "BF16", [DTYPE_F16] = "F16"};
    for (*dtype = DTYPE_F32; *dtype <= (halves ? DTYPE_F16 : DTYPE_F32); ++*dtype)
        if (!strcmp(types[*dtype], weight->type))
            return (uintptr_t)weight->data % dtype_size(*dtype) == 0;
    return false;
}

/* elements_check of all of a weight. What is only looked at for this, `passing`, does not stay in memory. */
static enum elements_result check_all(const struct weight *weight, size_t element, bool passing, size_t *bad)
{
    enum { CHUNK = 1 << 20 /* elements */ };
    enum elements_result result = ELEMENTS_DONE;
    for (size_t at = 0; at < weight->count && result == ELEMENTS_DONE; at += CHUNK) {
        const size_t count = weight->count - at < CHUNK ? weight->count - at : CHUNK;
        const uint8_t *data = weight->data + at * element;
        result = elements_check(data, count, weight->type, bad);
        *bad += at;
        if (passing)
            file_map_forget(data, count * element);
    }
    return result;
}

int weights_view(const void **out, enum dtype *dtype, const struct weights *weights, const char *name,
    int rank, const size_t *shape, bool halves, struct err *err)
{
    const struct weight *weight;
    size_t bad = 0;
    float value;
    *out = NULL;
    if (weights->fill)
        return 0;
    int rc = weight_get(&weight, weights, name, rank, shape, err);
    if (rc || weights_changes(weights, weight) || !is_viewed(dtype, weight, halves))
        return rc;
    if (check_all(weight, dtype_size(*dtype), halves && file_with(weights, weight->data), &bad) !=
        ELEMENTS_DONE) {
        elements_to_f32(&value, weight->data + bad * dtype_size(*dtype), 1, weight->type, &(size_t){0});
        return not_finite(weight, bad, value, err);
    }
    *out = weight->data;
    return 0;
}
