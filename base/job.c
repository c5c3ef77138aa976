// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <stdarg.h>

int job_step(const struct job *job, const char *unit, size_t done, size_t total, struct err *err)
{
    if (job && job->step && job->step(job->context, unit, done, total))
        return err_set(err, ERR_CANCELLED, "interrupted");
    return 0;
}

void job_report(const struct job *job, const struct err *problem)
{
    if (job && job->report)
        job->report(job->context, problem);
}

void job_reportf(const struct job *job, enum err_code code, const char *format, ...)
{
    struct err problem = {.code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(problem.msg, sizeof problem.msg, format, args);
    va_end(args);
    job_report(job, &problem);
}

int job_threads(const struct job *job)
{
    if (job && job->pool)
        return (int)pool_members(job->pool);
    return job && job->threads > 0 ? job->threads : thread_default();
}
