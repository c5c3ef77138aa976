// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder that the running program lies in; NULL where it cannot be told. */
static const char *program_folder(struct arena *arena)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    const char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    return slash ? arena_copy(arena, path, (size_t)(slash - path)) : NULL;
}

int model_directory(const char **out, const char *option, struct arena *arena, struct err *err)
{
    const char *folder = program_folder(arena);
    const char *const candidates[] = {
        option,
        getenv("DIPTYCH_MODEL"),
        folder ? path_join(arena, folder, DIPTYCH_MODEL_FROM_PROGRAM) : NULL,
        DIPTYCH_MODEL_IN_SOURCES,
    };
    enum { NAMED = 2, COUNT = sizeof candidates / sizeof *candidates };
    for (size_t i = 0; i < COUNT; i++) {
        /* What the user named counts even where it does not exist: opening it says so. */
        if (candidates[i] && *candidates[i] && (i < NAMED || file_exists(candidates[i]))) {
            *out = candidates[i];
            return 0;
        }
    }
    return err_set(
        err, ERR_IO, "no default model in '%s'; name one with --model DIR", DIPTYCH_MODEL_IN_SOURCES);
}
