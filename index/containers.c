// SPDX-License-Identifier: Apache-2.0
/* Archives and folders whose captions and metadata have been read. */
#include "index/store.h"

static void bind(sqlite3_stmt *stmt, const void *context)
{
    const struct index_container *container = context;
    sqlite3_bind_text(stmt, 1, container->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, container->stamp);
    sqlite3_bind_int64(stmt, 3, container->pictures);
}

int index_container_keep(struct index *index, const struct index_container *container, struct err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO containers (path, stamp, pictures) VALUES (?, ?, ?)";
    return catalog_change(index, sql, bind, container, err);
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
