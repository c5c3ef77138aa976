// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

double time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int thread_default(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

struct loop {
    atomic_size_t next;
    size_t count;
    parallel_body *body;
    void *context;
};

static void *loop_run(void *argument)
{
    struct loop *loop = argument;
    for (size_t i; (i = atomic_fetch_add(&loop->next, 1)) < loop->count;)
        loop->body(loop->context, i);
    return NULL;
}

void parallel_for(size_t count, int threads, parallel_body *body, void *context)
{
    enum { THREADS_MAX = 256 };
    pthread_t helpers[THREADS_MAX];
    struct loop loop = {.count = count, .body = body, .context = context};
    int started = 0;

    while (started < threads - 1 && started < THREADS_MAX && (size_t)started + 1 < count &&
           !pthread_create(&helpers[started], NULL, loop_run, &loop))
        started++;
    loop_run(&loop);
    for (int i = 0; i < started; i++)
        pthread_join(helpers[i], NULL);
}
