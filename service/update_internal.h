// SPDX-License-Identifier: Apache-2.0
/* Inside service: an update, as its thread fills it in and its followers read it. */
#ifndef DIPTYCH_SERVICE_UPDATE_INTERNAL_H
#define DIPTYCH_SERVICE_UPDATE_INTERNAL_H

#include "service/update.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PROBLEMS_MAX = 1000 }; /* that are told; the rest is only counted */

struct updates {
    struct engine *engine;
    pthread_mutex_t lock; /* of all that follows, and of what updates say */
    pthread_cond_t changed;
    struct update *list; /* the last one of each index */
    bool stopping;
};

struct update {
    struct update *next;
    struct updates *updates;
    struct writer *writer;
    pthread_t thread;
    atomic_bool cancel;
    size_t users; /* the list, and followers */

    enum { UPDATE_STARTING, UPDATE_RUNNING, UPDATE_ENDED } state;
    uint64_t steps; /* so far: tells whether there is news */
    char unit[64];
    size_t done, total;
    struct strings problems;
    struct sync_counts counts;
    bool began; /* it has had the index */
    double begun, seconds;
    int rc; /* how it ended */
    struct err err;

    /* The thread's own, of the present turn at the index. */
    struct writer_turn turn;
    bool yielded;  /* it ends for those who wait */
    size_t turns;  /* so far */
    size_t before; /* pictures done in turns before */
};

/* One user fewer; the last frees it. The lock is held. */
void update_release(struct update *update);

/* One user more, who reads it as events. The lock is held. */
int update_follow(struct http_stream *out, struct update *update, struct err *err);

#endif
