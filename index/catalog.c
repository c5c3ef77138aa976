// SPDX-License-Identifier: Apache-2.0
/*
 * The catalog: an SQLite file. Its one-row table `meta` says what the vectors file holds, `items` has a row
 * for each picture and text, `items_fts` the words of their captions and paths: schema.sql has it all.
 *
 * WAL and not a rollback journal, because a search reads the catalog before its scan (the filter) and after
 * it (the hits): with WAL it sees one state over that time, and neither waits for the writer nor makes it
 * wait. The price is two files that SQLite keeps beside the catalog, `-wal` and `-shm`. They are kept when
 * the last one closes (SQLITE_FCNTL_PERSIST_WAL), empty of changes, so that a user without the right to write
 * in the folder, who could not make them, still opens it with all locks in place. Where they are missing too,
 * as on a copy or a read-only medium, the catalog is opened as immutable and a look at its time of change
 * stands in for the locks.
 *
 * The file may come from anywhere, so a reader does not trust its schema: its views may call no functions
 * with effects.
 */
#include "index/segment.h"
#include "index/store.h"
#include "schema.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x44697074 /* "Dipt" */, BUSY_MS = 10000 };

/* ---- errors and statements ----------------------------------------------------------------------------- */

static enum err_code code_of(int sqlite_code)
{
    switch (sqlite_code & 0xff) {
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_BUSY: /* another program's transaction */
        return ERR_BUSY;
    case SQLITE_INTERRUPT: /* catalog_watch */
        return ERR_CANCELLED;
    case SQLITE_ERROR:      /* mostly a schema that is not ours */
    case SQLITE_CONSTRAINT: /* arguments are checked before they get here */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
        return ERR_FORMAT;
    default: /* full, read-only, no permission, not to be opened, I/O */
        return ERR_IO;
    }
}

int catalog_fail(sqlite3 *db, const char *file, const char *doing, struct err *err)
{
    const int code = sqlite3_extended_errcode(db), why = sqlite3_system_errno(db);
    const bool system = why && code_of(code) == ERR_IO;
    return err_set(err, code_of(code), "unable to %s '%s': %s%s%s", doing, file, sqlite3_errmsg(db),
        system ? ": " : "", system ? strerror(why) : "");
}

int catalog_error(struct index *index, const char *doing, struct err *err)
{
    return catalog_fail(index->db, index->catalog, doing, err);
}

int catalog_statement(sqlite3_stmt **out, struct index *index, const char *sql, struct err *err)
{
    size_t i = 0;
    while (i < STATEMENTS && index->statements[i].sql && index->statements[i].sql != sql)
        i++;
    assert(i < STATEMENTS);
    if (!index->statements[i].sql) {
        if (sqlite3_prepare_v3(index->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL))
            return catalog_error(index, "read", err);
        index->statements[i].sql = sql;
        index->statements[i].stmt = *out;
    }
    *out = index->statements[i].stmt;
    sqlite3_reset(*out);
    sqlite3_clear_bindings(*out);
    return 0;
}

static int end_statement(void *job)
{
    return job_step(job, "reading the catalog", 0, 0, NULL);
}

void catalog_watch(sqlite3 *db, const struct job *job)
{
    enum { INSTRUCTIONS = 1 << 20 }; /* some 10 ms */
    sqlite3_progress_handler(db, INSTRUCTIONS, job ? end_statement : NULL, (void *)(uintptr_t)job);
}

int catalog_run(struct index *index, const char *sql, struct err *err)
{
    return sqlite3_exec(index->db, sql, NULL, NULL, NULL) ? catalog_error(index, "write", err) : 0;
}

/* ---- making ------------------------------------------------------------------------------------------- */

static int insert_meta(sqlite3 *db, const char *file, const struct index_options *options, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int failed = sqlite3_prepare_v2(
        db, "INSERT INTO meta VALUES (1, ?, ?, ?, ?, 1, 0, 0, 0, 1, ?, NULL)", -1, &stmt, NULL);
    if (!failed) {
        sqlite3_bind_text(stmt, 1, options->model ? options->model : "", -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, options->fingerprint ? options->fingerprint : "", -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, (int64_t)options->width);
        sqlite3_bind_text(stmt, 4, index_storage_names[options->storage], -1, SQLITE_STATIC);
        if (options->preparation)
            sqlite3_bind_text(stmt, 5, options->preparation, -1, SQLITE_STATIC);
        failed = sqlite3_step(stmt) != SQLITE_DONE;
    }
    const int rc = failed ? catalog_fail(db, file, "write", err) : 0;
    sqlite3_finalize(stmt);
    return rc;
}

int catalog_write_schema(sqlite3 *db, const char *file, const struct index_options *options, struct err *err)
{
    char versions[96];
    snprintf(versions, sizeof versions, "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64,
        APPLICATION_ID, format_latest());
    if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) ||
        sqlite3_exec(db, catalog_schema[0].text, NULL, NULL, NULL) ||
        sqlite3_exec(db, versions, NULL, NULL, NULL))
        return catalog_fail(db, file, "write", err);
    int rc = insert_meta(db, file, options, err);
    if (!rc && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL))
        rc = catalog_fail(db, file, "write", err);
    return rc;
}

int catalog_create(const char *file, const struct index_options *options, struct err *err)
{
    sqlite3 *db = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(file, &db, flags, NULL) ? catalog_fail(db, file, "make", err) : 0;
    if (!rc)
        rc = catalog_write_schema(db, file, options, err);
    if (!rc && sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL))
        rc = catalog_fail(db, file, "write", err);
    sqlite3_close(db);
    return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

char *catalog_uri(const char *path, bool immutable)
{
    static const char query[] = "?immutable=1";
    char *uri = mem_new(strlen(path) * 3 + sizeof "file://" + sizeof query, 1), *end = uri;
    if (!uri)
        return NULL;
    end = stpcpy(end, *path == '/' ? "file://" : "file:");
    for (; *path; path++)
        end += sprintf(end, strchr("%?#", *path) ? "%%%02x" : "%c", (unsigned char)*path);
    if (immutable)
        strcpy(end, query);
    return uri;
}

void catalog_guard(sqlite3 *db, bool writer)
{
    sqlite3_extended_result_codes(db, 1);
    /* FTS5 counts as having effects, and the writer's triggers need it. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, writer, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL); /* "typo" is no string */
    segment_register(db);                                    /* without it the statements that need it fail */
}

static int connect_catalog(struct index *index, struct err *err)
{
    char *uri = catalog_uri(index->catalog, index->unguarded);
    if (!uri)
        return err_memory(err, strlen(index->catalog));
    const int flags = index->writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    const int failed = sqlite3_open_v2(uri, &index->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    free(uri);
    if (!index->db)
        return err_memory(err, 0);
    if (failed)
        return catalog_error(index, "open", err);

    int keep = 1;
    sqlite3_busy_timeout(index->db, BUSY_MS);
    catalog_guard(index->db, index->writer);
    sqlite3_file_control(index->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    return 0;
}

static int pragma_number(int64_t *out, struct index *index, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(&stmt, index, sql, err);
    if (rc)
        return rc;
    if (sqlite3_step(stmt) != SQLITE_ROW)
        rc = catalog_error(index, "read", err);
    *out = rc ? 0 : sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return rc;
}

static int check_application(int64_t *format, struct index *index, struct err *err)
{
    int64_t id;
    int rc = pragma_number(&id, index, "PRAGMA application_id", err);
    if (!rc)
        rc = pragma_number(format, index, "PRAGMA user_version", err);
    if (rc)
        return rc;
    if (id != APPLICATION_ID)
        return err_set(err, ERR_FORMAT, "'%s' is not the catalog of an index", index->catalog);
    return format_check(*format, index->catalog, err);
}

/* The time of the catalog's last change; *pending: beside it lies a log with changes. */
static int64_t last_change(const struct index *index, bool *pending)
{
    struct stat st;
    char *wal;
    *pending = asprintf(&wal, "%s-wal", index->catalog) < 0 || (!stat(wal, &st) && st.st_size > 0);
    free(wal);
    if (stat(index->catalog, &st))
        return 0;
    return st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
}

bool catalog_changed(const struct index *index)
{
    bool pending;
    return last_change(index, &pending) != index->opened_ns || pending;
}

int catalog_check_unchanged(struct index *index, struct err *err)
{
    if (index->unguarded && catalog_changed(index))
        return err_set(err, ERR_IO,
            "unable to read '%s': it was changed since it was opened without the right to write",
            index->catalog);
    return 0;
}

/* A reader who may not make the files that SQLite's locks live in, and does not find them. */
static int open_unguarded(int64_t *format, struct index *index, bool pending, struct err *err)
{
    if (pending)
        return err_set(err, ERR_IO,
            "unable to read '%s': an interrupted change must be finished by a user with the right to write",
            index->catalog);
    catalog_close(index);
    index->unguarded = true;
    int rc = connect_catalog(index, err);
    return rc ? rc : check_application(format, index, err);
}

int catalog_open(struct index *index, struct err *err)
{
    /* SQLite would take an empty file for an empty database. */
    if (access(index->catalog, F_OK))
        return err_set(err, ERR_IO, "unable to open '%s': %s", index->catalog, strerror(errno));
    bool pending;
    int64_t format;
    index->opened_ns = last_change(index, &pending);
    int rc = connect_catalog(index, err);
    if (rc)
        return rc;
    rc = check_application(&format, index, err);
    const int why = sqlite3_errcode(index->db) & 0xff;
    if (rc && !index->writer && (why == SQLITE_CANTOPEN || why == SQLITE_READONLY))
        rc = open_unguarded(&format, index, pending, err);
    if (!rc && index->writer) /* the cache, in KiB, holds the inner pages of a million items' indexes */
        rc = catalog_run(index,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "PRAGMA journal_size_limit = 0; PRAGMA cache_size = -65536",
            err);
    if (!rc)
        rc = format_follow(index, format, err);
    return rc ? rc : travel_follow(index, err);
}

void catalog_close(struct index *index)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(index->statements[i].stmt);
    memset(index->statements, 0, sizeof index->statements);
    sqlite3_close(index->db);
    index->db = NULL;
}
