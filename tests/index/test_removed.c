// SPDX-License-Identifier: Apache-2.0
/* Vectors of removed items are found again by content until a compaction, and never anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/kept.h"
#include "tests/index/synthetic.h"

static const struct index_options small = {"tiny", "f00d", 8, INDEX_F16, NULL};
static struct err err;

/* An index of pictures 1 to 4. */
static struct index *make(char path[4096], const char *name)
{
    struct index *index;
    snprintf(path, 4096, "%s", scratch_path(name));
    assert_ok(index_create(&index, path, &small, &err));
    for (uint64_t i = 1; i <= 4; i++)
        add_picture(index, i);
    assert_ok(index_commit(index, &err));
    return index;
}

static void remove_picture(struct index *index, uint64_t number)
{
    assert_ok(index_remove(index, find_picture(index, number, number).id, &err));
}

/* Whether content comes back without its vector being made again, as the picture of another number's path. */
static bool comes_back(struct index *index, enum index_kind kind, uint64_t number, uint64_t as)
{
    char path[64], hash[32];
    bool found;
    snprintf(path, sizeof path, "pictures/%d.png", (int)as);
    snprintf(hash, sizeof hash, "%016x", (unsigned)number);
    struct index_item item = {.kind = kind, .path = path, .hash = hash, .caption = "some words"};
    assert_ok(index_add_again(&found, index, &item, &err));
    if (found)
        assert_int_equal(item.width, 100 + number);
    return found;
}

static void what_was_removed_comes_back(void **state)
{
    (void)state;
    char path[4096];
    struct index *index = make(path, "back.dip");
    remove_picture(index, 2);
    assert_ok(index_commit(index, &err));
    verify_clean(path);
    assert_false(comes_back(index, INDEX_IMAGE, 3, 9)); /* it was not removed */
    assert_false(comes_back(index, INDEX_TEXT, 2, 9));
    assert_true(comes_back(index, INDEX_IMAGE, 2, 5));
    assert_true(comes_back(index, INDEX_IMAGE, 2, 6));  /* twice, as copies of a file */
    assert_int_equal(find_picture(index, 5, 2).row, 4); /* at the end: ids rise with rows */
    assert_int_equal(find_picture(index, 6, 2).row, 5);
    assert_int_equal(find_picture(index, 2, 2).row, -1);
    assert_int_equal(index_info(index).images, 5);
    assert_ok(index_commit(index, &err));
    index_free(index);
    verify_clean(path);
}

/* Not by index_remove alone: a picture may lose its path to another, and both happen before a commit. */
static void whatever_removes_it(void **state)
{
    (void)state;
    char path[4096];
    struct index *index = make(path, "whatever.dip");
    remove_picture(index, 1);
    assert_true(comes_back(index, INDEX_IMAGE, 1, 2)); /* in the place of picture 2 */
    assert_true(comes_back(index, INDEX_IMAGE, 2, 7));
    assert_int_equal(find_picture(index, 7, 2).row, 5);
    assert_ok(index_commit(index, &err));
    index_free(index);
    verify_clean(path);
}

static void a_compaction_ends_it(void **state)
{
    (void)state;
    char path[4096];
    struct index *index = make(path, "compacted.dip");
    remove_picture(index, 2);
    assert_ok(index_compact(index, NULL, &err));
    assert_false(comes_back(index, INDEX_IMAGE, 2, 2));
    remove_picture(index, 4);
    assert_true(comes_back(index, INDEX_IMAGE, 4, 4)); /* with the rows that are now */
    assert_int_equal(find_picture(index, 4, 4).row, 3);
    assert_ok(index_commit(index, &err));
    index_free(index);
    verify_clean(path);
}

static void what_was_not_committed_was_not_removed(void **state)
{
    (void)state;
    char path[4096];
    struct index *index = make(path, "lost.dip");
    remove_picture(index, 2);
    index_free(index);
    assert_ok(index_open(&index, path, INDEX_WRITE, NULL, &err));
    assert_false(comes_back(index, INDEX_IMAGE, 2, 9));
    index_free(index);
}

/* A damaged vector is made again. */
static void a_damaged_row_does_not_come_back(void **state)
{
    (void)state;
    char path[4096], file[4200], *text;
    int64_t defects;
    struct index *index = make(path, "damaged.dip");
    remove_picture(index, 2);
    assert_ok(index_commit(index, &err));
    index_free(index);
    snprintf(file, sizeof file, "%s/vectors.f16", path);
    FILE *vectors = fopen(file, "r+b");
    assert_non_null(vectors);
    assert_int_equal(fseek(vectors, 16 + 3, SEEK_SET), 0); /* in row 1, of 8 halves */
    fputc('x', vectors);
    assert_int_equal(fclose(vectors), 0);
    text = verify_text(path, &defects);
    assert_int_equal(defects, 1);
    assert_non_null(strstr(text, "row 1 (of a removed item) does not match its checksum"));
    free(text);
    assert_ok(index_open(&index, path, INDEX_WRITE, NULL, &err));
    assert_false(comes_back(index, INDEX_IMAGE, 2, 2));
    assert_ok(index_compact(index, NULL, &err));
    index_free(index);
    verify_clean(path);
}

static void verify_sees_rows_that_are_not_of_removed_items(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *text;
    } cases[] = {
        {"UPDATE removed SET row = 0", "has a removed item in row 0, which is item 1's"},
        {"UPDATE removed SET row = 4", "has a removed item in row 4 of 4"},
        {"UPDATE removed SET row = -1", "has a removed item in row -1 of 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[4096];
        int64_t defects;
        struct index *index = make(path, "wrong.dip");
        remove_picture(index, 2);
        assert_ok(index_commit(index, &err));
        index_free(index);
        kept_run(path, cases[i].sql);
        char *text = verify_text(path, &defects);
        assert_int_equal(defects, 1);
        assert_non_null(strstr(text, cases[i].text));
        free(text);
        assert_ok(index_open(&index, path, INDEX_WRITE, NULL, &err));
        assert_false(comes_back(index, INDEX_IMAGE, 2, 2));
        index_free(index);
    }
}

/* What was removed before was prepared otherwise, and all changes so far come along. */
static void another_preparation_is_kept(void **state)
{
    (void)state;
    char path[4096];
    struct index *index = make(path, "prepared.dip"), *reader;
    assert_null(index_info(index).preparation);
    remove_picture(index, 2);
    remove_picture(index, 3);
    assert_true(comes_back(index, INDEX_IMAGE, 2, 2));
    assert_ok(index_keep_preparation(index, "black", &err));
    assert_string_equal(index_info(index).preparation, "black");
    assert_false(comes_back(index, INDEX_IMAGE, 3, 3));
    assert_ok(index_open(&reader, path, INDEX_READ, NULL, &err));
    assert_string_equal(index_info(reader).preparation, "black");
    assert_int_equal(index_info(reader).images, index_info(index).images);

    remove_picture(index, 2);
    index_revert(index);
    assert_int_equal(index_info(reader).images, index_info(index).images);
    index_free(reader);
    index_free(index);
    verify_clean(path);
}

static void another_place_of_the_model_is_kept(void **state)
{
    (void)state;
    char path[4096];
    struct index *index = make(path, "model.dip"), *reader;
    assert_ok(index_open(&reader, path, INDEX_READ, NULL, &err));
    assert_true(index_info(reader).findable);
    assert_string_equal(index_info(reader).model, "tiny");
    assert_ok(index_keep_model(index, "/models/tiny", &err));
    assert_string_equal(index_info(index).model, "/models/tiny");
    index_free(index);
    assert_ok(index_refresh(reader, &err));
    assert_string_equal(index_info(reader).model, "/models/tiny");
    assert_string_equal(index_info(reader).fingerprint, "f00d");
    assert_int_equal(index_info(reader).images, 4);
    index_free(reader);

    char *old = kept_copy(1, "typed.dip");
    assert_ok(index_open(&index, old, INDEX_WRITE, NULL, &err));
    assert_false(index_info(index).findable);
    assert_ok(index_keep_model(index, "models/small", &err)); /* the same words, but now they are meant */
    assert_true(index_info(index).findable);
    index_free(index);
    free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_removed_comes_back),
        cmocka_unit_test(whatever_removes_it),
        cmocka_unit_test(a_compaction_ends_it),
        cmocka_unit_test(what_was_not_committed_was_not_removed),
        cmocka_unit_test(a_damaged_row_does_not_come_back),
        cmocka_unit_test(verify_sees_rows_that_are_not_of_removed_items),
        cmocka_unit_test(another_preparation_is_kept),
        cmocka_unit_test(another_place_of_the_model_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
