// SPDX-License-Identifier: Apache-2.0
/* What an index remembers of files that failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

static struct err err;

static struct index *make(const char *path)
{
    const struct index_options options = {"tiny", "f00d", 8, INDEX_F16, NULL};
    struct index *index;
    assert_ok(index_create(&index, path, &options, &err));
    return index;
}

static void keep(struct index *index, const char *path, int64_t size, const char *why, bool again)
{
    const struct index_failure failure = {path, size, 1700000000123456789, why, again};
    assert_ok(index_failure_keep(index, &failure, &err));
}

static int print(void *context, const struct index_failure *failure)
{
    char *lines = context;
    assert_int_equal(failure->mtime_ns, 1700000000123456789);
    sprintf(lines + strlen(lines), "%s %d %s%s\n", failure->path, (int)failure->size, failure->why,
        failure->again ? ", again" : "");
    return 0;
}

static void expect(struct index *index, const char *expected)
{
    char lines[1024] = "";
    assert_ok(index_failures(index, print, lines, &err));
    assert_string_equal(lines, expected);
}

static void failures_are_kept_once_a_path(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", scratch_path("kept.dip"));
    struct index *index = make(path);
    expect(index, "");
    keep(index, "/b", 5, "empty", false);
    keep(index, "/a", 6, "locked", true);
    keep(index, "/B\xff", 7, "empty", false);
    assert_ok(index_commit(index, &err));
    keep(index, "/b", 8, "a film", false);
    assert_ok(index_failure_forget(index, "/a", &err));
    assert_ok(index_failure_forget(index, "/nowhere", &err));
    expect(index, "/B\xff 7 empty\n/b 8 a film\n");
    index_free(index); /* without a commit */

    assert_ok(index_open(&index, path, INDEX_READ, NULL, &err));
    expect(index, "/B\xff 7 empty\n/a 6 locked, again\n/b 5 empty\n");
    index_free(index);
}

static void reasons_are_counted_without_their_numbers(void **state)
{
    (void)state;
    struct index_reasons reasons = {0};
    struct index *index = make(scratch_path("reasons.dip"));
    assert_ok(index_reasons(&reasons, index, &err));
    assert_int_equal(reasons.count, 0);
    keep(index, "/1", 1, "empty", false);
    keep(index, "/2", 1, "ends at byte 1031", false);
    keep(index, "/3", 1, "ends at byte 33", false);
    keep(index, "/4", 1, "a film", false);
    assert_ok(index_reasons(&reasons, index, &err));
    assert_int_equal(reasons.count, 3);
    assert_int_equal(reasons.items[0].files, 2);
    assert_string_equal(reasons.items[0].why, "ends at byte 1031");
    assert_string_equal(reasons.items[0].path, "/2");
    assert_string_equal(reasons.items[1].why, "empty"); /* of equals the first */
    assert_string_equal(reasons.items[2].path, "/4");
    index_reasons_release(&reasons);
    index_free(index);
}

static int print_passed(void *context, const struct index_passed_over *file)
{
    char *lines = context;
    sprintf(lines + strlen(lines), "%s %d %s %s\n", file->path, (int)file->size, file->kind,
        file->picture ? file->picture : "-");
    return 0;
}

static void expect_passed(struct index *index, const char *expected)
{
    char lines[1024] = "";
    assert_ok(index_passed_over(index, print_passed, lines, &err));
    assert_string_equal(lines, expected);
}

static void what_is_passed_over_is_kept_once_a_path(void **state)
{
    (void)state;
    struct index *index = make(scratch_path("passed.dip"));
    const struct index_passed_over files[] = {{"/b/1.txt", 5, 1, "text", NULL},
        {"/b/2.cr2", 6, 2, "pair", "/b/2.jpg"}, {"/b", 7, 3, "other", NULL}, {"/b!", 8, 4, "other", NULL},
        {"/b/1.txt", 9, 5, "video", NULL}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_ok(index_passed_over_keep(index, &files[i], &err));
    expect_passed(index, "/b 7 other -\n/b! 8 other -\n/b/1.txt 9 video -\n/b/2.cr2 6 pair /b/2.jpg\n");
    assert_ok(index_passed_over_forget(index, "/nowhere", &err));
    assert_ok(index_passed_over_forget(index, "/b/2.cr2", &err));
    expect_passed(index, "/b 7 other -\n/b! 8 other -\n/b/1.txt 9 video -\n");
    assert_ok(index_passed_over_forget(index, "/b", &err)); /* and what is below */
    expect_passed(index, "/b! 8 other -\n");
    const struct index_passed_over members[] = {
        {"/x.zip!/1.txt", 5, 1, "text", NULL}, {"/x.zip!0", 6, 2, "other", NULL}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        assert_ok(index_passed_over_keep(index, &members[i], &err));
    assert_ok(index_passed_over_forget(index, "/x.zip", &err));
    expect_passed(index, "/b! 8 other -\n/x.zip!0 6 other -\n");
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_are_kept_once_a_path),
        cmocka_unit_test(reasons_are_counted_without_their_numbers),
        cmocka_unit_test(what_is_passed_over_is_kept_once_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
