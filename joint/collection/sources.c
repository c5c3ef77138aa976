// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/collection.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const char *const source_names[SOURCE_KINDS] = {"pictures", "texts", "captions", "metadata"};

int sources_add(struct sources *sources, enum source_kind kind, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *absolute = path_absolute(&arena, path, err);
    const int rc =
        absolute ? strings_add(&sources->paths[kind], absolute, strlen(absolute), err) : ERR_MEMORY;
    arena_release(&arena);
    return rc;
}

int sources_recall(struct sources *sources, struct index *index, struct err *err)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS && !rc; kind++)
        rc = index_sources(&sources->paths[kind], index, source_names[kind], err);
    return rc;
}

bool sources_any(const struct sources *sources)
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        if (sources->paths[kind].count)
            return true;
    return false;
}

int sources_check(const struct sources *sources, struct err *err)
{
    for (int kind = SOURCE_TEXTS; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources->paths[kind].count; i++)
            if (access(sources->paths[kind].items[i], R_OK))
                return err_set(
                    err, ERR_IO, "unable to open '%s': %s", sources->paths[kind].items[i], strerror(errno));
    return 0;
}

void sources_release(struct sources *sources)
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        strings_release(&sources->paths[kind]);
}
