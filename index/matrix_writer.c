// SPDX-License-Identifier: Apache-2.0
#include "index/matrix.h"

#include <inttypes.h>
#include <stdlib.h>

struct matrix_writer {
    struct new_file file;
    int64_t left; /* rows to come */
    size_t width;
    bool half;
};

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
    const int rc = writer ? new_file_open(&writer->file, path, err) : err_memory(err, sizeof *writer);
    if (rc) {
        free(writer);
        return rc;
    }
    writer->left = count;
    writer->width = width;
    writer->half = half;
    if (format == MATRIX_NPY)
        npy_put_header(writer->file.stream, count, width, half);
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
    npy_put_rows(writer->file.stream, vectors, count, writer->width, writer->half);
    return 0; /* what is not written shows at the end */
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
    free(writer);
    return missing ? missing : rc;
}
