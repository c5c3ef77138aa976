// SPDX-License-Identifier: Apache-2.0
/* Inside index: the kinds of files that matrix_file_open tells apart. Numbers in them are little-endian, but for npy's
 * elements where it says so, and all of PostgreSQL's. */
#ifndef DIPTYCH_INDEX_MATRIX_KINDS_H
#define DIPTYCH_INDEX_MATRIX_KINDS_H

#include "index/matrix.h"

/* What is left of a file. */
struct bytes {
    const uint8_t *at;
    size_t left;
};

/* The next count bytes, and moves behind them; NULL where there are not so many. */
const uint8_t *bytes_take(struct bytes *bytes, size_t count);

uint64_t get_number(const uint8_t *bytes, size_t size);
uint64_t get_big_number(const uint8_t *bytes, size_t size); /* big-endian */

/* The elements, for out's count, width and element: row after row, or column after column. ERR_LIMIT, ERR_FORMAT. */
int matrix_take_rows(struct matrix_file *out, struct bytes *bytes, bool by_column, struct err *err);

int npy_open(struct matrix_file *out, struct bytes file, struct err *err);

bool faiss_begins(struct bytes file);
int faiss_open(struct matrix_file *out, struct bytes file, struct err *err);

bool usearch_begins(struct bytes file);
int usearch_open(struct matrix_file *out, struct bytes file, struct err *err);

#endif
