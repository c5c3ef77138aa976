// SPDX-License-Identifier: Apache-2.0
#include "tests/text/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct span must_read(const char *path)
{
    struct err err = {0};
    char *bytes = NULL;
    size_t size = 0;
    if (file_read(&bytes, &size, path, (size_t)64 << 20, &err))
        fail_msg("%s", err.msg);
    return (struct span){bytes, size};
}

bool cut(struct span *piece, struct span *rest, char end)
{
    if (!rest->data)
        return false;
    const char *found = rest->length ? memchr(rest->data, end, rest->length) : NULL;
    piece->data = rest->data;
    piece->length = found ? (size_t)(found - rest->data) : rest->length;
    *rest = found ? span_from(*rest, piece->length + 1) : (struct span){0};
    return true;
}
