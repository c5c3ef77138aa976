// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that wait for a bell. It rings when a loop is opened, when a task is handed in and when the pool
 * ends; whoever hears it helps with the loop, then takes tasks until there are none.
 *
 * A task wakes one thread: of those asleep the one that fell asleep last. So no more threads come to work than are needed
 * at once, whose caches and malloc's are warm, and the others cost no memory but their stacks.
 *
 * A loop does not wait for threads that are late, since they may be at a task that blocks or have lost their
 * CPU: its caller works on alone, and in `inside` notes who has come. When all is taken the caller closes the
 * loop and waits for those who are still inside.
 *
 *   inside = number of threads in the loop + (CLOSED unless a loop is open)
 */
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 255, PAUSES = 1000 /* some tens of microseconds */ };

#define CLOSED (SIZE_MAX / 2 + 1)

/* Number 0 is whoever calls pool_loop. */
struct member {
    /* The part of a loop that it begins with; the others take from it when theirs is done. */
    _Alignas(64) atomic_size_t next;
    size_t end;

    struct pool *pool;
    pthread_t thread;
    pthread_cond_t woken;
    bool asleep;          /* under the pool's lock, as all the rest */
    struct member *below; /* in the stack of those asleep */
};

struct pool {
    locale_t locale;
    pid_t process; /* where the threads are: not in what fork() makes of it */
    size_t members;

    pthread_mutex_t turn; /* held by the caller whose loop runs */
    pool_body *body;
    void *context;

    pthread_mutex_t lock;            /* guards who is asleep and the queue */
    struct member *asleep;           /* the top of a stack: who fell asleep last */
    struct pool_task *first, **last; /* last: where the next one goes */

    _Alignas(64) atomic_size_t bell; /* how often it rang */
    atomic_size_t queued;            /* tasks */
    atomic_bool ended;
    _Alignas(64) atomic_size_t inside;

    struct member member[];
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* ---- the bell ------------------------------------------------------------------------------------------ */

/* The one that fell asleep last, where there is one. The lock is held. */
static void wake_one(struct pool *pool)
{
    struct member *member = pool->asleep;
    if (!member)
        return;
    pool->asleep = member->below;
    member->asleep = false;
    pthread_cond_signal(&member->woken);
}

static void bell_ring(struct pool *pool)
{
    atomic_fetch_add(&pool->bell, 1);
    pthread_mutex_lock(&pool->lock);
    while (pool->asleep)
        wake_one(pool);
    pthread_mutex_unlock(&pool->lock);
}

static void fall_asleep(struct member *member)
{
    struct pool *pool = member->pool;
    member->below = pool->asleep;
    member->asleep = true;
    pool->asleep = member;
    while (member->asleep)
        pthread_cond_wait(&member->woken, &pool->lock);
}

/* Until the bell has rung more than `heard` times: awake for a while, since loops follow each other, and then
 * asleep. */
static size_t bell_wait(struct member *member, size_t heard)
{
    struct pool *pool = member->pool;
    size_t rung;
    for (int i = 0; i < PAUSES; i++) {
        if ((rung = atomic_load(&pool->bell)) != heard)
            return rung;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    if (atomic_load(&pool->bell) == heard)
        fall_asleep(member);
    rung = atomic_load(&pool->bell);
    pthread_mutex_unlock(&pool->lock);
    return rung;
}

/* ---- loops --------------------------------------------------------------------------------------------- */

static void loop_run(struct pool *pool, size_t member)
{
    for (size_t other = 0; other < pool->members; other++) {
        struct member *from = &pool->member[(member + other) % pool->members];
        for (size_t i; (i = atomic_fetch_add(&from->next, 1)) < from->end;)
            pool->body(pool->context, member, i);
    }
}

static void loop_help(struct pool *pool, size_t member)
{
    if (!(atomic_fetch_add(&pool->inside, 1) & CLOSED))
        loop_run(pool, member);
    atomic_fetch_sub(&pool->inside, 1);
}

static void loop_open(struct pool *pool, size_t count)
{
    for (size_t m = 0; m < pool->members; m++) {
        atomic_store(&pool->member[m].next, m * count / pool->members);
        pool->member[m].end = (m + 1) * count / pool->members;
    }
    atomic_fetch_sub(&pool->inside, CLOSED);
    bell_ring(pool);
}

static void loop_close(struct pool *pool)
{
    atomic_fetch_add(&pool->inside, CLOSED);
    for (int i = 0; atomic_load(&pool->inside) != CLOSED; i++)
        if (i < PAUSES)
            pause_briefly();
        else
            sched_yield(); /* a member may be waiting for this CPU */
}

static bool has_threads(const struct pool *pool)
{
    return pool && pool->members > 1 && pool->process == getpid();
}

void pool_loop(struct pool *pool, size_t count, pool_body *body, void *context)
{
    if (count < 2 || !has_threads(pool)) {
        for (size_t i = 0; i < count; i++)
            body(context, 0, i);
        return;
    }
    pthread_mutex_lock(&pool->turn);
    pool->body = body;
    pool->context = context;
    loop_open(pool, count);
    loop_run(pool, 0);
    loop_close(pool);
    pthread_mutex_unlock(&pool->turn);
}

/* ---- tasks --------------------------------------------------------------------------------------------- */

void pool_submit(struct pool *pool, struct pool_task *task)
{
    if (!has_threads(pool)) {
        task->run(task->context);
        return;
    }
    task->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = task;
    pool->last = &task->next;
    atomic_fetch_add(&pool->queued, 1);
    atomic_fetch_add(&pool->bell, 1);
    wake_one(pool);
    pthread_mutex_unlock(&pool->lock);
}

static struct pool_task *task_take(struct pool *pool)
{
    if (!atomic_load(&pool->queued))
        return NULL; /* as nearly always after a loop: not worth the lock */
    pthread_mutex_lock(&pool->lock);
    struct pool_task *task = pool->first;
    if (task) {
        pool->first = task->next;
        if (!pool->first)
            pool->last = &pool->first;
        atomic_fetch_sub(&pool->queued, 1);
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

/* ---- the threads --------------------------------------------------------------------------------------- */

static void *member_run(void *argument)
{
    struct member *member = argument;
    struct pool *pool = member->pool;
    const size_t number = (size_t)(member - pool->member);
    uselocale(pool->locale);
    for (size_t heard = 0;;) {
        heard = bell_wait(member, heard);
        /* Asked before the tasks are, so that those handed in until the end are done. */
        const bool last = atomic_load(&pool->ended);
        loop_help(pool, number);
        for (struct pool_task *task; (task = task_take(pool));) {
            task->run(task->context);
            loop_help(pool, number);
        }
        if (last)
            return NULL;
    }
}

int pool_open(struct pool **out, int threads, struct err *err)
{
    const size_t wanted = threads < 0 ? 0 : threads < THREADS_MAX ? (size_t)threads : THREADS_MAX;
    const size_t bytes = sizeof(struct pool) + (wanted + 1) * sizeof(struct member);
    struct pool *pool = aligned_alloc(_Alignof(struct pool), bytes);
    if (!pool)
        return err_memory(err, bytes);
    *pool = (struct pool){.locale = uselocale((locale_t)0), .process = getpid(), .inside = CLOSED};
    pool->last = &pool->first;
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    for (pool->members = 1; pool->members <= wanted; pool->members++) {
        struct member *member = &pool->member[pool->members];
        member->pool = pool;
        member->below = NULL;
        member->asleep = false;
        pthread_cond_init(&member->woken, NULL);
        if (pthread_create(&member->thread, NULL, member_run, member)) {
            pthread_cond_destroy(&member->woken);
            break;
        }
    }
    *out = pool;
    return 0;
}

void pool_free(struct pool *pool)
{
    if (has_threads(pool)) {
        atomic_store(&pool->ended, true);
        bell_ring(pool);
        for (size_t m = 1; m < pool->members; m++) {
            pthread_join(pool->member[m].thread, NULL);
            pthread_cond_destroy(&pool->member[m].woken);
        }
        pthread_mutex_destroy(&pool->turn);
        pthread_mutex_destroy(&pool->lock);
    }
    free(pool);
}

size_t pool_members(const struct pool *pool)
{
    return pool ? pool->members : 1;
}
