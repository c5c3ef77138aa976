// SPDX-License-Identifier: Apache-2.0
#include "cli/index_work.h"

#include <stdio.h>

int work_place(
    struct work *work, int64_t id, const char *path, int64_t size, int64_t mtime_ns, struct err *err)
{
    struct arena arena = {0};
    struct index_item item;
    int rc = index_get(&item, work->index, id, &arena, err);
    if (!rc) {
        item.path = path;
        item.size = size;
        item.mtime_ns = mtime_ns;
        rc = index_update(work->index, &item, err);
    }
    arena_release(&arena);
    return rc;
}

/* Pictures that swap their names, or all move on by one, must not be in one another's way: an item whose old
 * path another takes steps aside first, to a path that no file can have. Nobody sees it there: it is all one
 * commit. */
static int step_aside(struct work *work, const struct plan_item *item, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/null/%lld", (long long)item->id);
    return work_place(work, item->id, path, item->size, item->mtime_ns, err);
}

int work_moves(struct work *work, const struct plan *plan, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < plan->item_count && !rc; i++)
        if (plan->items[i].vacates)
            rc = step_aside(work, &plan->items[i], err);
    for (size_t i = 0; i < plan->file_count && !rc; i++) {
        const struct plan_file *file = &plan->files[i];
        if (file->action == PLAN_UNCHANGED || file->action == PLAN_TOUCHED)
            work->pictures.unchanged++;
        if (file->action == PLAN_TOUCHED || file->action == PLAN_MOVED)
            rc = work_place(work, file->item->id, file->path, file->size, file->mtime_ns, err);
        work->pictures.moved += file->action == PLAN_MOVED;
    }
    return rc ? rc : index_commit(work->index, err);
}
