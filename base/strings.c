// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

int strings_add(struct strings *strings, const char *text, size_t length, struct err *err)
{
    if (strings->count == strings->room) {
        const size_t room = strings->room ? strings->room * 2 : 16;
        char **grown = mem_grow(strings->items, room, sizeof *grown);
        if (!grown)
            return err_memory(err, room * sizeof *grown);
        strings->items = grown;
        strings->room = room;
    }
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

size_t text_mark(const char *bytes, size_t size)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t length = strlen(mark);
    return size >= length && !memcmp(bytes, mark, length) ? length : 0;
}

int strings_add_lines(struct strings *strings, const char *bytes, size_t size, struct err *err)
{
    const char *end = bytes + size;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline ? newline : end;
        const size_t length = (size_t)(stop - bytes);
        int rc = strings_add(strings, bytes, length && stop[-1] == '\r' ? length - 1 : length, err);
        if (rc)
            return rc;
        bytes = stop + 1;
    }
    return 0;
}
