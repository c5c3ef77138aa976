// SPDX-License-Identifier: Apache-2.0
#include "service/engine_embedder.h"
#include "service/update_internal.h"
#include "service/wait.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what it says -------------------------------------------------------------------------------------- */

static int step(void *context, const char *unit, size_t done, size_t total)
{
    struct update *update = context;
    const bool pictures = !strcmp(unit, "pictures");
    pthread_mutex_lock(&update->updates->lock);
    snprintf(update->unit, sizeof update->unit, "%s", unit);
    update->done = pictures ? update->before + done : done;
    update->total = pictures ? update->before + total : total;
    update->steps++;
    pthread_mutex_unlock(&update->updates->lock);
    update->yielded |= writer_turn_ends(&update->turn, update->writer, unit, done);
    return update->cancel || update->yielded;
}

static int may_go_on(void *context, const char *unit, size_t done, size_t total)
{
    const struct update *update = context;
    (void)unit, (void)done, (void)total;
    return update->cancel;
}

/* What fails fails again in the next turn. */
static bool is_told(const struct strings *problems, const char *text)
{
    for (size_t i = 0; i < problems->count; i++)
        if (!strcmp(problems->items[i], text))
            return true;
    return false;
}

static void report(void *context, const struct err *problem)
{
    struct update *update = context;
    pthread_mutex_lock(&update->updates->lock);
    if (update->problems.count < PROBLEMS_MAX && !is_told(&update->problems, problem->msg))
        strings_add(&update->problems, problem->msg, strlen(problem->msg), NULL);
    pthread_mutex_unlock(&update->updates->lock);
}

/* ---- turns --------------------------------------------------------------------------------------------- */

/* Adds up what turns have done; what they found is as the last one found it, but for what others have put there. */
static void add_counts(struct sync_counts *sum, const struct sync_counts *turn, bool first)
{
    const struct sync_counts before = *sum;
    const size_t put =
        before.pictures.new + before.pictures.changed + before.pictures.copied + before.pictures.moved;
    const size_t texts = before.texts.new + before.texts.copied;
    *sum = *turn;
    sum->pictures.new += before.pictures.new;
    sum->pictures.changed += before.pictures.changed;
    sum->pictures.copied += before.pictures.copied;
    sum->pictures.moved += before.pictures.moved;
    sum->pictures.gone += before.pictures.gone;
    sum->pictures.excluded += before.pictures.excluded;
    sum->pictures.unchanged -= put < turn->pictures.unchanged ? put : turn->pictures.unchanged;
    sum->texts.new += before.texts.new;
    sum->texts.copied += before.texts.copied;
    sum->texts.gone += before.texts.gone;
    sum->texts.unchanged -= texts < turn->texts.unchanged ? texts : turn->texts.unchanged;
    if (!first &&
        turn->pictures.failed_before > before.pictures.failed_before) { /* in a turn of this update */
        const size_t own = turn->pictures.failed_before - before.pictures.failed_before;
        sum->pictures.failed_before = before.pictures.failed_before;
        sum->pictures.failed += own;
        sum->failed += own;
    }
    sum->described += before.described;
    sum->encoded += before.encoded;
}

static int run_turn(struct update *update, struct collection *collection, struct err *err)
{
    const struct job quiet = {.step = may_go_on, .context = update};
    const struct job job = {.step = step, .report = report, .context = update};
    struct engine_embedder engine = {.engine = update->updates->engine, .job = &quiet};
    struct sync_counts counts = {0};
    int rc = collection_alpha(&engine.alpha, collection_index(collection), err);
    const struct embedder embedder = embedder_of_engine(&engine);
    if (!rc)
        rc = collection_attach(collection, &embedder, NULL, err);
    writer_turn_begin(&update->turn);
    update->yielded = false;
    if (!rc)
        rc = collection_sync(&counts, collection, NULL, &job, err);
    pthread_mutex_lock(&update->updates->lock);
    add_counts(&update->counts, &counts, !update->turns++);
    update->before =
        update->counts.pictures.new + update->counts.pictures.changed + update->counts.pictures.copied;
    pthread_mutex_unlock(&update->updates->lock);
    return rc;
}

static void enter(struct update *update, int state, int rc)
{
    pthread_mutex_lock(&update->updates->lock);
    update->state = state;
    update->began |= state == UPDATE_RUNNING;
    update->rc = rc;
    update->seconds = time_now() - update->begun;
    pthread_cond_broadcast(&update->updates->changed);
    pthread_mutex_unlock(&update->updates->lock);
}

/* A writer of another process who has come between two turns is waited for. */
static int take(struct collection **out, struct update *update)
{
    const struct job quiet = {.step = may_go_on, .context = update};
    const struct timespec pause = {.tv_nsec = 50000000};
    int rc;
    while ((rc = writer_take(out, update->writer, &quiet, &update->err)) == ERR_BUSY && update->began &&
           !update->cancel)
        nanosleep(&pause, NULL);
    return rc;
}

static void *run(void *context)
{
    struct update *update = context;
    int rc;
    do {
        struct collection *collection;
        rc = take(&collection, update);
        if (rc)
            break;
        enter(update, UPDATE_RUNNING, 0);
        rc = run_turn(update, collection, &update->err);
        writer_give(update->writer, collection);
    } while (rc == ERR_CANCELLED && update->yielded && !update->cancel);
    enter(update, UPDATE_ENDED, rc && update->cancel ? ERR_CANCELLED : rc);
    return NULL;
}

/* ---- starting and ending ------------------------------------------------------------------------------- */

static struct update *find(struct updates *updates, const struct writer *writer)
{
    struct update *update = updates->list;
    while (update && update->writer != writer)
        update = update->next;
    return update;
}

void update_release(struct update *update)
{
    if (--update->users)
        return;
    strings_release(&update->problems);
    free(update);
}

/* Takes one that has ended out of the list. */
static void drop(struct updates *updates, struct update *update)
{
    struct update **at = &updates->list;
    while (*at != update)
        at = &(*at)->next;
    *at = update->next;
    pthread_join(update->thread, NULL);
    update_release(update);
}

static int start(struct update **out, struct updates *updates, struct writer *writer, struct err *err)
{
    struct update *update = mem_new(1, sizeof *update);
    if (!update)
        return err_memory(err, sizeof *update);
    update->updates = updates;
    update->writer = writer;
    update->users = 1;
    update->begun = time_now();
    if (pthread_create(&update->thread, NULL, run, update)) {
        free(update);
        return err_set(err, ERR_LIMIT, "no thread for an update: the system gives no more");
    }
    update->next = updates->list;
    updates->list = update;
    *out = update;
    return 0;
}

static bool never_began(const struct update *update)
{
    return update->state == UPDATE_ENDED && !update->began;
}

/* Waits until an update has the index, and follows it. The lock is held. */
static int join(struct http_stream *out, struct update *update, const struct job *job, struct err *err)
{
    struct updates *updates = update->updates;
    int rc = 0;
    update->users++;
    while (!rc && update->state == UPDATE_STARTING)
        rc = wait_or_step(&updates->changed, &updates->lock, job, err);
    if (!rc && never_began(update))
        rc = err_set(err, update->err.code, "%s", update->err.msg);
    if (!rc)
        rc = update_follow(out, update, err);
    update_release(update);
    return rc;
}

int updates_start(struct http_stream *out, struct updates *updates, struct writer *writer,
    const struct job *job, struct err *err)
{
    int rc = 0;
    pthread_mutex_lock(&updates->lock);
    struct update *update = find(updates, writer);
    if (updates->stopping) {
        rc = err_set(err, ERR_BUSY, "the service is ending");
    } else if (update && update->state == UPDATE_ENDED) {
        drop(updates, update);
        update = NULL;
    }
    if (!rc && !update)
        rc = start(&update, updates, writer, err);
    if (!rc)
        rc = join(out, update, job, err);
    pthread_mutex_unlock(&updates->lock);
    return rc;
}

int updates_follow(
    struct http_stream *out, struct updates *updates, const struct writer *writer, struct err *err)
{
    pthread_mutex_lock(&updates->lock);
    struct update *update = find(updates, writer);
    const int rc = update && !never_began(update)
                       ? update_follow(out, update, err)
                       : err_set(err, ERR_NOT_FOUND, "no update of the index '%s' has been started",
                             writer_name(writer));
    pthread_mutex_unlock(&updates->lock);
    return rc;
}

int updates_cancel(struct updates *updates, const struct writer *writer, struct err *err)
{
    pthread_mutex_lock(&updates->lock);
    struct update *update = find(updates, writer);
    const bool runs = update && update->state != UPDATE_ENDED;
    if (runs)
        update->cancel = true;
    pthread_mutex_unlock(&updates->lock);
    return runs
               ? 0
               : err_set(err, ERR_NOT_FOUND, "no update of the index '%s' is under way", writer_name(writer));
}

int updates_open(struct updates **out, struct engine *engine, struct err *err)
{
    struct updates *updates = mem_new(1, sizeof *updates);
    if (!updates)
        return err_memory(err, sizeof *updates);
    updates->engine = engine;
    pthread_mutex_init(&updates->lock, NULL);
    pthread_cond_init(&updates->changed, NULL);
    *out = updates;
    return 0;
}

void updates_stop(struct updates *updates)
{
    if (!updates)
        return;
    pthread_mutex_lock(&updates->lock);
    updates->stopping = true;
    for (struct update *update = updates->list; update; update = update->next)
        update->cancel = true;
    for (struct update *update = updates->list; update; update = update->next)
        while (update->state != UPDATE_ENDED)
            pthread_cond_wait(&updates->changed, &updates->lock);
    pthread_mutex_unlock(&updates->lock);
}

void updates_free(struct updates *updates)
{
    if (!updates)
        return;
    while (updates->list)
        drop(updates, updates->list);
    pthread_cond_destroy(&updates->changed);
    pthread_mutex_destroy(&updates->lock);
    free(updates);
}
