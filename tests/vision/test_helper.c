// SPDX-License-Identifier: Apache-2.0
/* The process that decodes, by helper_faults.c in its place: what goes wrong there is one failed picture here. */
#include "vision/helper/helper.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static const struct picture_options limits = {.max_pixels = 1000, .max_seconds = 1};

static int ask(struct picture *out, const char *library, struct err *err)
{
    return helper_decode(out, library, (struct span){"abc", 3}, &limits, err);
}

/* Three pixels of the colours of a, b and c. */
static void assert_paints(const char *library)
{
    struct picture picture;
    struct err err = {0};
    if (ask(&picture, library, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(picture.width, 3);
    assert_int_equal(picture.height, 1);
    assert_memory_equal(picture.pixels, "aaabbbccc", 9);
    picture_release(&picture);
}

static void assert_fails(const char *library, enum err_code code, const char *message)
{
    struct picture picture;
    struct err err = {0};
    const int rc = ask(&picture, library, &err);
    assert_string_equal(err.msg, message);
    assert_int_equal(rc, code);
    assert_null(picture.pixels);
}

static void gives_pixels_and_reasons(void **state)
{
    (void)state;
    assert_paints("paint");
    assert_fails("refuse", ERR_LIMIT, "abc is too much");
    assert_fails("none", ERR_UNSUPPORTED, "diptych-decode was built without none");
    assert_paints("paint");
}

static void outlives_crashes(void **state)
{
    (void)state;
#if defined __SANITIZE_ADDRESS__ /* which ends the process by itself, as the other does in its own way */
    assert_fails("crash", ERR_FORMAT, "its decoder has given no answer");
#elif defined __SANITIZE_THREAD__
    assert_fails("crash", ERR_FORMAT, "its decoder has crashed: Illegal instruction");
#else
    assert_fails("crash", ERR_FORMAT, "its decoder has crashed: Segmentation fault");
#endif
    assert_paints("paint");
}

static void ends_what_takes_too_long(void **state)
{
    (void)state;
    assert_fails("hang", ERR_LIMIT, "its decoder has taken more than 1 s of CPU time, or 10 s by the clock");
    assert_paints("paint");
}

#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
static int mib_until_memory_ends(const char *library)
{
    const struct picture_options options = {.max_pixels = 200000000, .max_seconds = 60};
    struct picture picture;
    struct err err = {0};
    int mib = 0;
    assert_int_equal(helper_decode(&picture, library, (struct span){"abc", 3}, &options, &err), ERR_LIMIT);
    if (sscanf(err.msg, "memory ended after %d MiB", &mib) != 1)
        fail_msg("%s", err.msg);
    return mib;
}
#endif

/* By what a picture's header says, and not by what another one's may. */
static void bounds_memory(void **state)
{
    (void)state;
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    enum { HELPERS_OWN = 512, FREE = 4 * 36, PICTURE = 2746 }; /* MiB */
    const int small = mib_until_memory_ends("grow"), large = mib_until_memory_ends("grow large");
    assert_in_range(small, 256, HELPERS_OWN + FREE);
    assert_in_range(large, PICTURE, HELPERS_OWN + PICTURE);
    assert_int_equal(mib_until_memory_ends("grow"), small);
#endif
    assert_paints("paint");
}

static void keeps_decoders_from_everything_else(void **state)
{
    (void)state;
    assert_paints("escape");
}

static void refuses_pictures_over_the_limit(void **state)
{
    (void)state;
    static const char bytes[2000];
    struct picture picture;
    struct err err = {0};
    assert_int_equal(helper_decode(&picture, "paint", (struct span){bytes, 2000}, &limits, &err), ERR_LIMIT);
    assert_string_equal(err.msg, "2000 x 1 pixels, the limit is 1000");
}

static void *ask_often(void *failures)
{
    for (int i = 0; i < 20; i++) {
        struct picture picture;
        const char *library = i % 7 == 3 ? "crash" : "paint";
        if (!ask(&picture, library, NULL) != !strcmp(library, "paint"))
            ++*(int *)failures;
        picture_release(&picture);
    }
    return NULL;
}

static void serves_threads_side_by_side(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int failures[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &failures[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(failures[i], 0);
}

/* Every kind of process here ends of it. */
static void end_all(void)
{
    struct picture picture;
    for (int i = 0; i < 10; i++)
        assert_int_not_equal(ask(&picture, "crash", NULL), 0);
}

static void believes_nothing(void **state)
{
    (void)state;
    struct picture picture;
    struct err err = {0};
    setenv("HELPER_LIES", "1", 1);
    end_all();

    static const char *const lies[] = {"mode", "code", "short", "pixels", "ask"};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        assert_fails(lies[i], ERR_FORMAT, "its decoder has given no answer");
    assert_fails("negative", ERR_FORMAT, "it says it is -8 x 8 pixels");
    assert_fails("large", ERR_LIMIT, "1073741824 x 8 pixels, the limit is 1000");
    assert_int_equal(ask(&picture, "control", &err), ERR_FORMAT);
    assert_int_equal(strlen(err.msg), 511);
    assert_int_equal(strspn(err.msg, "?"), 511);
    unsetenv("HELPER_LIES");
    end_all();
}

static void says_where_it_is_missing(void **state)
{
    (void)state;
    char program[4096];
    snprintf(program, sizeof program, "%s", getenv("DIPTYCH_DECODER"));
    setenv("DIPTYCH_DECODER", "/nowhere/diptych-decode", 1);
    end_all();
    assert_fails("paint", ERR_IO,
        "unable to start '/nowhere/diptych-decode', which decodes it: No such file or directory");
    setenv("DIPTYCH_DECODER", program, 1);
}

/* Memory is bounded as ever where the system has a bound of its own. Last: that cannot be taken back. */
static void keeps_to_a_hard_limit_too(void **state)
{
    (void)state;
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    enum { MOST = 512 + 4 * 36 }; /* MiB, of bounds_memory */
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    if (limit.rlim_max > (rlim_t)16 << 30)
        limit.rlim_max = (rlim_t)16 << 30;
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    end_all(); /* those of before have the old limit */
    assert_in_range(mib_until_memory_ends("grow"), 256, MOST);
#endif
    assert_paints("paint");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_pixels_and_reasons),
        cmocka_unit_test(outlives_crashes),
        cmocka_unit_test(ends_what_takes_too_long),
        cmocka_unit_test(bounds_memory),
        cmocka_unit_test(keeps_decoders_from_everything_else),
        cmocka_unit_test(refuses_pictures_over_the_limit),
        cmocka_unit_test(serves_threads_side_by_side),
        cmocka_unit_test(believes_nothing),
        cmocka_unit_test(says_where_it_is_missing),
        cmocka_unit_test(keeps_to_a_hard_limit_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
