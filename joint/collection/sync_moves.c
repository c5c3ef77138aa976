// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync.h"

#include <stdio.h>

static int place(
    struct sync *sync, int64_t id, const char *path, const struct plan_file *file, struct err *err)
{
    struct arena arena = {0};
    struct index_item item;
    int rc = index_get(&item, sync->index, id, &arena, err);
    if (!rc) {
        item.path = path;
        if (file) {
            item.size = file->size;
            item.mtime_ns = file->mtime_ns;
            item.offset = file->member.offset;
        }
        rc = index_update(sync->index, &item, err);
    }
    arena_release(&arena);
    return rc;
}

int sync_place(struct sync *sync, int64_t id, const struct plan_file *file, struct err *err)
{
    return place(sync, id, file->path, file, err);
}

/* Pictures that swap their names, or all move on by one, must not be in one another's way: an item whose old
 * path another takes steps aside first, to a path that no file can have. Nobody sees it there: it is all one
 * commit. */
static int step_aside(struct sync *sync, const struct plan_item *item, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/null/%lld", (long long)item->id);
    return place(sync, item->id, path, NULL, err);
}

/* Pictures of archives are touched with these, most often for nothing. */
static bool is_placed(const struct plan_file *file)
{
    const struct plan_item *item = file->item;
    return file->mtime_ns == item->mtime_ns && file->member.offset == item->offset;
}

int sync_moves(struct sync *sync, const struct plan *plan, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < plan->item_count && !rc; i++)
        if (plan->items[i].vacates)
            rc = step_aside(sync, &plan->items[i], err);
    for (size_t i = 0; i < plan->file_count && !rc; i++) {
        const struct plan_file *file = &plan->files[i];
        if (file->action == PLAN_UNCHANGED || file->action == PLAN_TOUCHED)
            sync->counts->pictures.unchanged++;
        if ((file->action == PLAN_TOUCHED && !is_placed(file)) || file->action == PLAN_MOVED)
            rc = sync_place(sync, file->item->id, file, err);
        sync->counts->pictures.moved += file->action == PLAN_MOVED;
    }
    return rc ? rc : index_commit(sync->index, err);
}
