// SPDX-License-Identifier: Apache-2.0
/* What an index keeps: items, vectors, ids and rows through all changes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

static const struct index_options small = {"tiny", "f00d", 8, INDEX_F16};

static struct index *create(const char *path, const struct index_options *options)
{
    struct err err;
    struct index *index;
    assert_ok(index_create(&index, path, options, &err));
    return index;
}

static struct index *open_again(const char *path, enum index_access access)
{
    struct err err;
    struct index *index;
    assert_ok(index_open(&index, path, access, NULL, &err));
    return index;
}

static void a_new_index_is_empty_and_says_what_it_is_for(void **state)
{
    (void)state;
    struct err err;
    struct index_rows rows;
    const char *path = scratch_path("new.dip");
    index_free(create(path, &small));
    struct index *index = open_again(path, INDEX_READ);
    const struct index_info info = index_info(index);
    assert_string_equal(info.path, path);
    assert_string_equal(info.model, "tiny");
    assert_string_equal(info.fingerprint, "f00d");
    assert_true(strstr(info.vectors, "/new.dip/vectors.f16"));
    assert_int_equal(info.width, 8);
    assert_int_equal(info.storage, INDEX_F16);
    assert_int_equal(info.rows + info.images + info.texts, 0);
    assert_ok(index_rows(&rows, index, NULL, &err));
    assert_int_equal(rows.count + rows.chosen, 0);
    assert_null(rows.mask);
    index_rows_release(&rows);
    index_free(index);
    verify_clean(path);

    assert_err(index_create(&index, path, &small, &err), ERR_ARGUMENT, "it is an index already");
    assert_ok(index_open(&index, path, INDEX_READ, "f00d", &err));
    index_free(index);
    assert_err(index_open(&index, path, INDEX_WRITE, "beef", &err), ERR_ARGUMENT,
        "made with another model: 'tiny', fingerprint f00d, and this one has beef");
}

static void what_was_committed_is_there(void **state)
{
    (void)state;
    const char *path = scratch_path("kept.dip");
    struct err err;
    struct index *index = create(path, &small);
    for (uint64_t i = 0; i < 100; i++)
        add_picture(index, i);
    assert_ok(index_commit(index, &err));
    for (uint64_t i = 100; i < 110; i++)
        add_picture(index, i); /* never committed */
    assert_int_equal(index_info(index).images, 110);
    index_free(index);

    index = open_again(path, INDEX_READ);
    assert_int_equal(index_info(index).images, 100);
    assert_int_equal(index_info(index).rows, 100);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(find_picture(index, i, i).row, i);
        assert_int_equal(find_picture(index, i, i).width, 100 + i);
    }
    assert_int_equal(find_picture(index, 100, 100).row, -1);
    index_free(index);
    verify_clean(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_index_is_empty_and_says_what_it_is_for),
        cmocka_unit_test(what_was_committed_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
