// SPDX-License-Identifier: Apache-2.0
#include "index/matrix_kinds.h"

#include <string.h>

static const struct {
    const char *type;
    enum matrix_element element;
    bool big_endian;
} types[] = {
    {"<f4", ELEMENT_F32, false},
    {"<f2", ELEMENT_F16, false},
    {"<f8", ELEMENT_F64, false},
    {">f4", ELEMENT_F32, true},
    {">f2", ELEMENT_F16, true},
    {">f8", ELEMENT_F64, true},
};

static int set_type(struct matrix_file *out, const char *type, struct err *err)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strcmp(type, types[i].type)) {
            out->element = types[i].element;
            out->big_endian = types[i].big_endian;
            return 0;
        }
    }
    return err_set(
        err, ERR_UNSUPPORTED, "npy of numbers that are not float16, float32 or float64: '%s'", type);
}

int npy_open(struct matrix_file *out, struct bytes file, struct err *err)
{
    struct npy_header header;
    int rc = npy_header_read(&header, (struct span){(const char *)file.at, file.left}, err);
    if (!rc)
        rc = set_type(out, header.type, err);
    if (rc)
        return rc;
    if (header.dimensions != 2 || header.shape[0] > INT64_MAX)
        return err_set(err, ERR_UNSUPPORTED, "npy that is no matrix of rows and columns");
    out->count = (int64_t)header.shape[0];
    out->width = header.shape[1];
    bytes_take(&file, header.size);
    return matrix_take_rows(out, &file, header.by_column, err);
}
