// SPDX-License-Identifier: Apache-2.0
/*
 * .npy (numpy.lib.format): "\x93NUMPY", version (2 bytes: 1.0, 2.0 or 3.0), the header's length (2 bytes, little-endian; 4 from
 * version 2 on), the header: a Python dictionary like
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (1000, 512), }
 * with blanks and a line end behind it, so that the elements begin at a multiple of 64 bytes; then the elements, by columns in
 * Fortran's order. What is written here is version 1.0.
 */
#include "base/base.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, VERSION = 2, HEADER_MAX = 1 << 16 };

void npy_put_header(FILE *out, int64_t count, size_t width, bool half)
{
    enum { FIXED = 10, ALIGN = 64 };
    char header[4 * ALIGN];
    const int used = snprintf(header, sizeof header,
        "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRId64 ", %zu), }", half ? "<f2" : "<f4", count,
        width);
    const int length = (FIXED + used + 1 + ALIGN - 1) / ALIGN * ALIGN - FIXED;
    fwrite("\x93NUMPY\1", 1, MAGIC + VERSION, out);
    putc(length & 0xff, out);
    putc(length >> 8, out);
    fprintf(out, "%-*s\n", length - 1, header);
}

void npy_put_rows(FILE *out, const float *rows, size_t count, size_t width, bool half)
{
    enum { AT_ONCE = 1024 };
    uint16_t halves[AT_ONCE];
    size_t left = count * width;
    if (!half)
        fwrite(rows, sizeof *rows, left, out);
    for (size_t part; half && left; rows += part, left -= part) {
        part = left < AT_ONCE ? left : AT_ONCE;
        for (size_t i = 0; i < part; i++)
            halves[i] = f32_to_f16(rows[i]);
        fwrite(halves, sizeof *halves, part, out);
    }
}

/* ---- reading ------------------------------------------------------------------------------------------- */

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

static int read_dictionary(struct npy_header *out, const char *header, struct err *err)
{
    const char *type = value_of(header, "'descr'"), *order = value_of(header, "'fortran_order'"),
               *shape = value_of(header, "'shape'");
    const char *end = type && *type == '\'' ? strchr(type + 1, '\'') : NULL;
    if (!end || (size_t)(end - type) > sizeof out->type || !order || !shape || *shape != '(')
        return damaged("its header is not numpy's", err);
    memcpy(out->type, type + 1, (size_t)(end - type - 1));
    out->by_column = begins(order, "True");
    for (shape++; *shape != ')'; out->dimensions++) {
        size_t size;
        if (!read_size(&size, &shape))
            return damaged("its header is not numpy's", err);
        if (out->dimensions < NPY_DIMENSIONS)
            out->shape[out->dimensions] = size;
    }
    return out->by_column || begins(order, "False") ? 0 : damaged("its header is not numpy's", err);
}

bool npy_begins(struct span file)
{
    return span_begins(file, span_of(magic));
}

int npy_header_read(struct npy_header *out, struct span file, struct err *err)
{
    const uint8_t *bytes = span_bytes(file);
    *out = (struct npy_header){.size = MAGIC + VERSION};
    if (!npy_begins(file) || file.length < out->size)
        return damaged("it does not begin as one", err);
    const size_t digits = bytes[MAGIC] > 1 ? 4 : 2;
    size_t length = 0;
    if (file.length - out->size < digits)
        return damaged("the file ends in its header", err);
    for (size_t i = digits; i-- > 0;)
        length = length << 8 | bytes[out->size + i];
    out->size += digits;
    if (!length || length > HEADER_MAX || length > file.length - out->size)
        return damaged("the file ends in its header", err);
    char *header = strndup(file.data + out->size, length);
    if (!header)
        return err_memory(err, length);
    out->size += length;
    const int rc = read_dictionary(out, header, err);
    free(header);
    return rc;
}

/* Whether a number is above 0, by its bytes, the most significant first: of integers and of IEEE's floats the first bit is
 * the sign, and only zero has no other bit. (NaN counts as above.) */
static bool above_zero(const uint8_t *number, size_t size, bool little, bool is_signed)
{
    bool some = false;
    for (size_t i = 0; i < size; i++)
        some = some || number[i];
    return some && !(is_signed && number[little ? size - 1 : 0] & 0x80);
}

int npy_flags_read(bool **out, size_t *count, struct span file, struct err *err)
{
    struct npy_header header;
    size_t bytes;
    int rc = npy_header_read(&header, file, err);
    if (rc)
        return rc;
    const char kind = header.type[0] ? header.type[1] : '\0', size = kind ? header.type[2] : '\0';
    if (header.dimensions != 1 || !kind || !strchr("biuf", kind) || !size || !strchr("1248", size) ||
        header.type[3])
        return err_set(err, ERR_UNSUPPORTED, "npy that is no vector of numbers");
    const size_t each = (size_t)(size - '0');
    *count = header.shape[0];
    if (!size_mul(&bytes, *count, each) || bytes > file.length - header.size)
        return damaged("the file ends in its elements", err);
    *out = mem_new(*count, sizeof **out);
    if (!*out)
        return err_memory(err, *count);
    for (size_t i = 0; i < *count; i++)
        (*out)[i] = above_zero(span_bytes(file) + header.size + i * each, each, header.type[0] != '>',
            kind == 'i' || kind == 'f');
    return 0;
}
