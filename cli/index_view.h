// SPDX-License-Identifier: Apache-2.0
/* Items of an index with their vectors in memory, for the commands that learn from all of them. */
#ifndef DIPTYCH_CLI_INDEX_VIEW_H
#define DIPTYCH_CLI_INDEX_VIEW_H

#include "cli/session.h"
#include "index/index.h"

struct index_view {
    struct index *index;
    struct index_rows rows;
    size_t count;
    struct index_item *items; // (count)
    float *vectors;           // (count, E)
    int64_t *numbers;         // (count): the rows
    struct arena arena;       /* of the items */
};

/* The items that the filter chooses, at least `least` of them: fewer are ERR_ARGUMENT. Damaged vectors are an
 * error. Release it also after one. */
int index_view_open(struct index_view *view, const char *path, const struct index_filter *filter,
    size_t least, const struct job *job, struct err *err);
void index_view_release(struct index_view *view);

/* session_open, where the model must be the index's. */
int session_open_for(struct session *session, const struct index *index, struct err *err);

/* What people know an item by: the path of a picture, the words of a text. */
const char *item_name(const struct index_item *item);

struct json_t *item_name_json(const struct index_item *item); /* {"id", "kind", "path" or "text"} */

#endif
