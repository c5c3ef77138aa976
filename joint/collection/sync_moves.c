// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync.h"

#include <stdio.h>
#include <string.h>

/* Whether that makes it another. */
static bool place_at(struct index_item *item, const struct plan_file *file)
{
    const bool same = !strcmp(item->path, file->path) && item->size == file->size &&
                      item->mtime_ns == file->mtime_ns && item->offset == file->member.offset;
    item->path = file->path;
    item->size = file->size;
    item->mtime_ns = file->mtime_ns;
    item->offset = file->member.offset;
    return !same;
}

int sync_place(struct sync *sync, int64_t id, const struct plan_file *file, struct err *err)
{
    static const struct capture silent;
    struct arena arena = {0};
    struct index_item item;
    bool said = false;
    int rc = index_get(&item, sync->index, id, &arena, err);
    const bool placed = !rc && place_at(&item, file);
    if (!rc && file->stream)
        rc = sync_set_capture(&said, &item, file->capture ? file->capture : &silent, &arena, err);
    if (!rc && (placed || said))
        rc = index_update(sync->index, &item, err);
    sync->counts->examined += !rc && said && file->action == PLAN_TOUCHED;
    arena_release(&arena);
    return rc;
}

/* Pictures that swap their names, or all move on by one, must not be in one another's way: an item whose old
 * path another takes steps aside first, to a path that no file can have. Nobody sees it there: it is all one
 * commit. */
static int step_aside(struct sync *sync, const struct plan_item *item, struct err *err)
{
    struct arena arena = {0};
    struct index_item aside;
    char path[64];
    snprintf(path, sizeof path, "/dev/null/%lld", (long long)item->id);
    int rc = index_get(&aside, sync->index, item->id, &arena, err);
    aside.path = path;
    if (!rc)
        rc = index_update(sync->index, &aside, err);
    arena_release(&arena);
    return rc;
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
        if (file->action == PLAN_TOUCHED || file->action == PLAN_MOVED)
            rc = sync_place(sync, file->item->id, file, err);
        sync->counts->pictures.moved += file->action == PLAN_MOVED;
    }
    return rc ? rc : index_commit(sync->index, err);
}
