// SPDX-License-Identifier: Apache-2.0
/*
 * The folders that inotify(7) watches for an index, and what it says of them as paths that have changed.
 *
 * Below a source that is a folder all folders are watched, as file_walk goes through them; of a source that is a file, or
 * nothing, the folder it lies in. Whether a source is another folder now, or one whose drive came or went, inotify
 * does not say: folders_moved looks.
 *
 * Of a network drive it says only what this machine does there, and a system lets a user watch so many folders: then
 * `blind` is set, and all has to be looked at now and then.
 */
#ifndef DIPTYCH_COLLECTION_WATCH_FOLDERS_H
#define DIPTYCH_COLLECTION_WATCH_FOLDERS_H

#include "joint/collection/rules.h"
#include "joint/collection/watch_changes.h"
#include "joint/collection/watch_descriptors.h"

#include <sys/types.h>

/* Zero-initialise but for fd, which is -1. */
struct watch_folders {
    int fd; /* inotify's; -1: there is none */
    struct descriptors watched;
    struct string_map sources; /* each source, with its kind */
    struct source_rules rules;
    struct top {
        const char *path; /* of a source, or of the folder that it lies in */
        dev_t device;
        ino_t inode; /* 0: nothing is there */
    } * tops;        // (top_count)
    size_t top_count, top_room;
    const char *own; /* the index's folder, which changes with every look */
    bool blind;      /* not all that happens is seen */
    struct arena arena;
};

/* Watches the sources of the index at `index`. Where not all can be watched, the job has a report that says why, and how
 * often all is looked at. ERR_MEMORY, ERR_CANCELLED. */
int folders_open(struct watch_folders *out, const char *index, const struct sources *sources, double rescan,
    const struct job *job, struct err *err);
void folders_close(struct watch_folders *folders); /* fd is -1 then, and the rest zeroed */

/* Adds what has happened to the changes; it waits for nothing. changes->all: it is to be opened anew, and all to be looked
 * at, since events were lost, or a drive went, or a source came. */
int folders_read(struct watch_folders *folders, struct changes *changes, struct err *err);

/* Whether a source has become another folder or file system, or came, or went. */
bool folders_moved(const struct watch_folders *folders);

/* Whether a path is a source that is no picture, whose change may concern all items. */
bool folders_is_file(const struct watch_folders *folders, const char *path);

#endif
