// SPDX-License-Identifier: Apache-2.0
/* Tables of the catalog whose rows are kept, forgotten and visited one by one. */
#include "index/store.h"

int catalog_change(
    struct index *index, const char *sql, catalog_bind *bind, const void *context, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = change_begin(index, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, sql, err);
    if (!rc) {
        bind(stmt, context);
        rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    return change_end(index, rc, err);
}

int catalog_each(struct index *index, const char *sql, catalog_row *row, void *context, struct err *err)
{
    sqlite3_stmt *stmt;
    int step = SQLITE_DONE, rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = row(context, stmt);
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
}

void catalog_bind_path(sqlite3_stmt *stmt, const void *path)
{
    sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
}

const char *catalog_text(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? text : "";
}
