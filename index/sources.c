// SPDX-License-Identifier: Apache-2.0
/* What an index is made from, and with. */
#include "index/store.h"

#include <string.h>

/* Runs a statement with up to three texts. */
static int change_by(struct index *index, const char *sql, const char *one, const char *two,
    const char *three, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = change_begin(index, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, sql, err);
    if (!rc) {
        sqlite3_bind_text(stmt, 1, one, -1, SQLITE_STATIC);
        if (two)
            sqlite3_bind_text(stmt, 2, two, -1, SQLITE_STATIC);
        if (three)
            sqlite3_bind_text(stmt, 3, three, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    return change_end(index, rc, err);
}

static int change(struct index *index, const char *sql, const char *one, const char *two, struct err *err)
{
    return change_by(index, sql, one, two, NULL, err);
}

int index_source_add(struct index *index, const char *kind, const char *path, struct err *err)
{
    static const char sql[] = "INSERT OR IGNORE INTO sources (kind, path) VALUES (?, ?)";
    return change(index, sql, kind, path, err);
}

int index_source_remove(struct index *index, const char *kind, const char *path, struct err *err)
{
    static const char sql[] = "DELETE FROM sources WHERE kind = ? AND path = ?";
    return change(index, sql, kind, path, err);
}

int index_sources(struct strings *paths, struct index *index, const char *kind, struct err *err)
{
    static const char sql[] = "SELECT path FROM sources WHERE kind = ? ORDER BY rowid";
    sqlite3_stmt *stmt;
    int step = SQLITE_DONE, rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *path = (const char *)sqlite3_column_text(stmt, 0);
        rc = path ? strings_add(paths, path, strlen(path), err) : err_memory(err, 0);
    }
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
}

int index_source_rules(const char **out, struct index *index, const char *kind, const char *path,
    struct arena *arena, struct err *err)
{
    static const char sql[] = "SELECT rules FROM sources WHERE kind = ? AND path = ? AND rules IS NOT NULL";
    sqlite3_stmt *stmt;
    *out = "";
    int rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, path, -1, SQLITE_STATIC);
    const int step = sqlite3_step(stmt);
    const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (text && !(*out = arena_copy(arena, text, strlen(text))))
        rc = err_memory(err, strlen(text));
    else if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
}

int index_source_keep_rules(
    struct index *index, const char *kind, const char *path, const char *rules, struct err *err)
{
    static const char sql[] = "UPDATE sources SET rules = ?3 WHERE kind = ?1 AND path = ?2";
    return change_by(index, sql, kind, path, rules, err);
}

int index_keep_preparation(struct index *index, const char *preparation, struct err *err)
{
    static const char keep[] = "UPDATE meta SET preparation = ?",
                      forget[] = "DELETE FROM removed WHERE kind = ?";
    int rc = change(index, keep, preparation, NULL, err);
    if (!rc)
        rc = change(index, forget, index_kind_names[INDEX_IMAGE], NULL, err);
    if (!rc)
        rc = index_commit(index, err);
    return rc ? rc : catalog_meta(index, err);
}

int index_keep_model(struct index *index, const char *model, struct err *err)
{
    static const char sql[] = "UPDATE meta SET model = ?, findable = 1";
    if (index->meta.findable && !strcmp(index->meta.model, model))
        return 0;
    int rc = change(index, sql, model, NULL, err);
    if (!rc)
        rc = index_commit(index, err);
    return rc ? rc : catalog_meta(index, err);
}
