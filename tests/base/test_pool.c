// SPDX-License-Identifier: Apache-2.0
/* The threads of base: loops that all share, and tasks in a queue. Also made for ThreadSanitizer: what the
 * order of phases, submit and free promise is kept in plain memory. */
#include "base/base.h"
#include "tests/support/thread_count.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 3, MEMBERS = THREADS + 1 };

static struct pool *pool_new(int threads)
{
    struct pool *pool = NULL;
    assert_int_equal(pool_open(&pool, threads, NULL), 0);
    assert_int_equal(pool_members(pool), threads + 1);
    return pool;
}

/* Long enough for every thread to have gone to sleep. */
static void let_sleep(void)
{
    usleep(5000);
}

/* ---- loops --------------------------------------------------------------------------------------------- */

/* Waits in the loop until all members are in it. */
static void meet(void *context, size_t member, size_t i)
{
    atomic_size_t *here = context;
    const double started = time_now();
    (void)member, (void)i;
    atomic_fetch_add(here, 1);
    while (atomic_load(here) % MEMBERS && time_now() < started + 20)
        sched_yield();
}

static void every_member_runs(void **state)
{
    struct pool *pool = pool_new(THREADS);
    (void)state;
    for (int i = 0; i < 20; i++) {
        atomic_size_t here = 0;
        const double started = time_now();
        if (i % 2)
            let_sleep();
        pool_loop(pool, MEMBERS, meet, &here);
        assert_int_equal(here, MEMBERS);
        assert_true(time_now() < started + 10);
    }
    pool_free(pool);
}

enum { LOOPS = 300, COUNT = 37 };

struct loop {
    struct pool *pool;
    size_t busy[MEMBERS]; /* by member: it does one thing at a time */
    atomic_size_t done[COUNT];
    atomic_bool failed;
};

static void visit(void *context, size_t member, size_t i)
{
    struct loop *loop = context;
    if (member >= MEMBERS || loop->busy[member]++)
        atomic_store(&loop->failed, true);
    if (i % 8 == 0)
        sched_yield(); /* on few CPUs too, loops should have the chance to meet */
    atomic_fetch_add(&loop->done[i], 1);
    loop->busy[member]--;
}

static void loops_of_any_length_are_complete(void **state)
{
    struct loop loop = {.pool = pool_new(THREADS)};
    (void)state;
    for (size_t count = 0; count <= COUNT; count++) {
        for (size_t i = 0; i < COUNT; i++)
            atomic_store(&loop.done[i], 0);
        if (count % 5 == 0)
            let_sleep();
        pool_loop(loop.pool, count, visit, &loop);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(loop.done[i], i < count);
    }
    assert_false(loop.failed);
    pool_free(loop.pool);
}

static void *run_loops(void *argument)
{
    struct loop *loop = argument;
    for (int i = 0; i < LOOPS; i++)
        pool_loop(loop->pool, COUNT, visit, loop);
    return NULL;
}

static void loops_of_many_callers_are_complete(void **state)
{
    enum { CALLERS = 4 };
    static struct loop loops[CALLERS];
    pthread_t callers[CALLERS];
    struct pool *pool = pool_new(THREADS);
    (void)state;
    for (int c = 0; c < CALLERS; c++) {
        loops[c].pool = pool;
        assert_int_equal(pthread_create(&callers[c], NULL, run_loops, &loops[c]), 0);
    }
    for (int c = 0; c < CALLERS; c++)
        pthread_join(callers[c], NULL);
    for (int c = 0; c < CALLERS; c++) {
        assert_false(loops[c].failed);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(loops[c].done[i], LOOPS);
    }
    pool_free(pool);
}

/* Each phase reads what others have written in the one before. */
struct phase {
    uint64_t from[COUNT], to[COUNT];
};

static uint64_t mixed(const uint64_t *from, size_t i)
{
    return from[i] * 31 + from[(i + COUNT / 2) % COUNT];
}

static void mix(void *context, size_t member, size_t i)
{
    struct phase *phase = context;
    (void)member;
    phase->to[i] = mixed(phase->from, i);
}

static void copy_back(void *context, size_t member, size_t i)
{
    struct phase *phase = context;
    (void)member;
    phase->from[i] = phase->to[i];
}

static void phases_follow_each_other(void **state)
{
    struct phase phase, want;
    struct pool *pool = pool_new(THREADS);
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        phase.from[i] = want.from[i] = i;
    for (int n = 0; n < LOOPS; n++) {
        pool_loop(pool, COUNT, mix, &phase);
        pool_loop(pool, COUNT, copy_back, &phase);
        for (size_t i = 0; i < COUNT; i++)
            want.to[i] = mixed(want.from, i);
        for (size_t i = 0; i < COUNT; i++)
            want.from[i] = want.to[i];
    }
    assert_memory_equal(phase.from, want.from, sizeof phase.from);
    pool_free(pool);
}

/* ---- tasks --------------------------------------------------------------------------------------------- */

/* A task that lasts until it is told to end. */
struct blocker {
    struct pool_task task;
    sem_t begun, end;
};

static void block(void *context)
{
    struct blocker *blocker = context;
    sem_post(&blocker->begun);
    sem_wait(&blocker->end);
}

static void blocker_begin(struct blocker *blocker, struct pool *pool)
{
    sem_init(&blocker->begun, 0, 0);
    sem_init(&blocker->end, 0, 0);
    blocker->task = (struct pool_task){block, blocker, NULL};
    pool_submit(pool, &blocker->task);
    sem_wait(&blocker->begun);
}

static void loops_do_not_wait_for_tasks(void **state)
{
    struct loop loop = {.pool = pool_new(THREADS)};
    struct blocker blockers[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        blocker_begin(&blockers[i], loop.pool);
        pool_loop(loop.pool, COUNT, visit, &loop);
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(loop.done[i], THREADS);
    for (int i = 0; i < THREADS; i++)
        sem_post(&blockers[i].end);
    pool_free(loop.pool);
}

/* Runs `left` times, handing itself in again. */
struct counter {
    struct pool_task task;
    struct pool *pool;
    size_t left, runs;
    atomic_size_t *finished;
};

static void count_runs(void *context)
{
    struct counter *counter = context;
    atomic_size_t *finished = counter->finished;
    counter->runs++;
    if (--counter->left)
        pool_submit(counter->pool, &counter->task);
    else
        atomic_fetch_add(finished, 1);
}

/* ---- locales ------------------------------------------------------------------------------------------- */

struct place {
    locale_t locale;
    sem_t seen;
};

static void see_locale(void *context)
{
    struct place *place = context;
    place->locale = uselocale((locale_t)0);
    sem_post(&place->seen);
}

static void threads_have_their_openers_locale(void **state)
{
    struct place place = {0};
    struct pool_task task = {see_locale, &place, NULL};
    const locale_t before = locale_plain(), plain = uselocale(before);
    (void)state;
    assert_ptr_not_equal(before, plain);
    uselocale(plain);
    struct pool *pool = pool_new(1);
    uselocale(before);
    sem_init(&place.seen, 0, 0);
    pool_submit(pool, &task);
    sem_wait(&place.seen);
    assert_ptr_equal(place.locale, plain);
    sem_destroy(&place.seen);
    pool_free(pool);
}

enum { SUBMITTERS = 8, TASKS = 50, RUNS = 20 };

struct submitter {
    struct counter counters[TASKS];
    struct pool *pool;
    atomic_size_t finished;
};

static void *submit_all(void *argument)
{
    struct submitter *submitter = argument;
    for (size_t i = 0; i < TASKS; i++) {
        struct counter *counter = &submitter->counters[i];
        *counter = (struct counter){
            {count_runs, counter, NULL}, submitter->pool, 1 + i % RUNS, 0, &submitter->finished};
        pool_submit(submitter->pool, &counter->task);
    }
    return NULL;
}

static void tasks_of_many_submitters_run(void **state)
{
    static struct submitter submitters[SUBMITTERS];
    pthread_t threads[SUBMITTERS];
    struct pool *pool = pool_new(THREADS);
    (void)state;
    for (int s = 0; s < SUBMITTERS; s++) {
        submitters[s].pool = pool;
        assert_int_equal(pthread_create(&threads[s], NULL, submit_all, &submitters[s]), 0);
    }
    for (int s = 0; s < SUBMITTERS; s++)
        pthread_join(threads[s], NULL);
    for (int s = 0; s < SUBMITTERS; s++)
        while (atomic_load(&submitters[s].finished) < TASKS)
            let_sleep();
    for (int s = 0; s < SUBMITTERS; s++)
        for (size_t i = 0; i < TASKS; i++)
            assert_int_equal(submitters[s].counters[i].runs, 1 + i % RUNS);
    pool_free(pool);
}

/* Which thread runs it. */
struct who {
    struct pool_task task;
    pthread_t thread;
    sem_t done;
};

static void say_who(void *context)
{
    struct who *who = context;
    who->thread = pthread_self();
    sem_post(&who->done);
}

/* Tasks that come one at a time are nearly all the same thread's: in turn, it would be as many each. */
static void whoever_slept_last_is_woken(void **state)
{
    enum { MANY = 8, TURNS = 5 * MANY };
    struct who who[TURNS];
    size_t most = 0;
    struct pool *pool = pool_new(MANY);
    (void)state;
    for (size_t i = 0; i < TURNS; i++) {
        who[i].task = (struct pool_task){say_who, &who[i], NULL};
        sem_init(&who[i].done, 0, 0);
        let_sleep();
        pool_submit(pool, &who[i].task);
        sem_wait(&who[i].done);
    }
    pool_free(pool);
    for (size_t i = 0; i < TURNS; i++) {
        size_t same = 0;
        for (size_t j = 0; j < TURNS; j++)
            same += pthread_equal(who[i].thread, who[j].thread) != 0;
        most = same > most ? same : most;
        sem_destroy(&who[i].done);
    }
    assert_true(most > TURNS / 2);
}

struct note {
    struct pool_task task;
    size_t number;
    size_t *list, *count;
};

static void note_down(void *context)
{
    const struct note *note = context;
    note->list[(*note->count)++] = note->number;
}

/* The end waits for all that was handed in; with one thread nothing is overtaken. */
static void tasks_in_the_queue_are_done_in_order(void **state)
{
    enum { NOTES = 100 };
    struct note notes[NOTES];
    size_t list[NOTES], count = 0;
    struct blocker blocker;
    struct pool *pool = pool_new(1);
    (void)state;
    blocker_begin(&blocker, pool);
    for (size_t i = 0; i < NOTES; i++) {
        notes[i] = (struct note){{note_down, &notes[i], NULL}, i, list, &count};
        pool_submit(pool, &notes[i].task);
    }
    sem_post(&blocker.end);
    pool_free(pool);
    assert_int_equal(count, NOTES);
    for (size_t i = 0; i < NOTES; i++)
        assert_int_equal(list[i], i);
}

/* A pool that nothing was asked of, or that ends while its threads begin, ends too; often, since it is a
 * matter of when. */
static void tasks_handed_in_just_before_the_end_are_done(void **state)
{
    (void)state;
    for (int n = 0; n < 300; n++) {
        atomic_size_t finished = 0;
        struct pool *pool = pool_new(THREADS);
        struct counter counters[2];
        for (int i = 0; i < n % 3; i++) {
            counters[i] = (struct counter){{count_runs, &counters[i], NULL}, pool, 2, 0, &finished};
            pool_submit(pool, &counters[i].task);
        }
        pool_free(pool);
        assert_int_equal(finished, n % 3);
    }
}

/* ---- without threads ----------------------------------------------------------------------------------- */

static void is_caller(void *context)
{
    pthread_t *caller = context;
    assert_true(pthread_equal(*caller, pthread_self()));
    *caller = (pthread_t){0};
}

static void is_member_0(void *context, size_t member, size_t i)
{
    size_t *next = context;
    assert_int_equal(member, 0);
    assert_int_equal(i, (*next)++);
}

static void check_alone(struct pool *pool)
{
    pthread_t caller = pthread_self();
    struct pool_task task = {is_caller, &caller, NULL};
    size_t next = 0;
    pool_loop(pool, COUNT, is_member_0, &next);
    assert_int_equal(next, COUNT);
    pool_submit(pool, &task);
    assert_false(pthread_equal(caller, pthread_self())); /* it has run */
}

static void no_threads_do_it_too(void **state)
{
    struct pool *pool = pool_new(0);
    (void)state;
    check_alone(pool);
    check_alone(NULL);
    assert_int_equal(pool_members(NULL), 1);
    pool_free(pool);
    pool_free(NULL);
}

static void a_forked_child_works_alone(void **state)
{
    struct loop loop = {.pool = pool_new(THREADS)};
    struct blocker blocker;
    int status = 0;
    (void)state;
    blocker_begin(&blocker, loop.pool);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        alarm(20);
        check_alone(loop.pool);
        pool_free(loop.pool);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    pool_loop(loop.pool, COUNT, visit, &loop);
    assert_int_equal(loop.done[0], 1);
    sem_post(&blocker.end);
    pool_free(loop.pool);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void no_threads_are_left(void **state)
{
    const size_t before = thread_count();
    (void)state;
    for (int n = 0; n < 10; n++) {
        struct pool *pool = pool_new(THREADS);
        size_t next = 0;
        assert_int_equal(thread_count_settled(before + THREADS), before + THREADS);
        pool_loop(pool, 1, is_member_0, &next);
        if (n % 2)
            let_sleep();
        pool_free(pool);
    }
    assert_int_equal(thread_count_settled(before), before);
}

/* ---- jobs ---------------------------------------------------------------------------------------------- */

static void count_up(void *context, size_t i)
{
    atomic_fetch_add((atomic_int *)context + i, 1);
}

static void meet_in_job(void *context, size_t i)
{
    meet(context, 0, i);
}

static void a_job_has_a_pool_or_a_number(void **state)
{
    struct pool *pool = pool_new(THREADS);
    const struct job jobs[] = {{.threads = MEMBERS}, {.threads = 1, .pool = pool}};
    (void)state;
    for (int j = 0; j < 2; j++) {
        atomic_int counts[COUNT] = {0};
        atomic_size_t here = 0;
        assert_int_equal(job_threads(&jobs[j]), MEMBERS);
        job_loop(&jobs[j], COUNT, count_up, counts);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(counts[i], 1);
        const double started = time_now();
        job_loop(&jobs[j], MEMBERS, meet_in_job, &here);
        assert_true(time_now() < started + 10);
    }
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_runs),
        cmocka_unit_test(loops_of_any_length_are_complete),
        cmocka_unit_test(loops_of_many_callers_are_complete),
        cmocka_unit_test(phases_follow_each_other),
        cmocka_unit_test(loops_do_not_wait_for_tasks),
        cmocka_unit_test(tasks_of_many_submitters_run),
        cmocka_unit_test(whoever_slept_last_is_woken),
        cmocka_unit_test(tasks_in_the_queue_are_done_in_order),
        cmocka_unit_test(tasks_handed_in_just_before_the_end_are_done),
        cmocka_unit_test(threads_have_their_openers_locale),
        cmocka_unit_test(no_threads_do_it_too),
        cmocka_unit_test(a_forked_child_works_alone),
        cmocka_unit_test(no_threads_are_left),
        cmocka_unit_test(a_job_has_a_pool_or_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
