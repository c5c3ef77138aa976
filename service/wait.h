// SPDX-License-Identifier: Apache-2.0
/* Inside service: waiting for other threads without losing sight of the job. */
#ifndef DIPTYCH_SERVICE_WAIT_H
#define DIPTYCH_SERVICE_WAIT_H

#include "base/base.h"

#include <pthread.h>

/* Waits for a signal, or for a twentieth of a second, in which the job's step is asked, with the lock open, whether to
 * go on: 0 or ERR_CANCELLED. The lock is held before and after. */
int wait_or_step(pthread_cond_t *cond, pthread_mutex_t *lock, const struct job *job, struct err *err);

#endif
