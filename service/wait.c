// SPDX-License-Identifier: Apache-2.0
#include "service/wait.h"

#include <errno.h>
#include <time.h>

int wait_or_step(pthread_cond_t *cond, pthread_mutex_t *lock, const struct job *job, struct err *err)
{
    enum { TICK_NS = 50000000, SECOND_NS = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_NS;
    until.tv_sec += until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;
    if (pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT)
        return 0;
    pthread_mutex_unlock(lock);
    const int rc = job_step(job, "waiting", 0, 0, err);
    pthread_mutex_lock(lock);
    return rc;
}
