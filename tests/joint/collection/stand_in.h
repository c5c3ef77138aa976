// SPDX-License-Identifier: Apache-2.0
/*
 * A world for tests of collections without a model: a folder of "pictures", an index, and an embedder whose vectors
 * come from the bytes of a file or text alone. A file that begins with "broken" cannot be decoded, and a text that
 * does cannot be encoded; one that is "locked" cannot be read before the world is unlocked.
 */
#ifndef DIPTYCH_TESTS_STAND_IN_H
#define DIPTYCH_TESTS_STAND_IN_H

#include "joint/collection/collection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH = 16, BATCH = 4 };

struct world {
    struct embedder embedder;
    size_t pictures, texts; /* that the embedder has seen */
    size_t opened;          /* pictures that it has tried to decode */
    bool unlocked;
    size_t steps, end_at; /* of the job; it wants the end at step end_at, 0 for never */
    const char *end_unit; /* or at `end_done` of this unit */
    size_t end_done;
    struct strings reports; /* of the job */
    struct job job;
    struct collection *collection;
    struct sync_counts counts;
    char folder[4096], index[4096];
};

void world_init(struct world *world, const char *name);
void world_release(struct world *world);

/* Opens the world's index for writing, made if it is not there. */
void world_open(struct world *world);
void world_close(struct world *world);

/* Syncs with the sources: 0 or ERR_CANCELLED. NULL: those that the index remembers. */
int world_sync(struct world *world, const struct sources *sources);

/* A file in the folder, and its path, good until the next call. */
const char *world_path(const struct world *world, const char *name);
void world_write(const struct world *world, const char *name, const char *bytes);

/* The vector (WIDTH) of bytes, of length 1. */
void stand_in_vector(float *vector, const char *bytes, size_t size);

/* How many items have this path and, if they have, whether the vector is that of `bytes`. */
size_t world_items(struct world *world, const char *path, const char *bytes);

/* That a picture has this caption and this metadata, or "". */
void world_expect_said(struct world *world, const char *name, const char *caption, const char *metadata);

bool world_reported(const struct world *world, const char *text);

#endif
