// SPDX-License-Identifier: Apache-2.0
/* Paths that something has happened to, until they are worth a look: a burst of events of one path is one look, and a file
 * that is being written is left alone until it is closed, or has not changed for a while. */
#ifndef DIPTYCH_COLLECTION_WATCH_CHANGES_H
#define DIPTYCH_COLLECTION_WATCH_CHANGES_H

#include "base/base.h"

/* Zero-initialise. */
struct changes {
    struct change *items; // (count)
    size_t count, room;
    struct string_map numbers; /* of the items, by path */
    struct arena arena;
    bool all; /* more than is worth to be kept: anything may have changed */
};

/* Something has happened to a path now, on time_now's clock. settled: what is there is whole, being closed or moved in;
 * else it must be the same for half a second. ERR_MEMORY. */
int changes_add(struct changes *changes, const char *path, bool settled, double now, struct err *err);

/* Moves paths whose time has come to the list, up to so many in all. ERR_MEMORY. */
int changes_take(struct changes *changes, struct strings *ready, size_t max, double now, struct err *err);

/* When the next path's time comes; 0: there is none. */
double changes_due(const struct changes *changes);
void changes_release(struct changes *changes); /* and zeroes */

#endif
