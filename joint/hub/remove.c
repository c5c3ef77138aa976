// SPDX-License-Identifier: Apache-2.0
/*
 * Links are removed and never followed: what is outside of the repository's folder stays. A blob goes when no snapshot
 * that stays has a link to one of its name.
 */
#include "joint/hub/hub.h"
#include "joint/hub/installed.h"
#include "joint/hub/place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot_remove(const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "unable to remove '%s': %s", path, strerror(errno));
}

static int remove_file(uint64_t *freed, const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st))
        return errno == ENOENT ? 0 : cannot_remove(path, err);
    if (unlink(path))
        return cannot_remove(path, err);
    if (S_ISREG(st.st_mode) && st.st_nlink == 1)
        *freed += (uint64_t)st.st_size;
    return 0;
}

/* ---- a folder with all below ------------------------------------------------------------------------------ */

/* Calls visit for all below that is no folder, then, with `folders`, removes the folders. */
typedef int tree_visit(void *context, const char *path, struct err *err);

static int each_file(const char *path, bool folders, tree_visit *visit, void *context, struct err *err)
{
    struct strings names = {0};
    struct arena arena = {0};
    struct stat st;
    if (lstat(path, &st))
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, "unable to read '%s': %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return visit(context, path, err);
    int rc = hub_folder_names(&names, path, err);
    for (size_t i = 0; i < names.count && !rc; i++) {
        const char *below = hub_path(&arena, path, names.items[i], NULL);
        rc = below ? each_file(below, folders, visit, context, err) : err_memory(err, 0);
    }
    if (!rc && folders && rmdir(path))
        rc = cannot_remove(path, err);
    arena_release(&arena);
    strings_release(&names);
    return rc;
}

static int remove_visited(void *context, const char *path, struct err *err)
{
    return remove_file(context, path, err);
}

static int remove_folder(uint64_t *freed, const char *path, struct err *err)
{
    return each_file(path, true, remove_visited, freed, err);
}

/* ---- blobs --------------------------------------------------------------------------------------------- */

/* The name of the blob that a link is to, to the map. */
static int add_blob(void *context, const char *path, struct err *err)
{
    char target[PATH_MAX];
    size_t *at;
    const ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return 0; /* a copy: where there are no links */
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    const char *name = slash ? slash + 1 : target;
    return string_map_add(&at, context, name, strlen(name), 0, err);
}

/* All blobs of the snapshots that stay. */
static int find_blobs(
    struct string_map *out, size_t *others, const char *snapshots, const char *but, struct err *err)
{
    struct strings commits = {0};
    struct arena arena = {0};
    int rc = hub_folder_names(&commits, snapshots, err);
    for (size_t i = 0; i < commits.count && !rc; i++) {
        const char *path = hub_path(&arena, snapshots, commits.items[i], NULL);
        if (!strcmp(commits.items[i], but))
            continue;
        ++*others;
        rc = path ? each_file(path, false, add_blob, out, err) : err_memory(err, 0);
    }
    arena_release(&arena);
    strings_release(&commits);
    return rc;
}

/* Removes what is in none of the snapshots that stay. */
static int remove_blobs(uint64_t *freed, const struct string_map *mine, const struct string_map *kept,
    const char *blobs, struct err *err)
{
    struct strings names = {0};
    struct arena arena = {0};
    int rc = hub_folder_names(&names, blobs, err);
    for (size_t i = 0; i < names.count && !rc; i++) {
        const char *name = names.items[i], *path = hub_path(&arena, blobs, name, NULL);
        if (!path)
            rc = err_memory(err, 0);
        else if (string_map_find(mine, name, strlen(name)) && !string_map_find(kept, name, strlen(name)))
            rc = remove_file(freed, path, err);
    }
    arena_release(&arena);
    strings_release(&names);
    return rc;
}

/* ---- a snapshot, a repository -------------------------------------------------------------------------- */

static int remove_repo(uint64_t *freed, const struct hub_place *place, struct err *err)
{
    uint64_t locks = 0; /* are empty */
    struct stat st;
    if (!lstat(place->repo, &st) && S_ISLNK(st.st_mode))
        return err_set(err, ERR_IO, "unable to remove '%s': it is a link to another place", place->repo);
    int rc = remove_folder(freed, place->repo, err);
    return rc ? rc : remove_folder(&locks, place->locks, err);
}

static int remove_refs(
    const struct hub_place *place, const char *commit, struct arena *arena, struct err *err)
{
    struct strings refs = {0};
    uint64_t freed = 0; /* a few bytes, of no matter */
    int rc = hub_refs_of(&refs, place, commit, NULL, err);
    for (size_t i = 0; i < refs.count && !rc; i++) {
        const char *path = hub_path(arena, place->repo, "refs", refs.items[i], NULL);
        rc = path ? remove_file(&freed, path, err) : err_memory(err, 0);
    }
    strings_release(&refs);
    return rc;
}

static int remove_snapshot(
    uint64_t *freed, const struct hub_place *place, const char *commit, struct arena *arena, struct err *err)
{
    struct string_map mine = {0}, kept = {0};
    size_t others = 0;
    const char *snapshots = hub_path(arena, place->repo, "snapshots", NULL);
    const char *snapshot = snapshots ? hub_path(arena, snapshots, commit, NULL) : NULL;
    const char *blobs = hub_path(arena, place->repo, "blobs", NULL);
    int rc = snapshot && blobs ? find_blobs(&kept, &others, snapshots, commit, err) : err_memory(err, 0);
    if (!rc && !others) {
        rc = remove_repo(freed, place, err);
        goto done;
    }
    if (!rc)
        rc = each_file(snapshot, false, add_blob, &mine, err);
    if (!rc)
        rc = remove_refs(place, commit, arena, err);
    if (!rc)
        rc = remove_folder(freed, snapshot, err);
    if (!rc)
        rc = remove_blobs(freed, &mine, &kept, blobs, err);
done:
    string_map_release(&mine);
    string_map_release(&kept);
    return rc;
}

int hub_remove(uint64_t *freed, const struct hub_name *name, bool revision_given, struct err *err)
{
    struct arena arena = {0};
    struct hub_place place;
    const char *cache, *commit, *snapshot = NULL;
    struct stat st;
    *freed = 0;
    int rc = hub_cache(&cache, &arena, err);
    if (!rc)
        rc = hub_place(&place, cache, name->repo, &arena, err);
    if (rc)
        goto done;
    if (!revision_given) {
        rc = lstat(place.repo, &st) ? err_set(err, ERR_NOT_FOUND, "no model '%s' in '%s'", name->text, cache)
                                    : remove_repo(freed, &place, err);
        goto done;
    }
    commit = hub_ref_read(&place, name->revision, &arena);
    if (commit)
        snapshot = hub_path(&arena, place.repo, "snapshots", commit, NULL);
    if (!snapshot || lstat(snapshot, &st))
        rc = err_set(
            err, ERR_NOT_FOUND, "no model '%s' of revision '%s' in '%s'", name->text, name->revision, cache);
    else
        rc = remove_snapshot(freed, &place, commit, &arena, err);
done:
    arena_release(&arena);
    return rc;
}
