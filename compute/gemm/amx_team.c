// SPDX-License-Identifier: Apache-2.0
/* Threads that are kept between loops. They are as many as the CPUs this process may use, less the one that
 * calls, begin with the first loop and end with the process. */
#include "compute/gemm/amx.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS_MAX = 256, PAUSES = 1000 /* some tens of microseconds */ };

/* The part of a loop that a thread begins with; the others take from it when theirs is done. */
struct stretch {
    _Alignas(64) atomic_size_t next;
    size_t end;
};

static struct {
    pthread_once_t once;
    pthread_mutex_t turn; /* held by the caller whose loop runs */
    size_t threads;

    pthread_mutex_t lock; /* guards sleeping */
    pthread_cond_t opened;
    size_t asleep;

    _Alignas(64) atomic_size_t number; /* of loops so far; a helper that comes late finds nothing to do */
    _Alignas(64) atomic_size_t inside; /* helpers that work on the loop, and CLOSED */

    struct stretch stretches[THREADS_MAX];
    amx_body *body;
    void *context;
} team = {
    .once = PTHREAD_ONCE_INIT,
    .turn = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .opened = PTHREAD_COND_INITIALIZER,
};

#define CLOSED (SIZE_MAX / 2 + 1)

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void loop_run(size_t thread)
{
    for (size_t other = 0; other < team.threads; other++) {
        struct stretch *stretch = &team.stretches[(thread + other) % team.threads];
        for (size_t i; (i = atomic_fetch_add(&stretch->next, 1)) < stretch->end;)
            team.body(team.context, thread, i);
    }
}

/* Until a loop after number `seen` has been opened: awake for a while, since products follow each other, and
 * then asleep. */
static size_t loop_wait(size_t seen)
{
    size_t number;
    for (int i = 0; i < PAUSES; i++) {
        if ((number = atomic_load(&team.number)) != seen)
            return number;
        pause_briefly();
    }
    pthread_mutex_lock(&team.lock);
    team.asleep++;
    while ((number = atomic_load(&team.number)) == seen)
        pthread_cond_wait(&team.opened, &team.lock);
    team.asleep--;
    pthread_mutex_unlock(&team.lock);
    return number;
}

static void *helper_run(void *argument)
{
    const size_t thread = (size_t)(uintptr_t)argument;
    for (size_t seen = 0;;) {
        seen = loop_wait(seen);
        if (!(atomic_fetch_add(&team.inside, 1) & CLOSED))
            loop_run(thread);
        atomic_fetch_sub(&team.inside, 1);
    }
    return NULL;
}

static void team_start(void)
{
    const size_t cpus = (size_t)thread_default(), wanted = cpus < THREADS_MAX ? cpus : THREADS_MAX;
    pthread_attr_t detached;
    pthread_t helper;
    team.threads = 1;
    atomic_store(&team.inside, CLOSED);
    if (pthread_attr_init(&detached))
        return;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while (team.threads < wanted &&
           !pthread_create(&helper, &detached, helper_run, (void *)(uintptr_t)team.threads))
        team.threads++;
    pthread_attr_destroy(&detached);
}

size_t amx_threads(void)
{
    pthread_once(&team.once, team_start);
    return team.threads;
}

static void loop_open(void)
{
    atomic_fetch_sub(&team.inside, CLOSED);
    atomic_fetch_add(&team.number, 1);
    pthread_mutex_lock(&team.lock);
    if (team.asleep)
        pthread_cond_broadcast(&team.opened);
    pthread_mutex_unlock(&team.lock);
}

/* Who has not come by now finds nothing to do. */
static void loop_close(void)
{
    atomic_fetch_add(&team.inside, CLOSED);
    for (int i = 0; atomic_load(&team.inside) != CLOSED; i++)
        if (i < PAUSES)
            pause_briefly();
        else
            sched_yield(); /* a helper may be waiting for this CPU */
}

void amx_parallel(size_t count, amx_body *body, void *context)
{
    pthread_once(&team.once, team_start);
    pthread_mutex_lock(&team.turn);
    team.body = body;
    team.context = context;
    for (size_t i = 0; i < team.threads; i++) {
        atomic_store(&team.stretches[i].next, i * count / team.threads);
        team.stretches[i].end = (i + 1) * count / team.threads;
    }
    if (count > 1)
        loop_open();
    loop_run(0);
    if (count > 1)
        loop_close();
    pthread_mutex_unlock(&team.turn);
}
