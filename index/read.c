// SPDX-License-Identifier: Apache-2.0
#include "index/store.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define SELECT_ITEM "SELECT id, row, kind, " ITEM_COLUMNS
enum { CRC_COLUMN = 3 + ITEM_COLUMN_COUNT };

/* ---- one item ------------------------------------------------------------------------------------------ */

/* The first row of a statement as an item; *found: there is one. */
static int first_item(struct index_item *out, bool *found, struct index *index, sqlite3_stmt *stmt,
    struct arena *arena, struct err *err)
{
    int rc = 0;
    const int step = sqlite3_step(stmt);
    *found = step == SQLITE_ROW;
    if (*found)
        rc = item_load(out, stmt, arena, err);
    else if (step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
}

int index_get(struct index_item *out, struct index *index, int64_t id, struct arena *arena, struct err *err)
{
    sqlite3_stmt *stmt;
    bool found;
    int rc = catalog_statement(&stmt, index, SELECT_ITEM " FROM items WHERE id = ?", err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, id);
    rc = first_item(out, &found, index, stmt, arena, err);
    if (!rc && !found)
        rc = err_set(err, ERR_NOT_FOUND, "'%s' has no item %" PRId64, index->path, id);
    return rc;
}

int index_find(struct index_item *out, bool *found, struct index *index, enum index_kind kind,
    const char *path, const char *hash, struct arena *arena, struct err *err)
{
    /* The kind is written out in each, so that SQLite sees that its partial indexes apply. */
    static const char *const image[] = {
        SELECT_ITEM " FROM items WHERE kind = 'image' AND hash = ?2 ORDER BY id LIMIT 1",
        SELECT_ITEM " FROM items WHERE kind = 'image' AND path = ?1 ORDER BY id LIMIT 1",
        SELECT_ITEM " FROM items WHERE kind = 'image' AND path = ?1 AND hash = ?2 ORDER BY id LIMIT 1",
    };
    static const char *const text[] = {
        SELECT_ITEM " FROM items WHERE kind = 'text' AND hash = ?2 ORDER BY id LIMIT 1",
        SELECT_ITEM " FROM items WHERE kind = 'text' AND path = ?1 ORDER BY id LIMIT 1",
        SELECT_ITEM " FROM items WHERE kind = 'text' AND path = ?1 AND hash = ?2 ORDER BY id LIMIT 1",
    };
    /* By the hash: nearly all texts may have no path. */
    static const char no_file[] =
        SELECT_ITEM " FROM items WHERE kind = 'text' AND +path IS NULL AND hash = ?2 ORDER BY id LIMIT 1";
    assert((kind == INDEX_IMAGE || kind == INDEX_TEXT) && (path || hash));
    sqlite3_stmt *stmt;
    const char *const *queries = kind == INDEX_IMAGE ? image : text;
    const bool none = path && !*path;
    int rc = catalog_statement(&stmt, index, none ? no_file : queries[!path ? 0 : !hash ? 1 : 2], err);
    if (rc)
        return rc;
    if (path && !none)
        sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
    if (hash)
        sqlite3_bind_text(stmt, 2, hash, -1, SQLITE_STATIC);
    return first_item(out, found, index, stmt, arena, err);
}

/* ---- hits ---------------------------------------------------------------------------------------------- */

/* The item of a row, whose bytes must be those that its checksum was made of. */
static int load_checked(struct index_item *out, struct index *index, sqlite3_stmt *stmt, int64_t row,
    struct arena *arena, struct err *err)
{
    int rc = item_load(out, stmt, arena, err);
    if (!rc && vectors_crc(vectors_row(index, row), index->stride) !=
                   (uint32_t)sqlite3_column_int64(stmt, CRC_COLUMN))
        rc = err_set(err, ERR_FORMAT,
            "'%s' is damaged: row %" PRId64 " (item %" PRId64 ") does not match its checksum", index->vectors,
            row, out->id);
    return rc;
}

static int fetch_one(
    struct index_item *out, struct index *index, int64_t row, struct arena *arena, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(&stmt, index, SELECT_ITEM ", crc FROM items WHERE row = ?", err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, row);
    const int step = row >= 0 && row < index->mapped ? sqlite3_step(stmt) : SQLITE_DONE;
    if (step == SQLITE_ROW)
        rc = load_checked(out, index, stmt, row, arena, err);
    else if (step == SQLITE_DONE)
        rc = err_set(err, ERR_NOT_FOUND, "row %" PRId64 " of '%s' has no item", row, index->vectors);
    else
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc;
}

int index_fetch(struct index_item *items, struct index *index, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err)
{
    int rc = vectors_map(index, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = fetch_one(&items[i], index, rows[i], arena, err);
    return rc ? rc : catalog_check_unchanged(index, err);
}

int index_vectors(float *vectors, struct index *index, const int64_t *rows, size_t count, struct err *err)
{
    const size_t width = index->meta.width;
    int rc = vectors_map(index, err);
    for (size_t i = 0; i < count && !rc; i++) {
        if (rows[i] < 0 || rows[i] >= index->mapped)
            rc = err_set(err, ERR_NOT_FOUND, "'%s' has no row %" PRId64, index->vectors, rows[i]);
        else
            vectors_decode(vectors + i * width, vectors_row(index, rows[i]), width, index->meta.storage);
    }
    return rc;
}

/* ---- all items ----------------------------------------------------------------------------------------- */

/* Visits the items that a statement selects and rows have, and finalizes it. */
static int visit_items(struct index *index, sqlite3_stmt *stmt, const struct index_rows *rows,
    index_visit *visit, void *context, struct err *err)
{
    int rc = 0;
    while (!rc) {
        const int step = sqlite3_step(stmt);
        if (step == SQLITE_DONE)
            break;
        const int64_t row = sqlite3_column_int64(stmt, 1);
        struct index_item item;
        if (step != SQLITE_ROW)
            rc = catalog_error(index, "read", err);
        else if (row < 0 || row >= rows->count)
            rc = bad_row(index, row, err);
        else if (index_rows_have(rows, row))
            rc = (rc = item_load(&item, stmt, NULL, err)) ? rc : visit(context, &item);
    }
    sqlite3_finalize(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
}

int index_each(struct index *index, const struct index_filter *filter, index_visit *visit, void *context,
    struct err *err)
{
    struct index_rows rows;
    sqlite3_stmt *stmt;
    int rc = index_rows(&rows, index, filter, err);
    if (rc)
        return rc;
    /* A statement of its own: the visit may use the cached ones. */
    if (sqlite3_prepare_v2(index->db, SELECT_ITEM " FROM items ORDER BY id", -1, &stmt, NULL))
        rc = catalog_error(index, "read", err);
    else
        rc = visit_items(index, stmt, &rows, visit, context, err);
    index_rows_release(&rows);
    return rc;
}

int index_each_unexamined(struct index *index, index_visit *visit, void *context, struct err *err)
{
    static const char sql[] =
        SELECT_ITEM " FROM items WHERE kind = 'image' AND examined = 0 AND path IS NOT NULL ORDER BY id";
    const struct index_rows all = {.count = index->meta.rows};
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(index->db, sql, -1, &stmt, NULL))
        return catalog_error(index, "read", err);
    return visit_items(index, stmt, &all, visit, context, err);
}

int index_each_below(
    struct index *index, const char *root, index_visit *visit, void *context, struct err *err)
{
    /* '0' comes behind '/'. */
    static const char sql[] =
        SELECT_ITEM " FROM items WHERE kind = 'image' AND path = ?1 UNION ALL " SELECT_ITEM
                    " FROM items WHERE kind = 'image' AND path > ?1 || '/' AND path < ?1 || '0'";
    const struct index_rows all = {.count = index->meta.rows};
    sqlite3_stmt *stmt;
    size_t length = strlen(root);
    while (length && root[length - 1] == '/')
        length--; /* "/" itself */
    if (sqlite3_prepare_v2(index->db, sql, -1, &stmt, NULL))
        return catalog_error(index, "read", err);
    sqlite3_bind_text(stmt, 1, root, (int)length, SQLITE_STATIC);
    return visit_items(index, stmt, &all, visit, context, err);
}
