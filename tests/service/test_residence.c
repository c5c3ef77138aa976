// SPDX-License-Identifier: Apache-2.0
/* What comes and goes is never away while it is held. */
#include "service/residence.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

/* Something that is there or not; not atomic, so that a thread sanitizer sees who does not hold it. */
struct thing {
    int there;
    atomic_int loads, unloads, failures; /* failures: of loads that are to come */
    atomic_bool stuck;                   /* a load does not end */
    atomic_bool loading;
};

static int load(void *context, struct err *err)
{
    struct thing *thing = context;
    thing->loading = true;
    while (thing->stuck)
        ;
    thing->loading = false;
    if (thing->failures) {
        thing->failures--;
        return err_set(err, ERR_IO, "not today");
    }
    thing->there = 1;
    thing->loads++;
    return 0;
}

static void unload(void *context)
{
    struct thing *thing = context;
    thing->there = 0;
    thing->unloads++;
}

static struct residence *open_residence(struct thing *thing, double seconds)
{
    const struct residence_options options = {load, unload, thing, seconds};
    struct residence *residence;
    assert_int_equal(residence_open(&residence, &options, NULL), 0);
    return residence;
}

enum { ENOUGH_SECONDS = 60 };

static void wait_until_away(struct residence *residence)
{
    const double until = time_now() + ENOUGH_SECONDS;
    while (residence_there(residence))
        if (time_now() > until)
            fail_msg("it is not given back");
}

static void what_nobody_uses_is_given_back(void **state)
{
    (void)state;
    struct thing thing = {.there = 1};
    struct residence *residence = open_residence(&thing, 1e-4);
    wait_until_away(residence);
    assert_false(residence_try_hold(residence));
    for (int i = 1; i < 20; i++) {
        assert_int_equal(residence_hold(residence, NULL, NULL), 0);
        assert_int_equal(thing.there, 1);
        assert_int_equal(thing.loads, i);
        assert_true(residence_try_hold(residence));
        residence_let_go(residence);
        assert_true(residence_there(residence));
        residence_let_go(residence);
        wait_until_away(residence);
    }
    residence_free(residence);
    assert_int_equal(thing.there, 0);
}

static void without_a_time_it_stays(void **state)
{
    (void)state;
    struct thing thing = {.there = 1};
    struct residence *residence = open_residence(&thing, 0);
    assert_int_equal(residence_hold(residence, NULL, NULL), 0);
    residence_let_go(residence);
    assert_true(residence_there(residence));
    residence_free(residence);
    assert_int_equal(thing.unloads, 0);
}

static void a_load_that_fails_is_tried_again(void **state)
{
    (void)state;
    struct thing thing = {.there = 1, .failures = 2};
    struct residence *residence = open_residence(&thing, 1e-4);
    struct err err;
    wait_until_away(residence);
    assert_int_equal(residence_hold(residence, NULL, &err), ERR_IO);
    assert_string_equal(err.msg, "not today");
    assert_int_equal(residence_hold(residence, NULL, &err), ERR_IO);
    assert_int_equal(residence_hold(residence, NULL, &err), 0);
    residence_let_go(residence);
    residence_free(residence);
}

static void *hold_once(void *context)
{
    struct residence *residence = context;
    if (!residence_hold(residence, NULL, NULL))
        residence_let_go(residence);
    return NULL;
}

static int give_up(void *context, const char *unit, size_t done, size_t total)
{
    (void)context, (void)unit, (void)done, (void)total;
    return 1;
}

/* Who waits for another's load can be ended; the load goes on. */
static void a_wait_can_end(void **state)
{
    (void)state;
    struct thing thing = {.there = 1};
    struct residence *residence = open_residence(&thing, 1e-4);
    const struct job job = {.step = give_up};
    pthread_t thread;
    wait_until_away(residence);
    thing.stuck = true;
    assert_int_equal(pthread_create(&thread, NULL, hold_once, residence), 0);
    while (!thing.loading)
        ;
    assert_int_equal(residence_hold(residence, &job, NULL), ERR_CANCELLED);
    thing.stuck = false;
    pthread_join(thread, NULL);
    assert_int_equal(thing.loads, 1);
    residence_free(residence);
}

enum { THREADS = 8, TURNS = 400 };

struct user {
    struct residence *residence;
    struct thing *thing;
    uint64_t seed;
    int away; /* times that it was not there while it was held */
};

static void *use(void *context)
{
    struct user *user = context;
    for (int i = 0; i < TURNS; i++) {
        if (residence_hold(user->residence, NULL, NULL))
            continue;
        user->away += !user->thing->there;
        residence_let_go(user->residence);
        if (random_at(user->seed, (uint64_t)i) % 4 == 0)
            wait_until_away(user->residence);
    }
    return NULL;
}

/* wait_until_away ends for each now and then, since all of them wait in the end. */
static void many_hold_it(void **state)
{
    (void)state;
    struct thing thing = {.there = 1};
    struct residence *residence = open_residence(&thing, 1e-5);
    struct user users[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        users[i] = (struct user){residence, &thing, (uint64_t)i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, use, &users[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(users[i].away, 0);
    }
    assert_true(thing.loads > THREADS);
    residence_free(residence);
    assert_true(thing.unloads == thing.loads || thing.unloads == thing.loads + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_uses_is_given_back),
        cmocka_unit_test(without_a_time_it_stays),
        cmocka_unit_test(a_load_that_fails_is_tried_again),
        cmocka_unit_test(a_wait_can_end),
        cmocka_unit_test(many_hold_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
