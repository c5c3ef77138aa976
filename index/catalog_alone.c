// SPDX-License-Identifier: Apache-2.0
/* Catalogs that one process has for itself, or that nobody writes to any more: without SQLite's log and locks, which work on
 * one machine, and so on any file system. */
#include "index/store.h"

#include <stdlib.h>
#include <string.h>

static int run(sqlite3 *db, const char *file, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? catalog_fail(db, file, "write", err) : 0;
}

/* What ends early is thrown away, so there is nothing to roll back to; the caller brings it to the disk. */
static int open_alone(sqlite3 **out, const char *file, int flags, struct err *err)
{
    if (sqlite3_open_v2(file, out, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "unix-none"))
        return catalog_fail(*out, file, "open", err);
    return run(*out, file,
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
        "PRAGMA cache_size = -65536",
        err);
}

int catalog_create_alone(
    sqlite3 **out, const char *file, const struct index_options *options, struct err *err)
{
    int rc = open_alone(out, file, SQLITE_OPEN_CREATE, err);
    if (!rc)
        rc = catalog_write_schema(*out, file, options, err);
    if (!rc)
        catalog_guard(*out, true);
    return rc;
}

int catalog_open_settled(sqlite3 **out, const char *file, struct err *err)
{
    char *uri = catalog_uri(file, true);
    if (!uri)
        return err_memory(err, strlen(file));
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    const int rc = sqlite3_open_v2(uri, out, flags, NULL) ? catalog_fail(*out, file, "open", err) : 0;
    free(uri);
    if (!rc)
        catalog_guard(*out, false);
    return rc;
}
