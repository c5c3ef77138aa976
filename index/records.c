// SPDX-License-Identifier: Apache-2.0
/* Rows of the catalog's tables to and from structs. */
#include "index/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const index_kind_names[] = {"any", "image", "text", NULL};

/* ---- meta ---------------------------------------------------------------------------------------------- */

void meta_release(struct meta *meta)
{
    free(meta->model);
    free(meta->fingerprint);
    free(meta->preparation);
    *meta = (struct meta){0};
}

static const char *column_text(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? text : "";
}

static int load_meta(struct meta *out, sqlite3_stmt *stmt, const char *catalog, struct err *err)
{
    const int64_t width = sqlite3_column_int64(stmt, 2);
    const char *storage = column_text(stmt, 3);
    *out = (struct meta){
        .width = (size_t)width,
        .storage = INDEX_STORAGES,
        .generation = sqlite3_column_int64(stmt, 4),
        .rows = sqlite3_column_int64(stmt, 5),
        .images = sqlite3_column_int64(stmt, 6),
        .texts = sqlite3_column_int64(stmt, 7),
        .findable = sqlite3_column_int(stmt, 8),
    };
    for (size_t i = 0; i < INDEX_STORAGES; i++)
        if (!strcmp(storage, index_storage_names[i]))
            out->storage = (enum index_storage)i;
    if (out->storage == INDEX_STORAGES)
        return err_set(err, ERR_FORMAT, "'%s' has storage '%s'", catalog, storage);
    if (width < 1 || width > WIDTH_LIMIT)
        return err_set(err, ERR_FORMAT, "'%s' has width %" PRId64, catalog, width);
    if (out->generation < 1 || out->rows < 0 || out->images < 0 || out->texts < 0 ||
        out->images > out->rows || out->texts > out->rows - out->images)
        return err_set(err, ERR_FORMAT,
            "'%s' counts %" PRId64 " images and %" PRId64 " texts in %" PRId64 " rows of generation %" PRId64,
            catalog, out->images, out->texts, out->rows, out->generation);
    out->model = strdup(column_text(stmt, 0));
    out->fingerprint = strdup(column_text(stmt, 1));
    const bool prepared = sqlite3_column_type(stmt, 9) != SQLITE_NULL;
    if (prepared)
        out->preparation = strdup(column_text(stmt, 9));
    return out->model && out->fingerprint && (out->preparation || !prepared) ? 0 : err_memory(err, 0);
}

int catalog_meta(struct index *index, struct err *err)
{
    int rc = index->writer ? 0 : catalog_run(index, "BEGIN", err);
    sqlite3_stmt *stmt;
    if (!rc)
        rc = catalog_statement(&stmt, index,
            "SELECT model, fingerprint, width, storage, generation, rows, images, texts, findable, "
            "preparation FROM meta",
            err);
    if (rc)
        return rc;
    meta_release(&index->meta);
    const int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        rc = load_meta(&index->meta, stmt, index->catalog, err);
    else if (step == SQLITE_DONE)
        rc = err_set(err, ERR_FORMAT, "'%s' does not say what it indexes", index->catalog);
    else
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    index->committed = index->meta;
    return rc;
}

int catalog_store_meta(struct index *index, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(
        &stmt, index, "UPDATE meta SET generation = ?, rows = ?, images = ?, texts = ?", err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, index->meta.generation);
    sqlite3_bind_int64(stmt, 2, index->meta.rows);
    sqlite3_bind_int64(stmt, 3, index->meta.images);
    sqlite3_bind_int64(stmt, 4, index->meta.texts);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        rc = catalog_error(index, "write", err);
    sqlite3_reset(stmt);
    return rc;
}

/* ---- items --------------------------------------------------------------------------------------------- */

static void bind_text(sqlite3_stmt *stmt, int parameter, const char *text)
{
    if (text)
        sqlite3_bind_text(stmt, parameter, text, -1, SQLITE_STATIC);
}

/* Unknown is NULL in SQL, so that `width < 100` does not find texts. */
static void bind_number(sqlite3_stmt *stmt, int parameter, int64_t number)
{
    if (number)
        sqlite3_bind_int64(stmt, parameter, number);
}

/* 0, 0 is unknown: no camera has been there, and programs without a place write it. */
static void bind_place(sqlite3_stmt *stmt, int parameter, const struct index_item *item)
{
    if (item->lat == 0 && item->lon == 0)
        return;
    sqlite3_bind_double(stmt, parameter, item->lat);
    sqlite3_bind_double(stmt, parameter + 1, item->lon);
}

void item_bind(sqlite3_stmt *stmt, const struct index_item *item)
{
    bind_text(stmt, 1, item->path);
    bind_number(stmt, 2, item->size);
    bind_number(stmt, 3, item->mtime_ns);
    bind_text(stmt, 4, item->hash);
    bind_number(stmt, 5, item->width);
    bind_number(stmt, 6, item->height);
    bind_text(stmt, 7, item->caption);
    bind_text(stmt, 8, item->picture);
    bind_text(stmt, 9, item->metadata);
    bind_number(stmt, 10, item->offset);
    bind_text(stmt, 11, item->taken);
    bind_text(stmt, 12, item->camera);
    bind_text(stmt, 13, item->lens);
    bind_place(stmt, 14, item);
    sqlite3_bind_int(stmt, 16, item->examined);
}

int item_load(struct index_item *out, sqlite3_stmt *stmt, struct arena *arena, struct err *err)
{
    enum { FIRST = 3 }; /* after id, row, kind */
    *out = (struct index_item){
        .id = sqlite3_column_int64(stmt, 0),
        .row = sqlite3_column_int64(stmt, 1),
        .kind = strcmp(column_text(stmt, 2), index_kind_names[INDEX_TEXT]) ? INDEX_IMAGE : INDEX_TEXT,
        .size = sqlite3_column_int64(stmt, FIRST + 1),
        .mtime_ns = sqlite3_column_int64(stmt, FIRST + 2),
        .width = sqlite3_column_int(stmt, FIRST + 4),
        .height = sqlite3_column_int(stmt, FIRST + 5),
        .offset = sqlite3_column_int64(stmt, FIRST + 9),
        .lat = sqlite3_column_double(stmt, FIRST + 13),
        .lon = sqlite3_column_double(stmt, FIRST + 14),
        .examined = sqlite3_column_int(stmt, FIRST + 15),
    };
    const struct {
        const char **field;
        int column;
    } texts[] = {
        {&out->path, FIRST},
        {&out->hash, FIRST + 3},
        {&out->caption, FIRST + 6},
        {&out->picture, FIRST + 7},
        {&out->metadata, FIRST + 8},
        {&out->taken, FIRST + 10},
        {&out->camera, FIRST + 11},
        {&out->lens, FIRST + 12},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = (const char *)sqlite3_column_text(stmt, texts[i].column);
        if (text && arena)
            text = arena_copy(arena, text, strlen(text));
        if (!text && sqlite3_column_type(stmt, texts[i].column) != SQLITE_NULL)
            return err_memory(err, 0);
        *texts[i].field = text;
    }
    return 0;
}
