// SPDX-License-Identifier: Apache-2.0
#include "service/map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SEED = 1 };

/* Two texts as one, in the arena. NULL when out of memory. */
static const char *append(struct arena *arena, const char *text, const char *more)
{
    char *out = arena_alloc(arena, strlen(text) + strlen(more) + 1);
    if (out)
        stpcpy(stpcpy(out, text), more);
    return out;
}

const char *map_file(const struct index_info *info, struct arena *arena)
{
    char text[32];
    struct stat st;
    const uint64_t file = stat(info->vectors, &st) ? 0 : st.st_ino;
    snprintf(text, sizeof text, " %" PRIu64, file);
    return append(arena, info->vectors, text);
}

/* Within a vectors file rows only grow in number, and a commit that adds none leaves fewer items than before. */
const char *map_state(const struct index_info *info, struct arena *arena)
{
    char text[96];
    const char *file = map_file(info, arena);
    snprintf(text, sizeof text, " %" PRId64 " %" PRId64 " %" PRId64, info->rows, info->images, info->texts);
    return file ? append(arena, file, text) : NULL;
}

/* ---- making ---------------------------------------------------------------------------------------------- */

struct list {
    int64_t *ids, *rows; // (count)
    size_t count, room;
};

static int note_item(void *context, const struct index_item *item)
{
    struct list *list = context;
    if (list->count == list->room)
        return 1;
    list->ids[list->count] = item->id;
    list->rows[list->count++] = item->row;
    return 0;
}

static int check_count(int64_t count, struct err *err)
{
    if (count < 3)
        return err_set(err, ERR_ARGUMENT, "the index has %" PRId64 " such items, and a map takes 3", count);
    if (count > MAP_ITEMS)
        return err_set(err, ERR_LIMIT, "the index has %" PRId64 " such items, and a map takes up to %d",
            count, MAP_ITEMS);
    return 0;
}

/* The arrays of a map of so many items, in the arena. */
static int map_alloc(struct map *map, int64_t **ids, int64_t **rows, float **points, size_t count,
    struct arena *arena, struct err *err)
{
    map->count = count;
    map->ids = *ids = arena_alloc(arena, (count + 1) * sizeof **ids);
    map->rows = *rows = arena_alloc(arena, (count + 1) * sizeof **rows);
    map->points = *points = arena_alloc(arena, (count + 1) * 2 * sizeof **points);
    return *ids && *rows && *points ? 0 : err_memory(err, count * 2 * sizeof **points);
}

static int map_make(struct map *map, struct index *index, enum index_kind kind, struct arena *arena,
    const struct job *job, struct err *err)
{
    const struct index_filter filter = {.kind = kind};
    const struct index_info info = index_info(index);
    struct index_rows rows = {0};
    struct list list = {0};
    float *vectors = NULL, *points; // (count, E), (count, 2)
    int64_t *numbers = NULL;
    map->state = map_state(&info, arena);
    map->file = map_file(&info, arena);
    int rc = map->state && map->file ? index_rows(&rows, index, &filter, err) : err_memory(err, 0);
    if (!rc)
        rc = check_count(rows.chosen, err);
    list.room = (size_t)rows.chosen;
    if (!rc)
        rc = map_alloc(map, &list.ids, &list.rows, &points, list.room, arena, err);
    if (!rc)
        rc = index_each(index, &filter, note_item, &list, err);
    if (!rc)
        rc = index_matrix(&vectors, &numbers, index, &rows, job, err);
    if (!rc)
        rc = embedding_map(points, map->explained, vectors, map->count, rows.width, SEED, job, err);
    free(numbers);
    free(vectors);
    index_rows_release(&rows);
    return rc;
}

static void made_release(struct made_map *made)
{
    arena_release(&made->arena);
    *made = (struct made_map){0};
}

static int make(
    struct made_map *out, const char *path, enum index_kind kind, const struct job *job, struct err *err)
{
    struct index *index = NULL;
    *out = (struct made_map){0};
    int rc = index_open(&index, path, INDEX_READ, NULL, err);
    if (!rc)
        rc = map_make(&out->map, index, kind, &out->arena, job, err);
    index_free(index);
    if (rc)
        made_release(out);
    return rc;
}

/* ---- keeping --------------------------------------------------------------------------------------------- */

static int map_copy(struct map *out, const struct map *map, struct arena *arena, struct err *err)
{
    int64_t *ids, *rows;
    float *points;
    *out = *map;
    out->state = arena_copy(arena, map->state, strlen(map->state));
    out->file = arena_copy(arena, map->file, strlen(map->file));
    const int rc = map_alloc(out, &ids, &rows, &points, map->count, arena, err);
    if (rc || !out->state || !out->file)
        return err_memory(err, map->count);
    memcpy(ids, map->ids, map->count * sizeof *ids);
    memcpy(rows, map->rows, map->count * sizeof *rows);
    memcpy(points, map->points, map->count * 2 * sizeof *points);
    return 0;
}

/* Whether a map is of this state or, where that is enough, of the same vectors file. */
static bool map_fits(const struct map *map, const char *state, bool kept)
{
    if (!map->state || !kept)
        return map->state && !strcmp(map->state, state);
    const size_t length = strlen(map->file);
    return !strncmp(map->file, state, length) && state[length] == ' ';
}

int map_get(struct map *out, struct maps *maps, const char *state, const char *path, enum index_kind kind,
    bool kept, struct arena *arena, const struct job *job, struct err *err)
{
    struct made_map *last = &maps->made[kind], made;
    pthread_mutex_lock(&maps->lock);
    const bool there = map_fits(&last->map, state, kept), making = last->making;
    int rc = there ? map_copy(out, &last->map, arena, err) : 0;
    last->making = making || !there;
    pthread_mutex_unlock(&maps->lock);
    if (there)
        return rc;
    if (making)
        return err_set(err, ERR_BUSY, "the map is being made");
    rc = make(&made, path, kind, job, err);
    if (!rc)
        rc = map_copy(out, &made.map, arena, err);
    pthread_mutex_lock(&maps->lock);
    if (!rc) {
        made_release(last);
        *last = made;
    }
    last->making = false;
    pthread_mutex_unlock(&maps->lock);
    return rc;
}

void maps_release(struct maps *maps)
{
    for (size_t i = 0; i < sizeof maps->made / sizeof *maps->made; i++)
        made_release(&maps->made[i]);
    pthread_mutex_destroy(&maps->lock);
}

/* ---- a part of it ---------------------------------------------------------------------------------------- */

int map_region(struct map_region *out, const struct map *map, const double sides[4], struct arena *arena,
    struct err *err)
{
    const int64_t rows = map->count ? map->rows[map->count - 1] + 1 : 0;
    uint64_t *mask = arena_alloc(arena, (size_t)(rows / 64 + 1) * sizeof *mask);
    if (!mask)
        return err_memory(err, (size_t)rows / 8);
    for (size_t i = 0; i < map->count; i++) {
        const double x = map->points[2 * i], y = map->points[2 * i + 1];
        if (x >= sides[0] && y >= sides[1] && x <= sides[2] && y <= sides[3])
            mask[map->rows[i] / 64] |= UINT64_C(1) << map->rows[i] % 64;
    }
    *out = (struct map_region){mask, rows, map->file};
    return 0;
}

int map_region_keep(
    struct index_rows *rows, const struct map_region *region, const char *file, struct err *err)
{
    if (strcmp(file, region->file))
        return err_set(err, ERR_BUSY, "the index has changed meanwhile");
    const size_t words = (size_t)(rows->count + 63) / 64, known = (size_t)(region->rows + 63) / 64;
    uint64_t *mask = mem_new(words + 1, sizeof *mask);
    if (!mask)
        return err_memory(err, words * sizeof *mask);
    rows->chosen = 0;
    for (size_t i = 0; i < words && i < known; i++) {
        mask[i] = region->mask[i] & (rows->mask ? rows->mask[i] : UINT64_MAX);
        rows->chosen += __builtin_popcountll(mask[i]);
    }
    free(rows->owned);
    rows->mask = rows->owned = mask;
    return 0;
}
