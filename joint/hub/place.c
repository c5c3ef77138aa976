// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/place.h"
#include "joint/hub/name.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *hub_path(struct arena *arena, const char *first, ...)
{
    va_list parts;
    va_start(parts, first);
    const char *path = first;
    for (const char *part; path && (part = va_arg(parts, const char *));)
        path = path_join(arena, path, part);
    va_end(parts);
    return path;
}

int hub_place(
    struct hub_place *out, const char *cache, const char *repo, struct arena *arena, struct err *err)
{
    static const char prefix[] = "models--";
    char *name = arena_alloc(arena, sizeof prefix + 2 * strlen(repo)), *to = name;
    if (!name)
        return err_memory(err, strlen(repo));
    to += sprintf(to, "%s", prefix);
    for (const char *c = repo; *c; c++)
        to += sprintf(to, *c == '/' ? "--" : "%c", *c);
    out->repo = hub_path(arena, cache, name, NULL);
    out->locks = hub_path(arena, cache, ".locks", name, NULL);
    return out->repo && out->locks ? 0 : err_memory(err, 0);
}

/* ---- revisions ----------------------------------------------------------------------------------------- */

const char *hub_ref_read(const struct hub_place *place, const char *revision, struct arena *arena)
{
    enum { REF_MAX = 256 };
    const char *path = hub_path(arena, place->repo, "refs", revision, NULL), *commit = NULL;
    char *text;
    size_t size;
    if (path && !file_read(&text, &size, path, REF_MAX, NULL)) {
        text[strcspn(text, " \r\n")] = '\0';
        commit = hub_commit_valid(text) ? arena_copy(arena, text, strlen(text)) : NULL;
        free(text);
    }
    return commit || !hub_commit_valid(revision) ? commit : arena_copy(arena, revision, strlen(revision));
}

int hub_ref_write(const struct hub_place *place, const char *revision, const char *commit, struct err *err)
{
    struct arena arena = {0};
    struct new_file file = {0};
    const char *path = hub_path(&arena, place->repo, "refs", revision, NULL);
    const char *before = path ? hub_ref_read(place, revision, &arena) : NULL;
    int rc = path ? 0 : err_memory(err, 0);
    if (rc || (before && !strcmp(before, commit))) /* a commit needs no name either */
        goto done;
    rc = folders_make(path, err);
    if (!rc)
        rc = new_file_open(&file, path, err);
    if (!rc) {
        fputs(commit, file.stream);
        rc = new_file_close(&file, true, err);
    }
done:
    arena_release(&arena);
    return rc;
}
