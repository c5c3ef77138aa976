// SPDX-License-Identifier: Apache-2.0
/* What index.c, sync.c, add.c, remove.c, search.c and exchange.c know together. */
#ifndef DIPTYCH_FACADE_INDEX_H
#define DIPTYCH_FACADE_INDEX_H

#include "joint/facade/facade.h"

struct diptych_index {
    struct diptych_model *model; /* NULL: none */
    struct arena arena;          /* of strings */
    const char *path, *reference, *fingerprint;
    bool write, made; /* made: by this handle */

    struct turns turns;
    bool taken; /* under its lock: somebody has what follows */
    struct collection *collection;
    struct index_searcher *searcher; /* NULL until something is looked for */
};

/* Has the index for this thread alone until index_give. ERR_CANCELLED. */
int index_take(struct diptych_index *index, const struct job *job, struct err *err);
void index_give(struct diptych_index *index);

/* ERR_ARGUMENT where it is NULL, or was not opened for that. */
int index_need(const struct diptych_index *index, bool write, bool model, struct err *err);

/* How its pictures are prepared, an enum alpha_rule: it takes the index for a moment. */
int index_alpha(int *out, struct diptych_index *index, const struct job *job, struct err *err);

/* ERR_ARGUMENT where it is no enum diptych_kind. */
int kind_check(int32_t kind, struct err *err);

#endif
