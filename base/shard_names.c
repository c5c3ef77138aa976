// SPDX-License-Identifier: Apache-2.0
#include "base/shard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const suffixes[] = {".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".zip"};
static const char separator[] = "!/";

static bool named(const char *path, size_t length)
{
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const size_t end = strlen(suffixes[i]);
        if (length > end && !strncasecmp(path + length - end, suffixes[i], end))
            return true;
    }
    return false;
}

bool shard_named(const char *path)
{
    return named(path, strlen(path));
}

size_t member_shard(const char *path)
{
    for (const char *at = strstr(path, separator); at; at = strstr(at + 1, separator))
        if (named(path, (size_t)(at - path)) && at[strlen(separator)])
            return (size_t)(at - path);
    return 0;
}

struct span member_key(const char **suffix, const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strchr(slash ? slash : name, '.');
    *suffix = dot ? dot : name + strlen(name);
    return (struct span){name, (size_t)(*suffix - name)};
}

const char *member_path(struct arena *arena, const char *shard, const char *name, struct err *err)
{
    const size_t room = strlen(shard) + strlen(separator) + strlen(name) + 1;
    char *path = arena_alloc(arena, room);
    if (path)
        snprintf(path, room, "%s%s%s", shard, separator, name);
    else
        err_memory(err, room);
    return path;
}
