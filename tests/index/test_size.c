// SPDX-License-Identifier: Apache-2.0
/* What an index is said to take on the disk is what one takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#include <sys/stat.h>

enum { WIDTH = 8, COUNT = 20000, FEW = 10 };

static struct err err;

static int64_t bytes_of(const char *folder, const char *name)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) ? 0 : st.st_size;
}

static void files_have_the_size_that_is_said(void **state)
{
    (void)state;
    static const struct index_options options = {"m", "f00d", WIDTH, INDEX_I8, NULL};
    const char *path = DIPTYCH_SCRATCH "/size.dip";
    const struct index_size size = index_size(COUNT, WIDTH, INDEX_I8);
    struct index *index;
    remove_tree(path);
    assert_ok(index_create(&index, path, &options, &err));
    for (uint64_t i = 0; i < COUNT; i++)
        add_picture(index, i);
    assert_ok(index_commit(index, &err));
    assert_ok(index_prepare(index, NULL, &err));
    index_free(index);
    assert_int_equal(size.vectors, bytes_of(path, "vectors.i8"));
    assert_int_equal(size.codes, bytes_of(path, "coarse.i8"));
    const int64_t catalog = bytes_of(path, "catalog.sqlite"); /* of short paths, without hashes */
    assert_in_range(catalog, size.catalog / 5, size.catalog);
    assert_int_equal(index_size(FEW, WIDTH, INDEX_F32).codes, 0);
    assert_int_equal(index_size(FEW, WIDTH, INDEX_F32).vectors, FEW * WIDTH * (int64_t)sizeof(float));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_have_the_size_that_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
