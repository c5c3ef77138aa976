// SPDX-License-Identifier: Apache-2.0
#include "base/shard.h"
#include "joint/collection/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct removing {
    struct index *index;
    const struct removal *removal;
    struct string_map numbers; /* of the paths; one that is there twice has its first */
    bool *used;                // (paths), by these numbers
    int64_t *ids;              // (count): given, and of what was found
    size_t count, room;
    const struct job *job;
    struct err *err;
};

static int add_id(struct removing *r, int64_t id)
{
    int rc = array_grow(r->ids, &r->room, r->count + 1, r->err);
    if (rc)
        return rc;
    r->ids[r->count++] = id;
    return 0;
}

/* ---- paths --------------------------------------------------------------------------------------------- */

static int number_paths(struct removing *r)
{
    const struct strings *paths = r->removal->paths;
    size_t *number;
    int rc = 0;
    for (size_t i = 0; i < paths->count && !rc; i++)
        rc = string_map_add(&number, &r->numbers, paths->items[i], strlen(paths->items[i]), i, r->err);
    return rc;
}

/* Whether this is one of the paths, which is used then. */
static bool use(struct removing *r, const char *path, size_t length)
{
    const size_t *number = length ? string_map_find(&r->numbers, path, length) : NULL;
    if (number)
        r->used[*number] = true;
    return number;
}

/* Whether a path lies below one of them, as path_below has it; all of these are used. */
static bool use_above(struct removing *r, const char *path)
{
    bool any = use(r, path, member_shard(path));
    for (size_t length = strlen(path); length; length = path_above(path, length))
        any |= use(r, path, length);
    return any;
}

/* ---- items --------------------------------------------------------------------------------------------- */

/* A text counts by its file and by the picture that it describes. */
static bool is_below(struct removing *r, const struct index_item *item)
{
    bool any = !r->removal->paths->count;
    if (item->path)
        any |= use_above(r, item->path);
    if (item->picture)
        any |= use_above(r, item->picture);
    return any;
}

static int visit(void *context, const struct index_item *item)
{
    struct removing *r = context;
    const int rc = job_step(r->job, "looking for items", 0, 0, r->err);
    return rc || !is_below(r, item) ? rc : add_id(r, item->id);
}

/* One commit: all of it, or nothing. *missing counts ids that are not there. */
static int remove_ids(size_t *removed, size_t *missing, struct removing *r, struct err *err)
{
    struct err why;
    int rc = 0;
    for (size_t i = 0; i < r->count && !rc; i++) {
        rc = index_remove(r->index, r->ids[i], &why);
        if (rc == ERR_NOT_FOUND) {
            job_report(r->job, &why);
            ++*missing;
            rc = 0;
        } else if (rc) {
            err_set(err, why.code, "%s", why.msg);
        } else {
            ++*removed;
        }
    }
    return rc ? rc : index_commit(r->index, err);
}

/* ---- sources ------------------------------------------------------------------------------------------- */

/* The paths that are among the index's sources of a kind. */
static int forget_kind(struct removing *r, const char *kind, struct err *err)
{
    struct strings known = {0};
    int rc = index_sources(&known, r->index, kind, err);
    for (size_t i = 0; i < known.count && !rc; i++)
        if (use(r, known.items[i], strlen(known.items[i])))
            rc = index_source_remove(r->index, kind, known.items[i], err);
    strings_release(&known);
    return rc;
}

static int forget_sources(struct removing *r, struct err *err)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS && !rc; kind++)
        rc = forget_kind(r, source_names[kind], err);
    return rc;
}

/* ---- failures ------------------------------------------------------------------------------------------ */

struct failing {
    struct removing *r;
    struct strings below; /* the paths that are removed */
};

static int visit_failure(void *context, const struct index_failure *failure)
{
    struct failing *failing = context;
    struct removing *r = failing->r;
    if (!use_above(r, failure->path))
        return 0;
    return strings_add(&failing->below, failure->path, strlen(failure->path), r->err);
}

static int forget_failures(struct removing *r, struct err *err)
{
    struct failing failing = {.r = r};
    int rc = index_failures(r->index, visit_failure, &failing, err);
    for (size_t i = 0; i < failing.below.count && !rc; i++)
        rc = index_failure_forget(r->index, failing.below.items[i], err);
    strings_release(&failing.below);
    return rc;
}

static void report_unused(size_t *missing, const struct removing *r)
{
    for (size_t i = 0; i < r->removal->paths->count; i++) {
        const char *path = r->removal->paths->items[i];
        if (r->used[*string_map_find(&r->numbers, path, strlen(path))])
            continue;
        job_reportf(r->job, ERR_NOT_FOUND, "'%s' has nothing of '%s'", index_info(r->index).path, path);
        ++*missing;
    }
}

int collection_remove(size_t *removed, size_t *missing, struct collection *collection,
    const struct removal *removal, const struct job *job, struct err *err)
{
    struct removing r = {.index = collection->index, .removal = removal, .job = job, .err = err};
    const struct index_filter *filter = &removal->filter;
    const bool filtered = filter->where || filter->match || filter->kind;
    int rc = 0;
    *removed = *missing = 0;
    r.used = mem_new(removal->paths->count + 1, sizeof *r.used);
    if (!r.used)
        return err_memory(err, removal->paths->count);
    rc = number_paths(&r);
    for (size_t i = 0; i < removal->id_count && !rc; i++)
        rc = add_id(&r, removal->ids[i]);
    if (!rc && (removal->paths->count || filtered))
        rc = index_each(r.index, filter, visit, &r, err);
    if (!rc && !filtered)
        rc = forget_sources(&r, err);
    if (!rc && !filtered && removal->paths->count)
        rc = forget_failures(&r, err);
    for (size_t i = 0; i < removal->paths->count && !rc && !filtered; i++)
        rc = index_passed_over_forget(r.index, removal->paths->items[i], err);
    if (!rc)
        rc = remove_ids(removed, missing, &r, err);
    if (!rc)
        report_unused(missing, &r);
    string_map_release(&r.numbers);
    free(r.ids);
    free(r.used);
    return rc;
}
