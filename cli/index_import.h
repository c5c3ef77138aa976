// SPDX-License-Identifier: Apache-2.0
/* The work of `index import`: rows from files of other programs into an index. */
#ifndef DIPTYCH_CLI_INDEX_IMPORT_H
#define DIPTYCH_CLI_INDEX_IMPORT_H

#include "cli/progress.h"
#include "index/index.h"

/* A matrix, and the lines that say what its rows are. */
struct import_part {
    const char *vectors;
    const char *metadata; /* NULL: nothing says it */
    enum index_kind kind; /* of rows whose line does not say it */
};

/* Zero-initialise, but for the progress. */
struct importer {
    struct progress progress;
    struct import_part *parts;
    size_t count;
    size_t width; /* E of all parts */
    int64_t rows; /* of all parts */
    int64_t done;
    int64_t scaled; /* vectors whose length was not 1 */
    struct arena arena;
};

/* Adds a file, with the lines beside it if metadata is NULL and there are such. The number of lines must be
 * that of rows. */
int import_file(struct importer *importer, const char *vectors, const char *metadata, enum index_kind kind,
    struct err *err);

/* Adds the parts of a folder in the layout of clip-retrieval. */
int import_folder(struct importer *importer, const char *folder, struct err *err);

/* Reads all rows of all parts and adds them to the index, in the order of the files, without a commit. index
 * NULL: only finds what is wrong with them: a vector that is not finite or zero, a line that is no item. */
int import_read(struct importer *importer, struct index *index, struct err *err);

void import_release(struct importer *importer);

#endif
