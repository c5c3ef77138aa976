// SPDX-License-Identifier: Apache-2.0
/* When a path that has changed is looked at. The clock is the test's. */
#include "joint/collection/watch_changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_PATH DIPTYCH_SCRATCH "/a.png"
#define MANY 60000

static void append(const char *bytes)
{
    FILE *file = fopen(FILE_PATH, "a");
    assert_non_null(file);
    fputs(bytes, file);
    assert_int_equal(fclose(file), 0);
}

static void add(struct changes *changes, const char *path, bool settled, double now)
{
    assert_int_equal(changes_add(changes, path, settled, now, NULL), 0);
}

/* How many paths are ready. */
static size_t take(struct changes *changes, double now)
{
    struct strings ready = {0};
    assert_int_equal(changes_take(changes, &ready, MANY, now, NULL), 0);
    for (size_t i = 0; i < ready.count; i++)
        assert_string_equal(ready.items[i], FILE_PATH);
    const size_t count = ready.count;
    strings_release(&ready);
    return count;
}

static void a_closed_file_is_ready_at_once(void **state)
{
    (void)state;
    struct changes changes = {0};
    append("half");
    add(&changes, FILE_PATH, false, 100);
    append("whole");
    add(&changes, FILE_PATH, true, 100.2);
    assert_int_equal(take(&changes, 100.25), 0); /* others may belong to it */
    assert_int_equal(take(&changes, 100.35), 1);
    assert_int_equal(take(&changes, 200), 0);
    assert_true(changes_due(&changes) == 0);
    changes_release(&changes);
}

static void an_open_file_is_ready_when_it_is_quiet(void **state)
{
    (void)state;
    struct changes changes = {0};
    append("some");
    add(&changes, FILE_PATH, false, 100);
    assert_true(changes_due(&changes) > 100);
    assert_int_equal(take(&changes, 100.4), 0);
    append("more");
    assert_int_equal(take(&changes, 100.6), 0);
    append("and more");
    assert_int_equal(take(&changes, 101.2), 0);
    assert_int_equal(take(&changes, 101.3), 0);
    assert_int_equal(take(&changes, 101.8), 1);
    changes_release(&changes);
}

static void a_closed_file_that_is_written_again_is_open(void **state)
{
    (void)state;
    struct changes changes = {0};
    append("some");
    add(&changes, FILE_PATH, true, 100);
    add(&changes, FILE_PATH, false, 100.05);
    assert_int_equal(take(&changes, 100.3), 0);
    assert_int_equal(take(&changes, 100.6), 1);
    changes_release(&changes);
}

static void what_is_gone_is_ready_when_it_stays_so(void **state)
{
    (void)state;
    struct changes changes = {0};
    unlink(FILE_PATH);
    add(&changes, FILE_PATH, false, 100);
    append("back");
    assert_int_equal(take(&changes, 100.6), 0);
    unlink(FILE_PATH);
    assert_int_equal(take(&changes, 101.2), 0);
    assert_int_equal(take(&changes, 101.8), 1);
    changes_release(&changes);
}

static void a_burst_is_one_path_and_a_turn_takes_so_many(void **state)
{
    (void)state;
    struct changes changes = {0};
    struct strings ready = {0};
    char path[64];
    for (int i = 0; i < 100; i++)
        add(&changes, FILE_PATH, true, 100);
    assert_int_equal(take(&changes, 101), 1);
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "/dev/null/%d.png", i);
        add(&changes, path, true, 100);
    }
    assert_int_equal(changes_take(&changes, &ready, 30, 101, NULL), 0);
    assert_int_equal(ready.count, 30);
    assert_int_equal(changes_take(&changes, &ready, 1000, 101, NULL), 0);
    assert_int_equal(ready.count, 100);
    strings_release(&ready);
    changes_release(&changes);
}

static void more_than_is_worth_it_is_all(void **state)
{
    (void)state;
    struct changes changes = {0};
    char path[64];
    for (int i = 0; i < MANY && !changes.all; i++) {
        snprintf(path, sizeof path, "/dev/null/%d.png", i);
        add(&changes, path, true, 100);
    }
    assert_true(changes.all);
    assert_true(changes.count < 2);
    changes_release(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_file_is_ready_at_once),
        cmocka_unit_test(an_open_file_is_ready_when_it_is_quiet),
        cmocka_unit_test(a_closed_file_that_is_written_again_is_open),
        cmocka_unit_test(what_is_gone_is_ready_when_it_stays_so),
        cmocka_unit_test(a_burst_is_one_path_and_a_turn_takes_so_many),
        cmocka_unit_test(more_than_is_worth_it_is_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
