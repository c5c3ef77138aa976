// SPDX-License-Identifier: Apache-2.0
#include "service/residence.h"
#include "service/wait.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

struct residence {
    struct residence_options options;
    pthread_t keeper;
    bool started;         /* the thread */
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    enum { AWAY, ON_THE_WAY /* to either */, THERE } state;
    size_t holders;
    double used; /* when the last one let it go */
    bool closing;
};

/* ---- holding ------------------------------------------------------------------------------------------- */

/* Does what takes long with the lock open: nobody else touches what is on the way. */
static int load(struct residence *residence, struct err *err)
{
    residence->state = ON_THE_WAY;
    pthread_mutex_unlock(&residence->lock);
    const int rc = residence->options.load(residence->options.context, err);
    pthread_mutex_lock(&residence->lock);
    residence->state = rc ? AWAY : THERE;
    pthread_cond_broadcast(&residence->changed);
    return rc;
}

int residence_hold(struct residence *residence, const struct job *job, struct err *err)
{
    int rc = 0;
    pthread_mutex_lock(&residence->lock);
    while (residence->state == ON_THE_WAY && !rc)
        rc = wait_or_step(&residence->changed, &residence->lock, job, err);
    if (residence->state == AWAY && !rc)
        rc = load(residence, err);
    residence->holders += !rc;
    pthread_mutex_unlock(&residence->lock);
    return rc;
}

bool residence_try_hold(struct residence *residence)
{
    pthread_mutex_lock(&residence->lock);
    const bool there = residence->state == THERE;
    residence->holders += there;
    pthread_mutex_unlock(&residence->lock);
    return there;
}

void residence_let_go(struct residence *residence)
{
    pthread_mutex_lock(&residence->lock);
    residence->used = time_now();
    if (!--residence->holders)
        pthread_cond_broadcast(&residence->changed);
    pthread_mutex_unlock(&residence->lock);
}

bool residence_there(struct residence *residence)
{
    pthread_mutex_lock(&residence->lock);
    const bool there = residence->state == THERE;
    pthread_mutex_unlock(&residence->lock);
    return there;
}

/* ---- giving back --------------------------------------------------------------------------------------- */

/* Until something changes, or for so many seconds. */
static void wait_seconds(struct residence *residence, double seconds)
{
    enum { SECOND_NS = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)((seconds - floor(seconds)) * SECOND_NS) + 1;
    until.tv_sec += until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;
    pthread_cond_timedwait(&residence->changed, &residence->lock, &until);
}

static void unload(struct residence *residence)
{
    residence->state = ON_THE_WAY;
    pthread_mutex_unlock(&residence->lock);
    residence->options.unload(residence->options.context);
    pthread_mutex_lock(&residence->lock);
    residence->state = AWAY;
    pthread_cond_broadcast(&residence->changed);
}

static void *keep(void *context)
{
    struct residence *residence = context;
    pthread_mutex_lock(&residence->lock);
    while (!residence->closing) {
        const double left = residence->used + residence->options.idle_seconds - time_now();
        if (residence->state != THERE || residence->holders)
            pthread_cond_wait(&residence->changed, &residence->lock);
        else if (left > 0)
            wait_seconds(residence, left);
        else
            unload(residence);
    }
    pthread_mutex_unlock(&residence->lock);
    return NULL;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

int residence_open(struct residence **out, const struct residence_options *options, struct err *err)
{
    struct residence *residence = mem_new(1, sizeof *residence);
    if (!residence)
        return err_memory(err, sizeof *residence);
    residence->options = *options;
    residence->state = THERE;
    residence->used = time_now();
    pthread_mutex_init(&residence->lock, NULL);
    pthread_cond_init(&residence->changed, NULL);
    const bool wanted = options->idle_seconds > 0;
    residence->started = wanted && !pthread_create(&residence->keeper, NULL, keep, residence);
    if (wanted && !residence->started) {
        residence_free(residence);
        return err_set(err, ERR_LIMIT, "no thread to give memory back: the system gives no more");
    }
    *out = residence;
    return 0;
}

void residence_free(struct residence *residence)
{
    if (!residence)
        return;
    pthread_mutex_lock(&residence->lock);
    residence->closing = true;
    pthread_cond_broadcast(&residence->changed);
    pthread_mutex_unlock(&residence->lock);
    if (residence->started)
        pthread_join(residence->keeper, NULL);
    pthread_cond_destroy(&residence->changed);
    pthread_mutex_destroy(&residence->lock);
    free(residence);
}
