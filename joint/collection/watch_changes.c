// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/watch_changes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SETTLED_SECONDS                                                                                      \
    0.1 /* what belongs together comes together: a file and its captions, two halves of a move */
#define QUIET_SECONDS 0.5

enum { CHANGES_MAX = 50000 };

struct change {
    const char *path;
    bool settled;
    double due;
    int64_t size, mtime_ns; /* when it was looked at last; size -1: nothing is there */
};

/* Looks at a path: whether it is as it was the last time. */
static bool is_same(struct change *change)
{
    const int64_t size = change->size, mtime_ns = change->mtime_ns;
    struct stat st;
    change->size = -1;
    change->mtime_ns = 0;
    if (!stat(change->path, &st)) {
        change->size = st.st_size;
        change->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    return change->size == size && change->mtime_ns == mtime_ns;
}

static void note(struct change *change, bool settled, double now)
{
    change->settled = settled;
    change->due = now + (change->settled ? SETTLED_SECONDS : QUIET_SECONDS);
    if (!change->settled)
        is_same(change);
}

static int keep(struct changes *changes, const struct change *change, struct change **out, struct err *err)
{
    size_t *number;
    int rc = array_grow(changes->items, &changes->room, changes->count + 1, err);
    if (!rc)
        rc = string_map_add(
            &number, &changes->numbers, change->path, strlen(change->path), changes->count, err);
    if (rc)
        return rc;
    if (*number == changes->count) {
        const char *path = arena_copy(&changes->arena, change->path, strlen(change->path));
        if (!path)
            return err_memory(err, strlen(change->path));
        changes->items[changes->count] = *change;
        changes->items[changes->count++].path = path;
    }
    *out = &changes->items[*number];
    return 0;
}

int changes_add(struct changes *changes, const char *path, bool settled, double now, struct err *err)
{
    struct change *change = NULL;
    if (changes->count >= CHANGES_MAX) {
        changes_release(changes);
        changes->all = true;
    }
    const int rc = keep(changes, &(struct change){.path = path}, &change, err);
    if (!rc)
        note(change, settled, now);
    return rc;
}

static bool is_ready(struct change *change, double now)
{
    if (change->due > now)
        return false;
    if (change->settled || is_same(change))
        return true;
    change->due = now + QUIET_SECONDS;
    return false;
}

/* What stays is kept anew, so that the memory of paths that were taken goes. */
int changes_take(struct changes *changes, struct strings *ready, size_t max, double now, struct err *err)
{
    struct changes rest = {.all = changes->all};
    struct change *kept;
    int rc = 0;
    for (size_t i = 0; i < changes->count && !rc; i++) {
        struct change *change = &changes->items[i];
        if (ready->count < max && is_ready(change, now))
            rc = strings_add(ready, change->path, strlen(change->path), err);
        else
            rc = keep(&rest, change, &kept, err);
    }
    rest.all |= rc != 0; /* the others are lost */
    changes_release(changes);
    *changes = rest;
    return rc;
}

double changes_due(const struct changes *changes)
{
    double due = 0;
    for (size_t i = 0; i < changes->count; i++)
        if (!i || changes->items[i].due < due)
            due = changes->items[i].due;
    return due;
}

void changes_release(struct changes *changes)
{
    free(changes->items);
    string_map_release(&changes->numbers);
    arena_release(&changes->arena);
    *changes = (struct changes){0};
}
