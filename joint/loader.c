// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures ahead of the device: workers take the pictures of a list in order and put pixels into a ring of
 * batches. A worker is a task of a pool: each time that it runs it decodes a picture and hands itself in again, so
 * that loaders that share a pool share it evenly. Without a picture to take it is idle and no thread's business.
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
    loader_prepare *prepare;
    const void *context;

    pthread_mutex_t lock; /* guards all below, but not what the pointers in a slot lead to */
    pthread_cond_t ready; /* a batch is complete, or all workers are idle */
    const struct picture_source *sources;
    size_t count;
    size_t next;          /* the first picture that no worker has taken */
    size_t given, freed;  /* batches handed to the caller, and back */
    struct worker **idle; // (worker_count), of which idle_count are idle
    size_t idle_count;

    struct slot *slots;
    size_t slot_count;
    struct pool *pool, *own_pool; /* own: NULL where the pool is the caller's */
    struct worker {
        struct pool_task task;
        struct loader *loader;
    } * workers; // (worker_count)
    size_t worker_count;
};

static int run_preprocess(uint8_t *pixels, const void *context, size_t index,
    const struct preprocess *preprocess, const struct picture *picture, struct err *err)
{
    (void)context, (void)index;
    return preprocess_run(pixels, preprocess, picture, err);
}

static void load_picture(const struct loader *loader, const struct picture_source *source, size_t index,
    uint8_t *pixels, struct picture_size *size, struct err *err)
{
    struct picture picture = {0};
    *err = (struct err){0};
    if (picture_read(&picture, *source, &loader->options, err))
        return;
    *size = (struct picture_size){picture.width, picture.height};
    if (loader->prepare(pixels, loader->context, index, &loader->preprocess, &picture, err))
        err_wrap(err, "unable to preprocess '%s'", picture_source_name(source));
    else
        picture_say_warning(err, *source, picture.warning);
    picture_release(&picture);
}

static struct slot *slot_of(const struct loader *loader, size_t batch)
{
    return &loader->slots[batch % loader->slot_count];
}

/* How many pictures have a slot to go to and no worker yet. */
static size_t open_pictures(const struct loader *loader)
{
    const size_t room = (loader->freed + loader->slot_count) * loader->batch;
    const size_t end = room < loader->count ? room : loader->count;
    return end > loader->next ? end - loader->next : 0;
}

/* Sets workers to work, as many as there is some for. Gives the lock up meanwhile: a pool without threads has
 * each done before it returns. */
static void wake_workers(struct loader *loader)
{
    for (size_t open = open_pictures(loader); open && loader->idle_count; open--) {
        struct worker *worker = loader->idle[--loader->idle_count];
        pthread_mutex_unlock(&loader->lock);
        pool_submit(loader->pool, &worker->task);
        pthread_mutex_lock(&loader->lock);
    }
}

/* The next picture, if there is one, without the lock while it is decoded. */
static void load_next(struct loader *loader)
{
    if (!open_pictures(loader))
        return;
    const size_t index = loader->next++, at = index % loader->batch;
    const struct picture_source *source = &loader->sources[index];
    struct slot *slot = slot_of(loader, index / loader->batch);
    pthread_mutex_unlock(&loader->lock);
    load_picture(
        loader, source, index, slot->pixels + at * loader->square, &slot->sizes[at], &slot->errs[at]);
    pthread_mutex_lock(&loader->lock);
    slot->left--;
    if (!slot->left)
        pthread_cond_signal(&loader->ready);
}

/* After its last unlock an idle worker's loader may be gone. */
static void worker_run(void *context)
{
    struct worker *worker = context;
    struct loader *loader = worker->loader;
    pthread_mutex_lock(&loader->lock);
    load_next(loader);
    const bool more = open_pictures(loader);
    if (!more) {
        loader->idle[loader->idle_count++] = worker;
        pthread_cond_signal(&loader->ready);
    }
    pthread_mutex_unlock(&loader->lock);
    if (more)
        pool_submit(loader->pool, &worker->task);
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

static int workers_new(struct loader *loader, size_t count, struct err *err)
{
    loader->workers = mem_new(count, sizeof *loader->workers);
    loader->idle = mem_new(count, sizeof(struct worker *));
    if (!loader->workers || !loader->idle)
        return err_memory(err, count * sizeof *loader->workers);
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = &loader->workers[i];
        *worker = (struct worker){{.run = worker_run, .context = worker}, loader};
        loader->idle[i] = worker;
    }
    loader->worker_count = loader->idle_count = count;
    return 0;
}

static int pool_make(struct loader *loader, int threads, struct err *err)
{
    const int rc = pool_open(&loader->own_pool, threads, err);
    loader->pool = loader->own_pool;
    if (rc || pool_members(loader->pool) > 1)
        return rc;
    return err_set(err, ERR_LIMIT, "unable to start a thread for pictures");
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
        .pool = options->pool,
        .square = preprocess_bytes(preprocess),
        .prepare = options->prepare ? options->prepare : run_preprocess,
        .context = options->context,
    };
    loader->preprocess.alpha = options->alpha;
    if (options->fast_decode && preprocess->resize_mode != RESIZE_NONE &&
        preprocess->resize_mode != RESIZE_PATCHES)
        loader->options.min_edge = preprocess->resize;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&loader->ready, &monotonic);
    pthread_condattr_destroy(&monotonic);

    /* One batch the caller holds, one that is nearly done, and room for every worker. */
    const int threads = options->threads > 0 ? options->threads : thread_default();
    int rc = slots_new(loader, 2 + ((size_t)threads + loader->batch - 1) / loader->batch, err);
    if (!rc)
        rc = workers_new(loader, (size_t)threads, err);
    if (!rc && !loader->pool)
        rc = pool_make(loader, threads, err);
    if (rc) {
        loader_free(loader);
        return rc;
    }
    *out = loader;
    return 0;
}

/* Nobody takes another picture, and those at hand are done. */
static void end_list(struct loader *loader)
{
    loader->count = loader->next;
    while (loader->idle_count < loader->worker_count)
        pthread_cond_wait(&loader->ready, &loader->lock);
}

void loader_free(struct loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    end_list(loader);
    pthread_mutex_unlock(&loader->lock);
    pool_free(loader->own_pool);
    for (size_t i = 0; i < loader->slot_count; i++) {
        free(loader->slots[i].pixels);
        free(loader->slots[i].errs);
        free(loader->slots[i].sizes);
    }
    pthread_cond_destroy(&loader->ready);
    pthread_mutex_destroy(&loader->lock);
    free(loader->slots);
    free(loader->workers);
    free(loader->idle);
    free(loader);
}

size_t loader_batch(const struct loader *loader)
{
    return loader->batch;
}

void loader_start(struct loader *loader, const struct picture_source *sources, size_t count)
{
    pthread_mutex_lock(&loader->lock);
    end_list(loader);
    loader->sources = sources;
    loader->count = count;
    loader->next = loader->given = loader->freed = 0;
    for (size_t i = 0; i < loader->slot_count; i++)
        loader->slots[i].left = batch_count(loader, i);
    wake_workers(loader);
    pthread_mutex_unlock(&loader->lock);
}

/* Gives the batch the caller held back to the workers, for the one that comes slot_count later. */
static void free_given(struct loader *loader)
{
    if (loader->freed == loader->given)
        return;
    struct slot *slot = slot_of(loader, loader->freed);
    slot->left = batch_count(loader, loader->freed + loader->slot_count);
    loader->freed++;
    wake_workers(loader);
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
