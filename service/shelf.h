// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: the indexes it answers from, by name.
 *
 * Each index has a thread that searches. Searches of many requests that want all items are one scan; the index is
 * brought to its last committed state before each, so what another process has added is found at once, and an index that
 * has been put in its place is opened.
 */
#ifndef DIPTYCH_SERVICE_SHELF_H
#define DIPTYCH_SERVICE_SHELF_H

#include "joint/collection/collection.h"
#include "service/batcher.h"
#include "service/map.h"
#include "service/writer.h"

struct shelf;
struct shelf_index;

struct shelf_options {
    const char *const *names; // (count): of the indexes, in requests
    const char *const *paths; // (count)
    size_t count;
    const char *fingerprint; /* of the model: indexes of another are ERR_ARGUMENT */
    size_t width;            /* E */
    struct device *device;
    size_t batch, queue; /* searches done together, and that may wait */
};

/* Where another index has come to a path, or none is there any more, the one that was opened goes on being searched
 * until the new one can be. Errors are those of index_open and index_searcher_open, and of batcher_open. */
int shelf_open(struct shelf **out, const struct shelf_options *options, struct err *err);
void shelf_free(struct shelf *shelf);

/* Opens what lies at the paths beside what is searched now, and only then puts it in its place, so that no search waits.
 * An index that cannot be opened stays as it was, and the others are taken: the error is the first one's. */
int shelf_reload(struct shelf *shelf, struct err *err);
size_t shelf_count(const struct shelf *shelf);
const char *shelf_name(const struct shelf *shelf, size_t i);

/* The index of that name; NULL: the first. ERR_NOT_FOUND, also where there are none. */
int shelf_find(struct shelf_index **out, const struct shelf *shelf, const char *name, struct err *err);

struct shelf_search {
    const float *query; // (E), of length 1; NULL: see hits_query
    struct index_filter filter;
    const struct map_region *region; /* NULL: all of the map */
    bool hide_copies;
    struct hits_wanted wanted;
};

struct shelf_hits {
    struct hit_list list; /* in the arena */
    int64_t chosen;       /* items that were looked at */
};

/* hits_find's hits. ERR_ARGUMENT: a mistake in the filter; ERR_BUSY, ERR_CANCELLED, and hits_find's errors. */
int shelf_search(struct shelf_hits *out, struct shelf_index *index, const struct shelf_search *search,
    struct arena *arena, const struct job *job, struct err *err);

/* The item with this id, and its vector (E) where that is not NULL. ERR_NOT_FOUND. */
int shelf_item(struct index_item *out, float *vector, struct shelf_index *index, int64_t id,
    struct arena *arena, struct err *err);

/* vectors (count, E) of the items with these ids (count), of one state of the index; zeros for one that is not there. */
int shelf_vectors(
    float *vectors, struct shelf_index *index, const int64_t *ids, size_t count, struct err *err);

/* map_state of its last committed state, and map_get; all in the arena. */
int shelf_state(const char **out, struct shelf_index *index, struct arena *arena, struct err *err);
int shelf_map(struct map *out, struct shelf_index *index, enum index_kind kind, bool kept,
    struct arena *arena, const struct job *job, struct err *err);

/* How its pictures are prepared, which those that look for them must be too: collection_alpha. */
int shelf_alpha(enum alpha_rule *out, struct shelf_index *index, struct err *err);

/* Its counts; the strings come from the arena. */
int shelf_info(struct index_info *out, struct shelf_index *index, struct arena *arena, struct err *err);
struct batcher_counts shelf_counts(struct shelf_index *index);

/* By whom it is changed. */
struct writer *shelf_writer(struct shelf_index *index);

#endif
