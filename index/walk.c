// SPDX-License-Identifier: Apache-2.0
/*
 * Items by a date or path, along the catalog's indexes. A statement for those that have a key, from a place on, and
 * one for those that have none, in order of id. The first begins at the place's key: those with that key and a
 * lower id are left out here, since SQLite finds no range of an index by two columns of which one falls.
 */
#include "index/store.h"

#include <assert.h>
#include <string.h>

const char *const index_order_names[] = {"score", "date", "taken", "path", NULL};

int index_place_compare(enum index_order order, const struct index_place *a, const struct index_place *b)
{
    if (order == INDEX_BY_DATE && a->mtime_ns != b->mtime_ns)
        return !a->mtime_ns ? 1 : !b->mtime_ns || a->mtime_ns > b->mtime_ns ? -1 : 1;
    const bool texts = order == INDEX_BY_TAKEN || order == INDEX_BY_PATH;
    if (texts && !a->text != !b->text)
        return a->text ? -1 : 1;
    const int bytes = texts && a->text ? strcmp(a->text, b->text) : 0;
    if (bytes)
        return order == INDEX_BY_TAKEN ? -bytes : bytes;
    return (a->id > b->id) - (a->id < b->id);
}

struct walk {
    struct index *index;
    enum index_order order;
    const struct index_place *after;
    index_place_visit *visit;
    void *context;
};

/* The items of a statement that selects id, row and, but for those without one, their key. */
static int walk_items(const struct walk *walk, sqlite3_stmt *stmt, bool keys, struct err *err)
{
    int step = SQLITE_DONE, rc = 0;
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct index_place place = {.id = sqlite3_column_int64(stmt, 0)};
        const int64_t row = sqlite3_column_int64(stmt, 1);
        if (keys && walk->order == INDEX_BY_DATE)
            place.mtime_ns = sqlite3_column_int64(stmt, 2);
        else if (keys)
            place.text = (const char *)sqlite3_column_text(stmt, 2);
        if (row < 0 || row >= walk->index->meta.rows)
            rc = bad_row(walk->index, row, err);
        else if (!walk->after || index_place_compare(walk->order, &place, walk->after) > 0)
            rc = walk->visit(walk->context, row, &place);
    }
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(walk->index, "read", err);
    sqlite3_reset(stmt);
    return rc;
}

static int walk_with_keys(const struct walk *walk, struct err *err)
{
    static const char *const keys[] = {
        [INDEX_BY_DATE] =
            "SELECT id, row, mtime_ns FROM items WHERE mtime_ns <= ? ORDER BY mtime_ns DESC, row",
        [INDEX_BY_TAKEN] = "SELECT id, row, taken FROM items WHERE taken <= ? ORDER BY taken DESC, row",
        /* Kinds apart, since an index of paths is of one kind: SQLite walks along both and merges. */
        [INDEX_BY_PATH] =
            "SELECT id, row, path FROM items WHERE kind = 'image' AND path >= ?1 UNION ALL "
            "SELECT id, row, path FROM items WHERE kind = 'text' AND path >= ?1 ORDER BY path, id",
    };
    static const char last[] = "\xff"; /* behind all dates */
    const struct index_place *after = walk->after;
    sqlite3_stmt *stmt;
    const int rc = catalog_statement(&stmt, walk->index, keys[walk->order], err);
    if (rc)
        return rc;
    if (walk->order == INDEX_BY_DATE)
        sqlite3_bind_int64(stmt, 1, after ? after->mtime_ns : INT64_MAX);
    else
        sqlite3_bind_text(stmt, 1,
            after                           ? after->text
            : walk->order == INDEX_BY_TAKEN ? last
                                            : "",
            -1, SQLITE_STATIC);
    return walk_items(walk, stmt, true, err);
}

static int walk_without_keys(const struct walk *walk, bool from_first, struct err *err)
{
    static const char *const none[] = {
        [INDEX_BY_DATE] = "SELECT id, row FROM items WHERE mtime_ns IS NULL AND id > ?1 ORDER BY row",
        [INDEX_BY_TAKEN] = "SELECT id, row FROM items WHERE taken IS NULL AND id > ?1 ORDER BY row",
        [INDEX_BY_PATH] =
            "SELECT id, row FROM items WHERE kind = 'image' AND path IS NULL AND id > ?1 UNION ALL "
            "SELECT id, row FROM items WHERE kind = 'text' AND path IS NULL AND id > ?1 ORDER BY id",
    };
    sqlite3_stmt *stmt;
    const int rc = catalog_statement(&stmt, walk->index, none[walk->order], err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, from_first ? 0 : walk->after->id);
    return walk_items(walk, stmt, false, err);
}

static bool has_key(enum index_order order, const struct index_place *place)
{
    return order == INDEX_BY_DATE ? place->mtime_ns != 0 : place->text != NULL;
}

int index_walk(struct index *index, enum index_order order, const struct index_place *after,
    index_place_visit *visit, void *context, struct err *err)
{
    assert(order != INDEX_BY_SCORE);
    const struct walk walk = {index, order, after, visit, context};
    const bool keys = !after || has_key(order, after);
    int rc = keys ? walk_with_keys(&walk, err) : 0;
    if (!rc)
        rc = walk_without_keys(&walk, keys, err);
    return rc ? rc : catalog_check_unchanged(index, err);
}
