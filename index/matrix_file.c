// SPDX-License-Identifier: Apache-2.0
/*
 * Reading matrices of other programs. Numbers are little-endian.
 *
 * .npy (numpy.lib.format): "\x93NUMPY", version (2 bytes: 1.0, 2.0 or 3.0), the header's length (2 bytes; 4
 * from version 2 on), the header: a Python dictionary like
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (1000, 512), }
 * with blanks and a line end behind it; then the rows.
 *
 * faiss (write_index of an IndexFlatIP): "IxFI", E (int32), count (int64), two numbers that faiss does not
 * read (int64), trained (1 byte), metric (int32, 0 is the inner product), count * E (uint64); then the rows,
 * float32.
 */
#include "index/matrix.h"
#include "index/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- npy ----------------------------------------------------------------------------------------------- */

static const char npy_magic[] = "\x93NUMPY";
enum { NPY_MAGIC = 6, NPY_FIXED = 10 /* with version and the short length */, NPY_HEADER_MAX = 1 << 16 };

static int bad_npy(const char *what, struct err *err)
{
    return err_set(err, ERR_FORMAT, "damaged npy: %s", what);
}

/* Behind `key` and its colon in the header, which ends with a NUL; NULL where it is not there. */
static const char *npy_value(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at)
        return NULL;
    at += strlen(key);
    at += strspn(at, " ");
    return *at == ':' ? at + 1 + strspn(at + 1, " ") : NULL;
}

static bool begins(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

/* A number of digits at *at, and moves behind it and the blanks and comma that follow. */
static bool read_size(size_t *out, const char **at)
{
    *out = 0;
    const size_t digits = strspn(*at, "0123456789");
    for (size_t i = 0; i < digits; i++) {
        if (!size_mul(out, *out, 10) || !size_add(out, *out, (size_t)((*at)[i] - '0')))
            return false;
    }
    *at += digits;
    *at += strspn(*at, " ,");
    return digits > 0;
}

static int read_npy_header(struct matrix_file *out, const char *header, struct err *err)
{
    const char *type = npy_value(header, "'descr'"), *order = npy_value(header, "'fortran_order'"),
               *shape = npy_value(header, "'shape'");
    size_t count;
    if (!type || !order || !shape || *shape != '(')
        return bad_npy("its header is not numpy's", err);
    if (!begins(type, "'<f4'") && !begins(type, "'<f2'"))
        return err_set(
            err, ERR_UNSUPPORTED, "npy of numbers that are neither float32 nor float16: %.20s", type);
    if (!begins(order, "False"))
        return err_set(err, ERR_UNSUPPORTED, "npy in Fortran's order");
    shape++;
    if (!read_size(&count, &shape) || !read_size(&out->width, &shape) || *shape != ')' || count > INT64_MAX)
        return err_set(err, ERR_UNSUPPORTED, "npy that is no matrix of rows and columns");
    out->half = begins(type, "'<f2'");
    out->count = (int64_t)count;
    return 0;
}

static int open_npy(struct matrix_file *out, size_t *at, struct err *err)
{
    const uint8_t *bytes = out->map.data;
    const size_t size = out->map.size;
    if (size < NPY_FIXED + 2)
        return bad_npy("the file ends in its header", err);
    const bool long_length = bytes[NPY_MAGIC] > 1;
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (long_length)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    *at = long_length ? NPY_FIXED + 2 : NPY_FIXED;
    if (length > NPY_HEADER_MAX || length > size - *at)
        return bad_npy("the file ends in its header", err);
    char *header = strndup((const char *)bytes + *at, length);
    if (!header)
        return err_memory(err, length);
    *at += length;
    const int rc = read_npy_header(out, header, err);
    free(header);
    return rc;
}

/* ---- faiss --------------------------------------------------------------------------------------------- */

enum { FAISS_HEADER = 45 };

static uint64_t get_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

static int open_faiss(struct matrix_file *out, size_t *at, struct err *err)
{
    const uint8_t *bytes = out->map.data;
    size_t elements;
    if (out->map.size < FAISS_HEADER)
        return err_set(err, ERR_FORMAT, "damaged faiss index: the file ends in its header");
    const uint64_t width = get_number(bytes + 4, 4), count = get_number(bytes + 8, 8);
    if (get_number(bytes + 33, 4))
        return err_set(err, ERR_UNSUPPORTED, "faiss index with another metric than the inner product");
    if (width > INT32_MAX || count > INT64_MAX || !size_mul(&elements, width, count) ||
        elements != get_number(bytes + 37, 8))
        return err_set(err, ERR_FORMAT, "damaged faiss index: its numbers do not fit each other");
    out->width = width;
    out->count = (int64_t)count;
    *at = FAISS_HEADER;
    return 0;
}

/* ---- either -------------------------------------------------------------------------------------------- */

static int open_either(struct matrix_file *out, struct err *err)
{
    const uint8_t *bytes = out->map.data;
    const size_t size = out->map.size;
    size_t at = 0, need;
    int rc;
    if (size >= NPY_MAGIC && !memcmp(bytes, npy_magic, NPY_MAGIC))
        rc = open_npy(out, &at, err);
    else if (size >= 4 && !memcmp(bytes, "IxFI", 4))
        rc = open_faiss(out, &at, err);
    else if (size >= 4 && bytes[0] == 'I')
        rc = err_set(err, ERR_UNSUPPORTED, "faiss index of another kind than IndexFlatIP");
    else
        rc = err_set(err, ERR_UNSUPPORTED, "neither numpy's npy nor a faiss index");
    if (rc)
        return rc;
    if (out->width < 1 || out->width > WIDTH_LIMIT)
        return err_set(
            err, ERR_LIMIT, "rows of %zu elements, and an index takes 1 to %d", out->width, WIDTH_LIMIT);
    if (!size_mul(&out->stride, out->width, out->half ? sizeof(uint16_t) : sizeof(float)) ||
        !size_mul(&need, out->stride, (size_t)out->count) || need > size - at)
        return err_set(err, ERR_FORMAT, "the file ends early: %zu bytes of rows of %zu elements, not %zu",
            size - at, out->width, (size_t)out->count);
    out->data = bytes + at;
    return 0;
}

int matrix_file_open(struct matrix_file *out, const char *path, struct err *err)
{
    *out = (struct matrix_file){0};
    int rc = file_map_open(&out->map, path, err);
    if (rc)
        return rc;
    rc = open_either(out, err);
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
    file_map_release(&file->map);
    *file = (struct matrix_file){0};
}

void matrix_file_rows(float *vectors, const struct matrix_file *file, int64_t first, size_t count)
{
    const uint8_t *from = file->data + (size_t)first * file->stride;
    if (!file->half) {
        memcpy(vectors, from, count * file->stride);
        return;
    }
    for (size_t i = 0; i < count * file->width; i++) {
        uint16_t half;
        memcpy(&half, from + i * sizeof half, sizeof half);
        vectors[i] = f16_to_f32(half);
    }
}
