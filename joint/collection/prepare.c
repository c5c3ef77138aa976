// SPDX-License-Identifier: Apache-2.0
/*
 * Another way to prepare pictures, in two steps, so that what cannot be read shows before anything is changed:
 *
 *   each picture is decoded, and prepared in both ways; what differs is noted
 *   those are encoded, and the way is kept, in one commit
 */
#include "joint/collection/internal.h"
#include "joint/collection/sync_shards.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 };

/* A picture of the index. */
struct candidate {
    int64_t id;
    const char *path, *hash;
    struct member member; /* of an archive, */
    bool in_order;        /* that leads to it through all before it: */
    struct shard_stream *stream;
    bool differs;
    struct err err;
};

struct preparing {
    struct collection *collection;
    struct prepare_counts *counts;
    struct preprocess before, after;
    const struct picture_options *options;
    const struct job *job;
    struct candidate *candidates; // (count)
    size_t count, room;
    struct arena arena;            /* their strings */
    struct shard_cursor cursor;    /* through such archives, */
    struct shard_stream **streams; // (stream_count): for many threads at once
    size_t stream_count, stream_room;
    struct err *err;
};

/* ---- looking ------------------------------------------------------------------------------------------- */

/* What no hash came in with was not encoded here. */
static int add_candidate(void *context, const struct index_item *item)
{
    struct preparing *p = context;
    if (!item->path || !item->hash)
        return 0;
    const int rc = array_grow(p->candidates, &p->room, p->count + 1, p->err);
    if (rc)
        return rc;
    struct candidate *added = &p->candidates[p->count++];
    *added = (struct candidate){
        .id = item->id,
        .member = {.size = item->size, .offset = item->offset},
        .in_order = member_shard(item->path) && !item->offset,
        .path = arena_copy(&p->arena, item->path, strlen(item->path)),
        .hash = arena_copy(&p->arena, item->hash, strlen(item->hash)),
    };
    return added->path && added->hash ? 0 : err_memory(p->err, strlen(item->path));
}

static bool is_plain(const struct picture *picture)
{
    return picture->mode == PICTURE_RGB && !picture->palette && !picture->has_key;
}

static int compare(bool *differs, const struct preparing *p, const struct picture *picture, struct err *err)
{
    const size_t square = preprocess_bytes(&p->after);
    *differs = false;
    if (is_plain(picture))
        return 0;
    uint8_t *pixels = mem_new(square, 2);
    if (!pixels)
        return err_memory(err, 2 * square);
    int rc = preprocess_run(pixels, &p->before, picture, err);
    if (!rc)
        rc = preprocess_run(pixels + square, &p->after, picture, err);
    *differs = !rc && memcmp(pixels, pixels + square, square);
    free(pixels);
    return rc;
}

static struct picture_source source_of(const struct candidate *candidate)
{
    struct picture_source source = picture_file(candidate->path);
    source.member = candidate->member;
    source.stream = candidate->stream;
    source.hash = candidate->hash;
    return source;
}

/* Of a member of an archive, reading it tells. */
static int check_unchanged(const struct candidate *candidate, struct err *err)
{
    char hash[HASH_SIZE];
    const int rc = member_shard(candidate->path) ? 0 : hash_file(hash, candidate->path, err);
    if (rc || member_shard(candidate->path) || !strcmp(hash, candidate->hash))
        return rc;
    return err_set(err, ERR_FORMAT, "'%s' has changed since it was encoded", candidate->path);
}

static void look_at(struct candidate *candidate, const struct preparing *p, struct picture_source source)
{
    struct picture picture;
    struct err *err = &candidate->err;
    if (check_unchanged(candidate, err) || picture_read(&picture, source, p->options, err))
        return;
    if (compare(&candidate->differs, p, &picture, err))
        err_wrap(err, "unable to prepare '%s'", candidate->path);
    picture_release(&picture);
}

struct looking {
    const struct preparing *preparing;
    struct candidate *candidates;
};

static void look_at_one(void *context, size_t i)
{
    const struct looking *looking = context;
    struct candidate *candidate = &looking->candidates[i];
    if (!candidate->in_order)
        look_at(candidate, looking->preparing, source_of(candidate));
}

/* Candidates are in the order in which they went in, which is that of their archive: one pass leads to all. */
static void look_in_order(struct preparing *p, struct candidate *candidate)
{
    char *bytes;
    struct picture_source source = source_of(candidate);
    if (shard_cursor_read(&bytes, &source.size, &candidate->member, &p->cursor, candidate->path,
            candidate->hash, MEMBER_MAX, p->job, &candidate->err))
        return;
    source.bytes = (uint8_t *)bytes;
    look_at(candidate, p, source);
    free(bytes);
}

/* Leaves only the candidates that differ. */
static int look_at_all(struct preparing *p, struct err *err)
{
    size_t differing = 0;
    int rc = job_step(p->job, "pictures compared", 0, p->count, err);
    for (size_t first = 0; first < p->count && !rc; first += CHUNK) {
        const size_t count = p->count - first < CHUNK ? p->count - first : CHUNK;
        struct candidate *chunk = p->candidates + first;
        parallel_for(count, job_threads(p->job), look_at_one, &(struct looking){p, chunk});
        for (size_t i = 0; i < count; i++) {
            if (chunk[i].in_order)
                look_in_order(p, &chunk[i]);
            if (chunk[i].err.code)
                job_report(p->job, &chunk[i].err);
            p->counts->failed += chunk[i].err.code != 0;
            if (chunk[i].differs)
                p->candidates[differing++] = chunk[i];
        }
        p->counts->looked_at += count;
        rc = job_step(p->job, "pictures compared", p->counts->looked_at, p->count, err);
    }
    p->count = differing;
    return rc;
}

/* ---- encoding ------------------------------------------------------------------------------------------ */

/* The item of the same picture takes the place of the one before. */
static int encode_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct preparing *p = context;
    struct index *index = p->collection->index;
    struct arena arena = {0};
    struct index_item *items = mem_new(batch->count + 1, sizeof *items);
    int rc = items ? 0 : err_memory(err, batch->count * sizeof *items);
    for (size_t i = 0; i < batch->count && !rc; i++) {
        if (batch->errs[i].code)
            rc = err_set(err, batch->errs[i].code, "%s", batch->errs[i].msg);
        else
            rc = index_get(&items[i], index, p->candidates[batch->first + i].id, &arena, err);
    }
    if (!rc)
        rc = index_add(index, items, embeddings, batch->count, err);
    if (!rc)
        p->counts->encoded += batch->count;
    arena_release(&arena);
    free(items);
    return rc ? rc : job_step(p->job, "pictures", p->counts->encoded, p->count, err);
}

/* By archive and place in it; in others as they are. */
static int by_place(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    const size_t x_shard = member_shard(x->path), y_shard = member_shard(y->path);
    const size_t shorter = x_shard < y_shard ? x_shard : y_shard;
    const int order = strncmp(x->path, y->path, shorter);
    if (order || x_shard != y_shard)
        return order ? order : x_shard < y_shard ? -1 : 1;
    if (x->member.number != y->member.number)
        return x->member.number < y->member.number ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool same_shard(const struct candidate *a, const struct candidate *b)
{
    const size_t length = member_shard(a->path);
    return length == member_shard(b->path) && !strncmp(a->path, b->path, length);
}

static int open_stream(struct preparing *p, struct candidate *candidate, struct err *err)
{
    const char *archive = arena_copy(&p->arena, candidate->path, member_shard(candidate->path));
    int rc = archive ? array_grow(p->streams, &p->stream_room, p->stream_count + 1, err)
                     : err_memory(err, strlen(candidate->path));
    if (!rc)
        rc = shard_stream_open(&candidate->stream, archive, err);
    if (!rc)
        p->streams[p->stream_count++] = candidate->stream;
    return rc;
}

static int open_streams(struct preparing *p, struct err *err)
{
    int rc = 0;
    if (p->count)
        qsort(p->candidates, p->count, sizeof *p->candidates, by_place);
    for (size_t i = 0; i < p->count && !rc; i++) {
        struct candidate *candidate = &p->candidates[i], *before = i ? candidate - 1 : NULL;
        if (!candidate->in_order)
            continue;
        if (before && before->stream && same_shard(before, candidate))
            candidate->stream = before->stream;
        else
            rc = open_stream(p, candidate, err);
    }
    return rc;
}

static int encode_all(struct preparing *p, struct err *err)
{
    int rc = open_streams(p, err);
    if (rc)
        return rc;
    const struct embedder *embedder = p->collection->embedder;
    struct picture_source *sources = mem_new(p->count + 1, sizeof *sources);
    if (!sources)
        return err_memory(err, p->count * sizeof *sources);
    for (size_t i = 0; i < p->count; i++)
        sources[i] = source_of(&p->candidates[i]);
    rc = p->count ? embedder->pictures(embedder->context, sources, p->count, encode_batch, p, err) : 0;
    free(sources);
    return rc;
}

int collection_prepare(struct prepare_counts *counts, struct collection *collection,
    const struct preprocess *preprocess, const struct picture_options *options, const struct job *job,
    struct err *err)
{
    struct preparing p = {
        .collection = collection,
        .counts = counts,
        .before = *preprocess,
        .after = *preprocess,
        .options = options,
        .job = job,
        .err = err,
    };
    struct index *index = collection->index;
    *counts = (struct prepare_counts){0};
    int rc = collection_alpha(&p.before.alpha, index, err);
    if (!rc && p.before.alpha != p.after.alpha)
        rc = index_each(index, &(struct index_filter){.kind = INDEX_IMAGE}, add_candidate, &p, err);
    if (!rc)
        rc = look_at_all(&p, err);
    if (!rc && !counts->failed)
        rc = encode_all(&p, err);
    if (!rc && !counts->failed)
        rc = index_keep_preparation(index, alpha_names[p.after.alpha], err);
    if (rc)
        index_revert(index);
    for (size_t i = 0; i < p.stream_count; i++)
        shard_stream_free(p.streams[i]);
    free(p.streams);
    shard_cursor_release(&p.cursor);
    free(p.candidates);
    arena_release(&p.arena);
    return rc;
}
