// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/watch.h"

#include <string.h>

/* ---- reports ------------------------------------------------------------------------------------------- */

/* What was not reported again no longer holds. */
void told_end(struct watch *w)
{
    struct told *told = w->telling;
    string_map_release(&told->before);
    told->before = told->now;
    told->now = (struct string_map){0};
    w->telling = NULL;
}

/* Out of a look at all, and without memory for it, it is only told. */
void watch_report(void *context, const struct err *problem)
{
    struct watch *w = context;
    struct told *told = w->telling ? w->telling : &w->of_all;
    const size_t length = strlen(problem->msg);
    size_t *known;
    if (!string_map_find(&told->before, problem->msg, length) &&
        !string_map_find(&told->now, problem->msg, length))
        job_report(w->job, problem);
    string_map_add(&known, w->telling ? &told->now : &told->before, problem->msg, length, 0, NULL);
}

/* ---- a turn -------------------------------------------------------------------------------------------- */

/* What happens meanwhile is taken down, so that the kernel's queue stays short. */
static int step(void *context, const char *unit, size_t done, size_t total)
{
    struct watch *w = context;
    const struct watch_options *options = w->options;
    w->changes.all |= folders_read(&w->folders, &w->changes, NULL) != 0;
    w->ending |= job_step(w->job, unit, done, total, NULL) != 0;
    w->yielded |= !w->ending && options->yield && options->yield(options->context, unit, done);
    return w->ending || w->yielded;
}

int watch_turn(struct sync_counts *counts, struct watch *w, bool all, struct err *err)
{
    const struct watch_options *options = w->options;
    const struct job job = {.step = step,
        .report = watch_report,
        .context = w,
        .threads = w->job ? w->job->threads : 0,
        .pool = w->job ? w->job->pool : NULL};
    struct collection *collection;
    *counts = (struct sync_counts){0};
    w->yielded = false;
    int rc = options->take(options->context, &collection, &job, err);
    if (rc)
        return rc;
    w->telling = all ? &w->of_all : NULL; /* after turns that ended early it goes on */
    rc = all ? collection_sync(counts, collection, NULL, &job, err)
             : collection_sync_parts(counts, collection, &w->parts, &job, err);
    if (all && !rc)
        told_end(w);
    w->telling = NULL;
    options->give(options->context, collection);
    return rc;
}
