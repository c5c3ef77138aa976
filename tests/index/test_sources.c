// SPDX-License-Identifier: Apache-2.0
/* What an index remembers of where it comes from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

static void expect_sources(struct index *index, const char *kind, const char *const *paths, size_t count)
{
    struct strings got = {0};
    struct err err;
    assert_ok(index_sources(&got, index, kind, &err));
    assert_int_equal(got.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(got.items[i], paths[i]);
    strings_release(&got);
}

static void sources_are_kept_once_in_order(void **state)
{
    (void)state;
    const struct index_options options = {"tiny", "f00d", 8, INDEX_F16, NULL};
    struct index *index;
    struct err err;
    const char *path = scratch_path("sources.dip");
    assert_ok(index_create(&index, path, &options, &err));
    expect_sources(index, "pictures", NULL, 0);
    assert_ok(index_source_add(index, "pictures", "/z", &err));
    assert_ok(index_source_add(index, "pictures", "/a", &err));
    assert_ok(index_source_add(index, "pictures", "/z", &err));
    assert_ok(index_source_add(index, "texts", "/z", &err));
    assert_ok(index_commit(index, &err));
    assert_ok(index_source_remove(index, "pictures", "/a", &err));
    assert_ok(index_source_remove(index, "pictures", "/nowhere", &err));
    expect_sources(index, "pictures", (const char *[]){"/z"}, 1);
    index_free(index); /* without a commit */

    assert_ok(index_open(&index, path, INDEX_READ, NULL, &err));
    expect_sources(index, "pictures", (const char *[]){"/z", "/a"}, 2);
    expect_sources(index, "texts", (const char *[]){"/z"}, 1);
    expect_sources(index, "captions", NULL, 0);
    index_free(index);
}

static void expect_rules(struct index *index, const char *kind, const char *path, const char *expected)
{
    struct err err;
    struct arena arena = {0};
    const char *rules;
    assert_ok(index_source_rules(&rules, index, kind, path, &arena, &err));
    assert_string_equal(rules, expected);
    arena_release(&arena);
}

static void sources_have_rules(void **state)
{
    (void)state;
    const struct index_options options = {"tiny", "f00d", 8, INDEX_F16, NULL};
    struct index *index;
    struct err err;
    assert_ok(index_create(&index, scratch_path("rules.dip"), &options, &err));
    assert_ok(index_source_add(index, "pictures", "/a", &err));
    assert_ok(index_source_add(index, "texts", "/a", &err));
    expect_rules(index, "pictures", "/a", "");
    assert_ok(index_source_keep_rules(index, "pictures", "/a", "not raw", &err));
    assert_ok(index_source_keep_rules(index, "pictures", "/nowhere", "nothing", &err));
    assert_ok(index_source_add(index, "pictures", "/a", &err)); /* it has them already */
    expect_rules(index, "pictures", "/a", "not raw");
    expect_rules(index, "texts", "/a", "");
    expect_rules(index, "pictures", "/nowhere", "");
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_kept_once_in_order),
        cmocka_unit_test(sources_have_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
