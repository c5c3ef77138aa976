// SPDX-License-Identifier: Apache-2.0
#include "base/shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *path_join(struct arena *arena, const char *folder, const char *name)
{
    const size_t length = strlen(folder), slash = length && folder[length - 1] != '/';
    char *path = arena_alloc(arena, length + slash + strlen(name) + 1);
    if (path)
        sprintf(path, "%s%s%s", folder, slash ? "/" : "", name);
    return path;
}

int path_folder(const char **out, const char *path, struct arena *arena, struct err *err)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    *out = path;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return 0;
    *out = !slash ? "." : slash == path ? "/" : arena_copy(arena, path, (size_t)(slash - path));
    return *out ? 0 : err_memory(err, strlen(path));
}

char *path_last(struct arena *arena, const char *path)
{
    size_t length = strlen(path), first;
    while (length > 1 && path[length - 1] == '/')
        length--;
    for (first = length; first && path[first - 1] != '/'; first--)
        ;
    return arena_copy(arena, path + first, length - first);
}

bool path_below(const char *path, const char *root)
{
    size_t length = strlen(root);
    if (length && root[length - 1] == '/')
        length--; /* "/" itself */
    return !strncmp(path, root, length) &&
           (!path[length] || path[length] == '/' || member_shard(path) == length);
}

const char *path_within(const char *path, const char *top)
{
    path += strlen(top);
    return path + strspn(path, "/");
}

size_t path_above(const char *path, size_t length)
{
    if (length <= 1)
        return 0;
    while (length && path[length - 1] != '/')
        length--;
    return length > 1 ? length - 1 : length; /* "/" itself keeps its slash */
}

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
    const bool top = !strcmp(path, ".") || !strcmp(path, "/"); /* nothing above: the current folder is gone */
    const char *out = real || top ? copy(arena, real ? real : path, err) : absolute_missing(arena, path, err);
    free(real);
    return out;
}

int folders_make(const char *path, struct err *err)
{
    char *copy = strdup(path);
    int rc = copy ? 0 : err_memory(err, strlen(path));
    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash && !rc; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) && errno != EEXIST)
            rc = err_set(err, ERR_IO, "unable to make '%s': %s", copy, strerror(errno));
        *slash = '/';
    }
    free(copy);
    return rc;
}
