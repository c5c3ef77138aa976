// SPDX-License-Identifier: Apache-2.0
/* The work of `index export`: items of an index into files of other programs. */
#ifndef DIPTYCH_CLI_INDEX_EXPORT_H
#define DIPTYCH_CLI_INDEX_EXPORT_H

#include "cli/progress.h"
#include "index/index.h"

/* Zero-initialise, but for index, filter and progress. */
struct exporter {
    struct index *index;
    struct index_filter filter;
    struct progress progress;
    size_t written; /* items */
    size_t lossy;   /* those of them with strings that are not UTF-8 */
};

/* Writes a matrix, by the end of its name, .npy or .faiss, and its lines, to the file beside it if metadata
 * is NULL. What is there stays until both are whole. */
int export_file(struct exporter *exporter, const char *path, const char *metadata, struct err *err);

/* Makes a folder in the layout of clip-retrieval, whole or not at all; it may exist if it is empty. */
int export_folder(struct exporter *exporter, const char *path, struct err *err);

#endif
