// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/collection.h"

#include <stdlib.h>
#include <string.h>

int collection_default(const char **out, struct arena *arena, struct err *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    const bool set = data && *data == '/';
    if (!set && (!home || *home != '/'))
        return err_set(err, ERR_ARGUMENT, "no index is named, and there is no HOME for one");
    data = set ? data : path_join(arena, home, ".local/share");
    *out = data ? path_join(arena, data, "diptych/default.dip") : NULL;
    return *out ? 0 : err_memory(err, 0);
}

bool collection_is_named(const char *argument)
{
    static const char suffix[] = ".dip";
    size_t length = strlen(argument);
    while (length && argument[length - 1] == '/')
        length--;
    return (length >= sizeof suffix &&
               !strncmp(argument + length - strlen(suffix), suffix, strlen(suffix))) ||
           index_is_there(argument);
}
