// SPDX-License-Identifier: Apache-2.0
#include "service/keeper.h"
#include "service/engine_embedder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Of one index; all but `ended`, and `thread` and `started`, which the lock is for, is its thread's own. */
struct keeper {
    struct keepers *keepers;
    const char *path;
    struct writer *writer;
    pthread_t thread;
    bool started;
    atomic_bool ended;
    struct job quiet; /* of encoding */
    struct engine_embedder engine;
    struct embedder embedder;
    struct writer_turn turn;
};

struct keepers {
    struct keepers_options options;
    struct keeper *list; // (count)
    size_t count;
    atomic_bool stopping;
    pthread_mutex_t lock; /* held while threads are begun and ended */
};

/* ---- turns --------------------------------------------------------------------------------------------- */

static int step(void *context, const char *unit, size_t done, size_t total)
{
    const struct keeper *keeper = context;
    (void)unit, (void)done, (void)total;
    return keeper->keepers->stopping;
}

static int take(void *context, struct collection **out, const struct job *job, struct err *err)
{
    struct keeper *keeper = context;
    int rc = writer_take(out, keeper->writer, job, err);
    if (rc)
        return rc;
    rc = collection_alpha(&keeper->engine.alpha, collection_index(*out), err);
    if (!rc)
        rc = collection_attach(*out, &keeper->embedder, NULL, err);
    if (rc)
        writer_give(keeper->writer, *out);
    writer_turn_begin(&keeper->turn);
    return rc;
}

static void give(void *context, struct collection *collection)
{
    struct keeper *keeper = context;
    writer_give(keeper->writer, collection);
}

static bool yield(void *context, const char *unit, size_t done)
{
    struct keeper *keeper = context;
    return writer_turn_ends(&keeper->turn, keeper->writer, unit, done);
}

static void report(void *context, const struct err *problem)
{
    struct keeper *keeper = context;
    struct keepers *keepers = keeper->keepers;
    keepers->options.tell(keepers->options.context, problem->msg);
}

static void *run(void *context)
{
    struct keeper *keeper = context;
    struct err err;
    const struct watch_options options = {
        .path = keeper->path, .take = take, .give = give, .yield = yield, .context = keeper};
    const struct job job = {.step = step, .report = report, .context = keeper};
    const int rc = collection_watch(&options, &job, &err);
    if (rc != ERR_CANCELLED)
        report(keeper, &err);
    keeper->ended = true;
    return NULL;
}

/* ---- starting and ending ------------------------------------------------------------------------------- */

static int start(struct keeper *keeper, struct err *err)
{
    keeper->ended = false;
    keeper->started = !pthread_create(&keeper->thread, NULL, run, keeper);
    return keeper->started
               ? 0
               : err_set(err, ERR_LIMIT, "no thread to watch '%s': the system gives no more", keeper->path);
}

static int prepare(struct keeper *keeper, struct keepers *keepers, size_t i, struct err *err)
{
    struct shelf_index *index;
    const int rc = shelf_find(&index, keepers->options.shelf, shelf_name(keepers->options.shelf, i), err);
    if (rc)
        return rc;
    *keeper = (struct keeper){.keepers = keepers,
        .path = keepers->options.paths[i],
        .writer = shelf_writer(index),
        .quiet = {.step = step, .context = keeper},
        .engine = {.engine = keepers->options.engine, .job = &keeper->quiet}};
    keeper->embedder = embedder_of_engine(&keeper->engine);
    return 0;
}

int keepers_open(struct keepers **out, const struct keepers_options *options, struct err *err)
{
    struct keepers *keepers = mem_new(1, sizeof *keepers);
    if (!keepers)
        return err_memory(err, sizeof *keepers);
    pthread_mutex_init(&keepers->lock, NULL);
    keepers->options = *options;
    keepers->count = shelf_count(options->shelf);
    keepers->list = mem_new(keepers->count + 1, sizeof *keepers->list);
    int rc = keepers->list ? 0 : err_memory(err, keepers->count * sizeof *keepers->list);
    for (size_t i = 0; i < keepers->count && !rc; i++)
        rc = prepare(&keepers->list[i], keepers, i, err);
    for (size_t i = 0; i < keepers->count && !rc; i++)
        rc = start(&keepers->list[i], err);
    if (rc) {
        keepers_stop(keepers);
        keepers_free(keepers);
        return rc;
    }
    *out = keepers;
    return 0;
}

static void end(struct keeper *keeper)
{
    if (keeper->started)
        pthread_join(keeper->thread, NULL);
    keeper->started = false;
}

int keepers_resume(struct keepers *keepers, struct err *err)
{
    int rc = 0;
    pthread_mutex_lock(&keepers->lock);
    for (size_t i = 0; i < keepers->count && !rc; i++) {
        if (!keepers->list[i].ended)
            continue;
        end(&keepers->list[i]);
        rc = start(&keepers->list[i], err);
    }
    pthread_mutex_unlock(&keepers->lock);
    return rc;
}

void keepers_stop(struct keepers *keepers)
{
    if (!keepers)
        return;
    keepers->stopping = true;
    pthread_mutex_lock(&keepers->lock);
    for (size_t i = 0; keepers->list && i < keepers->count; i++)
        end(&keepers->list[i]);
    pthread_mutex_unlock(&keepers->lock);
}

void keepers_free(struct keepers *keepers)
{
    if (!keepers)
        return;
    pthread_mutex_destroy(&keepers->lock);
    free(keepers->list);
    free(keepers);
}
