// SPDX-License-Identifier: Apache-2.0
#include "service/decode.h"
#include "service/wait.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* All pictures of one call. */
struct decoding {
    const struct preprocess *preprocess;
    const struct picture_options *options;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t done;
    size_t left;
};

struct task {
    struct pool_task task;
    struct decoding *decoding;
    struct decode *decode;
    struct err err;
};

static int decode(const struct decoding *decoding, const struct decode *decode, struct err *err)
{
    struct preprocess preprocess = *decoding->preprocess;
    struct picture picture;
    preprocess.alpha = decode->alpha;
    int rc = picture_read(&picture, decode->source, decoding->options, err);
    if (!rc && decode->edges) {
        decode->edges[0] = picture.width;
        decode->edges[1] = picture.height;
    }
    if (!rc && decode->warning)
        memcpy(decode->warning, picture.warning, sizeof picture.warning);
    if (!rc)
        rc = preprocess_run(decode->pixels, &preprocess, &picture, err);
    picture_release(&picture);
    return rc;
}

static void run(void *context)
{
    struct task *task = context;
    struct decoding *decoding = task->decoding;
    struct err *problem = task->decode->problem;
    if (!decoding->stop)
        decode(decoding, task->decode, problem ? problem : &task->err);
    pthread_mutex_lock(&decoding->lock);
    if (!--decoding->left)
        pthread_cond_signal(&decoding->done);
    pthread_mutex_unlock(&decoding->lock);
}

static int wait_for_all(struct decoding *decoding, const struct job *job, struct err *err)
{
    int rc = 0;
    pthread_mutex_lock(&decoding->lock);
    while (decoding->left && !rc)
        rc = wait_or_step(&decoding->done, &decoding->lock, job, err);
    decoding->stop = rc != 0;
    while (decoding->left) /* those under way end first */
        pthread_cond_wait(&decoding->done, &decoding->lock);
    pthread_mutex_unlock(&decoding->lock);
    return rc;
}

int decode_all(struct pool *pool, struct decode *decodes, size_t count, const struct preprocess *preprocess,
    const struct picture_options *options, const struct job *job, struct err *err)
{
    struct decoding decoding = {.preprocess = preprocess, .options = options, .left = count};
    struct task *tasks = mem_new(count, sizeof *tasks);
    if (!tasks)
        return err_memory(err, count * sizeof *tasks);
    pthread_mutex_init(&decoding.lock, NULL);
    pthread_cond_init(&decoding.done, NULL);
    for (size_t i = 0; i < count; i++) {
        tasks[i].task = (struct pool_task){.run = run, .context = &tasks[i]};
        tasks[i].decoding = &decoding;
        tasks[i].decode = &decodes[i];
        pool_submit(pool, &tasks[i].task);
    }
    int rc = wait_for_all(&decoding, job, err);
    for (size_t i = 0; i < count && !rc; i++)
        if (tasks[i].err.code)
            rc = err_set(err, tasks[i].err.code, "input %zu: %s", decodes[i].input, tasks[i].err.msg);
    pthread_cond_destroy(&decoding.done);
    pthread_mutex_destroy(&decoding.lock);
    free(tasks);
    return rc;
}

/* ---- thumbnails ---------------------------------------------------------------------------------------- */

struct shrinking {
    struct pool_task task;
    struct thumbnail *out;
    struct picture_source source;
    int edge;
    const struct picture_options *options;
    int rc;
    struct err err;

    pthread_mutex_t lock;
    pthread_cond_t done;
    bool stop, ended;
};

static void shrink(void *context)
{
    struct shrinking *shrinking = context;
    pthread_mutex_lock(&shrinking->lock);
    const bool stop = shrinking->stop;
    pthread_mutex_unlock(&shrinking->lock);
    if (!stop)
        shrinking->rc = thumbnail_read(
            shrinking->out, shrinking->source, shrinking->edge, shrinking->options, &shrinking->err);
    pthread_mutex_lock(&shrinking->lock);
    shrinking->ended = true;
    pthread_cond_signal(&shrinking->done);
    pthread_mutex_unlock(&shrinking->lock);
}

int decode_thumbnail(struct thumbnail *out, struct pool *pool, struct picture_source source, int edge,
    const struct picture_options *options, const struct job *job, struct err *err)
{
    struct shrinking shrinking = {.task = {.run = shrink, .context = &shrinking},
        .out = out,
        .source = source,
        .edge = edge,
        .options = options};
    int rc = 0;
    *out = (struct thumbnail){0};
    pthread_mutex_init(&shrinking.lock, NULL);
    pthread_cond_init(&shrinking.done, NULL);
    pool_submit(pool, &shrinking.task);
    pthread_mutex_lock(&shrinking.lock);
    while (!shrinking.ended && !rc)
        rc = wait_or_step(&shrinking.done, &shrinking.lock, job, err);
    shrinking.stop = rc != 0;
    while (!shrinking.ended)
        pthread_cond_wait(&shrinking.done, &shrinking.lock);
    pthread_mutex_unlock(&shrinking.lock);
    if (rc)
        thumbnail_release(out);
    else if (shrinking.rc)
        rc = err_set(err, shrinking.rc, "%s", shrinking.err.msg);
    pthread_cond_destroy(&shrinking.done);
    pthread_mutex_destroy(&shrinking.lock);
    return rc;
}
