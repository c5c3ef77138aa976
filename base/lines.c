// SPDX-License-Identifier: Apache-2.0
#include "base/input.h"

#include <stdlib.h>
#include <string.h>

size_t byte_order_mark(const char *bytes, size_t size)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t length = strlen(mark);
    return size >= length && !memcmp(bytes, mark, length) ? length : 0;
}

bool lines_next(struct lines *lines)
{
    const struct span rest = lines->rest;
    if (!rest.length)
        return false;
    const char *newline = memchr(rest.data, '\n', rest.length);
    size_t length = newline ? (size_t)(newline - rest.data) : rest.length;
    lines->rest = span_from(rest, newline ? length + 1 : length);
    if (length && rest.data[length - 1] == '\r')
        length--;
    lines->line = (struct span){rest.data, length};
    lines->number++;
    return true;
}

int strings_add_lines(struct strings *strings, const char *bytes, size_t size, struct err *err)
{
    struct lines lines = {.rest = {bytes, size}};
    int rc = 0;
    while (!rc && lines_next(&lines))
        rc = strings_add(strings, lines.line.data, lines.line.length, err);
    return rc;
}

int text_check(char **bytes, size_t *size, const char *name, struct err *err)
{
    if (memchr(*bytes, '\0', *size)) {
        free(*bytes);
        *bytes = NULL;
        return err_set(err, ERR_FORMAT, "unable to read '%s': not a text file", name);
    }
    const size_t mark = byte_order_mark(*bytes, *size);
    if (mark) {
        *size -= mark;
        memmove(*bytes, *bytes + mark, *size + 1); /* with the NUL behind */
    }
    return 0;
}

int file_read_text(char **out, size_t *size, const char *path, size_t limit, struct err *err)
{
    const int rc = file_read(out, size, path, limit, err);
    return rc ? rc : text_check(out, size, path, err);
}

int lines_read(struct strings *out, const char *path, size_t limit, struct err *err)
{
    char *bytes;
    size_t size;
    int rc = file_read_text(&bytes, &size, path, limit, err);
    if (rc)
        return rc;
    rc = strings_add_lines(out, bytes, size, err);
    free(bytes);
    return rc;
}
