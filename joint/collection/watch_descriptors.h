// SPDX-License-Identifier: Apache-2.0
/* The paths of folders by inotify's watch descriptors. A descriptor stands for a folder, and links may give that several
 * paths. */
#ifndef DIPTYCH_COLLECTION_WATCH_DESCRIPTORS_H
#define DIPTYCH_COLLECTION_WATCH_DESCRIPTORS_H

#include "base/base.h"

struct watched {
    char *path; /* NULL: none with this descriptor */
    bool deep;  /* with all that lies below */
    struct watched *next;
};

/* Zero-initialise. */
struct descriptors {
    struct watched *first; // (room)
    size_t room, count;    /* count: paths */
};

/* Adds a path, unless it is known: then it is as deep as it was, or deeper. ERR_MEMORY. */
int descriptors_add(struct descriptors *all, int wd, const char *path, bool deep, struct err *err);

/* The n-th path of a descriptor; NULL: it has fewer. */
const struct watched *descriptors_find(const struct descriptors *all, int wd, size_t n);
bool descriptors_have(const struct descriptors *all, const char *path);

void descriptors_drop(struct descriptors *all, int wd);

/* Drops those paths of a descriptor that are this one or lie below it: whether these were its last. */
bool descriptors_drop_below(struct descriptors *all, int wd, const char *path);
void descriptors_release(struct descriptors *all);

#endif
