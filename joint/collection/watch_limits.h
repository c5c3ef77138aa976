// SPDX-License-Identifier: Apache-2.0
/* Where inotify does not see all that happens, and how that is said. */
#ifndef DIPTYCH_COLLECTION_WATCH_LIMITS_H
#define DIPTYCH_COLLECTION_WATCH_LIMITS_H

#include "joint/collection/rules.h"

/* A folder on a drive that others change too, or may: statfs(2) says so. Zero-initialise. */
struct network_drive {
    const char *type;  /* "NFS"; NULL: none was found */
    char folder[4096]; /* the first */
};
void network_drive_find(struct network_drive *out, const char *folder);
void network_drive_report(const struct network_drive *drive, double rescan, const struct job *job);

/* Says why not all folders of the sources are watched, by errno of inotify_add_watch(2) or, without `opened`, of
 * inotify_init(2), and which limit to raise to what. ERR_CANCELLED, ERR_IO, ERR_MEMORY. */
int limits_report(int number, bool opened, const struct sources *sources, size_t watched, double rescan,
    const struct job *job, struct err *err);

#endif
