// SPDX-License-Identifier: Apache-2.0
/*
 * Compaction: the rows that have items go, in order, to the vectors file of the next generation; then one
 * transaction gives the items their new rows and names that file. Until it is committed, the new file is one
 * of those that folder_clean removes, after it the old one is.
 *
 * A damaged row is copied as it is, with the checksum of what it was: it stays damaged and stays found out.
 */
#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS_AT_ONCE = 1024 };

struct compaction {
    struct index *index;
    char *path; /* of the new file */
    int fd;
    uint8_t *rows; /* (ITEMS_AT_ONCE, stride) */
    int64_t ids[ITEMS_AT_ONCE], from[ITEMS_AT_ONCE];
    int64_t last_id, done;
};

/* The next items by id, which is by row. */
static int next_items(struct compaction *work, size_t *count, struct err *err)
{
    struct index *index = work->index;
    sqlite3_stmt *stmt;
    int result, rc = catalog_statement(
                    &stmt, index, "SELECT id, row FROM items WHERE id > ? ORDER BY id LIMIT ?", err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, work->last_id);
    sqlite3_bind_int64(stmt, 2, ITEMS_AT_ONCE);
    for (*count = 0; !rc && (result = sqlite3_step(stmt)) != SQLITE_DONE; (*count)++) {
        const int64_t row = sqlite3_column_int64(stmt, 1);
        if (result != SQLITE_ROW)
            rc = catalog_error(index, "read", err);
        else if (row < work->done + (int64_t)*count || row >= index->meta.rows)
            rc = bad_row(index, row, err);
        work->ids[*count] = work->last_id = sqlite3_column_int64(stmt, 0);
        work->from[*count] = row;
    }
    sqlite3_reset(stmt);
    return rc;
}

/* Rows only move down and in order, so that no two items have one in between. */
static int move_items(struct compaction *work, size_t count, struct err *err)
{
    struct index *index = work->index;
    sqlite3_stmt *stmt;
    int rc = catalog_statement(&stmt, index, "UPDATE items SET row = ? WHERE id = ?", err);
    for (size_t i = 0; i < count && !rc; i++) {
        memcpy(work->rows + i * index->stride, vectors_row(index, work->from[i]), index->stride);
        if (work->from[i] == work->done + (int64_t)i)
            continue;
        sqlite3_bind_int64(stmt, 1, work->done + (int64_t)i);
        sqlite3_bind_int64(stmt, 2, work->ids[i]);
        if (sqlite3_step(stmt) != SQLITE_DONE)
            rc = catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    if (!rc)
        rc = vectors_write(work->fd, work->path, work->rows, work->done, count, index->stride, err);
    work->done += (int64_t)count;
    return rc;
}

static int move_all(struct compaction *work, const struct job *job, struct err *err)
{
    struct index *index = work->index;
    const int64_t live = index->meta.images + index->meta.texts;
    size_t count = 0;
    int rc = 0;
    do {
        rc = job_step(job, "rows", (size_t)work->done, (size_t)live, err);
        if (!rc)
            rc = next_items(work, &count, err);
        if (!rc && count)
            rc = move_items(work, count, err);
    } while (!rc && count);
    if (!rc && work->done != live)
        rc = err_set(err, ERR_FORMAT, "'%s' has another number of items than it counts", index->catalog);
    return rc;
}

static int compaction_init(struct compaction *work, struct index *index, struct err *err)
{
    work->path = vectors_path(index->path, index->meta.generation + 1, index->meta.storage);
    work->rows = mem_new(ITEMS_AT_ONCE, index->stride);
    if (!work->path || !work->rows)
        return err_memory(err, ITEMS_AT_ONCE * index->stride);
    work->fd = open(work->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (work->fd < 0)
        return err_set(err, ERR_IO, "unable to make '%s': %s", work->path, strerror(errno));
    return vectors_map(index, err);
}

static void compaction_release(struct compaction *work)
{
    if (work->fd >= 0)
        close(work->fd);
    free(work->path);
    free(work->rows);
}

/* Writes the new file and all that the transaction is to commit. */
static int write_all(struct compaction *work, const struct job *job, struct err *err)
{
    struct index *index = work->index;
    int rc = compaction_init(work, index, err);
    if (!rc)
        rc = move_all(work, job, err);
    if (!rc)
        rc = vectors_sync(work->fd, work->path, err);
    if (!rc)
        rc = folder_sync(index->path, err);
    if (!rc)
        rc = catalog_run(index, "DELETE FROM removed", err); /* their rows are no more */
    if (rc)
        return rc;
    index->meta.generation++;
    index->meta.rows = work->done;
    return catalog_store_meta(index, err);
}

/* The committed state has the new file: the index takes it for its own. */
static void adopt(struct compaction *work)
{
    struct index *index = work->index;
    unlink(index->vectors); /* if it fails, the next writer does it */
    vectors_close(index);
    index->vectors = work->path;
    index->fd = work->fd;
    work->path = NULL;
    work->fd = -1;
}

static int compact(struct compaction *work, const struct job *job, struct err *err)
{
    struct index *index = work->index;
    int rc = change_begin(index, err);
    if (!rc)
        rc = write_all(work, job, err);
    rc = change_end(index, rc, err);
    if (rc && work->fd >= 0)
        unlink(work->path);
    if (!rc)
        rc = change_commit(index, err); /* if it fails, both files stay: see there */
    if (!rc)
        adopt(work);
    return rc;
}

int index_compact(struct index *index, const struct job *job, struct err *err)
{
    int rc = index_commit(index, err);
    if (rc || index->meta.images + index->meta.texts == index->meta.rows)
        return rc; /* no dead rows */
    struct compaction *work = mem_new(1, sizeof *work);
    if (!work)
        return err_memory(err, sizeof *work);
    work->index = index;
    work->fd = -1;
    rc = compact(work, job, err);
    compaction_release(work);
    free(work);
    return rc;
}
