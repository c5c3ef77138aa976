// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <stdlib.h>

int strings_add(struct strings *strings, const char *text, size_t length, struct err *err)
{
    int rc = array_grow(strings->items, &strings->room, strings->count + 1, err);
    if (rc)
        return rc;
    char *copy = arena_copy(&strings->arena, text, length);
    if (!copy)
        return err_memory(err, length);
    strings->items[strings->count++] = copy;
    return 0;
}

void strings_release(struct strings *strings)
{
    if (!strings)
        return;
    free(strings->items);
    arena_release(&strings->arena);
    *strings = (struct strings){0};
}
