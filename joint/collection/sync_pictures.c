// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures go in in chunks. The files of a chunk are hashed first: content that an item has already, or a removed one
 * had, is copied from there, content that the chunk has twice is encoded once; the rest goes through the loader. Files lie
 * in the page cache between the two, so they are read from the disk once, and members of archives are kept, so that they are inflated
 * once.
 *
 * Whatever is copied and whatever encoded, items come in the order of the files, which no chunk's end changes: so parts of the
 * files that are indexed apart have the items of all, one part after the other (index_merge).
 */
#include "joint/collection/sync.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 512, BYTES_KEPT = 64 << 20 };

/* The files of a chunk, and where they go. */
struct chunk {
    struct sync *sync;
    struct plan_file *files[CHUNK], *encode[CHUNK];
    size_t numbers[CHUNK];                /* of those to encode, among the files */
    struct picture_source sources[CHUNK]; /* of those to encode */
    enum err_code codes[CHUNK];           /* of those to encode that could not be, */
    const char *reasons[CHUNK];           /* and why not */
    struct arena arena;                   /* of the reasons, and of what files in archives say */
    struct err *errs;                     // (CHUNK)
    size_t count, encode_count;
    size_t placed; /* files, from the first on, that have become items, or failed to */
    size_t room;   /* for bytes of files in archives, from the hash to the loader */
};

/* ---- one picture --------------------------------------------------------------------------------------- */

/* What the index will know of a file. A changed picture keeps what users have said of its path, and nothing else. */
static int describe(struct index_item *out, struct sync *sync, const struct plan_file *file,
    struct arena *arena, struct err *err)
{
    struct index_item before;
    bool found = false;
    int rc = file->action == PLAN_CHANGED
                 ? index_find(&before, &found, sync->index, INDEX_IMAGE, file->path, NULL, arena, err)
                 : 0;
    *out = (struct index_item){
        .kind = INDEX_IMAGE,
        .path = file->path,
        .size = file->size,
        .mtime_ns = file->mtime_ns,
        .offset = file->member.offset,
        .hash = file->hash,
        .caption = found ? before.caption : NULL,
        .metadata = found ? before.metadata : NULL,
    };
    bool changed;
    if (rc)
        return rc;
    if (!member_shard(file->path))
        return sync_examine(out, picture_file(file->path), arena, err);
    out->examined = true; /* as its hash was taken */
    return file->capture ? sync_set_capture(&changed, out, file->capture, arena, err) : 0;
}

static void count_added(struct sync *sync, const struct plan_file *file)
{
    if (file->action == PLAN_CHANGED)
        sync->counts->pictures.changed++;
    else
        sync->counts->pictures.new ++;
    sync->done++;
}

/* Reports that a file cannot be read, and remembers it, unless that is known. */
static int remember_failure(
    struct sync *sync, const struct plan_file *file, const struct err *why, struct err *err)
{
    const struct index_failure failure = {
        .path = file->path,
        .size = file->size,
        .mtime_ns = file->mtime_ns,
        .why = failure_reason(why->msg, file->path),
        .again = why->code != ERR_FORMAT && why->code != ERR_UNSUPPORTED,
    };
    if (file->failure)
        file->failure->state = FAILURE_STANDS;
    if (file->failure && !strcmp(file->failure->why, failure.why)) {
        sync->counts->pictures.failed_before++;
        return 0;
    }
    sync_fail(sync, &sync->counts->pictures.failed, why);
    return index_failure_keep(sync->index, &failure, err);
}

/* An item of the path of a file that cannot be read goes, unless the file could not even be opened: its content may be
 * the same still. */
static int fail(struct sync *sync, const struct plan_file *file, const struct err *why, struct err *err)
{
    struct index_item item;
    struct arena arena = {0};
    bool found = false;
    int rc = remember_failure(sync, file, why, err);
    sync->done++;
    if (!rc && file->action == PLAN_CHANGED && why->code != ERR_IO)
        rc = index_find(&item, &found, sync->index, INDEX_IMAGE, file->path, NULL, &arena, err);
    if (!rc && found)
        rc = index_remove(sync->index, item.id, err);
    arena_release(&arena);
    return rc;
}

/* A member is there as long as its archive is: what became of it shows when that is read. */
static bool is_missing(const char *path)
{
    const size_t shard = path ? member_shard(path) : 0;
    char *file = path ? strndup(path, shard ? shard : strlen(path)) : NULL;
    const bool missing = file && access(file, F_OK) && (errno == ENOENT || errno == ENOTDIR);
    free(file);
    return missing;
}

/* source: an item of the same content, or NULL for the vector of a removed one; *found: there is one. */
static int copy_vector(bool *found, struct sync *sync, const struct plan_file *file,
    const struct index_item *source, struct arena *arena, struct err *err)
{
    struct index_item item;
    int rc = describe(&item, sync, file, arena, err);
    *found = source != NULL;
    if (!rc && source) {
        item.width = source->width;
        item.height = source->height;
        rc = index_add_copy(sync->index, &item, source->id, err);
    } else if (!rc) {
        rc = index_add_again(found, sync->index, &item, err);
    }
    sync->counts->pictures.copied += *found;
    return rc;
}

/* Gives the file a vector of the same content, of the picture of this path or, with NULL, of any; *found: there is
 * one. An item whose own file is no more, below no path that was given, has moved here. */
static int reuse_vector(
    bool *found, struct sync *sync, const struct plan_file *file, const char *path, struct err *err)
{
    struct arena arena = {0};
    struct index_item source;
    int rc = sync_find_intact(&source, found, sync, INDEX_IMAGE, path, file->hash, &arena, err);
    if (!rc && *found && is_missing(source.path)) {
        rc = sync_place(sync, source.id, file, err);
        sync->counts->pictures.moved++;
    } else if (!rc) {
        rc = copy_vector(found, sync, file, *found ? &source : NULL, &arena, err);
    }
    sync->done += *found;
    arena_release(&arena);
    return rc;
}

static int step(const struct sync *sync, struct err *err)
{
    return job_step(sync->job, "pictures", sync->done, sync->total, err);
}

/* ---- chunks -------------------------------------------------------------------------------------------- */

/* For those of the chunk that have the same content, too. */
static int fail_to_encode(struct chunk *chunk, size_t i, const struct err *why, struct err *err)
{
    const struct plan_file *file = chunk->encode[i];
    const char *reason = failure_reason(why->msg, file->path);
    chunk->codes[i] = why->code;
    chunk->reasons[i] = arena_copy(&chunk->arena, reason, strlen(reason));
    return chunk->reasons[i] ? fail(chunk->sync, file, why, err) : err_memory(err, strlen(reason));
}

/* Which of files (count) has the hash; count: none. */
static size_t find_same(struct plan_file *const *files, size_t count, const char *hash)
{
    size_t i = 0;
    while (i < count && strcmp(files[i]->hash, hash))
        i++;
    return i;
}

/* One that is not encoded: its content could not be read, or is that of an item, of a removed one, or of one that comes before
 * it in the chunk, which is asked for by its path: another item of that content may be damaged. */
static int place_other(struct chunk *chunk, size_t i, struct err *err)
{
    struct sync *sync = chunk->sync;
    const struct plan_file *file = chunk->files[i];
    bool found;
    if (chunk->errs[i].code)
        return fail(sync, file, &chunk->errs[i], err);
    const int rc = reuse_vector(&found, sync, file, NULL, err);
    if (rc || found)
        return rc;
    struct err why;
    const size_t same = find_same(chunk->encode, chunk->encode_count, file->hash);
    assert(same < chunk->encode_count);
    if (!chunk->codes[same])
        return reuse_vector(&found, sync, file, chunk->encode[same]->path, err);
    err_set(&why, chunk->codes[same], "unable to read '%s': %s", file->path, chunk->reasons[same]);
    return fail(sync, file, &why, err);
}

/* All files before `end`, none of which is encoded any more. */
static int place_others(struct chunk *chunk, size_t end, struct err *err)
{
    int rc = 0;
    while (chunk->placed < end && !rc)
        rc = place_other(chunk, chunk->placed++, err);
    return rc;
}

/* Pictures of a batch that become items together. */
struct neighbours {
    struct index_item *items; // (count)
    const float *embeddings;  // (count, E)
    size_t count;
};

static int add_neighbours(struct chunk *chunk, struct neighbours *neighbours, struct err *err)
{
    struct sync *sync = chunk->sync;
    const int rc = index_add(sync->index, neighbours->items, neighbours->embeddings, neighbours->count, err);
    sync->counts->encoded += neighbours->count;
    neighbours->embeddings += neighbours->count * sync->embedder->width;
    neighbours->count = 0;
    return rc;
}

/* The picture i of a batch, once all files before it are placed. */
static int add_encoded(struct chunk *chunk, struct neighbours *neighbours, const struct loaded_batch *batch,
    size_t i, struct arena *arena, struct err *err)
{
    const size_t encoded = batch->first + i, number = chunk->numbers[encoded];
    const struct plan_file *file = chunk->encode[encoded];
    int rc = chunk->placed < number ? add_neighbours(chunk, neighbours, err) : 0;
    if (!rc)
        rc = place_others(chunk, number, err);
    if (rc)
        return rc;
    chunk->placed = number + 1;
    if (batch->errs[i].code)
        return fail_to_encode(chunk, encoded, &batch->errs[i], err);
    if (*batch->errs[i].msg)
        job_report(chunk->sync->job, &batch->errs[i]);
    struct index_item *item = &neighbours->items[neighbours->count];
    rc = describe(item, chunk->sync, file, arena, err);
    item->width = batch->sizes[i].width;
    item->height = batch->sizes[i].height;
    neighbours->count++;
    count_added(chunk->sync, file);
    return rc;
}

static int add_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct chunk *chunk = context;
    struct sync *sync = chunk->sync;
    struct arena arena = {0};
    if (!batch->count)
        return step(sync, err);
    struct neighbours neighbours = {
        .items = mem_new(batch->good + 1, sizeof *neighbours.items), .embeddings = embeddings};
    int rc = neighbours.items ? 0 : err_memory(err, batch->good * sizeof *neighbours.items);
    for (size_t i = 0; i < batch->count && !rc; i++)
        rc = add_encoded(chunk, &neighbours, batch, i, &arena, err);
    if (!rc)
        rc = add_neighbours(chunk, &neighbours, err);
    free(neighbours.items);
    arena_release(&arena);
    if (!rc)
        rc = sync_commit(sync, err);
    return rc ? rc : step(sync, err);
}

static int hash_chunk(struct chunk *chunk, struct err *err)
{
    enum { AT_ONCE = 32 };
    int rc = 0;
    for (size_t first = 0; first < chunk->count && !rc; first += AT_ONCE) {
        const size_t left = chunk->count - first, count = left < AT_ONCE ? left : AT_ONCE;
        rc = files_hash(chunk->files + first, chunk->errs + first, count, job_threads(chunk->sync->job),
            &chunk->arena, &chunk->room, err);
        if (!rc)
            rc = step(chunk->sync, err);
    }
    return rc;
}

/* Whether reuse_vector will find one. */
static int has_vector(bool *found, struct sync *sync, const char *hash, struct err *err)
{
    struct arena arena = {0};
    struct index_item item;
    int rc = sync_find_intact(&item, found, sync, INDEX_IMAGE, NULL, hash, &arena, err);
    if (!rc && !*found)
        rc = index_has_removed(found, sync->index, INDEX_IMAGE, hash, err);
    arena_release(&arena);
    return rc;
}

/* Finds those to encode. */
static int sort_chunk(struct chunk *chunk, struct err *err)
{
    chunk->room = BYTES_KEPT;
    int rc = hash_chunk(chunk, err);
    chunk->placed = chunk->encode_count = 0;
    for (size_t i = 0; i < chunk->count && !rc; i++) {
        struct plan_file *file = chunk->files[i];
        bool found = false;
        if (chunk->errs[i].code ||
            find_same(chunk->encode, chunk->encode_count, file->hash) < chunk->encode_count)
            continue;
        rc = has_vector(&found, chunk->sync, file->hash, err);
        if (rc || found)
            continue;
        chunk->numbers[chunk->encode_count] = i;
        chunk->sources[chunk->encode_count] = plan_source(file);
        chunk->codes[chunk->encode_count] = ERR_NONE;
        chunk->encode[chunk->encode_count++] = file;
    }
    return rc;
}

static int add_chunk(struct chunk *chunk, struct err *err)
{
    struct sync *sync = chunk->sync;
    const struct embedder *embedder = sync->embedder;
    int rc = sort_chunk(chunk, err);
    if (!rc && chunk->encode_count)
        rc =
            embedder->pictures(embedder->context, chunk->sources, chunk->encode_count, add_batch, chunk, err);
    if (!rc)
        rc = place_others(chunk, chunk->count, err);
    for (size_t i = 0; i < chunk->count; i++) {
        free(chunk->files[i]->bytes);
        chunk->files[i]->bytes = NULL;
        chunk->files[i]->capture = NULL;
    }
    arena_release(&chunk->arena);
    chunk->count = 0;
    if (!rc)
        rc = sync_commit(sync, err);
    return rc ? rc : step(sync, err);
}

static bool is_open(const struct plan_file *file)
{
    return file->action == PLAN_NEW || file->action == PLAN_CHANGED;
}

/* By path, and in an archive as it has them. */
static int by_place(const void *a, const void *b)
{
    const struct plan_file *x = a, *y = b;
    if (!x->stream || x->stream != y->stream)
        return strcmp(x->path, y->path);
    return (x->member.number > y->member.number) - (x->member.number < y->member.number);
}

static int add_all(struct sync *sync, const struct plan *plan, struct err *err)
{
    struct chunk *chunk = mem_new(1, sizeof *chunk);
    struct err *errs = mem_new(CHUNK, sizeof *errs);
    int rc = chunk && errs ? 0 : err_memory(err, CHUNK * sizeof *errs);
    if (!rc)
        *chunk = (struct chunk){.sync = sync, .errs = errs};
    if (plan->file_count)
        qsort(plan->files, plan->file_count, sizeof *plan->files, by_place);
    for (size_t i = 0; i < plan->file_count; i++)
        sync->total += is_open(&plan->files[i]);
    if (!rc)
        rc = step(sync, err);
    for (size_t i = 0; i < plan->file_count && !rc; i++) {
        if (is_open(&plan->files[i]))
            chunk->files[chunk->count++] = &plan->files[i];
        if (chunk->count == CHUNK || (chunk->count && i + 1 == plan->file_count))
            rc = add_chunk(chunk, err);
    }
    free(errs);
    free(chunk);
    return rc;
}

/* ---- gone ---------------------------------------------------------------------------------------------- */

static int remove_gone(struct sync *sync, const struct plan *plan, struct err *err)
{
    enum { AT_ONCE = 256 };
    int rc = 0;
    for (size_t i = 0; i < plan->item_count && !rc; i++) {
        if (i % AT_ONCE == 0)
            rc = job_step(sync->job, "removing what is gone", 0, 0, err);
        const bool excluded = plan->items[i].state == PLAN_EXCLUDED;
        if (rc || (plan->items[i].state != PLAN_GONE && !excluded))
            continue;
        rc = index_remove(sync->index, plan->items[i].id, err);
        sync->counts->pictures.gone += !excluded;
        sync->counts->pictures.excluded += excluded;
    }
    return rc;
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static int forget_failures(struct sync *sync, const struct plan *plan, int state, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < plan->failure_count && !rc; i++)
        if ((int)plan->failures[i].state == state)
            rc = index_failure_forget(sync->index, plan->failures[i].path, err);
    return rc;
}

int sync_pictures(struct sync *sync, const struct plan *plan, struct err *err)
{
    int rc = forget_failures(sync, plan, FAILURE_GONE, err);
    if (!rc)
        rc = sync_passed_over(sync, plan, err);
    if (!rc)
        rc = sync_moves(sync, plan, err);
    if (!rc)
        rc = add_all(sync, plan, err);
    if (!rc)
        rc = remove_gone(sync, plan, err);
    if (!rc)
        rc = forget_failures(sync, plan, FAILURE_TRIED, err);
    const struct sync_counts *counts = sync->counts;
    if (!rc && (counts->pictures.gone || counts->pictures.excluded || counts->pictures.failed))
        rc = sync_orphans(sync, err);
    return sync_keep(sync, rc, err);
}
