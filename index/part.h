// SPDX-License-Identifier: Apache-2.0
/* Inside the parts of an index: what joining them asks. */
#ifndef DIPTYCH_INDEX_PART_H
#define DIPTYCH_INDEX_PART_H

#include "index/index.h"

struct part_file {
    const char *name;
    int64_t bytes;
    char hash[HASH_SIZE];
};

/* ERR_FORMAT, naming the file: one of the part's is not as it was made. The second looks at their sizes alone, and reads none. */
int part_check(const struct index_part *part, const struct job *job, struct err *err);
int part_check_sizes(const struct index_part *part, struct err *err);

/* Brings a new name to stable storage. */
int part_sync_above(const char *path, struct err *err);

#endif
