// SPDX-License-Identifier: Apache-2.0
#include "index/copy.h"
#include "index/matrix.h"
#include "index/matrix_kinds.h"
#include "index/store.h"

#include <stdlib.h>
#include <string.h>

static const size_t element_sizes[] = {
    [ELEMENT_F16] = 2, [ELEMENT_F32] = 4, [ELEMENT_F64] = 8, [ELEMENT_BF16] = 2, [ELEMENT_I8] = 1};

/* ---- bytes --------------------------------------------------------------------------------------------- */

const uint8_t *bytes_take(struct bytes *bytes, size_t count)
{
    const uint8_t *at = bytes->at;
    if (count > bytes->left)
        return NULL;
    bytes->at += count;
    bytes->left -= count;
    return at;
}

uint64_t get_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

uint64_t get_big_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

int matrix_take_rows(struct matrix_file *out, struct bytes *bytes, bool by_column, struct err *err)
{
    const size_t size = element_sizes[out->element], left = bytes->left;
    size_t line, need;
    if (out->width < 1 || out->width > WIDTH_LIMIT)
        return err_set(
            err, ERR_LIMIT, "rows of %zu elements, and an index takes 1 to %d", out->width, WIDTH_LIMIT);
    if (!size_mul(&line, by_column ? (size_t)out->count : out->width, size) ||
        !size_mul(&need, (size_t)out->count, out->width * size) || !(out->data = bytes_take(bytes, need)))
        return err_set(err, ERR_FORMAT, "the file ends early: %zu bytes of rows of %zu elements, not %zu",
            left, out->width, (size_t)out->count);
    out->to_row = by_column ? size : line;
    out->to_column = by_column ? line : size;
    return 0;
}

static int open_kind(struct matrix_file *out, struct err *err)
{
    struct bytes bytes = {out->map.data, out->map.size};
    if (npy_begins((struct span){(const char *)bytes.at, bytes.left}))
        return npy_open(out, bytes, err);
    if (usearch_begins(bytes))
        return usearch_open(out, bytes, err);
    if (faiss_begins(bytes))
        return faiss_open(out, bytes, err);
    if (copy_begins(bytes))
        return copy_open(out, bytes, err);
    return err_set(err, ERR_UNSUPPORTED,
        "neither numpy's npy, an index of faiss or usearch, nor a binary COPY of PostgreSQL");
}

int matrix_file_open(struct matrix_file *out, const char *path, struct err *err)
{
    *out = (struct matrix_file){0};
    int rc = file_map_open(&out->map, path, err);
    if (rc)
        return rc;
    rc = open_kind(out, err);
    if (rc) {
        err_wrap(err, "unable to read '%s'", path);
        matrix_file_release(out);
    }
    return rc;
}

void matrix_file_release(struct matrix_file *file)
{
    if (!file)
        return;
    free(file->places);
    free(file->ids);
    file_map_release(&file->map);
    *file = (struct matrix_file){0};
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static float element_value(enum matrix_element element, uint64_t bits)
{
    const uint32_t low = (uint32_t)bits;
    float single;
    double wide;
    switch (element) {
    case ELEMENT_F16:
        return f16_to_f32((uint16_t)low);
    case ELEMENT_BF16:
        return bf16_to_f32((uint16_t)low);
    case ELEMENT_I8:
        return (int8_t)low;
    case ELEMENT_F64:
        memcpy(&wide, &bits, sizeof wide);
        return (float)wide;
    case ELEMENT_F32:
        break;
    }
    memcpy(&single, &low, sizeof single);
    return single;
}

static void read_row(float *vector, const struct matrix_file *file, const uint8_t *from)
{
    const size_t size = element_sizes[file->element];
    if (file->element == ELEMENT_F32 && !file->big_endian && file->to_column == size) {
        memcpy(vector, from, file->width * size);
        return;
    }
    for (size_t e = 0; e < file->width; e++, from += file->to_column)
        vector[e] = element_value(
            file->element, file->big_endian ? get_big_number(from, size) : get_number(from, size));
}

void matrix_file_rows(float *vectors, const struct matrix_file *file, int64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t row = (size_t)first + i, place = file->places ? (size_t)file->places[row] : row;
        read_row(vectors + i * file->width, file, file->data + place * file->to_row);
    }
}
