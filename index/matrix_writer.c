// SPDX-License-Identifier: Apache-2.0
#include "index/matrix.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct matrix_writer {
    struct new_file file;
    int64_t left; /* rows to come */
    size_t width;
    uint16_t *halves; // (E); NULL: float32
};

/* The header is padded so that rows begin at a multiple of 64 bytes, as numpy does. */
static void put_npy_header(const struct matrix_writer *writer, int64_t count)
{
    enum { FIXED = 10, ALIGN = 64 };
    char header[4 * ALIGN];
    const int used = snprintf(header, sizeof header,
        "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRId64 ", %zu), }",
        writer->halves ? "<f2" : "<f4", count, writer->width);
    const int length = (FIXED + used + 1 + ALIGN - 1) / ALIGN * ALIGN - FIXED;
    fwrite("\x93NUMPY\1", 1, 8, writer->file.stream);
    putc(length & 0xff, writer->file.stream);
    putc(length >> 8, writer->file.stream);
    fprintf(writer->file.stream, "%-*s\n", length - 1, header);
}

static void put_number(FILE *out, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        putc((int)(number >> 8 * i & 0xff), out);
}

static void put_faiss_header(const struct matrix_writer *writer, int64_t count)
{
    enum { UNUSED = 1 << 20 /* what faiss itself writes */, INNER_PRODUCT = 0 };
    FILE *out = writer->file.stream;
    fputs("IxFI", out);
    put_number(out, writer->width, 4);
    put_number(out, (uint64_t)count, 8);
    put_number(out, UNUSED, 8);
    put_number(out, UNUSED, 8);
    put_number(out, true, 1); /* trained */
    put_number(out, INNER_PRODUCT, 4);
    put_number(out, (uint64_t)count * writer->width, 8);
}

int matrix_writer_open(struct matrix_writer **out, const char *path, enum matrix_format format, int64_t count,
    size_t width, bool half, struct err *err)
{
    if (half && format == MATRIX_FAISS)
        return err_set(err, ERR_ARGUMENT, "unable to write '%s': faiss keeps float32 only", path);
    struct matrix_writer *writer = mem_new(1, sizeof *writer);
    uint16_t *halves = half ? mem_new(width, sizeof *halves) : NULL;
    int rc = writer && (!half || halves) ? new_file_open(&writer->file, path, err) : err_memory(err, width);
    if (rc) {
        free(halves);
        free(writer);
        return rc;
    }
    writer->left = count;
    writer->width = width;
    writer->halves = halves;
    if (format == MATRIX_NPY)
        put_npy_header(writer, count);
    else
        put_faiss_header(writer, count);
    *out = writer;
    return 0;
}

int matrix_writer_add(struct matrix_writer *writer, const float *vectors, size_t count, struct err *err)
{
    if ((int64_t)count > writer->left)
        return err_set(
            err, ERR_ARGUMENT, "unable to write '%s': more rows than announced", writer->file.path);
    writer->left -= (int64_t)count;
    if (!writer->halves) {
        fwrite(vectors, sizeof *vectors, count * writer->width, writer->file.stream);
        return 0; /* what is not written shows at the end */
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t e = 0; e < writer->width; e++)
            writer->halves[e] = f32_to_f16(vectors[i * writer->width + e]);
        fwrite(writer->halves, sizeof *writer->halves, writer->width, writer->file.stream);
    }
    return 0;
}

int matrix_writer_close(struct matrix_writer *writer, bool keep, struct err *err)
{
    if (!writer)
        return 0;
    const int missing = keep && writer->left
                            ? err_set(err, ERR_ARGUMENT, "unable to write '%s': %" PRId64 " rows are missing",
                                  writer->file.path, writer->left)
                            : 0;
    const int rc = new_file_close(&writer->file, keep && !missing, err);
    free(writer->halves);
    free(writer);
    return missing ? missing : rc;
}
