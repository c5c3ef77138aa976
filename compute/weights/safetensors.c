// SPDX-License-Identifier: Apache-2.0
/*
 * The safetensors format, checked as its own library does when it opens a file:
 *
 *   8 bytes      N, the length of the header, little-endian
 *   N bytes      a JSON object: "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}
 *                for each tensor, and maybe "__metadata__"
 *   to the end   the tensors' elements, row-major and little-endian; offsets count from here
 *
 * The data has no gaps, no overlaps and nothing after the last tensor. Nothing is aligned.
 */
#include "compute/weights/safetensors.h"
#include "compute/weights/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_MAX = 100000000 }; /* the library's own limit */

static const struct type {
    const char *name;
    size_t bits;
} types[] = {
    {"F32", 32},
    {"F16", 16},
    {"BF16", 16},
    {"F64", 64},
    {"I64", 64},
    {"I32", 32},
    {"I16", 16},
    {"I8", 8},
    {"U64", 64},
    {"U32", 32},
    {"U16", 16},
    {"U8", 8},
    {"BOOL", 8},
    {"C64", 64},
    {"F8_E4M3", 8},
    {"F8_E5M2", 8},
    {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8},
    {"F8_E8M0", 8},
    {"F6_E2M3", 6},
    {"F6_E3M2", 6},
    {"F4", 4},
};

static const struct type *type_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++) {
        if (!strcmp(types[i].name, name))
            return &types[i];
    }
    return NULL;
}

size_t type_bits(const char *name)
{
    const struct type *type = type_find(name);
    return type ? type->bits : 0;
}

/* What stands after the header, and how many bytes of it there are. */
struct payload {
    const uint8_t *data;
    size_t size;
};

static bool read_size(size_t *out, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

static int read_shape(struct weight *weight, const json_t *shape, struct err *err)
{
    if (!json_is_array(shape))
        return err_set(err, ERR_FORMAT, "tensor '%s' has no shape", weight->name);
    const size_t rank = json_array_size(shape);
    if (rank > WEIGHT_RANK_MAX)
        return err_set(err, ERR_UNSUPPORTED, "tensor '%s' has %zu axes, the most is %d", weight->name, rank,
            WEIGHT_RANK_MAX);
    weight->rank = (int)rank;
    weight->count = 1;
    for (size_t axis = 0; axis < rank; axis++) {
        if (!read_size(&weight->shape[axis], json_array_get(shape, axis)))
            return err_set(err, ERR_FORMAT, "axis %zu of tensor '%s' is not a length", axis, weight->name);
        if (!size_mul(&weight->count, weight->count, weight->shape[axis]))
            return err_set(err, ERR_FORMAT, "tensor '%s' has too many elements to count", weight->name);
    }
    return 0;
}

/* Bytes that the elements of a tensor take: false where they do not fit in memory or end inside a byte. */
static bool tensor_bytes(size_t *out, const struct weight *weight, const struct type *type)
{
    size_t bits;
    if (!size_mul(&bits, weight->count, type->bits) || bits % 8)
        return false;
    *out = bits / 8;
    return true;
}

static int read_data(struct weight *weight, const json_t *offsets, const struct type *type,
    struct payload payload, struct err *err)
{
    size_t begin, end, bytes;
    if (json_array_size(offsets) != 2 || !read_size(&begin, json_array_get(offsets, 0)) ||
        !read_size(&end, json_array_get(offsets, 1)) || begin > end)
        return err_set(err, ERR_FORMAT, "tensor '%s' has no valid data_offsets", weight->name);
    if (!tensor_bytes(&bytes, weight, type))
        return err_set(err, ERR_FORMAT, "tensor '%s' has no whole number of bytes", weight->name);
    if (end - begin != bytes)
        return err_set(err, ERR_FORMAT, "tensor '%s' has %zu bytes of data, its shape and dtype %s need %zu",
            weight->name, end - begin, type->name, bytes);
    if (end > payload.size)
        return err_set(err, ERR_FORMAT, "tensor '%s' ends at byte %zu of the data, of which there are %zu",
            weight->name, end, payload.size);
    weight->data = payload.data + begin;
    return 0;
}

static int read_tensor(struct weight *weight, const json_t *entry, struct payload payload, struct err *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const struct type *type = type_find(dtype);
    if (!type)
        return err_set(
            err, ERR_FORMAT, "tensor '%s' has unknown dtype '%s'", weight->name, dtype ? dtype : "");
    weight->type = type->name;

    int rc = read_shape(weight, json_object_get(entry, "shape"), err);
    return rc ? rc : read_data(weight, json_object_get(entry, "data_offsets"), type, payload, err);
}

size_t weight_bytes(const struct weight *weight)
{
    size_t bytes = 0;
    tensor_bytes(&bytes, weight, type_find(weight->type));
    return bytes;
}

/* A tensor without elements comes before the one whose data begins at the same place. */
static int by_place(const void *left, const void *right)
{
    const struct weight *a = left, *b = right;
    if (a->data != b->data)
        return a->data < b->data ? -1 : 1;
    return (weight_bytes(a) > weight_bytes(b)) - (weight_bytes(a) < weight_bytes(b));
}

/* With the tensors in order, each begins where the one before ends, and the last ends with the file. */
static int check_tiling(const struct weight *weights, size_t count, struct payload payload, struct err *err)
{
    const uint8_t *expected = payload.data;
    for (size_t i = 0; i < count; i++) {
        if (weights[i].data < expected)
            return err_set(
                err, ERR_FORMAT, "tensors '%s' and '%s' overlap", weights[i - 1].name, weights[i].name);
        if (weights[i].data > expected)
            return err_set(err, ERR_FORMAT, "%zu bytes before tensor '%s' belong to no tensor",
                (size_t)(weights[i].data - expected), weights[i].name);
        expected += weight_bytes(&weights[i]);
    }
    const size_t left = (size_t)(payload.data + payload.size - expected);
    return left ? err_set(err, ERR_FORMAT, "%zu bytes after the last tensor belong to no tensor", left) : 0;
}

static int read_tensors(struct weight *weights, size_t *count, struct arena *arena, json_t *header,
    struct payload payload, const char *file, struct err *err)
{
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        struct weight *weight = &weights[*count];
        weight->file = file;
        weight->name = arena_copy(arena, name, strlen(name));
        if (!weight->name)
            return err_memory(err, strlen(name));
        int rc = read_tensor(weight, entry, payload, err);
        if (rc)
            return rc;
        ++*count;
    }
    qsort(weights, *count, sizeof *weights, by_place);
    return check_tiling(weights, *count, payload, err);
}

static int read_header(
    json_t **out, struct payload *payload, const uint8_t *bytes, size_t size, struct err *err)
{
    if (size < LENGTH_BYTES)
        return err_set(err, ERR_FORMAT, "%zu bytes are too few for a safetensors file", size);
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    if (length > HEADER_MAX)
        return err_set(err, ERR_FORMAT, "the header is said to have %llu bytes, the most is %d",
            (unsigned long long)length, HEADER_MAX);
    if (length > size - LENGTH_BYTES)
        return err_set(err, ERR_FORMAT, "the header of %llu bytes runs past the end of the file at byte %zu",
            (unsigned long long)length, size);
    const size_t begin = LENGTH_BYTES + (size_t)length;
    *payload = (struct payload){.data = bytes + begin, .size = size - begin};
    return json_parse(out, (const char *)bytes + LENGTH_BYTES, (size_t)length, "header", err);
}

int safetensors_parse(struct weight **out, size_t *count, struct arena *arena, const uint8_t *bytes,
    size_t size, const char *file, struct err *err)
{
    struct payload payload = {0};
    json_t *header = NULL;
    int rc = read_header(&header, &payload, bytes, size, err);
    if (rc)
        return rc;

    const size_t most = json_object_size(header);
    struct weight *weights = mem_new(most, sizeof *weights);
    *count = 0;
    if (!weights)
        rc = err_memory(err, most * sizeof *weights);
    else
        rc = read_tensors(weights, count, arena, header, payload, file, err);
    json_decref(header);
    if (rc)
        free(weights);
    else
        *out = weights;
    return rc;
}

int safetensors_notes(json_t **out, const uint8_t *bytes, size_t size, struct err *err)
{
    struct payload payload;
    json_t *header = NULL, *text;
    const char *name;
    *out = NULL;
    int rc = read_header(&header, &payload, bytes, size, err);
    if (rc)
        return rc;
    json_t *notes = json_object_get(header, "__metadata__");
    if (notes && !json_is_object(notes))
        rc = err_set(err, ERR_FORMAT, "'__metadata__' is no object");
    json_object_foreach(notes, name, text)
    {
        if (!rc && !json_is_string(text))
            rc = err_set(err, ERR_FORMAT, "'%s' of '__metadata__' is no text", name);
    }
    if (!rc)
        *out = json_incref(notes);
    json_decref(header);
    return rc;
}
