// SPDX-License-Identifier: Apache-2.0
/* What there is to filter by. */
#include "index/store.h"

#include <string.h>

/* Adds the texts of a statement's first column. */
static int add_texts(struct strings *out, struct index *index, sqlite3_stmt *stmt, struct err *err)
{
    int step, rc = 0;
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        rc = text ? strings_add(out, text, strlen(text), err) : err_memory(err, 0);
    }
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc;
}

int index_columns(struct strings *columns, struct strings *keys, struct index *index, struct err *err)
{
    static const char columns_sql[] =
        "SELECT name FROM pragma_table_info('search_items') WHERE name <> 'row'",
                      keys_sql[] =
                          "SELECT DISTINCT key FROM (SELECT metadata FROM items WHERE metadata IS NOT NULL "
                          "LIMIT ?), json_each(metadata) ORDER BY key";
    sqlite3_stmt *stmt;
    int rc = catalog_statement(&stmt, index, columns_sql, err);
    if (!rc)
        rc = add_texts(columns, index, stmt, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, keys_sql, err);
    if (rc)
        return rc;
    sqlite3_bind_int(stmt, 1, INDEX_KEYS_LOOK);
    return add_texts(keys, index, stmt, err);
}
