// SPDX-License-Identifier: Apache-2.0
/* Catalogs of earlier formats: migrations.h has their table. */
#include "index/migrations.h"
#include "index/store.h"

#include <inttypes.h>
#include <stdio.h>

enum { FIRST_FORMAT = 1, WORDS_FORMAT = 7 };

int64_t format_latest(void)
{
    int64_t latest = FIRST_FORMAT;
    for (const char *const *migration = catalog_migrations; *migration; migration++)
        latest++;
    return latest;
}

int format_check(int64_t format, const char *catalog, struct err *err)
{
    if (format < FIRST_FORMAT)
        return err_set(
            err, ERR_FORMAT, "'%s' has format version %" PRId64 ", which there never was", catalog, format);
    if (format > format_latest())
        return err_set(err, ERR_UNSUPPORTED,
            "'%s' has format version %" PRId64 ", of a later program: this one knows formats up to %" PRId64,
            catalog, format, format_latest());
    return 0;
}

/* One transaction: all of it happens, or nothing, once the connection is closed. Of a copy all but the words. */
static int migrate(sqlite3 *db, int64_t format, bool copy)
{
    char number[64];
    int failed = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (int64_t i = format - FIRST_FORMAT; catalog_migrations[i] && !failed; i++) {
        const bool later = copy && i + FIRST_FORMAT + 1 == WORDS_FORMAT;
        failed = sqlite3_exec(db, later ? TO_FORMAT_7_LATER : catalog_migrations[i], NULL, NULL, NULL);
    }
    snprintf(number, sizeof number, "PRAGMA user_version = %" PRId64, format_latest());
    if (!failed)
        failed = sqlite3_exec(db, number, NULL, NULL, NULL);
    return failed ? failed : sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}

static int migrate_catalog(struct index *index, int64_t format, struct err *err)
{
    char doing[64];
    snprintf(doing, sizeof doing, "change format %" PRId64 " to %" PRId64 " of", format, format_latest());
    index->words_later = index->copied && format < WORDS_FORMAT;
    return migrate(index->db, format, index->copied) ? catalog_error(index, doing, err) : 0;
}

/* A copy in a file without a name, which SQLite makes and removes, takes the place of what is open. */
int catalog_copy(struct index *index, struct err *err)
{
    sqlite3 *copy = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int failed = sqlite3_open_v2("", &copy, flags, NULL);
    sqlite3_backup *backup = failed ? NULL : sqlite3_backup_init(copy, "main", index->db, "main");
    if (backup) {
        sqlite3_backup_step(backup, -1);
        failed = sqlite3_backup_finish(backup);
    }
    if (!backup || failed) {
        const int rc = catalog_error(index, "copy", err);
        sqlite3_close(copy);
        return rc;
    }
    catalog_close(index);
    index->db = copy;
    index->copied = true;
    catalog_guard(copy, false);
    return 0;
}

int catalog_words(struct index *index, struct err *err)
{
    if (!index->words_later)
        return 0;
    int rc = catalog_run(index, WORDS_OF_COPY, err);
    if (!rc && !sqlite3_get_autocommit(index->db)) /* a reader's, which is for reading */
        rc = catalog_run(index, "COMMIT; BEGIN", err);
    index->words_later = rc;
    return rc;
}

int format_follow(struct index *index, int64_t format, struct err *err)
{
    int rc = 0;
    if (format == format_latest())
        return 0;
    if (!index->writer)
        rc = catalog_copy(index, err);
    return rc ? rc : migrate_catalog(index, format, err);
}
