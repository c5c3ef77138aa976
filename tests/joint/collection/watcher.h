// SPDX-License-Identifier: Apache-2.0
/*
 * A world of a stand-in's, with a watch of its index on a thread of its own. It has two pictures, lib/a.png and
 * lib/deep/b.png, and a text of lines.txt. What a test expects it waits for, a minute at most.
 */
#ifndef DIPTYCH_TESTS_WATCHER_H
#define DIPTYCH_TESTS_WATCHER_H

#include "tests/joint/collection/stand_in.h"

#include <pthread.h>
#include <stdatomic.h>

struct watcher {
    struct world w;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct strings reports;
    size_t turns;                                     /* that have changed something, and the first */
    size_t takes;                                     /* of the collection */
    size_t folders;                                   /* watched */
    atomic_size_t failing;                            /* so many takes fail first */
    atomic_size_t yields;                             /* so many times a turn ends early */
    void (*_Atomic stepped)(struct watcher *watcher); /* once, in the next turn */
    atomic_bool end;
    double rescan;
    int rc;
    struct err err;
};

/* Makes the world, starts the watch, and waits for its first turn. */
void watcher_begin(struct watcher *watcher, const char *name);

/* Ends the watch, which must have gone well, and looks whether the index is sound. */
void watcher_finish(struct watcher *watcher);

/* The watch of the same world on this thread, until it ends. */
int watcher_run(struct watcher *watcher);

void expect_count(struct watcher *watcher, const size_t *count, size_t least);
void expect_report(struct watcher *watcher, const char *text);
size_t reported(struct watcher *watcher, const char *text);

/* So many pictures at the path of that name in the world; NULL: in all. */
void expect_pictures(struct watcher *watcher, const char *name, size_t count);
void expect_caption(struct watcher *watcher, const char *name, const char *caption);
void expect_text(struct watcher *watcher, const char *text);

void make_folder(const struct watcher *watcher, const char *name);
void move(const struct watcher *watcher, const char *from, const char *to);

#endif
