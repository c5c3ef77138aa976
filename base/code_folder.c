// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path of the shared library that this file is in; NULL: it is in the program, which has no name there. */
static const char *library_path(void)
{
    static const char here;
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) || !map || !*map->l_name)
        return NULL;
    return map->l_name;
}

bool code_folder(char *out, size_t size, bool *in_library)
{
    const char *library = library_path();
    char *real = realpath(library ? library : "/proc/self/exe", NULL);
    const char *slash = real ? strrchr(real, '/') : NULL;
    const size_t length = slash ? (size_t)(slash - real) : 0;
    const bool fits = slash && length < size;
    *in_library = library != NULL;
    if (fits) {
        memcpy(out, real, length);
        out[length] = '\0';
    }
    free(real);
    return fits;
}
