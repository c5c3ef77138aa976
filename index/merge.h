// SPDX-License-Identifier: Apache-2.0
#ifndef DIPTYCH_INDEX_MERGE_H
#define DIPTYCH_INDEX_MERGE_H

#include "index/index.h"

/* Parts (count) by their numbers, in the arena: all that one index has. */
int parts_read(
    struct index_part **out, char *const *paths, size_t count, struct arena *arena, struct err *err);

/* Whether these are of one index: parts of it, or indexes that are as alike as parts are. */
int parts_check_kin(const struct index_part *parts, size_t count, struct err *err);

#endif
