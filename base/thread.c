// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

double time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int thread_default(void)
{
    cpu_set_t set; /* which machines of more than 1024 CPUs do not fit into */
    const bool fits = !sched_getaffinity(0, sizeof set, &set);
    const long count = fits ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

/* ---- parallel_for: a pool for one loop ----------------------------------------------------------------- */

struct loop {
    parallel_body *body;
    void *context;
};

static void loop_step(void *context, size_t member, size_t i)
{
    const struct loop *loop = context;
    (void)member;
    loop->body(loop->context, i);
}

void parallel_for(size_t count, int threads, parallel_body *body, void *context)
{
    struct loop loop = {body, context};
    struct pool *pool = NULL;
    if (threads > 1 && count > 1)
        pool_open(&pool, count < (size_t)threads ? (int)count - 1 : threads - 1, NULL);
    pool_loop(pool, count, loop_step, &loop);
    pool_free(pool);
}

void job_loop(const struct job *job, size_t count, parallel_body *body, void *context)
{
    struct loop loop = {body, context};
    if (job && job->pool)
        pool_loop(job->pool, count, loop_step, &loop);
    else
        parallel_for(count, job_threads(job), body, context);
}
