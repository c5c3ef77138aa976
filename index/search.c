// SPDX-License-Identifier: Apache-2.0
#include "index/search.h"
#include "index/store.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char codes_name[] = "coarse.i8";

static char *codes_path(const char *folder)
{
    char *path;
    return asprintf(&path, "%s/%s", folder, codes_name) < 0 ? NULL : path;
}

/* All rows, whether they have items or not: the codes are of rows. */
static struct index_rows all_rows(const struct index_rows *rows)
{
    struct index_rows all = *rows;
    all.mask = NULL;
    return all;
}

/* Opens the codes where they are not those of these rows, or there may be more by now: a compaction makes the
 * rows others, and a writer that adds rows brings the codes up to them later. */
static int follow_codes(struct index_searcher *searcher, const struct index_rows *rows, struct err *err)
{
    const struct index_rows all = all_rows(rows);
    const int64_t generation = searcher->index->meta.generation;
    char *path = codes_path(searcher->index->path);
    int rc = 0;
    if (!path)
        return err_memory(err, 0);
    if (searcher->generation != generation || coarse_behind(&searcher->coarse, path, &all)) {
        coarse_release(&searcher->coarse);
        searcher->generation = generation;
        rc = coarse_open(&searcher->coarse, path, &all, generation, err);
    }
    free(path);
    return rc;
}

int index_searcher_open(
    struct index_searcher **out, struct index *index, struct device *device, struct err *err)
{
    struct index_searcher *searcher = mem_new(1, sizeof *searcher);
    if (!searcher)
        return err_memory(err, sizeof *searcher);
    searcher->index = index;
    searcher->generation = -1;
    const int rc = scanner_open(&searcher->scanner, device, err);
    if (rc)
        index_searcher_free(searcher);
    else
        *out = searcher;
    return rc;
}

void index_searcher_free(struct index_searcher *searcher)
{
    if (!searcher)
        return;
    coarse_release(&searcher->coarse);
    scanner_free(searcher->scanner);
    free(searcher);
}

int index_search(struct index_searcher *searcher, const struct index_rows *rows, const float *queries,
    size_t query_count, size_t k, struct index_hit *hits, size_t *counts, const struct job *job,
    struct err *err)
{
    const int rc = follow_codes(searcher, rows, err);
    if (rc)
        return rc;
    return scan_top(
        searcher->scanner, rows, &searcher->coarse, queries, query_count, k, hits, counts, job, err);
}

int index_neighbours(struct index_neighbours *out, struct index_searcher *searcher,
    const struct index_rows *rows, const float *queries, size_t query_count, double threshold,
    const struct job *job, struct err *err)
{
    *out = (struct index_neighbours){.ends = mem_new(query_count + 1, sizeof *out->ends)};
    int rc = out->ends ? follow_codes(searcher, rows, err) : err_memory(err, query_count * sizeof *out->ends);
    if (!rc)
        rc = scan_near(searcher->scanner, rows, &searcher->coarse, queries, query_count, threshold,
            &out->hits, out->ends, job, err);
    if (rc)
        index_neighbours_release(out);
    return rc;
}

void index_neighbours_release(struct index_neighbours *neighbours)
{
    if (!neighbours)
        return;
    free(neighbours->hits);
    free(neighbours->ends);
    *neighbours = (struct index_neighbours){0};
}

double index_score(const struct index_rows *rows, int64_t row, const float *query)
{
    const double score = rows_score(rows, row, query);
    return isnan(score) ? -INFINITY : score;
}

int codes_update(const char *folder, const struct index_rows *rows, int64_t generation, const struct job *job,
    struct err *err)
{
    char *path = codes_path(folder);
    int rc = 0;
    if (!path)
        return err_memory(err, 0);
    if (rows->count >= COARSE_LEAST)
        rc = coarse_update(path, rows, generation, job, err);
    else if (unlink(path) && errno != ENOENT) /* of the rows that were there before a compaction */
        rc = err_set(err, ERR_IO, "unable to remove '%s': %s", path, strerror(errno));
    free(path);
    return rc;
}

static int prepare(struct index *index, const struct job *job, struct err *err)
{
    struct index_rows rows;
    int rc = index_rows(&rows, index, NULL, err);
    if (rc)
        return rc;
    const struct index_rows all = all_rows(&rows);
    rc = codes_update(index->path, &all, index->meta.generation, job, err);
    index_rows_release(&rows);
    return rc;
}

int index_prepare(struct index *index, const struct job *job, struct err *err)
{
    assert(index->writer);
    return prepare(index, job, err);
}

/* Whether so many rows have no codes that searches are slow for it. */
static int codes_lack(bool *out, struct index *index, struct err *err)
{
    struct index_rows rows;
    struct coarse coarse = {0};
    char *path = codes_path(index->path);
    int rc = path ? index_rows(&rows, index, NULL, err) : err_memory(err, 0);
    if (!rc) {
        const struct index_rows all = all_rows(&rows);
        rc = coarse_open(&coarse, path, &all, index->meta.generation, err);
        *out = all.count - coarse.count * COARSE_BLOCK >= COARSE_LEAST;
        coarse_release(&coarse);
        index_rows_release(&rows);
    }
    free(path);
    return rc;
}

int index_prepare_reader(struct index *index, const struct job *job, struct err *err)
{
    struct stat folder;
    bool lack = false;
    int lock = -1, rc = index->writer ? 0 : codes_lack(&lack, index, err);
    if (rc || !lack || stat(index->path, &folder) || folder.st_uid != geteuid() ||
        lock_try(&lock, index->path))
        return rc;
    if (!(rc = index_refresh(index, err))) { /* to what the lock keeps */
        rc = prepare(index, job, err);
        if (rc == ERR_IO)
            rc = 0;
    }
    lock_release(lock);
    return rc;
}

int search_verify(struct index *index, const struct job *job, struct err *err)
{
    struct index_rows rows;
    struct coarse coarse = {0};
    char *path = codes_path(index->path);
    int rc = path ? index_rows(&rows, index, NULL, err) : err_memory(err, 0);
    if (rc) {
        free(path);
        return rc;
    }
    const struct index_rows all = all_rows(&rows);
    if (file_exists(path))
        rc = coarse_open(&coarse, path, &all, index->meta.generation, err);
    if (!rc && coarse.count)
        rc = coarse_verify(&coarse, path, &all, job, err);
    coarse_release(&coarse);
    index_rows_release(&rows);
    free(path);
    return rc;
}
