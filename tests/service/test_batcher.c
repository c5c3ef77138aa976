// SPDX-License-Identifier: Apache-2.0
/* The queue where requests meet, with work that waits until the test lets it go on. */
#include "service/batcher.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 4, QUEUE = 8, RUNS_MAX = 64 };

/* Work that squares numbers, and notes which it was given together. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held; /* a run waits until this is false */
    size_t begun, sizes[RUNS_MAX];
    int fail_at; /* a run with this number fails */
} work = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fail_at = -1};

struct number {
    int value, square;
};

static int run(void *context, void *const *items, size_t count, struct err *err)
{
    int rc = 0;
    (void)context;
    pthread_mutex_lock(&work.lock);
    work.sizes[work.begun++] = count;
    pthread_cond_broadcast(&work.changed);
    while (work.held)
        pthread_cond_wait(&work.changed, &work.lock);
    for (size_t i = 0; i < count; i++) {
        struct number *number = items[i];
        number->square = number->value * number->value;
        if (number->value == work.fail_at)
            rc = err_set(err, ERR_DEVICE, "cannot square %d", number->value);
    }
    pthread_mutex_unlock(&work.lock);
    return rc;
}

static void hold(bool held)
{
    pthread_mutex_lock(&work.lock);
    work.held = held;
    pthread_cond_broadcast(&work.changed);
    pthread_mutex_unlock(&work.lock);
}

static void wait_for_runs(size_t runs)
{
    pthread_mutex_lock(&work.lock);
    while (work.begun < runs)
        pthread_cond_wait(&work.changed, &work.lock);
    pthread_mutex_unlock(&work.lock);
}

static struct batcher *open_patient_batcher(double patience)
{
    const struct batcher_options options = {.batch = BATCH, .queue = QUEUE, .patience = patience, .run = run};
    struct batcher *batcher;
    struct err err;
    work.begun = 0;
    work.held = false;
    work.fail_at = -1;
    if (batcher_open(&batcher, &options, &err))
        fail_msg("%s", err.msg);
    return batcher;
}

static struct batcher *open_batcher(void)
{
    return open_patient_batcher(0);
}

/* One request on a thread of its own. */
struct request {
    pthread_t thread;
    struct batcher *batcher;
    struct number numbers[3 * QUEUE];
    size_t count;
    atomic_bool cancel;
    int rc;
    struct err err;
};

static int cancelled(void *context, const char *unit, size_t done, size_t total)
{
    struct request *request = context;
    (void)unit, (void)done, (void)total;
    return request->cancel;
}

static void *ask(void *context)
{
    struct request *request = context;
    const struct job job = {.step = cancelled, .context = request};
    void *items[3 * QUEUE];
    for (size_t i = 0; i < request->count; i++)
        items[i] = &request->numbers[i];
    request->rc = batcher_do(request->batcher, items, request->count, &job, &request->err);
    return NULL;
}

static void start(struct request *request, struct batcher *batcher, int first, size_t count)
{
    *request = (struct request){.batcher = batcher, .count = count};
    for (size_t i = 0; i < count; i++)
        request->numbers[i].value = first + (int)i;
    assert_int_equal(pthread_create(&request->thread, NULL, ask, request), 0);
}

/* Until so many items wait. */
static void wait_for_queue(struct batcher *batcher, size_t waiting)
{
    while (batcher_counts(batcher).waiting != waiting)
        sched_yield();
}

static void expect_squares(struct request *request)
{
    pthread_join(request->thread, NULL);
    assert_int_equal(request->rc, 0);
    for (size_t i = 0; i < request->count; i++)
        assert_int_equal(request->numbers[i].square, request->numbers[i].value * request->numbers[i].value);
}

static void what_came_meanwhile_goes_together(void **state)
{
    (void)state;
    struct batcher *batcher = open_batcher();
    struct request first, others[3];
    hold(true);
    start(&first, batcher, 1, 1);
    wait_for_runs(1);
    for (size_t i = 0; i < 3; i++) {
        start(&others[i], batcher, 10 * (int)i, 2);
        wait_for_queue(batcher, 2 * (i + 1));
    }
    hold(false);
    expect_squares(&first);
    for (size_t i = 0; i < 3; i++)
        expect_squares(&others[i]);
    assert_int_equal(work.begun, 3); /* 1, then 4 of the 6, then 2 */
    assert_int_equal(work.sizes[0], 1);
    assert_int_equal(work.sizes[1], 4);
    assert_int_equal(work.sizes[2], 2);
    assert_int_equal(batcher_counts(batcher).items, 7);
    batcher_free(batcher);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    struct batcher *batcher = open_batcher();
    struct request first, fill[2], late;
    hold(true);
    start(&first, batcher, 1, 1);
    wait_for_runs(1);
    start(&fill[0], batcher, 2, BATCH);
    wait_for_queue(batcher, BATCH);
    start(&fill[1], batcher, 9, BATCH);
    wait_for_queue(batcher, QUEUE);
    start(&late, batcher, 20, 1);
    pthread_join(late.thread, NULL);
    assert_int_equal(late.rc, ERR_BUSY);
    hold(false);
    expect_squares(&first);
    expect_squares(&fill[0]);
    expect_squares(&fill[1]);
    batcher_free(batcher);
}

/* One of three queues' length takes its turns: another gets in between. */
static void a_large_request_is_done_in_parts(void **state)
{
    (void)state;
    struct batcher *batcher = open_batcher();
    struct request large, small;
    hold(true);
    start(&large, batcher, 1, 3 * QUEUE);
    wait_for_runs(1);
    start(&small, batcher, 100, 1);
    wait_for_queue(batcher, 1); /* no more than a batch of the large one is ever there */
    hold(false);
    expect_squares(&small);
    expect_squares(&large);
    batcher_free(batcher);
}

static void who_leaves_loses_the_place(void **state)
{
    (void)state;
    struct batcher *batcher = open_batcher();
    struct request first, leaver, stayer;
    hold(true);
    start(&first, batcher, 1, 1);
    wait_for_runs(1);
    start(&leaver, batcher, 2, 3);
    wait_for_queue(batcher, 3);
    start(&stayer, batcher, 7, 2);
    wait_for_queue(batcher, 5);
    leaver.cancel = true;
    pthread_join(leaver.thread, NULL); /* while the first is still at work */
    assert_int_equal(leaver.rc, ERR_CANCELLED);
    assert_int_equal(batcher_counts(batcher).waiting, 2);
    hold(false);
    expect_squares(&first);
    expect_squares(&stayer);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(leaver.numbers[i].square, 0);
    batcher_free(batcher);
}

/* Work under way has hold of the caller's memory, so the caller waits for it. */
static void what_is_under_way_ends_first(void **state)
{
    (void)state;
    struct batcher *batcher = open_batcher();
    struct request first;
    hold(true);
    start(&first, batcher, 3, 1);
    wait_for_runs(1);
    first.cancel = true;
    hold(false);
    pthread_join(first.thread, NULL);
    assert_int_equal(first.numbers[0].square, 9);
    batcher_free(batcher);
}

static void a_failure_is_its_batchs_alone(void **state)
{
    (void)state;
    struct batcher *batcher = open_batcher();
    struct request first, bad, good;
    work.fail_at = 5;
    hold(true);
    start(&first, batcher, 1, 1);
    wait_for_runs(1);
    start(&bad, batcher, 2, BATCH); /* 2 to 5 */
    wait_for_queue(batcher, BATCH);
    start(&good, batcher, 6, 2);
    wait_for_queue(batcher, BATCH + 2);
    hold(false);
    expect_squares(&first);
    expect_squares(&good);
    pthread_join(bad.thread, NULL);
    assert_int_equal(bad.rc, ERR_DEVICE);
    assert_string_equal(bad.err.msg, "cannot square 5");
    batcher_free(batcher);
}

/* ---- patience ------------------------------------------------------------------------------------------ */

enum { LONG = 1000 /* seconds: a wait for nothing would be noticed */, CALLS = 10 };

/* A program that asks one thing after another. */
struct asker {
    pthread_t thread;
    struct batcher *batcher;
    int calls, wrong;
};

static void *ask_again_and_again(void *context)
{
    struct asker *asker = context;
    for (int i = 0; i < asker->calls; i++) {
        struct number number = {.value = i};
        void *item = &number;
        struct err err;
        asker->wrong += batcher_do(asker->batcher, &item, 1, NULL, &err) || number.square != i * i;
    }
    return NULL;
}

static void who_asks_again_is_waited_for(void **state)
{
    (void)state;
    struct asker askers[2] = {{.calls = CALLS}, {.calls = CALLS - 1}};
    struct batcher *batcher = open_patient_batcher(LONG);
    hold(true);
    for (size_t i = 0; i < 2; i++) {
        askers[i].batcher = batcher;
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_again_and_again, &askers[i]), 0);
        if (i == 0)
            wait_for_runs(1);
    }
    wait_for_queue(batcher, 1);
    hold(false);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(askers[i].wrong, 0);
    }
    assert_int_equal(work.begun, CALLS);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(work.sizes[i], i ? 2 : 1);
    batcher_free(batcher);
}

/* The only request leaves while others are waited for: then there is nothing to do. */
static void who_leaves_while_others_are_waited_for(void **state)
{
    (void)state;
    struct batcher *batcher = open_patient_batcher(LONG);
    struct request pair, leaver, next;
    start(&pair, batcher, 1, 2);
    expect_squares(&pair);
    start(&leaver, batcher, 3, 1);
    wait_for_queue(batcher, 1);
    leaver.cancel = true;
    pthread_join(leaver.thread, NULL);
    assert_int_equal(leaver.rc, ERR_CANCELLED);
    start(&next, batcher, 5, 2);
    expect_squares(&next);
    assert_int_equal(work.begun, 2);
    batcher_free(batcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_meanwhile_goes_together),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(a_large_request_is_done_in_parts),
        cmocka_unit_test(who_leaves_loses_the_place),
        cmocka_unit_test(what_is_under_way_ends_first),
        cmocka_unit_test(a_failure_is_its_batchs_alone),
        cmocka_unit_test(who_asks_again_is_waited_for),
        cmocka_unit_test(who_leaves_while_others_are_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
