// SPDX-License-Identifier: Apache-2.0
/*
 * .npy (numpy.lib.format): "\x93NUMPY", version (2 bytes: 1.0, 2.0 or 3.0), the header's length (2 bytes; 4
 * from version 2 on), the header: a Python dictionary like
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (1000, 512), }
 * with blanks and a line end behind it; then the elements, by columns in Fortran's order.
 */
#include "index/matrix_kinds.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, VERSION = 2, HEADER_MAX = 1 << 16 };

static const struct {
    const char *descr;
    enum matrix_element element;
    bool big_endian;
} types[] = {
    {"'<f4'", ELEMENT_F32, false},
    {"'<f2'", ELEMENT_F16, false},
    {"'<f8'", ELEMENT_F64, false},
    {"'>f4'", ELEMENT_F32, true},
    {"'>f2'", ELEMENT_F16, true},
    {"'>f8'", ELEMENT_F64, true},
};

static int damaged(const char *what, struct err *err)
{
    return err_set(err, ERR_FORMAT, "damaged npy: %s", what);
}

/* Behind `key` and its colon in the header, which ends with a NUL; NULL where it is not there. */
static const char *value_of(const char *header, const char *key)
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

static int read_type(struct matrix_file *out, const char *descr, struct err *err)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (begins(descr, types[i].descr)) {
            out->element = types[i].element;
            out->big_endian = types[i].big_endian;
            return 0;
        }
    }
    return err_set(
        err, ERR_UNSUPPORTED, "npy of numbers that are not float16, float32 or float64: %.20s", descr);
}

static int read_header(struct matrix_file *out, bool *by_column, const char *header, struct err *err)
{
    const char *type = value_of(header, "'descr'"), *order = value_of(header, "'fortran_order'"),
               *shape = value_of(header, "'shape'");
    size_t count;
    if (!type || !order || !shape || *shape != '(')
        return damaged("its header is not numpy's", err);
    int rc = read_type(out, type, err);
    if (rc)
        return rc;
    shape++;
    if (!read_size(&count, &shape) || !read_size(&out->width, &shape) || *shape != ')' || count > INT64_MAX)
        return err_set(err, ERR_UNSUPPORTED, "npy that is no matrix of rows and columns");
    out->count = (int64_t)count;
    *by_column = begins(order, "True");
    return *by_column || begins(order, "False") ? 0 : damaged("its header is not numpy's", err);
}

bool npy_begins(struct bytes file)
{
    const uint8_t *first = bytes_take(&file, MAGIC);
    return first && !memcmp(first, magic, MAGIC);
}

int npy_open(struct matrix_file *out, struct bytes file, struct err *err)
{
    bool by_column = false;
    const uint8_t *version = (bytes_take(&file, MAGIC), bytes_take(&file, VERSION));
    const size_t digits = version && version[0] > 1 ? 4 : 2;
    const uint8_t *length = bytes_take(&file, digits);
    const size_t size = version && length ? get_number(length, digits) : 0;
    const uint8_t *text = size <= HEADER_MAX ? bytes_take(&file, size) : NULL;
    if (!size || !text)
        return damaged("the file ends in its header", err);
    char *header = strndup((const char *)text, size);
    if (!header)
        return err_memory(err, size);
    int rc = read_header(out, &by_column, header, err);
    free(header);
    return rc ? rc : matrix_take_rows(out, &file, by_column, err);
}
