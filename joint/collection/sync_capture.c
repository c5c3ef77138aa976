// SPDX-License-Identifier: Apache-2.0
/*
 * When, where and with what pictures were taken. A new picture's file is asked as it goes in; what is in the index from
 * before, of an earlier format or imported, is asked here, once: some kilobytes of each file are read, and nothing is
 * encoded.
 */
#include "joint/collection/sync.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK = 64 };

/* ---- one picture --------------------------------------------------------------------------------------- */

int sync_set_capture(bool *changed, struct index_item *item, const struct capture *capture,
    struct arena *arena, struct err *err)
{
    *changed = !item->examined;
    const struct {
        const char **field, *text;
    } texts[] = {
        {&item->taken, capture->taken}, {&item->camera, capture->camera}, {&item->lens, capture->lens}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!*texts[i].text || same_text(*texts[i].field, texts[i].text))
            continue;
        *changed = true;
        *texts[i].field = arena_copy(arena, texts[i].text, strlen(texts[i].text));
        if (!*texts[i].field)
            return err_memory(err, strlen(texts[i].text));
    }
    if ((capture->lat != 0 || capture->lon != 0) &&
        !(capture->lat == item->lat && capture->lon == item->lon)) {
        *changed = true;
        item->lat = capture->lat;
        item->lon = capture->lon;
    }
    item->examined = true;
    return 0;
}

int sync_examine(struct index_item *item, struct picture_source source, struct arena *arena, struct err *err)
{
    struct capture capture;
    struct err why;
    bool changed;
    const int rc = picture_capture(&capture, source, &why);
    if (rc == ERR_IO)
        return 0; /* it may be read another time */
    return rc ? err_set(err, why.code, "%s", why.msg)
              : sync_set_capture(&changed, item, &capture, arena, err);
}

int sync_keep_capture(struct sync *sync, const char *path, const struct capture *capture, struct err *err)
{
    struct arena arena = {0};
    struct index_item item;
    bool found, changed = false;
    int rc = index_find(&item, &found, sync->index, INDEX_IMAGE, path, NULL, &arena, err);
    if (!rc && found)
        rc = sync_set_capture(&changed, &item, capture, &arena, err);
    if (!rc && changed)
        rc = index_update(sync->index, &item, err);
    sync->counts->described += !rc && changed;
    arena_release(&arena);
    return rc;
}

/* ---- those from before --------------------------------------------------------------------------------- */

struct candidate {
    int64_t id, size, mtime_ns; /* size and time may be unknown */
    const char *path;
};

struct examining {
    struct sync *sync;
    struct candidate *candidates; // (count)
    size_t count, room;
    struct arena arena; /* their paths */
    struct err *err;
};

static int add_candidate(void *context, const struct index_item *item)
{
    struct examining *e = context;
    if (member_shard(item->path))
        return 0;
    const int rc = array_grow(e->candidates, &e->room, e->count + 1, e->err);
    if (rc)
        return rc;
    struct candidate *added = &e->candidates[e->count++];
    *added = (struct candidate){
        item->id, item->size, item->mtime_ns, arena_copy(&e->arena, item->path, strlen(item->path))};
    return added->path ? 0 : err_memory(e->err, strlen(item->path));
}

/* What a chunk of them says. */
struct chunk {
    const struct candidate *candidates;
    struct capture captures[CHUNK];
    enum err_code codes[CHUNK];
};

/* Whether the file is the one that became the item, as far as is known. */
static bool is_current(const struct candidate *candidate)
{
    struct stat st;
    return !stat(candidate->path, &st) && (!candidate->size || candidate->size == st.st_size) &&
           (!candidate->mtime_ns ||
               candidate->mtime_ns == (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
}

static void examine_one(void *context, size_t i)
{
    struct chunk *chunk = context;
    const struct candidate *candidate = &chunk->candidates[i];
    chunk->codes[i] = is_current(candidate) ? (enum err_code)picture_capture(
                                                  &chunk->captures[i], picture_file(candidate->path), NULL)
                                            : ERR_IO;
}

static int keep(struct index *index, int64_t id, const struct capture *capture, struct err *err)
{
    struct arena arena = {0};
    struct index_item item;
    bool changed;
    int rc = index_get(&item, index, id, &arena, err);
    if (!rc)
        rc = sync_set_capture(&changed, &item, capture, &arena, err);
    if (!rc)
        rc = index_update(index, &item, err);
    arena_release(&arena);
    return rc;
}

static int examine_chunk(
    struct examining *e, struct chunk *chunk, size_t first, size_t count, struct err *err)
{
    struct sync *sync = e->sync;
    int rc = 0;
    chunk->candidates = e->candidates + first;
    parallel_for(count, job_threads(sync->job), examine_one, chunk);
    for (size_t i = 0; i < count && !rc; i++) {
        if (chunk->codes[i] == ERR_IO)
            continue;
        rc = chunk->codes[i] ? err_memory(err, 0)
                             : keep(sync->index, chunk->candidates[i].id, &chunk->captures[i], err);
        sync->counts->examined += !rc;
    }
    if (!rc)
        rc = sync_commit(sync, err);
    return rc ? rc : job_step(sync->job, "dates read", first + count, e->count, err);
}

int sync_captures(struct sync *sync, struct err *err)
{
    struct examining e = {.sync = sync, .err = err};
    struct chunk *chunk = mem_new(1, sizeof *chunk);
    int rc =
        chunk ? index_each_unexamined(sync->index, add_candidate, &e, err) : err_memory(err, sizeof *chunk);
    for (size_t first = 0; first < e.count && !rc; first += CHUNK) {
        const size_t left = e.count - first;
        rc = examine_chunk(&e, chunk, first, left < CHUNK ? left : CHUNK, err);
    }
    free(chunk);
    free(e.candidates);
    arena_release(&e.arena);
    return sync_keep(sync, rc, err);
}
