// SPDX-License-Identifier: Apache-2.0
/*
 * PostgreSQL's binary COPY, from and to a table of items with pgvector's vectors (PostgreSQL's manual, COPY, "Binary
 * Format"; pgvector 0.8's vector_send and halfvec_send). Numbers are big-endian:
 *
 *   signature (11 bytes), flags (int32), length of what follows them (int32): 0 both
 *   a row    how many fields it has (int16), then of each its length (int32; -1: it is NULL) and its bytes
 *   the end  -1 (int16)
 *
 *   bigint, integer, double precision   the number
 *   text                                UTF-8
 *   jsonb                               the version 1 (1 byte), then the text
 *   vector, halfvec                     E (int16), 0 (int16), then E float32 or float16
 */
#ifndef DIPTYCH_INDEX_COPY_H
#define DIPTYCH_INDEX_COPY_H

#include "index/index.h"
#include "index/matrix_kinds.h"

static const char copy_signature[11] = "PGCOPY\n\377\r\n"; /* with its NUL */
enum { COPY_SIGNATURE = 11, COPY_HEAD = COPY_SIGNATURE + 8, COPY_NULL = -1, COPY_END = -1 };
enum { COPY_JSONB_VERSION = 1, COPY_VECTOR_HEAD = 4, COPY_VECTOR_LIMIT = 16000 /* pgvector's */ };

/* The columns that stand before the embedding: where an item has their values, and what they are in SQL. Unknown values,
 * NULL, 0, and the place 0, 0, are NULL. */
enum copy_type { COPY_BIGINT, COPY_INTEGER, COPY_DOUBLE, COPY_TEXT, COPY_JSONB, COPY_KIND };
struct copy_column {
    const char *name;
    enum copy_type type;
    size_t at; /* in struct index_item */
};
enum { COPY_COLUMNS = 16 };
extern const struct copy_column copy_columns[COPY_COLUMNS];
extern const char copy_embedding[]; /* the name of that column, behind them */

/* A file of COPY of any table with one column of vectors, for matrix_file_open: that column is told by its bytes, since
 * nothing in the file says what its columns are. ERR_FORMAT, ERR_UNSUPPORTED. */
bool copy_begins(struct bytes file);
int copy_open(struct matrix_file *out, struct bytes file, struct err *err);

/* What else its rows have, one after the other. Names: of all columns in their order, "path,caption,embedding", each of
 * copy_columns or the embedding; NULL: copy_columns and the embedding. The items get their ids as metadata, unless it is
 * NULL. ERR_ARGUMENT: names that do not fit the file. */
struct copy_items {
    const char *path;
    struct bytes rest;
    int64_t row;                                         /* the next one */
    size_t count;                                        /* columns */
    const struct copy_column *columns[COPY_COLUMNS + 1]; // (count): NULL for the embedding
    bool keep_ids;
};
int copy_items_open(struct copy_items *out, const char *path, const struct matrix_file *file,
    const char *names, struct err *err);

/* The item of the next row, which there must be; as exchange_item. ERR_FORMAT names file, row and column. */
int copy_items_next(struct index_item *out, struct copy_items *items, enum index_kind kind,
    struct arena *arena, struct err *err);

#endif
