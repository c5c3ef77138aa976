// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: work of many requests, done together.
 *
 * A batcher has a queue and one thread, which takes whatever has come in while it was busy, up to a batch, and does
 * that at once. Under light load a request goes alone and at once, under heavy load batches grow by themselves.
 * Nothing waits for a batch to fill, with one exception: programs that ask one thing after another come back the
 * moment they have their answers, just too late for the batch that follows at once, so that half of them would always
 * wait for the other half. Where patience is not 0, a batch waits that long for those just answered, and does so less
 * and less often where they do not come.
 */
#ifndef DIPTYCH_SERVICE_BATCHER_H
#define DIPTYCH_SERVICE_BATCHER_H

#include "base/base.h"

struct batcher_options {
    size_t batch;    /* items done together at most */
    size_t queue;    /* items that may wait */
    double patience; /* seconds */

    /* Does items (count), 1 to batch of them, of any number of requests. An error is one of all these items:
     * requests that have none of them go on. */
    int (*run)(void *context, void *const *items, size_t count, struct err *err);
    void *context;
};

struct batcher;

/* ERR_LIMIT: no thread to be had; ERR_MEMORY. */
int batcher_open(struct batcher **out, const struct batcher_options *options, struct err *err);

/* Waits for the batch under way. No call of batcher_do may be. */
void batcher_free(struct batcher *batcher);

/* Has items (count) done, in order, and waits. They are the caller's memory and not touched any more when this
 * returns, for whatever reason. A request of more than a batch has one in the queue at a time, so that others get
 * their turn. The job's step is called some times a second.
 *
 *   ERR_BUSY       the queue is full: nothing was done
 *   ERR_CANCELLED  the job ended it: items still in the queue have lost their place
 *   ERR_MEMORY, and whatever `run` returns */
int batcher_do(
    struct batcher *batcher, void *const *items, size_t count, const struct job *job, struct err *err);

/* For those who watch. */
struct batcher_counts {
    size_t waiting;          /* items in the queue */
    uint64_t batches, items; /* done since the beginning */
    bool failed;             /* the last batch did, and so none has been done since */
    double seconds;          /* that the batch under way has taken so far; 0 where there is none */
};
struct batcher_counts batcher_counts(struct batcher *batcher);

#endif
