// SPDX-License-Identifier: Apache-2.0
#include "index/index.h"

#include <stdlib.h>

enum { ITEMS_AT_ONCE = 4096 };

int index_matrix(float **vectors, int64_t **numbers, struct index *index, const struct index_rows *rows,
    const struct job *job, struct err *err)
{
    size_t chosen = 0;
    *vectors = mem_new((size_t)rows->chosen + 1, rows->width * sizeof **vectors);
    *numbers = mem_new((size_t)rows->chosen + 1, sizeof **numbers);
    int rc =
        *vectors && *numbers ? 0 : err_memory(err, (size_t)rows->chosen * rows->width * sizeof **vectors);
    for (int64_t row = 0; row < rows->count && !rc; row++)
        if (index_rows_have(rows, row))
            (*numbers)[chosen++] = row;
    for (size_t first = 0; first < chosen && !rc; first += ITEMS_AT_ONCE) {
        const size_t left = chosen - first, count = left < ITEMS_AT_ONCE ? left : ITEMS_AT_ONCE;
        rc = job_step(job, "reading vectors", 0, 0, err);
        if (!rc)
            rc = index_vectors(*vectors + first * rows->width, index, *numbers + first, count, err);
    }
    if (rc) {
        free(*vectors);
        free(*numbers);
        *vectors = NULL;
        *numbers = NULL;
    }
    return rc;
}

int index_view_open(struct index_view *view, const char *path, const struct index_filter *filter,
    size_t least, const struct job *job, struct err *err)
{
    *view = (struct index_view){0};
    int rc = index_open(&view->index, path, INDEX_READ, NULL, err);
    if (!rc)
        rc = index_rows(&view->rows, view->index, filter, err);
    view->count = (size_t)view->rows.chosen;
    if (!rc && view->count < least)
        rc = err_set(err, ERR_ARGUMENT, "this takes %zu or more items, and '%s' has %zu such", least, path,
            view->count);
    if (!rc)
        rc = index_matrix(&view->vectors, &view->numbers, view->index, &view->rows, job, err);
    if (!rc && !(view->items = arena_alloc(&view->arena, view->count * sizeof *view->items)))
        rc = err_memory(err, view->count * sizeof *view->items);
    for (size_t first = 0; first < view->count && !rc; first += ITEMS_AT_ONCE) {
        const size_t left = view->count - first, count = left < ITEMS_AT_ONCE ? left : ITEMS_AT_ONCE;
        rc = job_step(job, "reading items", 0, 0, err);
        if (!rc)
            rc = index_fetch(
                view->items + first, view->index, view->numbers + first, count, &view->arena, err);
    }
    return rc;
}

void index_view_release(struct index_view *view)
{
    free(view->numbers);
    free(view->vectors);
    arena_release(&view->arena);
    index_rows_release(&view->rows);
    index_free(view->index);
}
