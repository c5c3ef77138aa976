// SPDX-License-Identifier: Apache-2.0
#include "index/search.h"
#include "index/store.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct verification {
    struct index *index;
    int64_t defects;
    const struct job *job;
    int64_t images, texts, last_row; /* of the items so far */
};

PRINTF_LIKE(2, 3)
static void defect(struct verification *work, const char *format, ...)
{
    struct err problem = {.code = ERR_FORMAT};
    va_list list;
    va_start(list, format);
    vsnprintf(problem.msg, sizeof problem.msg, format, list);
    va_end(list);
    work->defects++;
    job_report(work->job, &problem);
}

/* ---- the catalog's own structure ----------------------------------------------------------------------- */

/* SQLite's check of a full-text table is an INSERT, so it runs on the copy, as does the other one. */
static int check_words(struct verification *work, sqlite3 *copy)
{
    static const char sql[] = "INSERT INTO items_fts(items_fts, rank) VALUES ('integrity-check', 1)";
    const int result = sqlite3_exec(copy, sql, NULL, NULL, NULL);
    if (result && result != SQLITE_INTERRUPT)
        defect(work, "'%s' has words that are not those of its captions and paths: %s", work->index->catalog,
            sqlite3_errmsg(copy));
    return result;
}

static int check_pages(struct verification *work, sqlite3 *copy)
{
    const char *catalog = work->index->catalog;
    sqlite3_stmt *stmt = NULL;
    int step = sqlite3_prepare_v2(copy, "PRAGMA integrity_check", -1, &stmt, NULL);
    while (stmt && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (text && strcmp(text, "ok"))
            defect(work, "'%s' is damaged: %s", catalog, text);
    }
    if (step != SQLITE_DONE && step != SQLITE_INTERRUPT)
        defect(work, "'%s' is damaged: %s", catalog, sqlite3_errmsg(copy));
    sqlite3_finalize(stmt);
    return step;
}

static int check_copy(struct verification *work, sqlite3 *copy, struct err *err)
{
    catalog_watch(copy, work->job);
    if (check_pages(work, copy) == SQLITE_INTERRUPT || check_words(work, copy) == SQLITE_INTERRUPT)
        return err_set(err, ERR_CANCELLED, "interrupted");
    return 0;
}

static int copy_catalog(struct verification *work, sqlite3 *copy, struct err *err)
{
    enum { PAGES_AT_ONCE = 4096 };
    sqlite3_backup *backup = sqlite3_backup_init(copy, "main", work->index->db, "main");
    int rc = 0;
    while (backup && !rc && sqlite3_backup_step(backup, PAGES_AT_ONCE) == SQLITE_OK)
        rc = job_step(work->job, "reading the catalog", 0, 0, err);
    if ((!backup || sqlite3_backup_finish(backup)) && !rc)
        rc = err_set(err, ERR_IO, "unable to copy '%s': %s", work->index->catalog, sqlite3_errmsg(copy));
    return rc;
}

/* The copy is a file without a name, which SQLite makes and removes. */
static int check_structure(struct verification *work, struct err *err)
{
    sqlite3 *copy = NULL;
    int rc = catalog_words(work->index, err);
    if (!rc && sqlite3_open_v2("", &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
        rc = err_set(err, ERR_IO, "unable to copy '%s': %s", work->index->catalog, sqlite3_errmsg(copy));
    if (!rc)
        rc = copy_catalog(work, copy, err);
    if (!rc)
        rc = check_copy(work, copy, err);
    sqlite3_close(copy);
    return rc;
}

/* ---- items and rows ------------------------------------------------------------------------------------ */

static void check_item(struct verification *work, int64_t id, int64_t row, uint32_t crc)
{
    const struct index *index = work->index;
    if (row < 0 || row >= index->meta.rows)
        defect(work, "'%s' has item %" PRId64 " in row %" PRId64 " of %" PRId64, index->catalog, id, row,
            index->meta.rows);
    else if (row <= work->last_row)
        defect(work,
            "'%s' has item %" PRId64 " in row %" PRId64 ", not behind row %" PRId64 " of the one before",
            index->catalog, id, row, work->last_row);
    else if (row >= index->mapped)
        defect(work, "'%s' ends before row %" PRId64 " (item %" PRId64 ")", index->vectors, row, id);
    else if (vectors_crc(vectors_row(index, row), index->stride) != crc)
        defect(work, "'%s' is damaged: row %" PRId64 " (item %" PRId64 ") does not match its checksum",
            index->vectors, row, id);
    work->last_row = row;
}

/* The index's own files have the content that their items were made of. */
static void check_file(struct verification *work, int64_t id, const char *path, const char *hash)
{
    struct err problem;
    char found[HASH_SIZE];
    if (!hash || !index_owns(work->index, path))
        return;
    if (hash_file(found, path, &problem))
        defect(work, "item %" PRId64 ": %s", id, problem.msg);
    else if (strcmp(found, hash))
        defect(work, "'%s' is damaged: it is not what item %" PRId64 " was made of", path, id);
}

static void check_counts(struct verification *work)
{
    const struct meta *meta = &work->index->meta;
    if (meta->images != work->images || meta->texts != work->texts)
        defect(work, "'%s' counts %" PRId64 " images and %" PRId64 " texts and has %" PRId64 " and %" PRId64,
            work->index->catalog, meta->images, meta->texts, work->images, work->texts);
}

static int check_items(struct verification *work, struct err *err)
{
    enum { ITEMS_AT_ONCE = 4096 };
    struct index *index = work->index;
    sqlite3_stmt *stmt;
    int rc = catalog_statement(
            &stmt, index, "SELECT id, row, kind, crc, path, hash FROM items ORDER BY id", err),
        step;
    if (rc)
        return rc;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW && !rc) {
        const char *kind = (const char *)sqlite3_column_text(stmt, 2);
        if (kind && !strcmp(kind, index_kind_names[INDEX_IMAGE]))
            work->images++;
        else
            work->texts++;
        check_item(work, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
            (uint32_t)sqlite3_column_int64(stmt, 3));
        check_file(work, sqlite3_column_int64(stmt, 0), (const char *)sqlite3_column_text(stmt, 4),
            (const char *)sqlite3_column_text(stmt, 5));
        const int64_t done = work->images + work->texts;
        if (done % ITEMS_AT_ONCE == 0)
            rc = job_step(
                work->job, "rows", (size_t)done, (size_t)(index->meta.images + index->meta.texts), err);
    }
    if (!rc && step == SQLITE_DONE)
        check_counts(work);
    else if (!rc)
        defect(work, "'%s' is damaged: %s", index->catalog, sqlite3_errmsg(index->db));
    sqlite3_reset(stmt);
    return rc;
}

/* ---- rows of removed items ----------------------------------------------------------------------------- */

static void check_kept_row(struct verification *work, int64_t row, uint32_t crc, int64_t id)
{
    const struct index *index = work->index;
    if (row < 0 || row >= index->meta.rows)
        defect(work, "'%s' has a removed item in row %" PRId64 " of %" PRId64, index->catalog, row,
            index->meta.rows);
    else if (id)
        defect(work, "'%s' has a removed item in row %" PRId64 ", which is item %" PRId64 "'s",
            index->catalog, row, id);
    else if (row < index->mapped && vectors_crc(vectors_row(index, row), index->stride) != crc)
        defect(work,
            "'%s' is damaged: row %" PRId64
            " (of a removed item) does not match its checksum; compacting drops it",
            index->vectors, row);
}

static int check_removed(struct verification *work, struct err *err)
{
    enum { ROWS_AT_ONCE = 4096 };
    static const char sql[] = "SELECT r.row, r.crc, i.id FROM removed r LEFT JOIN items i ON i.row = r.row";
    struct index *index = work->index;
    sqlite3_stmt *stmt;
    int step = SQLITE_DONE, rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && (step = sqlite3_step(stmt)) == SQLITE_ROW; i++) {
        check_kept_row(work, sqlite3_column_int64(stmt, 0), (uint32_t)sqlite3_column_int64(stmt, 1),
            sqlite3_column_int64(stmt, 2));
        rc = i % ROWS_AT_ONCE ? 0 : job_step(work->job, "rows of removed items", 0, 0, err);
    }
    if (!rc && step != SQLITE_DONE)
        defect(work, "'%s' is damaged: %s", index->catalog, sqlite3_errmsg(index->db));
    sqlite3_reset(stmt);
    return rc;
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* Maps what rows there are. */
static int check_length(struct verification *work, struct err *err)
{
    struct index *index = work->index;
    struct err problem;
    size_t length;
    int rc = vectors_length(&length, index, err);
    if (rc)
        return rc;
    const int64_t rows = (int64_t)(length / index->stride);
    if (vectors_check_length(index, &problem))
        defect(work, "%s", problem.msg);
    return vectors_map_some(index, rows < index->meta.rows ? rows : index->meta.rows, err);
}

static int check_folder(struct verification *work, struct err *err)
{
    struct strings names = {0};
    int rc = folder_list(&names, work->index->path, err);
    for (size_t i = 0; i < names.count && !rc; i++)
        if (folder_made(names.items[i]) && strcmp(names.items[i], vectors_name(work->index->vectors)))
            defect(work, "'%s/%s' is no part of the index: a writer is making it or was interrupted",
                work->index->path, names.items[i]);
    strings_release(&names);
    return rc;
}

/* ---- the codes ----------------------------------------------------------------------------------------- */

static int check_codes(struct verification *work, struct err *err)
{
    struct err problem;
    const int rc = search_verify(work->index, work->job, &problem);
    if (rc == ERR_FORMAT)
        defect(work, "%s; remove the file and update the index", problem.msg);
    else if (rc)
        return err_set(err, rc, "%s", problem.msg);
    return 0;
}

int index_verify(int64_t *defects, const char *path, const struct job *job, struct err *err)
{
    struct verification work = {.job = job, .last_row = -1};
    *defects = 0;
    int rc = open_store(&work.index, path, INDEX_READ, err);
    if (rc)
        return rc;
    rc = files_find(work.index, err);
    if (!rc)
        rc = check_length(&work, err);
    if (!rc)
        rc = check_structure(&work, err);
    if (!rc)
        rc = check_items(&work, err);
    if (!rc)
        rc = check_removed(&work, err);
    if (!rc && !work.defects)
        rc = check_codes(&work, err);
    if (!rc)
        rc = check_folder(&work, err);
    if (!rc)
        rc = catalog_check_unchanged(work.index, err);
    index_free(work.index);
    *defects = work.defects;
    return rc;
}
