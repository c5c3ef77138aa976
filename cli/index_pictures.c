// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures go in in chunks. The files of a chunk are hashed first: content that an item has already is copied
 * from there, content that the chunk has twice is encoded once; the rest goes through the loader. Files lie
 * in the page cache between the two, so they are read from the disk once.
 */
#include "cli/index_work.h"
#include "cli/interrupt.h"
#include "cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 512 };

/* The files of a chunk, and where they go. */
struct chunk {
    struct work *work;
    struct plan_file *files[CHUNK], *later[CHUNK], *encode[CHUNK];
    const char *paths[CHUNK]; /* of those to encode */
    struct err *errs;         /* (CHUNK) */
    size_t count, later_count, encode_count;
    int threads;
};

/* ---- one picture --------------------------------------------------------------------------------------- */

/* What the index will know of a file. A changed picture keeps what users have said of its path. */
static int describe(struct index_item *out, struct work *work, const struct plan_file *file,
    struct arena *arena, struct err *err)
{
    struct index_item before;
    bool found = false;
    int rc = file->action == PLAN_CHANGED
                 ? index_find(&before, &found, work->index, INDEX_IMAGE, file->path, NULL, arena, err)
                 : 0;
    *out = (struct index_item){
        .kind = INDEX_IMAGE,
        .path = file->path,
        .size = file->size,
        .mtime_ns = file->mtime_ns,
        .hash = file->hash,
        .caption = found ? before.caption : NULL,
        .metadata = found ? before.metadata : NULL,
    };
    return rc;
}

static void count_added(struct work *work, const struct plan_file *file)
{
    if (file->action == PLAN_CHANGED)
        work->pictures.changed++;
    else
        work->pictures.new ++;
    work->session->done++;
}

/* Reports a file that cannot be read. An item of its path goes, unless the file could not even be opened: its
 * content may be the same still. */
static int fail(struct work *work, const struct plan_file *file, const struct err *why, struct err *err)
{
    struct index_item item;
    struct arena arena = {0};
    bool found = false;
    int rc = 0;
    progress_clear(&work->session->progress);
    work_fail(work, &work->pictures.failed, why->msg);
    work->session->done++;
    if (file->action == PLAN_CHANGED && why->code != ERR_IO)
        rc = index_find(&item, &found, work->index, INDEX_IMAGE, file->path, NULL, &arena, err);
    if (!rc && found)
        rc = index_remove(work->index, item.id, err);
    arena_release(&arena);
    return rc;
}

static bool is_missing(const char *path)
{
    return path && access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR);
}

/* Gives the file the vector of an item of the same content; *found: there is one. An item whose own file is
 * no more, below no path that was given, has moved here. */
static int reuse_vector(bool *found, struct work *work, const struct plan_file *file, struct err *err)
{
    struct arena arena = {0};
    struct index_item source, item;
    int rc = index_find(&source, found, work->index, INDEX_IMAGE, NULL, file->hash, &arena, err);
    if (!rc && *found && is_missing(source.path)) {
        rc = work_place(work, source.id, file->path, file->size, file->mtime_ns, err);
        work->pictures.moved++;
    } else if (!rc && *found) {
        rc = describe(&item, work, file, &arena, err);
        item.width = source.width;
        item.height = source.height;
        if (!rc)
            rc = index_add_copy(work->index, &item, source.id, err);
        work->pictures.copied++;
    }
    work->session->done += *found;
    arena_release(&arena);
    return rc;
}

/* ---- chunks -------------------------------------------------------------------------------------------- */

static int add_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct chunk *chunk = context;
    struct work *work = chunk->work;
    struct arena arena = {0};
    struct index_item *items = mem_new(batch->good + 1, sizeof *items);
    size_t good = 0;
    int rc = items ? 0 : err_memory(err, batch->good * sizeof *items);
    for (size_t i = 0; i < batch->count && !rc; i++) {
        const struct plan_file *file = chunk->encode[batch->first + i];
        if (batch->errs[i].code) {
            rc = fail(work, file, &batch->errs[i], err);
            continue;
        }
        rc = describe(&items[good], work, file, &arena, err);
        items[good].width = batch->sizes[i].width;
        items[good++].height = batch->sizes[i].height;
        count_added(work, file);
    }
    if (!rc)
        rc = index_add(work->index, items, embeddings, good, err);
    work->encoded += good;
    free(items);
    arena_release(&arena);
    return rc ? rc : work_commit(work, err);
}

static bool same_in(struct plan_file *const *files, size_t count, const char *hash)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(files[i]->hash, hash))
            return true;
    return false;
}

/* Copies what it can and sorts out the rest. */
static int sort_chunk(struct chunk *chunk, struct err *err)
{
    int rc = 0;
    chunk->later_count = chunk->encode_count = 0;
    scan_hash(chunk->files, chunk->errs, chunk->count, chunk->threads);
    for (size_t i = 0; i < chunk->count && !rc; i++) {
        struct plan_file *file = chunk->files[i];
        bool found = false;
        if (chunk->errs[i].code) {
            rc = fail(chunk->work, file, &chunk->errs[i], err);
            continue;
        }
        rc = reuse_vector(&found, chunk->work, file, err);
        if (rc || found)
            continue;
        if (same_in(chunk->encode, chunk->encode_count, file->hash)) {
            chunk->later[chunk->later_count++] = file;
        } else {
            chunk->paths[chunk->encode_count] = file->path;
            chunk->encode[chunk->encode_count++] = file;
        }
    }
    return rc;
}

static int copy_later(struct chunk *chunk, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < chunk->later_count && !rc; i++) {
        const struct plan_file *file = chunk->later[i];
        bool found;
        rc = reuse_vector(&found, chunk->work, file, err);
        if (rc || found)
            continue;
        struct err why;
        err_set(&why, ERR_FORMAT, "unable to read '%s': its content is that of a file that cannot be read",
            file->path);
        rc = fail(chunk->work, file, &why, err);
    }
    return rc;
}

static int add_chunk(struct chunk *chunk, struct err *err)
{
    struct work *work = chunk->work;
    int rc = sort_chunk(chunk, err);
    if (!rc)
        rc = session_batches(work->session, chunk->paths, chunk->encode_count, add_batch, chunk, err);
    if (!rc && !work_ended())
        rc = copy_later(chunk, err);
    progress_draw(&work->session->progress, work->session->done);
    chunk->count = 0;
    return rc ? rc : work_commit(work, err);
}

static bool is_open(const struct plan_file *file)
{
    return file->action == PLAN_NEW || file->action == PLAN_CHANGED;
}

static int add_all(struct work *work, const struct plan *plan, struct err *err)
{
    struct chunk *chunk = mem_new(1, sizeof *chunk);
    size_t total = 0;
    int rc = 0;
    if (chunk)
        chunk->errs = mem_new(CHUNK, sizeof *chunk->errs);
    if (!chunk || !chunk->errs)
        rc = err_memory(err, CHUNK * sizeof *chunk->errs);
    for (size_t i = 0; i < plan->file_count; i++)
        total += is_open(&plan->files[i]);
    session_start(work->session, "pictures", total);
    for (size_t i = 0; i < plan->file_count && !rc && !work_ended(); i++) {
        chunk->work = work;
        chunk->threads = work->session->loader_options.threads;
        if (is_open(&plan->files[i]))
            chunk->files[chunk->count++] = &plan->files[i];
        if (chunk->count == CHUNK || (chunk->count && i + 1 == plan->file_count))
            rc = add_chunk(chunk, err);
    }
    if (chunk)
        free(chunk->errs);
    free(chunk);
    return rc;
}

/* ---- gone ---------------------------------------------------------------------------------------------- */

static int remove_gone(struct work *work, const struct plan *plan, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < plan->item_count && !rc; i++) {
        if (plan->items[i].state != PLAN_GONE)
            continue;
        rc = index_remove(work->index, plan->items[i].id, err);
        work->pictures.gone++;
    }
    return rc;
}

int work_pictures(struct work *work, struct scan *scan, struct err *err)
{
    work->pictures.failed = scan->failed;
    work->session->failed += scan->failed;
    int rc = work_moves(work, &scan->plan, err);
    if (!rc)
        rc = add_all(work, &scan->plan, err);
    if (!rc && !work_ended())
        rc = remove_gone(work, &scan->plan, err);
    if (!rc && (work->pictures.gone || work->pictures.failed))
        rc = work_orphans(work, err);
    return rc ? rc : index_commit(work->index, err);
}
