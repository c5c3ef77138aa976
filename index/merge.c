// SPDX-License-Identifier: Apache-2.0
/*
 * Joining the parts of an index. Rows come part after part, and ids and rows of a part are counted on from those before it,
 * as one run over all of the input would have counted them. The parts are read and never written; the index grows under
 * another name beside its own, where nobody else has it open: without log and locks, so that any file system will do.
 */
#include "index/merge.h"
#include "index/part.h"
#include "index/search.h"
#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_GENERATION = 1 }; /* of a new index's vectors, and of a part's */

/* ---- tables -------------------------------------------------------------------------------------------- */

/* What a part's table says, and a statement with its columns as ?1, ?2 ..., and the ids and rows of the parts before as ?22
 * and ?23. */
enum { IDS_BEFORE = ITEM_COLUMN_COUNT + 6, ROWS_BEFORE };
_Static_assert(IDS_BEFORE == 22, "as the statements have it");
static const struct table {
    const char *from, *to;
} tables[] = {
    {"SELECT kind, path, rules FROM sources ORDER BY rowid",
        "INSERT OR IGNORE INTO sources VALUES (?1, ?2, ?3)"},
    {"SELECT " ITEM_COLUMNS ", id, row, kind, crc, segmented FROM items ORDER BY id",
        "INSERT INTO items (" ITEM_COLUMNS ", id, row, kind, crc, segmented) VALUES (" ITEM_VALUES
        ", ?17 + ?22, ?18 + ?23, ?19, ?20, ?21)"},
    {"SELECT path, size, mtime_ns, why, again FROM failures",
        "INSERT OR REPLACE INTO failures VALUES (?1, ?2, ?3, ?4, ?5)"},
    /* A folder that parts share has been read in each; if not all saw the same, it is to be read again. */
    {"SELECT path, stamp, pictures FROM containers",
        "INSERT INTO containers VALUES (?1, ?2, ?3) ON CONFLICT (path) DO UPDATE SET "
        "pictures = pictures + excluded.pictures, stamp = iif(stamp = excluded.stamp, stamp, 0)"},
    {"SELECT path, size, mtime_ns, kind, picture FROM passed_over",
        "INSERT OR REPLACE INTO passed_over VALUES (?1, ?2, ?3, ?4, ?5)"},
};

struct joined {
    const char *catalog; /* its path */
    sqlite3 *db;
    int64_t ids, rows, images, texts;
    const struct job *job;
};

static int prepare(sqlite3_stmt **out, sqlite3 *db, const char *path, const char *sql, struct err *err)
{
    return sqlite3_prepare_v2(db, sql, -1, out, NULL) ? catalog_fail(db, path, "read", err) : 0;
}

static int insert(struct joined *to, sqlite3_stmt *insert, sqlite3_stmt *row, struct err *err)
{
    for (int i = 0; i < sqlite3_column_count(row); i++)
        sqlite3_bind_value(insert, i + 1, sqlite3_column_value(row, i));
    const int rc = sqlite3_step(insert) == SQLITE_DONE ? 0 : catalog_fail(to->db, to->catalog, "write", err);
    sqlite3_reset(insert);
    return rc;
}

static int join_table(
    struct joined *to, sqlite3 *from, const char *path, const struct table *table, struct err *err)
{
    enum { AT_ONCE = 1024 };
    sqlite3_stmt *select = NULL, *into = NULL;
    size_t seen = 0;
    int step = SQLITE_DONE, rc = prepare(&select, from, path, table->from, err);
    if (!rc)
        rc = prepare(&into, to->db, to->catalog, table->to, err);
    if (!rc) {
        sqlite3_bind_int64(into, IDS_BEFORE, to->ids); /* which fails where a table has no ids */
        sqlite3_bind_int64(into, ROWS_BEFORE, to->rows);
    }
    while (!rc && (step = sqlite3_step(select)) == SQLITE_ROW) {
        rc = insert(to, into, select, err);
        if (!rc && ++seen % AT_ONCE == 0)
            rc = job_step(to->job, "joining the catalogs", 0, 0, err);
    }
    if (!rc && step != SQLITE_DONE)
        rc = catalog_fail(from, path, "read", err);
    sqlite3_finalize(select);
    sqlite3_finalize(into);
    return rc;
}

/* One row of numbers. */
static int ask(int64_t *out, int count, sqlite3 *db, const char *path, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = prepare(&stmt, db, path, sql, err);
    if (!rc && sqlite3_step(stmt) != SQLITE_ROW)
        rc = catalog_fail(db, path, "read", err);
    for (int i = 0; i < count && !rc; i++)
        out[i] = sqlite3_column_int64(stmt, i);
    sqlite3_finalize(stmt);
    return rc;
}

/* Its format is this program's, and it counts what its manifest counts. */
static int check_catalog(int64_t counts[4], sqlite3 *db, const char *path, int64_t rows, struct err *err)
{
    int64_t format;
    int rc = ask(&format, 1, db, path, "PRAGMA user_version", err);
    if (!rc && format != format_latest())
        return err_set(err, ERR_UNSUPPORTED,
            "'%s' has format version %" PRId64 ", not %" PRId64 ": it was made by another diptych", path,
            format, format_latest());
    if (!rc)
        rc = ask(counts, 4, db, path,
            "SELECT rows, images, texts, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'items'), 0) "
            "FROM meta",
            err);
    if (!rc && counts[0] != rows)
        rc = err_set(err, ERR_FORMAT, "'%s' has %" PRId64 " rows, not %" PRId64, path, counts[0], rows);
    return rc;
}

static int join_catalog(struct joined *to, const struct index_part *part, struct err *err)
{
    struct arena arena = {0};
    sqlite3 *from = NULL;
    int64_t counts[4];
    const char *path = path_join(&arena, part->path, "catalog.sqlite");
    int rc = path ? catalog_open_settled(&from, path, err) : err_memory(err, strlen(part->path));
    if (!rc)
        rc = check_catalog(counts, from, path, part->rows, err);
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !rc; i++)
        rc = join_table(to, from, path, &tables[i], err);
    if (!rc) {
        to->rows += counts[0];
        to->images += counts[1];
        to->texts += counts[2];
        to->ids += counts[3];
    }
    sqlite3_close(from);
    arena_release(&arena);
    return rc;
}

/* ---- vectors ------------------------------------------------------------------------------------------- */

static int append_file(int to, const char *to_path, const char *from_path, size_t size, char *buffer,
    size_t room, const struct job *job, struct err *err)
{
    const int from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return err_set(err, ERR_IO, "unable to open '%s': %s", from_path, strerror(errno));
    int rc = 0;
    while (size && !rc) {
        const ssize_t got = read(from, buffer, size < room ? size : room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            rc = err_set(err, got ? ERR_IO : ERR_FORMAT, "unable to read '%s': %s", from_path,
                got ? strerror(errno) : "it is truncated");
        if (!rc)
            rc = write_bytes_at(to, to_path, buffer, (size_t)got, lseek(to, 0, SEEK_END), err);
        if (!rc)
            rc = job_step(job, "joining the vectors", 0, 0, err);
        size -= got > 0 ? (size_t)got : 0;
    }
    close(from);
    return rc;
}

static int join_vectors(
    int fd, const char *path, const struct index_part *part, const struct job *job, struct err *err)
{
    enum { ROOM = 1 << 20 };
    char *from = vectors_path(part->path, FIRST_GENERATION, part->storage);
    char *buffer = mem_new(ROOM, 1);
    size_t size;
    int rc = from && buffer ? 0 : err_memory(err, ROOM);
    if (!rc && !size_mul(&size, (size_t)part->rows, index_stride(part->storage, part->width)))
        rc = err_set(err, ERR_LIMIT, "'%s' has more rows than a file can have", part->path);
    if (!rc)
        rc = append_file(fd, path, from, size, buffer, ROOM, job, err);
    free(buffer);
    free(from);
    return rc;
}

/* The codes of the first pass, as index_prepare makes them of all rows. */
static int make_codes(const char *folder, const char *vectors, const struct index_part *part, int64_t count,
    const struct job *job, struct err *err)
{
    struct file_map map;
    int rc = count ? file_map_open(&map, vectors, err) : 0;
    if (rc || !count)
        return rc;
    const struct index_rows rows = {.data = map.data,
        .count = count,
        .stride = index_stride(part->storage, part->width),
        .width = part->width,
        .storage = part->storage};
    rc = codes_update(folder, &rows, FIRST_GENERATION, job, err);
    file_map_release(&map);
    return rc;
}

/* ---- the index ----------------------------------------------------------------------------------------- */

static int finish_catalog(struct joined *to, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *base;
    sqlite3_stmt *stmt = NULL;
    int rc = travel_base(&base, path, &arena, err);
    if (!rc)
        rc = prepare(
            &stmt, to->db, to->catalog, "UPDATE meta SET rows = ?1, images = ?2, texts = ?3, base = ?4", err);
    if (!rc) {
        sqlite3_bind_int64(stmt, 1, to->rows);
        sqlite3_bind_int64(stmt, 2, to->images);
        sqlite3_bind_int64(stmt, 3, to->texts);
        sqlite3_bind_text(stmt, 4, base, -1, SQLITE_STATIC);
        if (sqlite3_step(stmt) != SQLITE_DONE || sqlite3_exec(to->db, "COMMIT", NULL, NULL, NULL))
            rc = catalog_fail(to->db, to->catalog, "write", err);
    }
    sqlite3_finalize(stmt);
    /* As every index has it. A writer could not change it while a reader is there. */
    if (!rc && sqlite3_exec(to->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL))
        rc = catalog_fail(to->db, to->catalog, "write", err);
    arena_release(&arena);
    return rc;
}

static int sync_file(const char *path, struct err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const int rc =
        fd < 0 || fsync(fd) ? err_set(err, ERR_IO, "unable to sync '%s': %s", path, strerror(errno)) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int wrap(const struct index_part *part, int rc, struct err *err)
{
    if (rc && rc != ERR_CANCELLED)
        err_wrap(err, "shard %zu of %zu", part->number, part->count);
    return rc;
}

static int join_catalogs(
    struct joined *to, const char *path, const struct index_part *parts, size_t count, struct err *err)
{
    const struct index_options options = {.model = parts->model,
        .fingerprint = parts->fingerprint,
        .width = parts->width,
        .storage = parts->storage,
        .preparation = parts->preparation};
    int rc = catalog_create_alone(&to->db, to->catalog, &options, err);
    if (!rc && sqlite3_exec(to->db, "BEGIN", NULL, NULL, NULL))
        rc = catalog_fail(to->db, to->catalog, "write", err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = wrap(&parts[i], join_catalog(to, &parts[i], err), err);
    if (!rc)
        rc = finish_catalog(to, path, err);
    sqlite3_close(to->db);
    return rc ? rc : sync_file(to->catalog, err);
}

static int join_all_vectors(
    const char *path, const struct index_part *parts, size_t count, const struct job *job, struct err *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int rc = fd < 0 ? err_set(err, ERR_IO, "unable to make '%s': %s", path, strerror(errno)) : 0;
    for (size_t i = 0; i < count && !rc; i++)
        rc = wrap(&parts[i], join_vectors(fd, path, &parts[i], job, err), err);
    if (!rc)
        rc = vectors_sync(fd, path, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* All files of the index `path`, in a folder that will have its name. */
static int join_parts(struct joined *to, const char *folder, const char *path, const struct index_part *parts,
    size_t count, struct err *err)
{
    struct arena arena = {0};
    char *vectors = vectors_path(folder, FIRST_GENERATION, parts->storage);
    to->catalog = path_join(&arena, folder, "catalog.sqlite");
    int rc = vectors && to->catalog ? 0 : err_memory(err, strlen(folder));
    if (!rc)
        rc = join_all_vectors(vectors, parts, count, to->job, err);
    if (!rc)
        rc = join_catalogs(to, path, parts, count, err);
    if (!rc)
        rc = make_codes(folder, vectors, parts, to->rows, to->job, err);
    free(vectors);
    arena_release(&arena);
    return rc ? rc : folder_sync(folder, err);
}

static int make_index(
    struct joined *to, const char *path, const struct index_part *parts, size_t count, struct err *err)
{
    struct new_folder folder;
    int rc = new_folder_open_shared(&folder, path, err);
    if (rc)
        return rc;
    rc = join_parts(to, folder.beside, path, parts, count, err);
    const int closed = new_folder_close(&folder, !rc, rc ? NULL : err);
    if (rc || closed)
        return rc ? rc : closed;
    new_folder_clean_shared(path);
    return part_sync_above(path, err);
}

static void note_precisions(struct index_merged *out, const struct index_part *parts, size_t count)
{
    snprintf(out->precision, sizeof out->precision, "%s", parts->precision);
    for (size_t i = 1; i < count; i++)
        if (strcmp(parts[i].precision, parts->precision))
            snprintf(out->other, sizeof out->other, "%s", parts[i].precision);
}

int index_merge(struct index_merged *out, const char *path, char *const *paths, size_t count,
    const struct job *job, struct err *err)
{
    struct arena arena = {0};
    struct index_part *parts = NULL;
    struct joined to = {.job = job};
    *out = (struct index_merged){0};
    int rc = index_is_there(path)
                 ? err_set(err, ERR_ARGUMENT, "unable to make '%s': it is an index already", path)
                 : parts_read(&parts, paths, count, &arena, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = wrap(&parts[i], part_check(&parts[i], job, err), err);
    if (!rc)
        rc = make_index(&to, path, parts, count, err);
    for (size_t i = 0; i < count && !rc; i++)
        out->failed += parts[i].failed;
    if (!rc)
        note_precisions(out, parts, count);
    out->rows = to.rows;
    out->images = to.images;
    arena_release(&arena);
    return rc;
}
