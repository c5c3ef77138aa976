// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/watch_descriptors.h"

#include <stdlib.h>
#include <string.h>

static int make_room(struct descriptors *all, int wd, struct err *err)
{
    const size_t before = all->room;
    const int rc = array_grow(all->first, &all->room, (size_t)wd + 1, err);
    if (!rc && all->room > before)
        memset(all->first + before, 0, (all->room - before) * sizeof *all->first);
    return rc;
}

int descriptors_add(struct descriptors *all, int wd, const char *path, bool deep, struct err *err)
{
    int rc = make_room(all, wd, err);
    if (rc)
        return rc;
    struct watched *first = &all->first[wd], *known = first;
    while (known && !(known->path && !strcmp(known->path, path)))
        known = known->next;
    if (known) {
        known->deep |= deep;
        return 0;
    }
    struct watched *added = first->path ? mem_new(1, sizeof *added) : first;
    char *copy = strdup(path);
    if (!added || !copy) {
        if (added != first)
            free(added);
        free(copy);
        return err_memory(err, strlen(path));
    }
    *added = (struct watched){.path = copy, .deep = deep, .next = added == first ? NULL : first->next};
    if (added != first)
        first->next = added;
    all->count++;
    return 0;
}

const struct watched *descriptors_find(const struct descriptors *all, int wd, size_t n)
{
    const struct watched *at = (size_t)wd < all->room ? &all->first[wd] : NULL;
    while (at && n--)
        at = at->next;
    return at && at->path ? at : NULL;
}

bool descriptors_have(const struct descriptors *all, const char *path)
{
    for (size_t wd = 0; wd < all->room; wd++)
        for (const struct watched *at = &all->first[wd]; at && at->path; at = at->next)
            if (!strcmp(at->path, path))
                return true;
    return false;
}

/* Takes one out; the next one is in its place then, and a last one stays behind without a path. */
static void drop(struct descriptors *all, struct watched *at)
{
    struct watched *next = at->next;
    free(at->path);
    *at = next ? *next : (struct watched){0};
    free(next);
    all->count--;
}

void descriptors_drop(struct descriptors *all, int wd)
{
    while ((size_t)wd < all->room && all->first[wd].path)
        drop(all, &all->first[wd]);
}

bool descriptors_drop_below(struct descriptors *all, int wd, const char *path)
{
    struct watched *first = &all->first[wd], *at = first;
    const bool any = first->path;
    while (at && at->path) {
        if (path_below(at->path, path))
            drop(all, at);
        else
            at = at->next;
    }
    return any && !first->path;
}

void descriptors_release(struct descriptors *all)
{
    for (size_t wd = 0; wd < all->room; wd++)
        descriptors_drop(all, (int)wd);
    free(all->first);
    *all = (struct descriptors){0};
}
