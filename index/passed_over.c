// SPDX-License-Identifier: Apache-2.0
/* Files that lie among the pictures of an index and are none of them. */
#include "index/store.h"

static void bind(sqlite3_stmt *stmt, const void *context)
{
    const struct index_passed_over *file = context;
    sqlite3_bind_text(stmt, 1, file->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, file->size);
    sqlite3_bind_int64(stmt, 3, file->mtime_ns);
    sqlite3_bind_text(stmt, 4, file->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 5, file->picture, -1, SQLITE_STATIC); /* NULL where there is none */
}

int index_passed_over_keep(struct index *index, const struct index_passed_over *file, struct err *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO passed_over (path, size, mtime_ns, kind, picture) "
                              "VALUES (?, ?, ?, ?, ?)";
    return catalog_change(index, sql, bind, file, err);
}

int index_passed_over_forget(struct index *index, const char *path, struct err *err)
{
    static const char sql[] = "DELETE FROM passed_over WHERE path = ?1 OR (" BELOW("path") //
        ") OR (" BELOW_THAT("path", "?1 || '!'") ")"; /* members of an archive */
    return catalog_change(index, sql, catalog_bind_path, path, err);
}

struct visiting {
    index_passed_over_visit *visit;
    void *context;
};

static int visit_row(void *context, sqlite3_stmt *stmt)
{
    const struct visiting *visiting = context;
    const struct index_passed_over file = {
        .path = catalog_text(stmt, 0),
        .size = sqlite3_column_int64(stmt, 1),
        .mtime_ns = sqlite3_column_int64(stmt, 2),
        .kind = catalog_text(stmt, 3),
        .picture = (const char *)sqlite3_column_text(stmt, 4),
    };
    return visiting->visit(visiting->context, &file);
}

int index_passed_over(struct index *index, index_passed_over_visit *visit, void *context, struct err *err)
{
    static const char sql[] = "SELECT path, size, mtime_ns, kind, picture FROM passed_over ORDER BY path";
    return catalog_each(index, sql, visit_row, &(struct visiting){visit, context}, err);
}
