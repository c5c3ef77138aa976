// SPDX-License-Identifier: Apache-2.0
#include "index/exchange.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_AT_ONCE = 4096 };

/* ---- names --------------------------------------------------------------------------------------------- */

const struct exchange_folder exchange_folders[EXCHANGE_FOLDERS] = {
    {INDEX_IMAGE, "img_emb", "metadata"},
    {INDEX_TEXT, "text_emb", "text_metadata"},
};

char *exchange_path(
    struct arena *arena, const char *folder, const char *name, const char *number, const char *end)
{
    char *path, *copy = NULL;
    const int length = asprintf(&path, "%s/%s/%s_%s%s", folder, name, name, number, end);
    if (length >= 0) {
        copy = arena_copy(arena, path, (size_t)length);
        free(path);
    }
    return copy;
}

char *exchange_beside(struct arena *arena, const char *path, const char *end)
{
    const char *point = strrchr(path, '.');
    const size_t length = point && !strchr(point, '/') ? (size_t)(point - path) : strlen(path);
    char *beside = arena_alloc(arena, length + strlen(end) + 1);
    if (beside)
        stpcpy(mempcpy(beside, path, length), end);
    return beside;
}

int exchange_check_apart(const char *a, const char *b, struct err *err)
{
    struct arena arena = {0};
    const char *first = path_absolute(&arena, a, err), *second = first ? path_absolute(&arena, b, err) : NULL;
    int rc = second ? 0 : ERR_MEMORY;
    if (!rc && !strcmp(first, second))
        rc = err_set(err, ERR_ARGUMENT, "unable to write both '%s' and '%s': they are one file", a, b);
    arena_release(&arena);
    return rc;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

int exchange_lines_open(struct exchange_lines *out, const char *path, struct err *err)
{
    *out = (struct exchange_lines){.path = path};
    int rc = file_map_open(&out->map, path, err);
    const struct span all = {(const char *)out->map.data, out->map.size};
    if (!rc)
        out->lines.rest = span_from(all, byte_order_mark(all.data, all.length));
    return rc;
}

void exchange_lines_release(struct exchange_lines *lines)
{
    file_map_release(&lines->map);
}

static bool is_blank(struct span line)
{
    while (line.length && strchr(" \t\v\f\r", *line.data) && *line.data)
        line = span_from(line, 1);
    return !line.length;
}

/* Goes to the next line that is not blank; false: there is none. */
static bool next_line(struct lines *lines)
{
    while (lines_next(lines))
        if (!is_blank(lines->line))
            return true;
    return false;
}

int exchange_lines_count(
    int64_t *count, const struct exchange_lines *lines, const struct job *job, struct err *err)
{
    struct lines ahead = lines->lines;
    int rc = 0;
    for (*count = 0; !rc && next_line(&ahead); (*count)++)
        if (*count % LINES_AT_ONCE == 0)
            rc = job_step(job, "counting lines", 0, 0, err);
    return rc;
}

int exchange_lines_next(struct index_item *out, struct exchange_lines *lines, enum index_kind kind,
    struct arena *arena, struct err *err)
{
    json_t *object;
    char name[4200];
    struct span line = {"", 0};
    if (next_line(&lines->lines))
        line = lines->lines.line;
    snprintf(name, sizeof name, "%s, line %zu", lines->path, lines->lines.number);
    int rc = json_parse(&object, line.data, line.length, name, err);
    if (rc)
        return rc;
    rc = exchange_item(out, object, kind, arena, err);
    if (rc)
        err_wrap(err, "'%s'", name);
    json_decref(object);
    return rc;
}
