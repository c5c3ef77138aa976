// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <stdlib.h>
#include <string.h>

/* ---- the handle ---------------------------------------------------------------------------------------- */

static int job_new(struct diptych_job **out, struct err *err)
{
    int rc = need(out, "out", err);
    if (rc)
        return rc;
    struct diptych_job *job = *out = mem_new(1, sizeof *job);
    if (!job)
        return err_memory(err, sizeof *job);
    atomic_init(&job->cancelled, false);
    rc = pthread_mutex_init(&job->lock, NULL) ? err_set(err, ERR_MEMORY, "no lock to be had") : 0;
    if (rc) {
        free(job);
        *out = NULL;
    }
    return rc;
}

int diptych_job_new(struct diptych_job **out, struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    return facade_end(error, job_new(out, &err), &err, host);
}

void diptych_job_free(struct diptych_job *job)
{
    if (!job)
        return;
    pthread_mutex_destroy(&job->lock);
    free(job);
}

void diptych_job_cancel(struct diptych_job *job)
{
    if (job)
        atomic_store(&job->cancelled, true);
}

int32_t diptych_job_is_cancelled(const struct diptych_job *job)
{
    return job && atomic_load(&job->cancelled);
}

int diptych_job_progress(struct diptych_job *job, struct diptych_progress *out, struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(job, "job", &err);
    if (!rc) {
        pthread_mutex_lock(&job->lock);
        const struct diptych_progress now = job->progress;
        pthread_mutex_unlock(&job->lock);
        rc = info_copy(out, &now, sizeof now, &err);
    }
    return facade_end(error, rc, &err, host);
}

int diptych_job_watch(struct diptych_job *job, diptych_step *step, diptych_report *report, void *context,
    struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    const int rc = need(job, "job", &err);
    if (!rc) {
        job->step = step;
        job->report = report;
        job->context = context;
    }
    return facade_end(error, rc, &err, host);
}

/* ---- as a job of base ---------------------------------------------------------------------------------- */

static int step(void *context, const char *unit, size_t done, size_t total)
{
    struct diptych_job *job = context;
    pthread_mutex_lock(&job->lock);
    job->progress.done = done;
    job->progress.total = total;
    snprintf(job->progress.unit, sizeof job->progress.unit, "%s", unit);
    pthread_mutex_unlock(&job->lock);
    if (atomic_load(&job->cancelled))
        return 1;
    if (!job->step)
        return 0;
    const locale_t own = uselocale(job->host);
    const int stop = job->step(job->context, unit, done, total);
    uselocale(own);
    return stop;
}

static void report(void *context, const struct err *problem)
{
    const struct diptych_job *job = context;
    if (!job->report)
        return;
    const locale_t own = uselocale(job->host);
    job->report(job->context, (int32_t)problem->code, problem->msg);
    uselocale(own);
}

struct job facade_job(struct diptych_job *job, size_t threads, locale_t host)
{
    struct job out = {.threads = (int)threads};
    if (job) {
        job->host = host;
        out.step = step;
        out.report = report;
        out.context = job;
    }
    return out;
}

/* ---- turns --------------------------------------------------------------------------------------------- */

int turns_init(struct turns *turns, struct err *err)
{
    pthread_condattr_t clock;
    if (pthread_mutex_init(&turns->lock, NULL))
        return err_set(err, ERR_MEMORY, "no lock to be had");
    int failure = pthread_condattr_init(&clock);
    if (!failure) {
        pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
        failure = pthread_cond_init(&turns->given, &clock);
        pthread_condattr_destroy(&clock);
    }
    if (failure)
        pthread_mutex_destroy(&turns->lock);
    return failure ? err_set(err, ERR_MEMORY, "no lock to be had") : 0;
}

void turns_release(struct turns *turns)
{
    pthread_cond_destroy(&turns->given);
    pthread_mutex_destroy(&turns->lock);
}

int turns_wait(struct turns *turns, const struct job *job, const char *unit, struct err *err)
{
    enum { WHILE = 250000000 /* ns: how soon the job is looked at again */, SECOND = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WHILE;
    until.tv_sec += until.tv_nsec / SECOND;
    until.tv_nsec %= SECOND;
    pthread_cond_timedwait(&turns->given, &turns->lock, &until);
    pthread_mutex_unlock(&turns->lock); /* a step may take its time */
    const int rc = job_step(job, unit, 0, 0, err);
    pthread_mutex_lock(&turns->lock);
    return rc;
}
