// SPDX-License-Identifier: Apache-2.0
#include "service/batcher.h"
#include "service/wait.h"

#include <stdlib.h>

/* Who waits for some items. On the waiter's stack. */
struct call {
    size_t left; /* of its items, queued or under way */
    struct err err;
    pthread_cond_t done;
};

struct ticket {
    void *item;
    struct call *call;
};

struct batcher {
    struct batcher_options options;
    pthread_t thread;
    bool started;         /* the thread */
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work, room;
    struct ticket *queue; // (options.queue), a ring
    size_t first, waiting;
    bool closing, failed;
    double begun; /* when the batch under way was; 0: there is none */
    uint64_t batches, items;

    /* Those who may come back: see wait_for_return. */
    double ended;     /* the last batch did */
    size_t expected;  /* items, if all come back */
    unsigned refrain; /* from waiting, for so many batches ... */
    unsigned doubt;   /* ... and as many after the next disappointment, and one */

    /* The thread's own, for one batch. */
    struct err err;
    struct ticket *taken; // (options.batch)
    void **batch;         // (options.batch)
};

/* ---- the thread ---------------------------------------------------------------------------------------- */

static struct ticket *ticket_at(struct batcher *batcher, size_t i)
{
    return &batcher->queue[(batcher->first + i) % batcher->options.queue];
}

static size_t at_most_a_batch(const struct batcher *batcher, size_t items)
{
    return items < batcher->options.batch ? items : batcher->options.batch;
}

/* Until as many items are there as there would be if all came back whose answers have just gone out, or patience
 * ends. */
static void wait_for_return(struct batcher *batcher)
{
    enum { DOUBT_MAX = 63 };
    const size_t there = batcher->waiting;
    const double until = batcher->ended + batcher->options.patience;
    if (there >= batcher->expected || time_now() >= until)
        return;
    if (batcher->refrain) {
        batcher->refrain--;
        return;
    }
    const struct timespec deadline = {
        .tv_sec = (time_t)until, .tv_nsec = (long)(1e9 * (until - (double)(time_t)until))};
    while (batcher->waiting < batcher->expected && !batcher->closing &&
           !pthread_cond_timedwait(&batcher->work, &batcher->lock, &deadline))
        ;
    const bool worth_it = 2 * (batcher->waiting - there) >= batcher->expected - there;
    if (worth_it)
        batcher->doubt = 0;
    else if (batcher->doubt < DOUBT_MAX)
        batcher->doubt = 2 * batcher->doubt + 1;
    batcher->refrain = batcher->doubt;
}

/* Waits for items and takes a batch of them; 0 at the end. */
static size_t take(struct batcher *batcher)
{
    do {
        while (!batcher->waiting && !batcher->closing)
            pthread_cond_wait(&batcher->work, &batcher->lock);
        wait_for_return(batcher);
    } while (!batcher->waiting && !batcher->closing); /* whoever was there may have gone meanwhile */
    const size_t count = at_most_a_batch(batcher, batcher->waiting);
    for (size_t i = 0; i < count; i++) {
        batcher->taken[i] = *ticket_at(batcher, i);
        batcher->batch[i] = batcher->taken[i].item;
    }
    batcher->first = (batcher->first + count) % batcher->options.queue;
    batcher->waiting -= count;
    batcher->begun = count ? time_now() : 0;
    pthread_cond_broadcast(&batcher->room);
    return count;
}

static void give_back(struct batcher *batcher, size_t count, int rc)
{
    batcher->failed = rc != 0;
    batcher->begun = 0;
    batcher->ended = time_now();
    batcher->expected = at_most_a_batch(batcher, batcher->waiting + count);
    batcher->batches++;
    batcher->items += count;
    for (size_t i = 0; i < count; i++) {
        struct call *call = batcher->taken[i].call;
        if (rc)
            err_set(&call->err, (enum err_code)rc, "%s", batcher->err.msg);
        if (!--call->left)
            pthread_cond_signal(&call->done);
    }
}

static void *work(void *context)
{
    struct batcher *batcher = context;
    pthread_mutex_lock(&batcher->lock);
    for (size_t count; (count = take(batcher));) {
        pthread_mutex_unlock(&batcher->lock);
        const int rc = batcher->options.run(batcher->options.context, batcher->batch, count, &batcher->err);
        pthread_mutex_lock(&batcher->lock);
        give_back(batcher, count, rc);
    }
    pthread_mutex_unlock(&batcher->lock);
    return NULL;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

int batcher_open(struct batcher **out, const struct batcher_options *options, struct err *err)
{
    struct batcher *batcher = mem_new(1, sizeof *batcher);
    if (!batcher)
        return err_memory(err, sizeof *batcher);
    batcher->options = *options;
    pthread_mutex_init(&batcher->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&batcher->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&batcher->room, NULL);
    batcher->queue = mem_new(options->queue, sizeof *batcher->queue);
    batcher->taken = mem_new(options->batch, sizeof *batcher->taken);
    batcher->batch = mem_new(options->batch, sizeof *batcher->batch);
    int rc = batcher->queue && batcher->taken && batcher->batch
                 ? 0
                 : err_memory(err, options->queue * sizeof *batcher->queue);
    batcher->started = !rc && !pthread_create(&batcher->thread, NULL, work, batcher);
    if (!rc && !batcher->started)
        rc = err_set(err, ERR_LIMIT, "no thread for a batch: the system gives no more");
    if (rc)
        batcher_free(batcher);
    else
        *out = batcher;
    return rc;
}

void batcher_free(struct batcher *batcher)
{
    if (!batcher)
        return;
    if (batcher->started) {
        pthread_mutex_lock(&batcher->lock);
        batcher->closing = true;
        pthread_cond_signal(&batcher->work);
        pthread_mutex_unlock(&batcher->lock);
        pthread_join(batcher->thread, NULL);
    }
    pthread_cond_destroy(&batcher->room);
    pthread_cond_destroy(&batcher->work);
    pthread_mutex_destroy(&batcher->lock);
    free(batcher->batch);
    free(batcher->taken);
    free(batcher->queue);
    free(batcher);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

/* Waits until so many items more fit. Only the first of a request may be refused for want of room: what has begun
 * is worth waiting for. */
static int wait_for_room(
    struct batcher *batcher, size_t count, bool begun, const struct job *job, struct err *err)
{
    int rc = 0;
    while (!rc && batcher->waiting + count > batcher->options.queue) {
        if (!begun)
            return err_set(
                err, ERR_BUSY, "%zu pieces of work are waiting already; try again soon", batcher->waiting);
        rc = wait_or_step(&batcher->room, &batcher->lock, job, err);
    }
    return rc;
}

/* Takes what a call has in the queue out of it, the others' order kept. */
static void withdraw(struct batcher *batcher, struct call *call)
{
    size_t kept = 0;
    for (size_t i = 0; i < batcher->waiting; i++) {
        const struct ticket ticket = *ticket_at(batcher, i);
        if (ticket.call == call)
            call->left--;
        else
            *ticket_at(batcher, kept++) = ticket;
    }
    batcher->waiting = kept;
    pthread_cond_broadcast(&batcher->room);
}

/* Has a batch or less done. The lock is held before and after. */
static int do_some(struct batcher *batcher, void *const *items, size_t count, bool begun,
    const struct job *job, struct err *err)
{
    struct call call = {.left = count};
    int rc = wait_for_room(batcher, count, begun, job, err);
    if (rc)
        return rc;
    pthread_cond_init(&call.done, NULL);
    for (size_t i = 0; i < count; i++)
        *ticket_at(batcher, batcher->waiting++) = (struct ticket){items[i], &call};
    pthread_cond_signal(&batcher->work);
    while (call.left && !rc)
        rc = wait_or_step(&call.done, &batcher->lock, job, err);
    if (rc)
        withdraw(batcher, &call);
    while (call.left) /* under way: they cannot be taken back any more */
        pthread_cond_wait(&call.done, &batcher->lock);
    pthread_cond_destroy(&call.done);
    return rc || !call.err.code ? rc : err_set(err, call.err.code, "%s", call.err.msg);
}

int batcher_do(
    struct batcher *batcher, void *const *items, size_t count, const struct job *job, struct err *err)
{
    const size_t slice =
        batcher->options.batch < batcher->options.queue ? batcher->options.batch : batcher->options.queue;
    int rc = 0;
    pthread_mutex_lock(&batcher->lock);
    for (size_t done = 0; done < count && !rc; done += slice)
        rc = do_some(batcher, items + done, count - done < slice ? count - done : slice, done > 0, job, err);
    pthread_mutex_unlock(&batcher->lock);
    return rc;
}

struct batcher_counts batcher_counts(struct batcher *batcher)
{
    pthread_mutex_lock(&batcher->lock);
    const struct batcher_counts counts = {batcher->waiting, batcher->batches, batcher->items, batcher->failed,
        batcher->begun > 0 ? time_now() - batcher->begun : 0};
    pthread_mutex_unlock(&batcher->lock);
    return counts;
}
