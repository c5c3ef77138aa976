// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures ahead of the device: workers take the pictures of a list in order and put pixels into a ring of
 * batches. Between lists they wait.
 *
 *   batch    0     1     2     3     4     5        batch b lives in slots[b % slot_count]
 *          freed     given          next / batch
 *
 *   freed <= given <= freed + 1    the caller holds at most one batch, until its next call
 *   next < (freed + slot_count) * batch    so a worker never writes into a slot that is still in use
 *
 * Picture i of a batch has room i in its slot, so workers never wait for one another; loader_next closes the
 * gaps that failed pictures leave, on the caller's thread.
 */
#include "joint/joint.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct slot {
    uint8_t *pixels;            // (batch, S, S, 3)
    struct err *errs;           // (batch)
    struct picture_size *sizes; // (batch)
    size_t left;                /* pictures of the batch that are not done yet */
};

struct loader {
    struct preprocess preprocess;
    struct picture_options options;
    size_t batch;
    size_t square; /* bytes of one picture: S * S * 3 */

    pthread_mutex_t lock; /* guards all below, but not what the pointers in a slot lead to */
    pthread_cond_t work;  /* there is a picture to take, or the loader stops */
    pthread_cond_t ready; /* a batch is complete, or no picture is being worked on */
    const struct picture_source *sources;
    size_t count;
    size_t next;         /* the first picture that no worker has taken */
    size_t working;      /* pictures that are taken and not done yet */
    size_t given, freed; /* batches handed to the caller, and back */
    bool stop;

    struct slot *slots;
    size_t slot_count;
    pthread_t *threads;
    int thread_count;
};

static void load_picture(const struct loader *loader, const struct picture_source *source, uint8_t *pixels,
    struct picture_size *size, struct err *err)
{
    struct picture picture = {0};
    *err = (struct err){0};
    if (picture_read(&picture, *source, &loader->options, err))
        return;
    *size = (struct picture_size){picture.width, picture.height};
    if (preprocess_run(pixels, &loader->preprocess, &picture, err))
        err_wrap(err, "unable to preprocess '%s'", picture_source_name(source));
    picture_release(&picture);
}

static bool has_next(const struct loader *loader)
{
    return loader->next < loader->count && loader->next / loader->batch < loader->freed + loader->slot_count;
}

static void *worker_run(void *argument)
{
    struct loader *loader = argument;
    pthread_mutex_lock(&loader->lock);
    for (;;) {
        while (!loader->stop && !has_next(loader))
            pthread_cond_wait(&loader->work, &loader->lock);
        if (loader->stop)
            break;
        const size_t index = loader->next++, at = index % loader->batch;
        const struct picture_source *source = &loader->sources[index];
        struct slot *slot = &loader->slots[index / loader->batch % loader->slot_count];
        loader->working++;
        pthread_mutex_unlock(&loader->lock);
        load_picture(loader, source, slot->pixels + at * loader->square, &slot->sizes[at], &slot->errs[at]);
        pthread_mutex_lock(&loader->lock);
        slot->left--;
        loader->working--;
        if (!slot->left || !loader->working)
            pthread_cond_signal(&loader->ready);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* Pictures in a batch: all batches are full but the last; none after it. */
static size_t batch_count(const struct loader *loader, size_t batch)
{
    const size_t first = batch * loader->batch, left = first < loader->count ? loader->count - first : 0;
    return left < loader->batch ? left : loader->batch;
}

static int slots_new(struct loader *loader, size_t slot_count, struct err *err)
{
    size_t bytes;
    if (!size_mul(&bytes, loader->batch, loader->square))
        return err_set(err, ERR_LIMIT, "a batch of %zu pictures is too large", loader->batch);
    loader->slots = mem_new(slot_count, sizeof *loader->slots);
    if (!loader->slots)
        return err_memory(err, slot_count * sizeof *loader->slots);
    loader->slot_count = slot_count;
    for (size_t i = 0; i < slot_count; i++) {
        struct slot *slot = &loader->slots[i];
        slot->pixels = mem_new(bytes, 1);
        slot->errs = mem_new(loader->batch, sizeof *slot->errs);
        slot->sizes = mem_new(loader->batch, sizeof *slot->sizes);
        if (!slot->pixels || !slot->errs || !slot->sizes)
            return err_memory(err, bytes);
    }
    return 0;
}

static int threads_start(struct loader *loader, int threads, struct err *err)
{
    loader->threads = mem_new((size_t)threads, sizeof *loader->threads);
    if (!loader->threads)
        return err_memory(err, (size_t)threads * sizeof *loader->threads);
    while (loader->thread_count < threads &&
           !pthread_create(&loader->threads[loader->thread_count], NULL, worker_run, loader))
        loader->thread_count++;
    return loader->thread_count ? 0 : err_set(err, ERR_LIMIT, "unable to start a thread for pictures");
}

int loader_open(struct loader **out, const struct preprocess *preprocess,
    const struct loader_options *options, struct err *err)
{
    if (!options->batch)
        return err_set(err, ERR_ARGUMENT, "a batch needs at least one picture");
    struct loader *loader = mem_new(1, sizeof *loader);
    if (!loader)
        return err_memory(err, sizeof *loader);
    *loader = (struct loader){
        .preprocess = *preprocess,
        .options = options->picture,
        .batch = options->batch,
        .square = (size_t)preprocess->crop * (size_t)preprocess->crop * 3,
    };
    if (options->fast_decode)
        loader->options.min_edge = preprocess->resize;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->work, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&loader->ready, &monotonic);
    pthread_condattr_destroy(&monotonic);

    /* One batch the caller holds, one that is nearly done, and room for every thread to work on. */
    const int threads = options->threads > 0 ? options->threads : thread_default();
    int rc = slots_new(loader, 2 + ((size_t)threads + loader->batch - 1) / loader->batch, err);
    if (!rc)
        rc = threads_start(loader, threads, err);
    if (rc) {
        loader_free(loader);
        return rc;
    }
    *out = loader;
    return 0;
}

void loader_free(struct loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->thread_count; i++)
        pthread_join(loader->threads[i], NULL);

    for (size_t i = 0; i < loader->slot_count; i++) {
        free(loader->slots[i].pixels);
        free(loader->slots[i].errs);
        free(loader->slots[i].sizes);
    }
    pthread_cond_destroy(&loader->ready);
    pthread_cond_destroy(&loader->work);
    pthread_mutex_destroy(&loader->lock);
    free(loader->slots);
    free(loader->threads);
    free(loader);
}

size_t loader_batch(const struct loader *loader)
{
    return loader->batch;
}

void loader_start(struct loader *loader, const struct picture_source *sources, size_t count)
{
    pthread_mutex_lock(&loader->lock);
    loader->count = loader->next; /* nobody takes another */
    while (loader->working)
        pthread_cond_wait(&loader->ready, &loader->lock);
    loader->sources = sources;
    loader->count = count;
    loader->next = loader->given = loader->freed = 0;
    for (size_t i = 0; i < loader->slot_count; i++)
        loader->slots[i].left = batch_count(loader, i);
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
}

/* Gives the batch the caller held back to the workers, for the one that comes slot_count later. */
static void free_given(struct loader *loader)
{
    if (loader->freed == loader->given)
        return;
    struct slot *slot = &loader->slots[loader->freed % loader->slot_count];
    slot->left = batch_count(loader, loader->freed + loader->slot_count);
    loader->freed++;
    pthread_cond_broadcast(&loader->work);
}

/* Moves the good pictures of a batch together and returns how many there are. */
static size_t close_gaps(const struct loader *loader, struct slot *slot, size_t count)
{
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        if (slot->errs[i].code)
            continue;
        if (good != i)
            memcpy(slot->pixels + good * loader->square, slot->pixels + i * loader->square, loader->square);
        good++;
    }
    return good;
}

static struct slot *slot_of(const struct loader *loader, size_t batch)
{
    return &loader->slots[batch % loader->slot_count];
}

/* Whether the next batch is complete, or there is none. */
static bool is_ready(const struct loader *loader)
{
    return !batch_count(loader, loader->given) || !slot_of(loader, loader->given)->left;
}

static struct timespec time_after(double seconds)
{
    const double whole = floor(seconds);
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += (time_t)whole;
    time.tv_nsec += (long)((seconds - whole) * 1e9);
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

bool loader_wait(struct loader *loader, double seconds)
{
    const struct timespec end = time_after(seconds);
    pthread_mutex_lock(&loader->lock);
    free_given(loader);
    int late = 0;
    while (!late && !is_ready(loader))
        late = pthread_cond_timedwait(&loader->ready, &loader->lock, &end);
    const bool ready = is_ready(loader);
    pthread_mutex_unlock(&loader->lock);
    return ready;
}

bool loader_next(struct loader *loader, struct loaded_batch *out)
{
    pthread_mutex_lock(&loader->lock);
    free_given(loader);
    while (!is_ready(loader))
        pthread_cond_wait(&loader->ready, &loader->lock);
    const size_t batch = loader->given, count = batch_count(loader, batch);
    struct slot *slot = slot_of(loader, batch);
    if (count)
        loader->given++;
    pthread_mutex_unlock(&loader->lock);
    if (!count)
        return false;

    *out = (struct loaded_batch){
        .first = batch * loader->batch,
        .count = count,
        .errs = slot->errs,
        .sizes = slot->sizes,
        .pixels = slot->pixels,
        .good = close_gaps(loader, slot, count),
    };
    return true;
}
