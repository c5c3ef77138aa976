// SPDX-License-Identifier: Apache-2.0
/* Files that could not become items. */
#include "index/store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void bind(sqlite3_stmt *stmt, const void *context)
{
    const struct index_failure *failure = context;
    sqlite3_bind_text(stmt, 1, failure->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, failure->size);
    sqlite3_bind_int64(stmt, 3, failure->mtime_ns);
    sqlite3_bind_text(stmt, 4, failure->why, -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 5, failure->again);
}

int index_failure_keep(struct index *index, const struct index_failure *failure, struct err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO failures (path, size, mtime_ns, why, again) VALUES (?, "
                              "?, ?, ?, ?)";
    return catalog_change(index, sql, bind, failure, err);
}

int index_failure_forget(struct index *index, const char *path, struct err *err)
{
    static const char sql[] = "DELETE FROM failures WHERE path = ?";
    return catalog_change(index, sql, catalog_bind_path, path, err);
}

struct visiting {
    index_failure_visit *visit;
    void *context;
};

static int visit_row(void *context, sqlite3_stmt *stmt)
{
    const struct visiting *visiting = context;
    const struct index_failure failure = {
        .path = catalog_text(stmt, 0),
        .size = sqlite3_column_int64(stmt, 1),
        .mtime_ns = sqlite3_column_int64(stmt, 2),
        .why = catalog_text(stmt, 3),
        .again = sqlite3_column_int(stmt, 4),
    };
    return visiting->visit(visiting->context, &failure);
}

int index_failures(struct index *index, index_failure_visit *visit, void *context, struct err *err)
{
    static const char sql[] = "SELECT path, size, mtime_ns, why, again FROM failures ORDER BY path";
    return catalog_each(index, sql, visit_row, &(struct visiting){visit, context}, err);
}

/* ---- by reason ----------------------------------------------------------------------------------------- */

struct grouping {
    struct index_reasons *out;
    struct string_map numbers; /* of reasons, by their text without its numbers */
    struct err *err;
};

/* "IDAT at byte 33" and "IDAT at byte 1031" are one reason. */
static void without_numbers(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (!isdigit((unsigned char)*from))
            *to++ = *from;
    *to = '\0';
}

static const char *keep(struct index_reasons *out, const char *text)
{
    return arena_copy(&out->arena, text, strlen(text));
}

static int add_reason(struct grouping *grouping, const struct index_failure *failure)
{
    struct index_reasons *out = grouping->out;
    int rc = array_grow(out->items, &out->room, out->count + 1, grouping->err);
    if (rc)
        return rc;
    struct index_reason *reason = &out->items[out->count++];
    *reason = (struct index_reason){.why = keep(out, failure->why), .path = keep(out, failure->path)};
    return reason->why && reason->path ? 0 : err_memory(grouping->err, strlen(failure->path));
}

static int count_failure(void *context, const struct index_failure *failure)
{
    struct grouping *grouping = context;
    size_t *number;
    char *kind = strdup(failure->why);
    if (!kind)
        return err_memory(grouping->err, strlen(failure->why));
    without_numbers(kind);
    int rc =
        string_map_add(&number, &grouping->numbers, kind, strlen(kind), grouping->out->count, grouping->err);
    free(kind);
    const size_t at = rc ? 0 : *number;
    if (!rc && at == grouping->out->count)
        rc = add_reason(grouping, failure);
    if (!rc)
        grouping->out->items[at].files++;
    return rc;
}

static int by_files(const void *a, const void *b)
{
    const struct index_reason *x = a, *y = b;
    return x->files != y->files ? (x->files < y->files) - (x->files > y->files) : strcmp(x->path, y->path);
}

int index_reasons(struct index_reasons *out, struct index *index, struct err *err)
{
    struct grouping grouping = {.out = out, .err = err};
    const int rc = index_failures(index, count_failure, &grouping, err);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_files);
    string_map_release(&grouping.numbers);
    return rc;
}

void index_reasons_release(struct index_reasons *reasons)
{
    free(reasons->items);
    arena_release(&reasons->arena);
    *reasons = (struct index_reasons){0};
}
