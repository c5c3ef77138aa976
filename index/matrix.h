// SPDX-License-Identifier: Apache-2.0
/* Matrices of vectors in files of other programs: what index_import reads and index_export writes. */
#ifndef DIPTYCH_INDEX_MATRIX_H
#define DIPTYCH_INDEX_MATRIX_H

#include "base/base.h"

/* A matrix (count, E) in a file: numpy's .npy (float32 or float16, two axes, C order), or faiss's IndexFlatIP
 * (float32). matrix_file_open tells them apart by their first bytes; what is neither, or of another kind, is
 * ERR_UNSUPPORTED, what is damaged ERR_FORMAT. Rows may come in any order. */
struct matrix_file {
    struct file_map map;
    const uint8_t *data; /* at no particular alignment */
    int64_t count;
    size_t width, stride; /* E, and bytes of a row */
    bool half;            /* float16 */
};

/* Also ERR_LIMIT: wider than an index may be. */
int matrix_file_open(struct matrix_file *out, const char *path, struct err *err);
void matrix_file_release(struct matrix_file *file);

/* vectors (count, E) of the rows from first on, which are there. */
void matrix_file_rows(float *vectors, const struct matrix_file *file, int64_t first, size_t count);

/* Writes one, row after row, beside the file of that name, and puts it in its place once it is whole:
 * matrix_writer_open, matrix_writer_add until there are count rows, matrix_writer_close. `half` keeps
 * float16, which only .npy does: ERR_ARGUMENT with MATRIX_FAISS. */
enum matrix_format { MATRIX_NPY, MATRIX_FAISS };
struct matrix_writer;

int matrix_writer_open(struct matrix_writer **out, const char *path, enum matrix_format format, int64_t count,
    size_t width, bool half, struct err *err);
int matrix_writer_add(struct matrix_writer *writer, const float *vectors, size_t count, struct err *err);

/* Frees the writer, whatever happens; without `keep`, or with rows missing (ERR_ARGUMENT), the file stays as
 * it was. */
int matrix_writer_close(struct matrix_writer *writer, bool keep, struct err *err);

#endif
