// SPDX-License-Identifier: Apache-2.0
/*
 * An index that is moved or copied together with what lies beside it goes on with that: the catalog knows the folder that
 * the index lay in when it was written to last (meta.base), and where that is another now, and the files are found
 * there, all paths below the old one are below the new one. Where they are not, the index was moved alone, and its paths
 * stay. As with earlier formats (format.c) a reader sees a copy that is changed so, and the next writer changes the
 * catalog for good.
 *
 * So paths in the catalog are absolute at all times, and whoever uses one need not know of this.
 */
#include "index/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const moves[] = {
    "UPDATE OR IGNORE items SET " ITEMS_MOVED " WHERE kind = 'image' AND " BELOW("path"),
    "UPDATE items SET " ITEMS_MOVED " WHERE kind = 'text' AND " BELOW("path"),
    "UPDATE items SET " MOVED("picture") " WHERE " BELOW("picture"),
    "UPDATE OR IGNORE sources SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE OR IGNORE failures SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE OR IGNORE containers SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE OR IGNORE passed_over SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE passed_over SET " MOVED("picture") " WHERE " BELOW("picture"),
    "UPDATE meta SET base = ?2",
    NULL,
};

int travel_base(const char **out, const char *path, struct arena *arena, struct err *err)
{
    const char *absolute = path_absolute(arena, path, err);
    const char *slash = absolute ? strrchr(absolute, '/') : NULL;
    if (!absolute)
        return ERR_MEMORY;
    *out = arena_copy(arena, absolute, slash ? (size_t)(slash - absolute) : 0);
    return *out ? 0 : err_memory(err, strlen(path));
}

/* These are of the opening, so they need not be kept. */
static int prepare(sqlite3_stmt **out, struct index *index, const char *sql, struct err *err)
{
    return sqlite3_prepare_v2(index->db, sql, -1, out, NULL) ? catalog_error(index, "read", err) : 0;
}

/* NULL: it is not known. */
static int read_base(
    const char **out, size_t *images, struct index *index, struct arena *arena, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = prepare(&stmt, index, "SELECT base, images FROM meta", err);
    if (rc)
        return rc;
    *out = NULL;
    *images = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0)) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        *out = arena_copy(arena, text, strlen(text));
        *images = (size_t)sqlite3_column_int64(stmt, 1);
        rc = *out ? 0 : err_memory(err, strlen(text));
    }
    sqlite3_finalize(stmt);
    return rc;
}

/* ---- whether the files came along ---------------------------------------------------------------------- */

static bool is_there(const char *path, int64_t size)
{
    struct stat st;
    return !stat(path, &st) && (!size || st.st_size == size);
}

/* Files of the index's own lie in its folder wherever that is. */
static bool is_own(const char *path)
{
    static const char folder[] = "/uploads/";
    const char *name = strrchr(path, '/');
    const size_t before = name ? (size_t)(name - path) + 1 : 0;
    return before >= sizeof folder && !strncmp(path + before - strlen(folder), folder, strlen(folder)) &&
           strspn(name + 1, "0123456789abcdef") == HASH_SIZE - 1;
}

/* Counts a path where it was and where it would be. */
static int count_file(size_t *old, size_t *now, sqlite3_stmt *stmt, const char *from, const char *to,
    struct arena *arena, struct err *err)
{
    const char *path = (const char *)sqlite3_column_text(stmt, 0);
    const int64_t size = sqlite3_column_int64(stmt, 1);
    if (!path || is_own(path))
        return 0;
    const char *moved = path_join(arena, to, path + strlen(from) + 1);
    if (!moved)
        return err_memory(err, strlen(path));
    *old += is_there(path, size);
    *now += is_there(moved, size);
    return 0;
}

/* *moved: of some of the files that lie below, as many are at the new place as at the old one, and more than none. */
static int find_files(bool *moved, struct index *index, size_t images, const char *from, const char *to,
    struct arena *arena, struct err *err)
{
    enum { SOME = 64 };
    static const char sql[] = "SELECT path, size FROM items WHERE kind = 'image' AND " BELOW("path") //
        " UNION ALL SELECT path, 0 FROM sources WHERE " BELOW("path");
    sqlite3_stmt *stmt;
    size_t old = 0, now = 0, seen = 0;
    int step = SQLITE_DONE, rc = prepare(&stmt, index, sql, err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, from, -1, SQLITE_STATIC);
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        if (seen++ % (images / SOME + 1) == 0)
            rc = count_file(&old, &now, stmt, from, to, arena, err);
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_finalize(stmt);
    *moved = now && now >= old;
    return rc;
}

/* ---- going along --------------------------------------------------------------------------------------- */

static int run(struct index *index, const char *sql, const char *from, const char *to, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = prepare(&stmt, index, sql, err);
    if (rc)
        return rc;
    if (from)
        sqlite3_bind_text(stmt, 1, from, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, to, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        rc = catalog_error(index, "write", err);
    sqlite3_finalize(stmt);
    return rc;
}

/* All of it, or nothing, once the connection is closed. */
static int move_all(struct index *index, const char *from, const char *to, struct err *err)
{
    int rc = catalog_run(index, "BEGIN IMMEDIATE", err);
    for (size_t i = 0; moves[i] && !rc; i++)
        rc = run(index, moves[i], from, to, err);
    return rc ? rc : catalog_run(index, "COMMIT", err);
}

/* A reader's triggers may not use FTS5 (catalog_guard), so the words of a copy are gathered anew, when they are asked for. */
static int move_copy(struct index *index, const char *from, const char *to, struct err *err)
{
    int rc = index->copied ? 0 : catalog_copy(index, err);
    if (!rc)
        rc = catalog_run(index, "DROP TRIGGER IF EXISTS items_changed", err);
    if (!rc)
        rc = move_all(index, from, to, err);
    index->words_later = true;
    return rc;
}

int travel_follow(struct index *index, struct err *err)
{
    struct arena arena = {0};
    const char *before = NULL, *now;
    size_t images;
    bool moved = false;
    int rc = travel_base(&now, index->path, &arena, err);
    if (!rc)
        rc = read_base(&before, &images, index, &arena, err);
    const bool same = !rc && before && !strcmp(before, now);
    if (!rc && before && !same)
        rc = find_files(&moved, index, images, before, now, &arena, err);
    if (!rc && moved)
        rc = (index->writer ? move_all : move_copy)(index, before, now, err);
    else if (!rc && !same && index->writer)
        rc = run(index, "UPDATE meta SET base = ?2", NULL, now, err);
    arena_release(&arena);
    return rc;
}
