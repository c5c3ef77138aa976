// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: maps of an index.
 *
 * A map is the items of one kind in the plane of their two principal components, as `diptych index map` makes it. It
 * is made when it is first asked for, on that request's thread, and again once items have come or gone.
 */
#ifndef DIPTYCH_SERVICE_MAP_H
#define DIPTYCH_SERVICE_MAP_H

#include "index/index.h"

#include <pthread.h>

/* Items by rising id. */
struct map {
    const char *state; /* of the index that it is of: map_state's */
    const char *file;  /* that the rows are of: map_file's */
    size_t count;
    const int64_t *ids, *rows; // (count)
    const float *points;       // (count, 2)
    double explained[2];       /* the share of the variance that each component holds */
};

/* The maps of an index, by enum index_kind. Zeroed: none is made yet. */
struct maps {
    pthread_mutex_t lock; /* of what follows; not held while a map is made */
    struct made_map {
        struct map map;
        struct arena arena;
        bool making;
    } made[3];
};

/* What tells the file of an index's vectors from any other, one of the same path in an index made anew too, in the arena.
 * NULL when out of memory. */
const char *map_file(const struct index_info *info, struct arena *arena);

/* What tells one state of an index's items from another, in the arena: map_file's, a blank, and more. NULL when out of
 * memory. */
const char *map_state(const struct index_info *info, struct arena *arena);

/* The map in this state of the index at `path`, or in a later one; all of it in the arena. `kept`: one that was made
 * before will do, as long as its rows are the index's.
 *
 *   ERR_BUSY      another request is making it
 *   ERR_ARGUMENT  there are fewer than three such items
 *   ERR_LIMIT     more than MAP_ITEMS
 *   and the errors of index_open and index_matrix */
enum { MAP_ITEMS = 1 << 18 };
int map_get(struct map *out, struct maps *maps, const char *state, const char *path, enum index_kind kind,
    bool kept, struct arena *arena, const struct job *job, struct err *err);
void maps_release(struct maps *maps);

/* The rows of items that lie within a part of the map: (rows / 64 + 1) words as struct index_rows has them. */
struct map_region {
    const uint64_t *mask;
    int64_t rows;     /* that it has bits for */
    const char *file; /* the map's */
};

/* sides: left, bottom, right and top. In the arena. ERR_MEMORY. */
int map_region(struct map_region *out, const struct map *map, const double sides[4], struct arena *arena,
    struct err *err);

/* Leaves only those rows of the index whose vectors are in that file, map_file's. ERR_BUSY: it has been compacted or made
 * anew since the map was made; ERR_MEMORY. */
int map_region_keep(
    struct index_rows *rows, const struct map_region *region, const char *file, struct err *err);

#endif
