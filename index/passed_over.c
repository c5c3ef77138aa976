// SPDX-License-Identifier: Apache-2.0
/* Files that lie among the pictures of an index and are none of them. */
#include "index/store.h"

int index_passed_over_keep(struct index *index, const struct index_passed_over *file, struct err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO passed_over (path, size, mtime_ns, kind, picture) "
                              "VALUES (?, ?, ?, ?, ?)";
    sqlite3_stmt *stmt;
    int rc = change_begin(index, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, sql, err);
    if (!rc) {
        sqlite3_bind_text(stmt, 1, file->path, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, file->size);
        sqlite3_bind_int64(stmt, 3, file->mtime_ns);
        sqlite3_bind_text(stmt, 4, file->kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 5, file->picture, -1, SQLITE_STATIC); /* NULL where there is none */
        rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    return change_end(index, rc, err);
}

int index_passed_over_forget(struct index *index, const char *path, struct err *err)
{
    static const char sql[] =
        "DELETE FROM passed_over WHERE path = ?1 OR (path > ?1 || '/' AND path < ?1 || '0')";
    sqlite3_stmt *stmt;
    int rc = change_begin(index, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, sql, err);
    if (!rc) {
        sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    return change_end(index, rc, err);
}

int index_passed_over(struct index *index, index_passed_over_visit *visit, void *context, struct err *err)
{
    static const char sql[] = "SELECT path, size, mtime_ns, kind, picture FROM passed_over ORDER BY path";
    sqlite3_stmt *stmt;
    int step = SQLITE_DONE, rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *path = (const char *)sqlite3_column_text(stmt, 0);
        const char *kind = (const char *)sqlite3_column_text(stmt, 3);
        const struct index_passed_over file = {
            .path = path ? path : "",
            .size = sqlite3_column_int64(stmt, 1),
            .mtime_ns = sqlite3_column_int64(stmt, 2),
            .kind = kind ? kind : "",
            .picture = (const char *)sqlite3_column_text(stmt, 4),
        };
        rc = visit(context, &file);
    }
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
}
