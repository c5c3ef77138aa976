// SPDX-License-Identifier: Apache-2.0
/* A service that keeps its index up to date: pictures that come, change and go are found, requests that write get their
 * turns, and no request fails. */
#include "tests/service/served.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENOUGH_SECONDS = 60, MANY = 48 };

static struct service *keeping;
static int port;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct strings told;

static void tell(void *context, const char *line)
{
    (void)context;
    pthread_mutex_lock(&lock);
    assert_int_equal(strings_add(&told, line, strlen(line), NULL), 0);
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
}

/* The lock is held. */
static bool is_told(const char *text)
{
    bool found = false;
    for (size_t i = 0; i < told.count; i++)
        found |= strstr(told.items[i], text) != NULL;
    return found;
}

static void expect_told(const char *text)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ENOUGH_SECONDS;
    pthread_mutex_lock(&lock);
    while (!is_told(text))
        assert_int_equal(pthread_cond_timedwait(&more, &lock, &until), 0);
    pthread_mutex_unlock(&lock);
}

/* The folder of the pictures becomes the index's source. */
static int open_keeping(void **state)
{
    struct err err;
    struct index *index;
    served_open(state);
    assert_int_equal(index_open(&index, INDEX, INDEX_WRITE, NULL, &err), 0);
    char folder[4096];
    assert_non_null(realpath(PICTURES, folder));
    assert_int_equal(index_source_add(index, "pictures", folder, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
    keeping = served_with((struct service_options){.watch = true, .tell = tell});
    port = service_port(keeping);
    return 0;
}

static int close_keeping(void **state)
{
    int64_t defects;
    service_close(keeping, 0);
    assert_int_equal(index_verify(&defects, INDEX, NULL, NULL), 0);
    assert_int_equal(defects, 0);
    strings_release(&told);
    return served_close(state);
}

/* How many pictures of that name a search finds. */
static size_t found(const char *match)
{
    char body[256];
    snprintf(body, sizeof body,
        "{\"text\": \"a heart\", \"kind\": \"image\", \"match\": \"%s\", \"top\": 100}", match);
    struct answer answer = client_once(port, "POST", "/v1/search", NULL, body);
    assert_int_equal(answer.status, 200);
    json_t *value = json_loads(answer.body, 0, NULL);
    const size_t count = json_array_size(json_object_get(value, "hits"));
    json_decref(value);
    answer_release(&answer);
    return count;
}

static void expect_found(const char *match, size_t count)
{
    const double start = time_now();
    while (found(match) != count)
        if (time_now() - start > ENOUGH_SECONDS)
            fail_msg("%zu found of '%s', not %zu", found(match), match, count);
}

/* A picture that no other is like: a PPM file of numbers. */
static void write_picture(const char *name, unsigned number)
{
    char path[4096];
    snprintf(path, sizeof path, PICTURES "/%s", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("P6\n32 32\n255\n", file);
    for (unsigned i = 0; i < 32 * 32 * 3; i++)
        fputc((int)(random_at(number, i) & 255), file);
    assert_int_equal(fclose(file), 0);
}

static void remove_picture(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, PICTURES "/%s", name);
    assert_int_equal(unlink(path), 0);
}

static void pictures_that_come_and_go_are_found(void **state)
{
    (void)state;
    expect_found("nowhere", 0);
    write_picture("somewhere.ppm", 1);
    expect_found("somewhere", 1);
    remove_picture("somewhere.ppm");
    expect_found("somewhere", 0);
}

static void a_picture_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    FILE *file = fopen(PICTURES "/broken.png", "w");
    fputs("no picture", file);
    fclose(file);
    expect_told("broken.png'");
    remove_picture("broken.png");
}

/* While many pictures come, others search and write. */
static void requests_are_answered_meanwhile(void **state)
{
    (void)state;
    char name[64], body[128];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many-%u.ppm", i);
        write_picture(name, 1000 + i);
    }
    const double start = time_now();
    for (size_t i = 0; found("many") < MANY; i++) {
        snprintf(body, sizeof body, "{\"items\": [{\"text\": \"number %zu\"}]}", i);
        struct answer answer = client_once(port, "POST", "/v1/items", NULL, body);
        if (answer.status != 200)
            fail_msg("%d: %s", answer.status, answer.body);
        answer_release(&answer);
        assert_true(time_now() - start < ENOUGH_SECONDS);
    }
    expect_found("many", MANY);
}

static void *reload(void *service)
{
    struct err err;
    return service_reload(service, &err) ? service : NULL;
}

static void a_second_service_is_told_and_serves(void **state)
{
    (void)state;
    struct service *second = served_with((struct service_options){.watch = true, .tell = tell});
    expect_told("pictures.dip': process ");
    struct answer answer =
        client_once(service_port(second), "POST", "/v1/search", NULL, "{\"text\": \"a heart\"}");
    assert_int_equal(answer.status, 200);
    answer_release(&answer);

    /* When the first is gone, a reload lets the second keep the index, as do two at once. */
    struct err err;
    pthread_t other;
    void *failed;
    service_close(keeping, 0);
    assert_int_equal(pthread_create(&other, NULL, reload, second), 0);
    assert_int_equal(service_reload(second, &err), 0);
    assert_int_equal(pthread_join(other, &failed), 0);
    assert_null(failed);
    keeping = second;
    port = service_port(second);
    write_picture("later.ppm", 2);
    expect_found("later", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_that_come_and_go_are_found),
        cmocka_unit_test(a_picture_that_cannot_be_read_is_told),
        cmocka_unit_test(requests_are_answered_meanwhile),
        cmocka_unit_test(a_second_service_is_told_and_serves),
    };
    return cmocka_run_group_tests(tests, open_keeping, close_keeping);
}
