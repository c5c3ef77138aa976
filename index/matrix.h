// SPDX-License-Identifier: Apache-2.0
/* Matrices of vectors in files of other programs: what index_import reads and index_export writes. */
#ifndef DIPTYCH_INDEX_MATRIX_H
#define DIPTYCH_INDEX_MATRIX_H

#include "base/base.h"

/* A matrix (count, E) in a file of another program, told by its bytes, not by its name:
 *
 *   numpy    .npy of two axes in either order: float16, float32 or float64 of either byte order
 *   faiss    IndexFlatIP, IndexFlatL2, the vectors inside an IndexHNSWFlat, and an IndexIDMap or IDMap2 of these
 *   pgvector a table with one column of vector or halfvec, as PostgreSQL's binary COPY writes it
 *   usearch  an index of f16, bf16, f32, f64 or i8, whose rows come by key; those of removed keys are left out
 *
 * matrix_file_open: what is none of these is ERR_UNSUPPORTED, and says what it is where that is known; what is damaged
 * is ERR_FORMAT. Rows may be read in any order. */
enum matrix_element { ELEMENT_F16, ELEMENT_F32, ELEMENT_F64, ELEMENT_BF16, ELEMENT_I8 };

struct matrix_file {
    struct file_map map;
    enum matrix_element element;
    bool big_endian;
    const uint8_t *data;      /* at no particular alignment */
    int64_t count;            /* rows */
    size_t width;             /* E */
    size_t to_row, to_column; /* bytes from a row to the next, and from an element of a row to the next */
    int64_t *places;          /* (count) where in the file each row is; NULL: as they come */
    int64_t *ids;             /* (count) what the file calls each row; NULL: it does not say */
    bool is_copy;             /* rows that have more than their vectors: copy.h reads it */
};

/* Also ERR_LIMIT: wider than an index may be. */
int matrix_file_open(struct matrix_file *out, const char *path, struct err *err);
void matrix_file_release(struct matrix_file *file);

/* vectors (count, E) of the rows from first on, which are there. Those of i8 are usearch's codes, in which
 * every vector has the length 127, whatever it had before. */
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
