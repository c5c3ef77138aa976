// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/internal.h"
#include "joint/collection/sync_shards.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An item below the old place, and the file at the new one. */
struct moving {
    int64_t id;
    size_t length; /* of its path */
    bool picture, fits;
    int64_t size, mtime_ns; /* of the file */
};

struct relocating {
    struct index *index;
    const char *from, *to;
    const struct job *job;
    struct moving *items; // (count)
    size_t count, room;
    struct shard_cursor cursor;
    struct err *err;
};

/* The path below the new place; NULL when out of memory. */
static const char *moved_path(const struct relocating *r, const char *path, struct arena *arena)
{
    const char *rest = path + strlen(r->from);
    if (*rest == '!') /* in an archive that is moved itself */
        return member_path(arena, r->to, rest + 2, NULL);
    return *rest ? path_join(arena, r->to, rest + (*rest == '/')) : r->to;
}

/* ---- what is there ------------------------------------------------------------------------------------- */

static int add_item(void *context, const struct index_item *item)
{
    struct relocating *r = context;
    const bool below = item->path && path_below(item->path, r->from) && !index_owns(r->index, item->path);
    int rc = job_step(r->job, "looking for items", 0, 0, r->err);
    if (rc || !below)
        return rc;
    rc = array_grow(r->items, &r->room, r->count + 1, r->err);
    if (!rc)
        r->items[r->count++] = (struct moving){
            .id = item->id, .length = strlen(item->path), .picture = item->kind == INDEX_IMAGE};
    return rc;
}

/* What its archive has of it now; size and time do not say what it is. */
static bool check_member(
    struct relocating *r, struct moving *moving, const char *path, const struct index_item *item)
{
    char *bytes;
    size_t size;
    struct member member;
    const int rc =
        item->offset
            ? member_read(&bytes, &size, path, item->offset, item->size, item->hash, MEMBER_MAX, NULL, NULL)
            : shard_cursor_read(&bytes, &size, &member, &r->cursor, path, item->hash, MEMBER_MAX, NULL, NULL);
    moving->size = item->size;
    moving->mtime_ns = item->mtime_ns;
    moving->fits = !rc && item->hash;
    if (!rc)
        free(bytes);
    return !rc;
}

/* Whether there is a file at the new place; moving->fits: it is the one that the item is of, by size and time, else by
 * content. */
static bool check_file(
    struct relocating *r, struct moving *moving, const char *path, const struct index_item *item)
{
    if (member_shard(path))
        return check_member(r, moving, path, item);
    struct stat st;
    char hash[HASH_SIZE];
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return false;
    moving->size = st.st_size;
    moving->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    moving->fits = item->size == moving->size && item->mtime_ns == moving->mtime_ns;
    if (!moving->fits && item->hash && item->size == moving->size && !hash_file(hash, path, NULL))
        moving->fits = !strcmp(hash, item->hash);
    return true;
}

static int check_item(struct relocate_counts *counts, struct relocating *r, struct moving *moving)
{
    struct arena arena = {0};
    struct index_item item;
    bool there = true;
    int rc = index_get(&item, r->index, moving->id, &arena, r->err);
    const char *path = rc ? NULL : moved_path(r, item.path, &arena);
    if (!rc && !path)
        rc = err_memory(r->err, strlen(r->to));
    if (!rc && moving->picture)
        there = check_file(r, moving, path, &item);
    counts->pictures += moving->picture;
    counts->texts += !moving->picture;
    counts->missing += !there;
    counts->different += there && moving->picture && !moving->fits;
    arena_release(&arena);
    return rc;
}

static int check_all(struct relocate_counts *counts, struct relocating *r)
{
    int rc = 0;
    for (size_t i = 0; i < r->count && !rc; i++) {
        rc = job_step(r->job, "files compared", i, r->count, r->err);
        if (!rc)
            rc = check_item(counts, r, &r->items[i]);
    }
    return rc;
}

/* ---- moving -------------------------------------------------------------------------------------------- */

/* What is not the same file keeps size and time of the one before, so that the next sync finds it changed. */
static int move_item(struct relocating *r, const struct moving *moving)
{
    struct arena arena = {0};
    struct index_item item;
    int rc = index_get(&item, r->index, moving->id, &arena, r->err);
    if (rc == ERR_NOT_FOUND)
        return 0; /* another of these has taken its path */
    if (!rc) {
        item.path = moved_path(r, item.path, &arena);
        rc = item.path ? 0 : err_memory(r->err, strlen(r->to));
    }
    if (!rc && moving->fits) {
        item.size = moving->size;
        item.mtime_ns = moving->mtime_ns;
    }
    if (!rc)
        rc = index_update(r->index, &item, r->err);
    arena_release(&arena);
    return rc;
}

static int by_length(const void *a, const void *b)
{
    const struct moving *x = a, *y = b;
    return (x->length > y->length) - (x->length < y->length);
}

/* Where one place lies in the other, an item's new path may be the old one of another, which is to leave it first. */
static int move_items(struct relocating *r)
{
    const bool longer = strlen(r->to) > strlen(r->from);
    int rc = 0;
    if (r->count)
        qsort(r->items, r->count, sizeof *r->items, by_length);
    for (size_t i = 0; i < r->count && !rc; i++) {
        rc = job_step(r->job, "items moved", i, r->count, r->err);
        if (!rc)
            rc = move_item(r, &r->items[longer ? r->count - 1 - i : i]);
    }
    return rc;
}

/* They are taken out, and come in again. */
static int move_sources(struct relocate_counts *counts, struct relocating *r)
{
    struct sources sources = {0};
    struct arena arena = {0};
    int rc = sources_recall(&sources, r->index, r->err);
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources.paths[kind].count && !rc; i++) {
            const char *path = sources.paths[kind].items[i];
            const char *moved = path_below(path, r->from) ? moved_path(r, path, &arena) : path;
            rc = moved ? index_source_remove(r->index, source_names[kind], path, r->err)
                       : err_memory(r->err, strlen(path));
            counts->sources += moved != path;
        }
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources.paths[kind].count && !rc; i++) {
            const char *path = sources.paths[kind].items[i];
            const char *moved = path_below(path, r->from) ? moved_path(r, path, &arena) : path;
            rc = moved ? index_source_add(r->index, source_names[kind], moved, r->err)
                       : err_memory(r->err, strlen(path));
            if (!rc && kind == SOURCE_PICTURES)
                rc = index_source_keep_rules(
                    r->index, source_names[kind], moved, sources.rules.items[i], r->err);
        }
    sources_release(&sources);
    arena_release(&arena);
    return rc;
}

struct failing {
    struct relocating *r;
    struct strings paths;
};

static int add_failure(void *context, const struct index_failure *failure)
{
    struct failing *failing = context;
    if (!path_below(failure->path, failing->r->from))
        return 0;
    return strings_add(&failing->paths, failure->path, strlen(failure->path), failing->r->err);
}

/* They are tried once more where they are now. */
static int forget_failures(struct relocating *r)
{
    struct failing failing = {.r = r};
    int rc = index_failures(r->index, add_failure, &failing, r->err);
    for (size_t i = 0; i < failing.paths.count && !rc; i++)
        rc = index_failure_forget(r->index, failing.paths.items[i], r->err);
    strings_release(&failing.paths);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static int check_counts(const struct relocate_counts *counts, const struct relocating *r, bool any)
{
    if (counts->missing + counts->different == 0 || any)
        return 0;
    return err_set(r->err, ERR_ARGUMENT,
        "of %zu pictures below '%s' %zu are not below '%s', and %zu are others there: nothing was changed",
        counts->pictures, r->from, counts->missing, r->to, counts->different);
}

static int move_all(struct relocate_counts *counts, struct relocating *r)
{
    int rc = move_items(r);
    if (!rc)
        rc = move_sources(counts, r);
    if (!rc)
        rc = forget_failures(r);
    if (!rc)
        rc = index_passed_over_forget(r->index, r->from, r->err);
    if (!rc && !counts->pictures && !counts->texts && !counts->sources)
        rc =
            err_set(r->err, ERR_NOT_FOUND, "'%s' has nothing below '%s'", index_info(r->index).path, r->from);
    return rc ? rc : index_commit(r->index, r->err);
}

int collection_relocate(struct relocate_counts *counts, struct collection *collection, const char *from,
    const char *to, bool any, const struct job *job, struct err *err)
{
    struct relocating r = {.index = collection->index, .from = from, .to = to, .job = job, .err = err};
    *counts = (struct relocate_counts){0};
    int rc = index_each(r.index, NULL, add_item, &r, err);
    if (!rc)
        rc = check_all(counts, &r);
    if (!rc)
        rc = check_counts(counts, &r, any);
    if (!rc) {
        rc = move_all(counts, &r);
        if (rc)
            index_revert(r.index);
    }
    shard_cursor_release(&r.cursor);
    free(r.items);
    return rc;
}
