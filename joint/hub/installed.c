// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/installed.h"
#include "joint/hub/files.h"
#include "joint/hub/hub.h"
#include "joint/hub/name.h"
#include "joint/hub/place.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- folders ------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int hub_folder_names(struct strings *out, const char *path, struct err *err)
{
    DIR *folder = opendir(path);
    int rc = 0;
    if (!folder)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, "unable to open '%s': %s", path, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            rc = strings_add(out, entry->d_name, strlen(entry->d_name), err);
    }
    closedir(folder);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name);
    return rc;
}

/* ---- a snapshot ---------------------------------------------------------------------------------------- */

/* Bytes of a snapshot's files, those in folders too; links are followed to the files that they are. */
static uint64_t size_of(const char *path, int depth)
{
    enum { DEPTH_MAX = 8 };
    struct strings names = {0};
    struct arena arena = {0};
    struct stat own, st;
    uint64_t size = 0;
    hub_folder_names(&names, path, NULL);
    for (size_t i = 0; i < names.count; i++) {
        const char *name = hub_path(&arena, path, names.items[i], NULL);
        if (!name || lstat(name, &own) || stat(name, &st))
            continue;
        if (S_ISREG(st.st_mode))
            size += (uint64_t)st.st_size;
        else if (S_ISDIR(own.st_mode) && depth < DEPTH_MAX)
            size += size_of(name, depth + 1);
    }
    arena_release(&arena);
    strings_release(&names);
    return size;
}

int hub_refs_of(struct strings *out, const struct hub_place *place, const char *commit, const char *below,
    struct err *err)
{
    struct strings names = {0};
    struct arena arena = {0};
    struct stat st;
    const char *folder = hub_path(&arena, place->repo, "refs", below, NULL);
    int rc = folder ? hub_folder_names(&names, folder, err) : err_memory(err, 0);
    for (size_t i = 0; i < names.count && !rc; i++) {
        const char *ref = below ? hub_path(&arena, below, names.items[i], NULL) : names.items[i];
        const char *path = hub_path(&arena, folder, names.items[i], NULL);
        if (!ref || !path) {
            rc = err_memory(err, 0);
        } else if (!lstat(path, &st) && S_ISDIR(st.st_mode) && hub_revision_valid(ref)) {
            rc = hub_refs_of(out, place, commit, ref, err);
        } else {
            const char *is = hub_commit_valid(ref) ? NULL : hub_ref_read(place, ref, &arena);
            rc = is && !strcmp(is, commit) ? strings_add(out, ref, strlen(ref), err) : 0;
        }
    }
    arena_release(&arena);
    strings_release(&names);
    return rc;
}

static int visit_snapshot(const struct hub_place *place, const char *repo, const char *commit,
    hub_visit *visit, void *context, struct err *err)
{
    struct arena arena = {0};
    struct strings refs = {0};
    struct hub_model model = {.repo = repo, .commit = commit, .refs = &refs};
    model.directory = hub_path(&arena, place->repo, "snapshots", commit, NULL);
    int rc = model.directory ? hub_refs_of(&refs, place, commit, NULL, err) : err_memory(err, 0);
    if (!rc || rc == ERR_IO) { /* it is there, whatever it was fetched as */
        model.size = size_of(model.directory, 0);
        model.missing = hub_folder_missing(model.directory);
        rc = visit(context, &model, err);
    }
    strings_release(&refs);
    arena_release(&arena);
    return rc;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* "models--organisation--name" back to "organisation/name", in the arena; NULL: it is no such folder. */
static const char *repo_of(const char *folder, struct arena *arena)
{
    static const char prefix[] = "models--";
    if (strncmp(folder, prefix, sizeof prefix - 1))
        return NULL;
    char *repo = arena_copy(arena, folder + sizeof prefix - 1, strlen(folder) - (sizeof prefix - 1));
    char *bars = repo ? strstr(repo, "--") : NULL;
    if (bars) {
        *bars = '/';
        memmove(bars + 1, bars + 2, strlen(bars + 2) + 1);
    }
    return repo && hub_repo_valid(repo) ? repo : NULL;
}

static int visit_repo(const char *cache, const char *repo, hub_visit *visit, void *context, struct err *err)
{
    struct strings commits = {0};
    struct arena arena = {0};
    struct hub_place place;
    int rc = hub_place(&place, cache, repo, &arena, err);
    const char *snapshots = rc ? NULL : hub_path(&arena, place.repo, "snapshots", NULL);
    if (!rc)
        rc = snapshots ? hub_folder_names(&commits, snapshots, err) : err_memory(err, 0);
    if (rc == ERR_IO) /* a folder that may not be read, or a file of such a name */
        rc = 0;
    for (size_t i = 0; i < commits.count && !rc; i++) {
        if (hub_commit_valid(commits.items[i]))
            rc = visit_snapshot(&place, repo, commits.items[i], visit, context, err);
    }
    arena_release(&arena);
    strings_release(&commits);
    return rc;
}

int hub_each(hub_visit *visit, void *context, struct err *err)
{
    struct strings folders = {0};
    struct arena arena = {0};
    const char *cache;
    int rc = hub_cache(&cache, &arena, err);
    if (!rc)
        rc = hub_folder_names(&folders, cache, err);
    for (size_t i = 0; i < folders.count && !rc; i++) {
        const char *repo = repo_of(folders.items[i], &arena);
        if (repo)
            rc = visit_repo(cache, repo, visit, context, err);
    }
    arena_release(&arena);
    strings_release(&folders);
    return rc;
}
