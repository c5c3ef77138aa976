// SPDX-License-Identifier: Apache-2.0
#include "cli/index_scan.h"
#include "cli/picture_names.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- paths --------------------------------------------------------------------------------------------- */

static const char *copy(struct arena *arena, const char *text, struct err *err)
{
    const char *out = arena_copy(arena, text, strlen(text));
    if (!out)
        err_memory(err, strlen(text));
    return out;
}

/* Where the path does not exist, its folder's path and its name. */
static const char *absolute_missing(struct arena *arena, const char *path, struct err *err)
{
    char *folder = arena_copy(arena, path, strlen(path));
    if (!folder) {
        err_memory(err, strlen(path));
        return NULL;
    }
    for (size_t end = strlen(folder); end > 1 && folder[end - 1] == '/'; end--)
        folder[end - 1] = '\0'; /* slashes at the end say nothing */
    char *slash = strrchr(folder, '/');
    const char *name = slash ? slash + 1 : folder;
    const char *above = !slash ? "." : slash == folder ? "/" : folder;
    if (slash)
        *slash = '\0';
    above = path_absolute(arena, above, err);
    const char *out = above ? path_join(arena, above, name) : NULL;
    if (above && !out)
        err_memory(err, strlen(path));
    return out;
}

const char *path_absolute(struct arena *arena, const char *path, struct err *err)
{
    char *real = realpath(path, NULL);
    const char *out = real ? copy(arena, real, err) : absolute_missing(arena, path, err);
    free(real);
    return out;
}

/* ---- files --------------------------------------------------------------------------------------------- */

struct walk {
    struct scan *scan;
    const char *root;
    struct err *err;
};

static int add_file(struct scan *scan, const char *path, const struct stat *st, struct err *err)
{
    struct plan *plan = &scan->plan;
    if (plan->file_count == scan->file_room) {
        const size_t room = scan->file_room ? 2 * scan->file_room : 256;
        struct plan_file *files = mem_grow(plan->files, room, sizeof *files);
        if (!files)
            return err_memory(err, room * sizeof *files);
        plan->files = files;
        scan->file_room = room;
    }
    const char *kept = copy(&scan->arena, path, err);
    plan->files[plan->file_count++] = (struct plan_file){
        .path = kept,
        .size = st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
    return kept ? 0 : ERR_MEMORY;
}

static int visit(void *context, const char *path, const struct err *problem)
{
    const struct walk *walk = context;
    struct scan *scan = walk->scan;
    struct stat st;
    if (problem || stat(path, &st)) {
        scan->failed++;
        if (problem)
            message("%s", problem->msg);
        else
            message("unable to read '%s': %s", path, strerror(errno));
        return strings_add(&scan->unreadable, path, strlen(path), walk->err);
    }
    if (strcmp(path, walk->root) && !picture_suffix(path)) {
        scan->skipped++;
        return 0;
    }
    return add_file(scan, path, &st, walk->err);
}

int scan_path(struct scan *scan, const char *root, struct err *err)
{
    int rc = strings_add(&scan->roots, root, strlen(root), err);
    return rc ? rc : file_walk(root, visit, &(struct walk){scan, root, err}, err);
}

/* ---- hashes -------------------------------------------------------------------------------------------- */

struct hashing {
    struct plan_file *const *files;
    struct err *errs;
};

static void hash_one(void *context, size_t i)
{
    const struct hashing *hashing = context;
    struct plan_file *file = hashing->files[i];
    hashing->errs[i] = (struct err){0};
    if (!*file->hash && hash_file(file->hash, file->path, &hashing->errs[i]))
        *file->hash = '\0';
}

void scan_hash(struct plan_file *const *files, struct err *errs, size_t count, int threads)
{
    parallel_for(count, threads, hash_one, &(struct hashing){files, errs});
}

/* Files that cannot be hashed are left without: they are tried again, and reported, in their turn. */
static int hash_moves(struct plan *plan, int threads, struct progress *progress, struct err *err)
{
    enum { CHUNK = 64 };
    struct plan_file *files[CHUNK];
    size_t count = 0, done = 0, total = 0;
    struct err *errs = mem_new(CHUNK, sizeof *errs);
    if (!errs)
        return err_memory(err, CHUNK * sizeof *errs);
    for (size_t i = 0; i < plan->file_count; i++)
        total += plan_wants_hash(plan, &plan->files[i]);
    progress_start(progress, "files compared", total);
    for (size_t i = 0; i < plan->file_count && done < total; i++) {
        if (!plan_wants_hash(plan, &plan->files[i]))
            continue;
        files[count++] = &plan->files[i];
        if (++done % CHUNK && done < total)
            continue;
        scan_hash(files, errs, count, threads);
        progress_draw(progress, done);
        count = 0;
    }
    free(errs);
    return 0;
}

/* ---- items --------------------------------------------------------------------------------------------- */

static int add_item(void *context, const struct index_item *item)
{
    const struct walk *walk = context;
    struct scan *scan = walk->scan;
    struct plan *plan = &scan->plan;
    if (!item->path)
        return 0;
    if (plan->item_count == scan->item_room) {
        const size_t room = scan->item_room ? 2 * scan->item_room : 256;
        struct plan_item *items = mem_grow(plan->items, room, sizeof *items);
        if (!items)
            return err_memory(walk->err, room * sizeof *items);
        plan->items = items;
        scan->item_room = room;
    }
    struct plan_item *added = &plan->items[plan->item_count++];
    *added = (struct plan_item){
        .id = item->id,
        .size = item->size,
        .mtime_ns = item->mtime_ns,
        .path = copy(&scan->arena, item->path, walk->err),
        .hash = item->hash ? copy(&scan->arena, item->hash, walk->err) : NULL,
    };
    return added->path && (added->hash || !item->hash) ? 0 : ERR_MEMORY;
}

int scan_plan(struct scan *scan, struct index *index, int threads, struct progress *progress, struct err *err)
{
    struct plan *plan = &scan->plan;
    plan->roots = &scan->roots;
    plan->unreadable = &scan->unreadable;
    int rc = index_each(index, &(struct index_filter){.kind = INDEX_IMAGE}, add_item,
        &(struct walk){.scan = scan, .err = err}, err);
    if (!rc)
        rc = plan_match(plan, err);
    if (!rc)
        rc = hash_moves(plan, threads, progress, err);
    return rc ? rc : plan_moves(plan, err);
}

void scan_release(struct scan *scan)
{
    plan_release(&scan->plan);
    strings_release(&scan->roots);
    strings_release(&scan->unreadable);
    arena_release(&scan->arena);
}
