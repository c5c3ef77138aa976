// SPDX-License-Identifier: Apache-2.0
/*
 * Changes by the writer. A transaction of the catalog spans all changes from one index_commit to the next. A
 * verb checks its arguments before it changes anything; what fails after that takes the transaction back.
 */
#include "index/store.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- whole or not at all ------------------------------------------------------------------------------- */

int change_begin(struct index *index, struct err *err)
{
    assert(index->writer);
    forget_live(index);
    if (index->broken)
        return err_set(err, ERR_IO, "unable to change '%s': a commit failed, open it anew", index->path);
    return sqlite3_get_autocommit(index->db) ? catalog_run(index, "BEGIN IMMEDIATE", err) : 0;
}

/* Drops everything since the last commit. The rows written go with it: the count no longer has them. */
int change_end(struct index *index, int rc, struct err *err)
{
    if (!rc)
        return 0;
    if (!sqlite3_get_autocommit(index->db))
        sqlite3_exec(index->db, "ROLLBACK", NULL, NULL, NULL);
    index->meta = index->committed;
    files_settle(index);
    struct err cause;
    if (err) {
        cause = *err;
        err_set(err, rc, "%s; the index stays as it was last committed", cause.msg);
    }
    return rc;
}

/* A COMMIT that fails may still have reached the disk, if it is the disk's syncing that failed. Nobody may
 * write over the rows it speaks of before a new opening has read from the disk what came of it. */
int change_commit(struct index *index, struct err *err)
{
    int rc = catalog_run(index, "COMMIT", err);
    if (!rc) {
        index->committed = index->meta;
        files_settle(index);
        return 0;
    }
    index->broken = true;
    return change_end(index, rc, err);
}

void index_revert(struct index *index)
{
    change_end(index, ERR_CANCELLED, NULL);
}

int index_commit(struct index *index, struct err *err)
{
    if (sqlite3_get_autocommit(index->db)) { /* nothing was changed */
        files_settle(index);
        return 0;
    }
    int rc = 0;
    if (index->meta.rows > index->committed.rows)
        rc = vectors_sync(index->fd, index->vectors, err);
    if (!rc)
        rc = files_sync(index, err);
    if (!rc)
        rc = catalog_store_meta(index, err);
    if (!rc)
        return change_commit(index, err);
    return change_end(index, rc, err);
}

/* ---- statements ---------------------------------------------------------------------------------------- */

/* Runs a statement that changes rows; what failed is said of the item. */
static int step(struct index *index, sqlite3_stmt *stmt, struct err *err)
{
    const int rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : catalog_error(index, "write", err);
    sqlite3_reset(stmt);
    return rc;
}

static void count_item(struct index *index, enum index_kind kind, int by)
{
    if (kind == INDEX_IMAGE)
        index->meta.images += by;
    else
        index->meta.texts += by;
}

/* Removes the picture that has a path, if it is not the one with this id. */
static int free_path(struct index *index, const char *path, int64_t id, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(
        &stmt, index, "DELETE FROM items WHERE kind = 'image' AND path = ? AND id != ?", err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, id);
    rc = step(index, stmt, err);
    if (!rc)
        index->meta.images -= sqlite3_changes(index->db);
    return rc;
}

static const char *name_of(const struct index_item *item)
{
    return item->path ? item->path : item->caption ? item->caption : "";
}

/* SQLite reads no JSON that is nested much deeper (2,000 in 3.40, 1,000 later), and one such item would make every filter
 * over metadata fail. */
enum { METADATA_DEPTH_MAX = 100 };

static bool is_deeper(const json_t *value, int levels)
{
    const char *key;
    const json_t *part;
    size_t i;
    if (levels < 0)
        return true;
    json_object_foreach((json_t *)value, key, part) if (is_deeper(part, levels - 1)) return true;
    json_array_foreach(value, i, part) if (is_deeper(part, levels - 1)) return true;
    return false;
}

static int check_item(const struct index_item *item, enum index_kind kind, struct err *err)
{
    if (kind != INDEX_IMAGE && kind != INDEX_TEXT)
        return err_set(err, ERR_ARGUMENT, "item '%s' is neither a picture nor a text", name_of(item));
    if (kind == INDEX_TEXT && !item->caption)
        return err_set(err, ERR_ARGUMENT, "a text of '%s' has no words", name_of(item));
    json_t *root = NULL;
    struct err why;
    if (item->metadata && json_parse(&root, item->metadata, strlen(item->metadata), "metadata", &why))
        return err_set(err, ERR_ARGUMENT, "item '%s': %s", name_of(item), why.msg);
    const bool deep = is_deeper(root, METADATA_DEPTH_MAX);
    json_decref(root);
    return deep ? err_set(err, ERR_ARGUMENT, "item '%s': metadata is nested deeper than %d", name_of(item),
                      METADATA_DEPTH_MAX)
                : 0;
}

/* Puts the item at index->meta.rows, whose bytes have this checksum. */
static int insert_item(struct index *index, struct index_item *item, uint32_t crc, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = item->path && item->kind == INDEX_IMAGE ? free_path(index, item->path, 0, err) : 0;
    if (!rc)
        rc = catalog_statement(&stmt, index,
            "INSERT INTO items (" ITEM_COLUMNS ", row, kind, crc, segmented) VALUES (" ITEM_VALUES
            ", ?,?,?, segment(" ITEM_WORDS "))",
            err);
    if (rc)
        return rc;
    item_bind(stmt, item);
    sqlite3_bind_int64(stmt, ITEM_COLUMN_COUNT + 1, index->meta.rows);
    sqlite3_bind_text(stmt, ITEM_COLUMN_COUNT + 2, index_kind_names[item->kind], -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, ITEM_COLUMN_COUNT + 3, crc);
    rc = step(index, stmt, err);
    if (rc)
        return rc;
    item->id = sqlite3_last_insert_rowid(index->db);
    item->row = index->meta.rows++;
    count_item(index, item->kind, 1);
    return 0;
}

/* ---- verbs --------------------------------------------------------------------------------------------- */

/* rows (count, stride) of vectors (count, E). */
static int encode_rows(uint8_t *rows, const struct index *index, const struct index_item *items,
    const float *vectors, size_t count, struct err *err)
{
    const size_t width = index->meta.width;
    for (size_t i = 0; i < count; i++)
        if (!vectors_encode(rows + i * index->stride, vectors + i * width, width, index->meta.storage))
            return err_set(err, ERR_ARGUMENT, "the vector of '%s' has numbers that %s does not hold",
                name_of(&items[i]), index_storage_names[index->meta.storage]);
    return 0;
}

int append_rows(
    struct index *index, struct index_item *items, const uint8_t *rows, size_t count, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++)
        rc = check_item(&items[i], items[i].kind, err);
    if (rc)
        return rc;
    rc = change_begin(index, err);
    if (!rc)
        rc = vectors_write(index->fd, index->vectors, rows, index->meta.rows, count, index->stride, err);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = insert_item(index, &items[i], vectors_crc(rows + i * index->stride, index->stride), err);
        if (rc)
            err_wrap(err, "unable to add '%s'", name_of(&items[i]));
    }
    return change_end(index, rc, err);
}

int index_add(
    struct index *index, struct index_item *items, const float *vectors, size_t count, struct err *err)
{
    uint8_t *rows = mem_new(count, index->stride);
    if (!rows && count)
        return err_memory(err, index->stride);
    int rc = encode_rows(rows, index, items, vectors, count, err);
    if (!rc)
        rc = append_rows(index, items, rows, count, err);
    free(rows);
    return rc;
}

int index_add_copy(struct index *index, struct index_item *item, int64_t source, struct err *err)
{
    struct arena arena = {0};
    struct index_item original;
    int rc = index_get(&original, index, source, &arena, err);
    if (!rc)
        rc = index_fetch(&original, index, &original.row, 1, &arena, err); /* the row, checked */
    arena_release(&arena);
    uint8_t *copy = rc ? NULL : mem_new(1, index->stride);
    if (!rc && !copy)
        rc = err_memory(err, index->stride);
    if (rc)
        return rc;
    memcpy(copy, vectors_row(index, original.row), index->stride);
    rc = append_rows(index, item, copy, 1, err);
    free(copy);
    return rc;
}

/* Texts that describe the picture at `from` now describe the one at `to`. */
static int move_texts(struct index *index, const char *from, const char *to, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(&stmt, index, "UPDATE items SET picture = ? WHERE picture = ?", err);
    if (rc)
        return rc;
    if (to)
        sqlite3_bind_text(stmt, 1, to, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, from, -1, SQLITE_STATIC);
    return step(index, stmt, err);
}

static int replace_columns(struct index *index, const struct index_item *item, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(&stmt, index,
        "UPDATE items SET (" ITEM_COLUMNS ", segmented) = (" ITEM_VALUES ", segment(" ITEM_WORDS
        ")) WHERE id = ?17",
        err);
    if (rc)
        return rc;
    item_bind(stmt, item);
    sqlite3_bind_int64(stmt, ITEM_COLUMN_COUNT + 1, item->id);
    return step(index, stmt, err);
}

static int update_item(
    struct index *index, const struct index_item *before, const struct index_item *item, struct err *err)
{
    int rc = 0;
    const bool moves =
        before->kind == INDEX_IMAGE && before->path && (!item->path || strcmp(before->path, item->path));
    if (before->kind == INDEX_IMAGE && item->path)
        rc = free_path(index, item->path, item->id, err);
    if (!rc && moves)
        rc = files_touch(index, before->path, err);
    if (!rc && moves)
        rc = move_texts(index, before->path, item->path, err);
    return rc ? rc : replace_columns(index, item, err);
}

int index_update(struct index *index, const struct index_item *item, struct err *err)
{
    struct arena arena = {0};
    struct index_item before;
    int rc = index_get(&before, index, item->id, &arena, err);
    if (!rc)
        rc = check_item(item, before.kind, err);
    if (!rc) {
        rc = change_begin(index, err);
        if (!rc)
            rc = update_item(index, &before, item, err);
        if (rc)
            err_wrap(err, "unable to update '%s'", name_of(item));
        rc = change_end(index, rc, err);
    }
    arena_release(&arena);
    return rc;
}

int index_remove(struct index *index, int64_t id, struct err *err)
{
    struct arena arena = {0};
    struct index_item item;
    int rc = index_get(&item, index, id, &arena, err);
    if (rc) {
        arena_release(&arena);
        return rc;
    }
    sqlite3_stmt *stmt;
    rc = change_begin(index, err);
    if (!rc && item.kind == INDEX_IMAGE)
        rc = files_touch(index, item.path, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, "DELETE FROM items WHERE id = ?", err);
    if (!rc) {
        sqlite3_bind_int64(stmt, 1, id);
        rc = step(index, stmt, err);
    }
    if (!rc)
        count_item(index, item.kind, -1);
    arena_release(&arena);
    return change_end(index, rc, err);
}
