// SPDX-License-Identifier: Apache-2.0
/* Archives and folders whose captions and metadata have been read. */
#include "index/store.h"

int index_container_keep(struct index *index, const struct index_container *container, struct err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO containers (path, stamp, pictures) VALUES (?, ?, ?)";
    sqlite3_stmt *stmt;
    int rc = change_begin(index, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, sql, err);
    if (!rc) {
        sqlite3_bind_text(stmt, 1, container->path, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, container->stamp);
        sqlite3_bind_int64(stmt, 3, container->pictures);
        rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    return change_end(index, rc, err);
}

int index_container_find(
    bool *found, struct index_container *container, struct index *index, const char *path, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(&stmt, index, "SELECT stamp, pictures FROM containers WHERE path = ?", err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
    const int step = sqlite3_step(stmt);
    *found = step == SQLITE_ROW;
    if (*found)
        *container =
            (struct index_container){path, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
    else if (step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc;
}
