// SPDX-License-Identifier: Apache-2.0
/*
 * .npy (numpy.lib.format): "\x93NUMPY", version (2 bytes: 1.0), the header's length (2 bytes, little-endian), the header:
 * a Python dictionary with blanks and a line end behind it, so that the rows begin at a multiple of 64 bytes; then the rows.
 */
#include "base/base.h"

#include <inttypes.h>

void npy_put_header(FILE *out, int64_t count, size_t width, bool half)
{
    enum { FIXED = 10, ALIGN = 64 };
    char header[4 * ALIGN];
    const int used = snprintf(header, sizeof header,
        "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRId64 ", %zu), }", half ? "<f2" : "<f4", count,
        width);
    const int length = (FIXED + used + 1 + ALIGN - 1) / ALIGN * ALIGN - FIXED;
    fwrite("\x93NUMPY\1", 1, 8, out);
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
