// SPDX-License-Identifier: Apache-2.0
/* Vectors that outlive their items: the trigger items_kept (schema.sql) writes down where they are. */
#include "index/store.h"

#include <stdlib.h>
#include <string.h>

struct removed {
    int64_t row;
    uint32_t crc;
    int width, height;
};

static int find(
    struct removed *out, bool *found, struct index *index, const struct index_item *item, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(
        &stmt, index, "SELECT row, crc, width, height FROM removed WHERE kind = ? AND hash = ?", err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, index_kind_names[item->kind], -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, item->hash, -1, SQLITE_STATIC);
    const int step = sqlite3_step(stmt);
    *found = step == SQLITE_ROW;
    if (*found)
        *out = (struct removed){.row = sqlite3_column_int64(stmt, 0),
            .crc = (uint32_t)sqlite3_column_int64(stmt, 1),
            .width = sqlite3_column_int(stmt, 2),
            .height = sqlite3_column_int(stmt, 3)};
    else if (step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc;
}

static bool is_intact(const struct index *index, const struct removed *removed)
{
    return removed->row >= 0 && removed->row < index->mapped &&
           vectors_crc(vectors_row(index, removed->row), index->stride) == removed->crc;
}

/* One that is undamaged; its row is mapped then. */
static int find_intact(
    struct removed *out, bool *found, struct index *index, const struct index_item *item, struct err *err)
{
    int rc = find(out, found, index, item, err);
    if (!rc && *found)
        rc = vectors_map(index, err);
    *found = !rc && *found && is_intact(index, out);
    return rc;
}

int index_has_removed(
    bool *found, struct index *index, enum index_kind kind, const char *hash, struct err *err)
{
    struct removed removed = {0};
    return find_intact(&removed, found, index, &(struct index_item){.kind = kind, .hash = hash}, err);
}

int index_add_again(bool *found, struct index *index, struct index_item *item, struct err *err)
{
    struct removed removed = {0};
    int rc = find_intact(&removed, found, index, item, err);
    if (!*found)
        return rc;
    uint8_t *copy = mem_new(1, index->stride);
    if (!copy)
        return err_memory(err, index->stride);
    memcpy(copy, vectors_row(index, removed.row), index->stride);
    if (!item->width) {
        item->width = removed.width;
        item->height = removed.height;
    }
    rc = append_rows(index, item, copy, 1, err);
    free(copy);
    return rc;
}
