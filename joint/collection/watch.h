// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of collection_watch share:
 *
 *   watch.c              when to look at what
 *   watch_turn.c         a look: one turn at the index
 *   watch_folders.c      inotify
 *   watch_descriptors.c  its descriptors, and the folders that they stand for
 *   watch_changes.c      paths, until they are worth a look
 *   watch_limits.c       where inotify does not see all
 */
#ifndef DIPTYCH_COLLECTION_WATCH_H
#define DIPTYCH_COLLECTION_WATCH_H

#include "joint/collection/watch_folders.h"

/* What the job was told and still holds, so that it is told once: the messages. */
struct told {
    struct string_map before, now;
};

struct watch {
    const struct watch_options *options;
    const struct job *job;
    double rescan;
    struct sources sources; /* that are watched */
    struct watch_folders folders;
    struct changes changes;
    struct strings parts;           /* to be looked at in the next turn */
    struct told of_folders, of_all; /* reports of opening them, and of looking at all */
    struct told *telling;           /* which of these is under way; NULL: none */

    bool all;             /* all is to be looked at */
    bool began;           /* it has been, once */
    double all_from;      /* not before this, so that it takes a small share of the time */
    double all_ended;     /* when it was, last */
    double later;         /* no turn before this, since one has failed */
    size_t failures;      /* of turns, since the last that went well */
    double looked;        /* at what inotify does not tell, last */
    int64_t catalog[4];   /* size and time of the catalog and its log then */
    bool yielded, ending; /* why a turn was cancelled */
};

/* Looks at w->parts, or at all: one turn at the index. ERR_CANCELLED with w->yielded: it is to be done again. */
int watch_turn(struct sync_counts *counts, struct watch *w, bool all, struct err *err);

/* The job's report, unless it still holds. */
void watch_report(void *watch, const struct err *problem);

/* All that holds has been reported to w->telling. */
void told_end(struct watch *w);

#endif
