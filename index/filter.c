// SPDX-License-Identifier: Apache-2.0
/*
 * Which rows a search looks at, as a bitmap. Each part of a filter is a statement of its own that yields
 * rows; the bitmaps are met with AND. An index without dead rows, searched without a filter, has no bitmap
 * and reads nothing.
 */
#include "index/match.h"
#include "index/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bad_row(struct index *index, int64_t row, struct err *err)
{
    return err_set(err, ERR_FORMAT, "'%s' has an item in row %" PRId64 " of %" PRId64, index->catalog, row,
        index->meta.rows);
}

static size_t mask_words(const struct index *index)
{
    return (size_t)(index->meta.rows / 64 + 1);
}

/* Sets the bits of the rows in a statement's first column. On SQLite's errors *failed, and no message. */
static int set_rows(uint64_t *mask, bool *failed, struct index *index, sqlite3_stmt *stmt, struct err *err)
{
    int step;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const int64_t row = sqlite3_column_int64(stmt, 0);
        if (row < 0 || row >= index->meta.rows)
            return bad_row(index, row, err);
        mask[row / 64] |= UINT64_C(1) << row % 64;
    }
    *failed = step != SQLITE_DONE;
    return 0;
}

/* ---- where --------------------------------------------------------------------------------------------- */

/* Enough for any expression over the columns; not for a join of the view with itself over a large index. */
enum { STEPS_AT_ONCE = 1 << 20, STEPS_AN_ITEM = 1000, WHERE_LENGTH = 1 << 16 };

static const char *const functions[] = {"->", "->>", "abs", "avg", "ceil", "ceiling", "coalesce", "count",
    "date", "datetime", "floor", "glob", "ifnull", "iif", "instr", "json_array_length", "json_extract",
    "json_type", "json_valid", "julianday", "length", "like", "lower", "ltrim", "max", "min", "nullif",
    "round", "rtrim", "sign", "strftime", "substr", "substring", "sum", "time", "total", "trim", "typeof",
    "unixepoch", "upper"};

static int authorize(void *context, int action, const char *subject, const char *detail, const char *database,
    const char *view)
{
    (void)context;
    (void)database;
    switch (action) {
    case SQLITE_SELECT:
        return SQLITE_OK;
    case SQLITE_READ: /* of table `subject`, column `detail`; without a column to count its rows */
        if (!strcmp(subject, "search_items") || !strcmp(subject, "json_each"))
            return SQLITE_OK;
        return !strcmp(subject, "items") && (!*detail || (view && !strcmp(view, "search_items")))
                   ? SQLITE_OK
                   : SQLITE_DENY;
    case SQLITE_FUNCTION:
        for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
            if (!sqlite3_stricmp(detail, functions[i]))
                return SQLITE_OK;
        return SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static int count_down(void *left)
{
    return --*(int64_t *)left < 0;
}

static int where_error(struct index *index, const char *where, struct err *err)
{
    const int code = sqlite3_errcode(index->db);
    if (code == SQLITE_CORRUPT || code == SQLITE_IOERR || code == SQLITE_NOMEM || code == SQLITE_NOTADB)
        return catalog_error(index, "read", err);
    return err_set(err, ERR_ARGUMENT, "unable to filter by \"%s\": %s", where,
        code == SQLITE_INTERRUPT ? "it takes too long" : sqlite3_errmsg(index->db));
}

/* The line's end before the parenthesis closes a comment. */
static int run_where(uint64_t *mask, struct index *index, const char *where, struct err *err)
{
    char *sql;
    const char *tail;
    sqlite3_stmt *stmt = NULL;
    bool failed = false;
    if (asprintf(&sql, "SELECT row FROM search_items WHERE (%s\n)", where) < 0)
        return err_memory(err, strlen(where));
    int rc = 0;
    if (sqlite3_prepare_v2(index->db, sql, -1, &stmt, &tail))
        rc = where_error(index, where, err);
    else if (!stmt || *tail || sqlite3_bind_parameter_count(stmt))
        rc = err_set(err, ERR_ARGUMENT, "unable to filter by \"%s\": not one expression", where);
    else
        rc = set_rows(mask, &failed, index, stmt, err);
    if (failed)
        rc = where_error(index, where, err);
    sqlite3_finalize(stmt);
    free(sql);
    return rc;
}

static int add_where(uint64_t *mask, struct index *index, const char *where, struct err *err)
{
    if (strlen(where) > WHERE_LENGTH)
        return err_set(
            err, ERR_ARGUMENT, "a filter has %zu bytes, more than %d", strlen(where), WHERE_LENGTH);
    /* SQLite makes this table at its first use, which the authorizer would take for making a table. */
    sqlite3_stmt *used;
    int rc = catalog_statement(&used, index, "SELECT 1 FROM json_each('[]')", err);
    if (rc)
        return rc;
    int64_t left = 64 + index->meta.rows / (STEPS_AT_ONCE / STEPS_AN_ITEM);
    const int attached = sqlite3_limit(index->db, SQLITE_LIMIT_ATTACHED, 0),
              pattern = sqlite3_limit(index->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
    sqlite3_set_authorizer(index->db, authorize, NULL);
    sqlite3_progress_handler(index->db, STEPS_AT_ONCE, count_down, &left);
    rc = run_where(mask, index, where, err);
    sqlite3_progress_handler(index->db, 0, NULL, NULL);
    sqlite3_set_authorizer(index->db, NULL, NULL);
    sqlite3_limit(index->db, SQLITE_LIMIT_ATTACHED, attached);
    sqlite3_limit(index->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, pattern);
    return rc;
}

/* ---- the other parts ----------------------------------------------------------------------------------- */

const char *const match_syntax_names[] = {"words", "fts5", NULL};

static int add_fts5(uint64_t *mask, struct index *index, const char *match, struct err *err)
{
    sqlite3_stmt *stmt;
    bool failed = false;
    int rc = catalog_words(index, err);
    if (!rc)
        rc = catalog_statement(&stmt, index,
            "SELECT items.row FROM items_fts JOIN items ON items.id = items_fts.rowid WHERE items_fts MATCH "
            "?",
            err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, match, -1, SQLITE_STATIC);
    rc = set_rows(mask, &failed, index, stmt, err);
    if (failed && sqlite3_errcode(index->db) == SQLITE_ERROR)
        rc = err_set(err, ERR_ARGUMENT, "unable to match \"%s\": %s", match, sqlite3_errmsg(index->db));
    else if (failed)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc;
}

static int add_words(uint64_t *mask, struct index *index, const char *words, struct err *err)
{
    char *query = NULL;
    int rc = match_words(&query, words, err);
    if (!rc)
        rc = add_fts5(mask, index, query, err);
    free(query);
    return rc;
}

static const char live_sql[] = "SELECT row FROM items";
static const char images_sql[] = "SELECT row FROM items WHERE kind = 'image'";
static const char texts_sql[] = "SELECT row FROM items WHERE kind = 'text'";

static int add_statement(uint64_t *mask, struct index *index, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt;
    bool failed = false;
    int rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    rc = set_rows(mask, &failed, index, stmt, err);
    if (failed)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* One of the functions above: sets the bits of the rows that `what` chooses. */
typedef int rows_of(uint64_t *mask, struct index *index, const char *what, struct err *err);

static int new_mask(uint64_t **out, struct index *index, rows_of *fill, const char *what, struct err *err)
{
    uint64_t *mask = mem_new(mask_words(index), sizeof *mask);
    if (!mask)
        return err_memory(err, mask_words(index) * sizeof *mask);
    const int rc = fill(mask, index, what, err);
    if (rc)
        free(mask);
    else
        *out = mask;
    return rc;
}

static int narrow(
    struct index_rows *rows, struct index *index, rows_of *fill, const char *what, struct err *err)
{
    uint64_t *mask = NULL;
    int rc = new_mask(&mask, index, fill, what, err);
    if (rc)
        return rc;
    for (size_t i = 0; rows->owned && i < mask_words(index); i++)
        mask[i] &= rows->owned[i];
    free(rows->owned);
    rows->owned = mask;
    return 0;
}

static void count_rows(struct index_rows *rows)
{
    rows->mask = rows->owned;
    rows->chosen = 0;
    for (int64_t i = 0; i <= rows->count / 64; i++)
        rows->chosen += __builtin_popcountll(rows->mask[i]);
}

static int apply_filter(
    struct index_rows *rows, struct index *index, const struct index_filter *filter, struct err *err)
{
    int rc = 0;
    if (filter->where)
        rc = narrow(rows, index, add_where, filter->where, err);
    if (!rc && filter->match)
        rc = narrow(
            rows, index, filter->match_syntax == MATCH_FTS5 ? add_fts5 : add_words, filter->match, err);
    if (!rc && filter->kind == INDEX_IMAGE && index->meta.texts)
        rc = narrow(rows, index, add_statement, images_sql, err);
    if (!rc && filter->kind == INDEX_TEXT && index->meta.images)
        rc = narrow(rows, index, add_statement, texts_sql, err);
    if (rc || !rows->owned)
        return rc;
    count_rows(rows);
    return 0;
}

int index_rows(
    struct index_rows *out, struct index *index, const struct index_filter *filter, struct err *err)
{
    const int64_t live = index->meta.images + index->meta.texts;
    int rc = vectors_map(index, err);
    *out = (struct index_rows){
        .data = index->map.data,
        .count = index->meta.rows,
        .stride = index->stride,
        .width = index->meta.width,
        .storage = index->meta.storage,
        .chosen = live,
    };
    if (!rc && filter)
        rc = apply_filter(out, index, filter, err);
    if (!rc && !out->mask && live < index->meta.rows) {
        if (!index->live)
            rc = new_mask(&index->live, index, add_statement, live_sql, err);
        out->mask = index->live;
    }
    if (!rc)
        rc = catalog_check_unchanged(index, err);
    if (rc)
        index_rows_release(out);
    return rc;
}

int index_rows_of(struct index_rows *out, struct index *index, const struct index_rows *rows,
    enum index_kind kind, struct err *err)
{
    const size_t words = mask_words(index);
    const uint64_t last = (UINT64_C(1) << rows->count % 64) - 1; /* a bit a row of the last word */
    int rc = index->images ? 0 : new_mask(&index->images, index, add_statement, images_sql, err);
    *out = *rows;
    out->owned = mem_new(words, sizeof *out->owned);
    if (!rc && !out->owned)
        rc = err_memory(err, words * sizeof *out->owned);
    for (size_t i = 0; i < words && !rc; i++) {
        const uint64_t all = i + 1 < words ? UINT64_MAX : last;
        out->owned[i] =
            (rows->mask ? rows->mask[i] : all) & (kind == INDEX_IMAGE ? index->images[i] : ~index->images[i]);
    }
    if (!rc)
        rc = catalog_check_unchanged(index, err);
    if (rc)
        index_rows_release(out);
    else
        count_rows(out);
    return rc;
}

void index_rows_release(struct index_rows *rows)
{
    if (!rows)
        return;
    free(rows->owned);
    *rows = (struct index_rows){0};
}
