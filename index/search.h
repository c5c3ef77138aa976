// SPDX-License-Identifier: Apache-2.0
/* Inside a search: an index, the scan of its rows, and their codes in a file beside them. */
#ifndef DIPTYCH_INDEX_SEARCH_H
#define DIPTYCH_INDEX_SEARCH_H

#include "index/coarse.h"

struct index_searcher {
    struct index *index;
    struct scanner *scanner;
    struct coarse coarse;
    int64_t generation; /* that the codes were opened for */
};

/* The file of codes in an index's folder; it is brought up to all rows, or removed where they are few. */
extern const char codes_name[];
int codes_update(const char *folder, const struct index_rows *rows, int64_t generation, const struct job *job,
    struct err *err);

/* ERR_FORMAT where a code does not hold for its vector. */
int search_verify(struct index *index, const struct job *job, struct err *err);

#endif
