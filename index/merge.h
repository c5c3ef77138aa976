// SPDX-License-Identifier: Apache-2.0
#ifndef DIPTYCH_INDEX_MERGE_H
#define DIPTYCH_INDEX_MERGE_H

#include "index/index.h"

/* Parts (count) by their numbers, in the arena: checked, all that one index has, with files that are as they were made. */
int parts_read(struct index_part **out, char *const *paths, size_t count, struct arena *arena,
    const struct job *job, struct err *err);

#endif
