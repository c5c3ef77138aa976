// SPDX-License-Identifier: Apache-2.0
#include "service/shelf_internal.h"

#include <stdlib.h>
#include <string.h>

struct shelf {
    struct shelf_options options;
    struct shelf_index *indexes; // (options.count)
    struct arena arena;
};

/* ---- items --------------------------------------------------------------------------------------------- */

int shelf_item(struct index_item *out, float *vector, struct shelf_index *index, int64_t id,
    struct arena *arena, struct err *err)
{
    pthread_mutex_lock(&index->lock);
    int rc = reader_refresh(&index->items, &index->place, false, err);
    if (!rc)
        rc = index_get(out, index->items.index, id, arena, err);
    if (!rc && vector)
        rc = index_vectors(vector, index->items.index, &out->row, 1, err);
    pthread_mutex_unlock(&index->lock);
    return rc;
}

static int read_vector(float *vector, struct index *index, int64_t id, size_t width, struct err *err)
{
    struct index_item item;
    struct arena arena = {0};
    int rc = index_get(&item, index, id, &arena, err);
    if (!rc)
        rc = index_vectors(vector, index, &item.row, 1, err);
    else if (rc == ERR_NOT_FOUND)
        rc = 0, memset(vector, 0, width * sizeof *vector);
    arena_release(&arena);
    return rc;
}

int shelf_vectors(
    float *vectors, struct shelf_index *index, const int64_t *ids, size_t count, struct err *err)
{
    const size_t width = index->options->width;
    pthread_mutex_lock(&index->lock);
    int rc = reader_refresh(&index->items, &index->place, false, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = read_vector(vectors + i * width, index->items.index, ids[i], width, err);
    pthread_mutex_unlock(&index->lock);
    return rc;
}

static const char *copy(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

int shelf_info(struct index_info *out, struct shelf_index *index, struct arena *arena, struct err *err)
{
    pthread_mutex_lock(&index->lock);
    const int rc = reader_refresh(&index->items, &index->place, false, err);
    if (!rc) {
        *out = index_info(index->items.index);
        out->path = copy(arena, out->path);
        out->model = copy(arena, out->model);
        out->fingerprint = copy(arena, out->fingerprint);
        out->vectors = copy(arena, out->vectors);
    }
    pthread_mutex_unlock(&index->lock);
    return rc;
}

int shelf_state(const char **out, struct shelf_index *index, struct arena *arena, struct err *err)
{
    struct index_info info;
    const int rc = shelf_info(&info, index, arena, err);
    if (rc)
        return rc;
    *out = map_state(&info, arena);
    return *out ? 0 : err_memory(err, 0);
}

int shelf_map(struct map *out, struct shelf_index *index, enum index_kind kind, bool kept,
    struct arena *arena, const struct job *job, struct err *err)
{
    const char *state;
    const int rc = shelf_state(&state, index, arena, err);
    return rc ? rc : map_get(out, &index->maps, state, index->place.path, kind, kept, arena, job, err);
}

int shelf_alpha(enum alpha_rule *out, struct shelf_index *index, struct err *err)
{
    pthread_mutex_lock(&index->lock);
    int rc = reader_refresh(&index->items, &index->place, false, err);
    if (!rc)
        rc = collection_alpha(out, index->items.index, err);
    pthread_mutex_unlock(&index->lock);
    return rc;
}

struct batcher_counts shelf_counts(struct shelf_index *index)
{
    return batcher_counts(index->batcher);
}

struct writer *shelf_writer(struct shelf_index *index)
{
    return index->writer;
}

/* ---- the shelf ----------------------------------------------------------------------------------------- */

static int open_index(struct shelf_index *index, const struct shelf_options *options, size_t i,
    struct arena *arena, struct err *err)
{
    const struct batcher_options batcher = {
        .batch = options->batch, .queue = options->queue, .run = shelf_run_searches, .context = index};
    index->options = options;
    index->place = (struct reader_place){.name = copy(arena, options->names[i]),
        .path = copy(arena, options->paths[i]),
        .catalog = path_join(arena, options->paths[i], "catalog.sqlite"),
        .fingerprint = options->fingerprint,
        .device = options->device};
    if (!index->place.name || !index->place.path || !index->place.catalog)
        return err_memory(err, strlen(options->paths[i]));
    int rc = reader_open(&index->search, &index->place, true, err);
    if (!rc)
        rc = index_prepare_reader(index->search.index, NULL, err);
    if (!rc)
        rc = reader_open(&index->items, &index->place, false, err);
    if (!rc)
        rc = writer_open(&index->writer, index->place.name, index->place.path, options->fingerprint, err);
    return rc ? rc : batcher_open(&index->batcher, &batcher, err);
}

int shelf_open(struct shelf **out, const struct shelf_options *options, struct err *err)
{
    struct shelf *shelf = mem_new(1, sizeof *shelf);
    if (!shelf)
        return err_memory(err, sizeof *shelf);
    shelf->options = *options;
    shelf->indexes = mem_new(options->count, sizeof *shelf->indexes);
    int rc = shelf->indexes ? 0 : err_memory(err, options->count * sizeof *shelf->indexes);
    for (size_t i = 0; shelf->indexes && i < options->count; i++)
        pthread_mutex_init(&shelf->indexes[i].lock, NULL),
            pthread_mutex_init(&shelf->indexes[i].maps.lock, NULL);
    for (size_t i = 0; i < options->count && !rc; i++)
        rc = open_index(&shelf->indexes[i], &shelf->options, i, &shelf->arena, err);
    if (rc)
        shelf_free(shelf);
    else
        *out = shelf;
    return rc;
}

static int reload(struct shelf_index *index, struct err *err)
{
    struct reader search, items;
    int rc = reader_open(&search, &index->place, true, err);
    if (!rc) {
        rc = reader_open(&items, &index->place, false, err);
        if (rc)
            reader_close(&search);
    }
    if (rc)
        return rc;
    pthread_mutex_lock(&index->lock);
    struct reader old_next = index->next, old_items = index->items;
    index->next = search;
    index->items = items;
    pthread_mutex_unlock(&index->lock);
    reader_close(&old_next);
    reader_close(&old_items);
    return 0;
}

int shelf_reload(struct shelf *shelf, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < shelf->options.count; i++) {
        const int one = reload(&shelf->indexes[i], rc ? NULL : err);
        rc = rc ? rc : one;
    }
    return rc;
}

void shelf_free(struct shelf *shelf)
{
    if (!shelf)
        return;
    for (size_t i = 0; shelf->indexes && i < shelf->options.count; i++) {
        struct shelf_index *index = &shelf->indexes[i];
        batcher_free(index->batcher);
        writer_free(index->writer);
        reader_close(&index->search);
        reader_close(&index->items);
        reader_close(&index->next);
        pthread_mutex_destroy(&index->lock);
        maps_release(&index->maps);
    }
    free(shelf->indexes);
    arena_release(&shelf->arena);
    free(shelf);
}

size_t shelf_count(const struct shelf *shelf)
{
    return shelf->options.count;
}

const char *shelf_name(const struct shelf *shelf, size_t i)
{
    return shelf->indexes[i].place.name;
}

int shelf_find(struct shelf_index **out, const struct shelf *shelf, const char *name, struct err *err)
{
    for (size_t i = 0; i < shelf->options.count; i++) {
        if (!name || !strcmp(name, shelf->indexes[i].place.name)) {
            *out = &shelf->indexes[i];
            return 0;
        }
    }
    if (!name)
        return err_set(err, ERR_NOT_FOUND, "this service has no index");
    return err_set(err, ERR_NOT_FOUND, "this service has no index '%s'", name);
}
