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
#include "base/shard.h"
#include "index/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* From where to where the folder went that the index lies in, and the one of its own files, whose way is another where the
 * index has another name now. */
struct journey {
    const char *from, *to;
    const char *own_from, *own_to;
};

/* ?3 is own_from. */
#define OTHERS(column) BELOW(column) " AND NOT (" BELOW_THAT(column, "?3") ")"

static const char *const moves[] = {
    "UPDATE OR IGNORE items SET " ITEMS_MOVED " WHERE kind = 'image' AND " OTHERS("path"),
    "UPDATE items SET " ITEMS_MOVED " WHERE kind = 'text' AND " BELOW("path"),
    "UPDATE items SET " MOVED("picture") " WHERE " OTHERS("picture"),
    "UPDATE OR IGNORE sources SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE OR IGNORE failures SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE OR IGNORE containers SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE OR IGNORE passed_over SET " MOVED("path") " WHERE " BELOW("path"),
    "UPDATE passed_over SET " MOVED("picture") " WHERE " BELOW("picture"),
    "UPDATE meta SET base = ?2",
    NULL,
};

static const char *const own_moves[] = {
    "UPDATE OR IGNORE items SET " ITEMS_MOVED " WHERE kind = 'image' AND " BELOW("path"),
    "UPDATE items SET " MOVED("picture") " WHERE " BELOW("picture"),
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

/* Files of the index's own lie in its folder wherever that is, and say nothing. */
static int find_own(struct journey *way, struct index *index, struct arena *arena, struct err *err)
{
    way->own_to = files_folder(arena, index, err);
    int rc = way->own_to ? files_place(&way->own_from, way->own_to, arena, err) : ERR_MEMORY;
    if (!rc && !way->own_from)
        way->own_from = way->own_to;
    return rc;
}

/* Counts a path where it was and where it would be. */
static int count_file(size_t *old, size_t *now, sqlite3_stmt *stmt, const struct journey *way,
    struct arena *arena, struct err *err)
{
    const char *path = (const char *)sqlite3_column_text(stmt, 0);
    int64_t size = sqlite3_column_int64(stmt, 1);
    if (!path || path_below(path, way->own_from))
        return 0;
    const size_t below = strlen(way->from) + 1, archive = member_shard(path);
    if (archive > below) { /* of a picture in it, which has a size of its own */
        path = arena_copy(arena, path, archive);
        size = 0;
    }
    const char *moved = path ? path_join(arena, way->to, path + below) : NULL;
    if (!moved)
        return err_memory(err, strlen(way->to) + archive);
    *old += is_there(path, size);
    *now += is_there(moved, size);
    return 0;
}

/* *moved: of all sources and some of the pictures that lie below, as many are at the new place as at the old one, and more
 * than none. */
static int find_files(bool *moved, struct index *index, size_t images, const struct journey *way,
    struct arena *arena, struct err *err)
{
    enum { SOME = 64 };
    static const char sql[] = "SELECT path, size, 0 FROM items WHERE kind = 'image' AND " BELOW("path") //
        " UNION ALL SELECT path, 0, 1 FROM sources WHERE " BELOW("path");
    sqlite3_stmt *stmt;
    size_t old = 0, now = 0, seen = 0;
    int step = SQLITE_DONE, rc = prepare(&stmt, index, sql, err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, way->from, -1, SQLITE_STATIC);
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        if (sqlite3_column_int(stmt, 2) || seen++ % (images / SOME + 1) == 0)
            rc = count_file(&old, &now, stmt, way, arena, err);
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_finalize(stmt);
    *moved = now && now >= old;
    return rc;
}

/* ---- going along --------------------------------------------------------------------------------------- */

static int run(struct index *index, const char *sql, const struct journey *way, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = prepare(&stmt, index, sql, err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, way->from, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, way->to, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, way->own_from, -1, SQLITE_STATIC); /* which fails where there is no ?3 */
    if (sqlite3_step(stmt) != SQLITE_DONE)
        rc = catalog_error(index, "write", err);
    sqlite3_finalize(stmt);
    return rc;
}

/* All of it, or nothing, once the connection is closed. */
static int move_all(struct index *index, const struct journey *way, struct err *err)
{
    int rc = catalog_run(index, "BEGIN IMMEDIATE", err);
    for (size_t i = 0; moves[i] && !rc; i++)
        rc = run(index, moves[i], way, err);
    return rc ? rc : catalog_run(index, "COMMIT", err);
}

int travel_own(bool *found, struct index *index, const char *from, const char *to, struct err *err)
{
    const struct journey way = {.from = from, .to = to};
    int rc = 0;
    *found = false;
    for (size_t i = 0; own_moves[i] && !rc; i++) {
        rc = run(index, own_moves[i], &way, err);
        *found |= !rc && sqlite3_changes(index->db);
    }
    return rc;
}

/* A reader's triggers may not use FTS5 (catalog_guard), so the words of a copy are gathered anew, when they are asked for. The
 * index's own files, which a writer takes along by itself, come too. */
static int move_copy(struct index *index, const struct journey *way, struct err *err)
{
    bool found;
    int rc = index->copied ? 0 : catalog_copy(index, err);
    if (!rc)
        rc = catalog_run(index, "DROP TRIGGER IF EXISTS items_changed", err);
    if (!rc)
        rc = move_all(index, way, err);
    if (!rc)
        rc = travel_own(&found, index, way->own_from, way->own_to, err);
    index->words_later = true;
    return rc;
}

int travel_follow(struct index *index, struct err *err)
{
    struct arena arena = {0};
    struct journey way = {0};
    size_t images;
    bool moved = false;
    int rc = travel_base(&way.to, index->path, &arena, err);
    if (!rc)
        rc = read_base(&way.from, &images, index, &arena, err);
    const bool same = !rc && way.from && !strcmp(way.from, way.to);
    if (!rc && way.from && !same)
        rc = find_own(&way, index, &arena, err);
    if (!rc && way.from && !same)
        rc = find_files(&moved, index, images, &way, &arena, err);
    if (!rc && moved)
        rc = (index->writer ? move_all : move_copy)(index, &way, err);
    else if (!rc && !same && index->writer)
        rc = run(index, "UPDATE meta SET base = ?2", &way, err);
    arena_release(&arena);
    return rc;
}
