// SPDX-License-Identifier: Apache-2.0
/* Files that could not become items. */
#include "index/store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Runs a statement that changes failures; failure NULL: only the path is bound. */
static int change(struct index *index, const char *sql, const char *path, const struct index_failure *failure,
    struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = change_begin(index, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, sql, err);
    if (!rc) {
        sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
        if (failure) {
            sqlite3_bind_int64(stmt, 2, failure->size);
            sqlite3_bind_int64(stmt, 3, failure->mtime_ns);
            sqlite3_bind_text(stmt, 4, failure->why, -1, SQLITE_STATIC);
            sqlite3_bind_int(stmt, 5, failure->again);
        }
        rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    return change_end(index, rc, err);
}

int index_failure_keep(struct index *index, const struct index_failure *failure, struct err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO failures (path, size, mtime_ns, why, again) VALUES (?, "
                              "?, ?, ?, ?)";
    return change(index, sql, failure->path, failure, err);
}

int index_failure_forget(struct index *index, const char *path, struct err *err)
{
    return change(index, "DELETE FROM failures WHERE path = ?", path, NULL, err);
}

static const char *text_of(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? text : "";
}

int index_failures(struct index *index, index_failure_visit *visit, void *context, struct err *err)
{
    static const char sql[] = "SELECT path, size, mtime_ns, why, again FROM failures ORDER BY path";
    sqlite3_stmt *stmt;
    int step = SQLITE_DONE, rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct index_failure failure = {
            .path = text_of(stmt, 0),
            .size = sqlite3_column_int64(stmt, 1),
            .mtime_ns = sqlite3_column_int64(stmt, 2),
            .why = text_of(stmt, 3),
            .again = sqlite3_column_int(stmt, 4),
        };
        rc = visit(context, &failure);
    }
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
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
