// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#ifndef DIPTYCH_COLLECTION_INTERNAL_H
#define DIPTYCH_COLLECTION_INTERNAL_H

#include "joint/collection/collection.h"

struct collection {
    struct index *index;
    const struct embedder *embedder; /* NULL: none attached */
    struct index_searcher *searcher; /* NULL: no device attached */
};

#endif
