// SPDX-License-Identifier: Apache-2.0
/* Where index_export's items go: one verb a kind of file. All write beside the files of their names, which take their
 * places in closing, and only if all are whole. */
#ifndef DIPTYCH_INDEX_SINK_H
#define DIPTYCH_INDEX_SINK_H

#include "index/index.h"

/* What is known before the first item. */
struct sink_plan {
    const char *path;     /* of the file */
    const char *metadata; /* where the lines go that say what its rows are; NULL: beside it */
    int64_t count;        /* items to come */
    size_t width;         /* E */
    enum index_storage storage;
    bool half; /* asked for: vectors are kept as float16 */
};

/* An open one. A kind's own struct begins with it. */
struct sink {
    /* Appends count items with their vectors (count, E). *lossy grows by those with strings that are not UTF-8, which have
     * U+FFFD there. What is not written shows in closing. */
    int (*add)(struct sink *sink, const struct index_item *items, const float *vectors, size_t count,
        size_t *lossy, struct err *err);

    /* Frees it, whatever happens; without `keep`, what was there stays. */
    int (*close)(struct sink *sink, bool keep, struct err *err);
};

/* ERR_IO, ERR_MEMORY, and ERR_ARGUMENT or ERR_LIMIT for what the other program has no room for. */
typedef int sink_open(struct sink **out, const struct sink_plan *plan, struct err *err);
sink_open sink_npy, sink_faiss; /* a matrix, and a line of JSON for each of its rows */
sink_open sink_qdrant;          /* requests that keep points */
sink_open sink_pgvector;        /* a table of PostgreSQL, and the SQL that makes and fills it */

#endif
