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

static const struct index_options small = {"tiny", "f00d", 8, INDEX_F16, NULL};

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

static void ids_rise_with_rows_and_are_never_used_twice(void **state)
{
    (void)state;
    const char *path = scratch_path("ids.dip");
    struct err err;
    struct index *index = create(path, &small);
    for (uint64_t i = 0; i < 5; i++)
        add_picture(index, i);
    const struct index_item last = find_picture(index, 4, 4), second = find_picture(index, 1, 1);
    assert_ok(index_remove(index, last.id, &err));
    assert_ok(index_commit(index, &err));
    assert_err(index_remove(index, last.id, &err), ERR_NOT_FOUND, "has no item");
    index_free(index);

    index = open_again(path, INDEX_WRITE);
    add_picture(index, 5);
    assert_true(find_picture(index, 5, 5).id > last.id);
    assert_int_equal(find_picture(index, 5, 5).row, 5); /* row 4 is dead */
    add_picture(index, 1);                              /* changed: the same path again */
    assert_true(find_picture(index, 1, 1).id > find_picture(index, 5, 5).id);
    assert_int_equal(find_picture(index, 1, 1).row, 6);
    assert_int_equal(index_info(index).images, 5);
    assert_int_equal(index_info(index).rows, 7);
    struct index_item gone;
    struct arena arena = {0};
    assert_err(index_get(&gone, index, second.id, &arena, &err), ERR_NOT_FOUND, "has no item");
    assert_err(index_fetch(&gone, index, &second.row, 1, &arena, &err), ERR_NOT_FOUND, "has no item");
    arena_release(&arena);
    assert_ok(index_commit(index, &err));
    index_free(index);
    verify_clean(path);
}

static struct index_item get(struct index *index, int64_t id, struct arena *arena)
{
    struct err err;
    struct index_item item;
    assert_ok(index_get(&item, index, id, arena, &err));
    return item;
}

static void a_rename_keeps_id_and_row(void **state)
{
    (void)state;
    const char *path = scratch_path("rename.dip");
    struct err err;
    struct arena arena = {0};
    struct index *index = create(path, &small);
    add_picture(index, 1);
    add_picture(index, 2);
    float vector[8];
    make_vector(vector, 8, 9);
    struct index_item text = {
        .kind = INDEX_TEXT, .caption = "a description", .path = "captions.json", .picture = "pictures/1.png"};
    assert_ok(index_add(index, &text, vector, 1, &err));

    const struct index_item before = find_picture(index, 1, 1), other = find_picture(index, 2, 2);
    struct index_item renamed = get(index, before.id, &arena);
    renamed.path = "pictures/2.png"; /* over another one, which goes */
    renamed.mtime_ns = 7;
    renamed.metadata = "{\"stars\": 5}";
    renamed.caption = NULL;
    assert_ok(index_update(index, &renamed, &err));
    const struct index_item after = find_picture(index, 2, 1);
    assert_int_equal(after.id, before.id);
    assert_int_equal(after.row, before.row);
    assert_int_equal(find_picture(index, 1, 1).row, -1);
    assert_int_equal(index_info(index).images, 1);
    assert_err(index_get(&renamed, index, other.id, &arena, &err), ERR_NOT_FOUND, "has no item");
    renamed = get(index, before.id, &arena);
    assert_int_equal(renamed.mtime_ns, 7);
    assert_string_equal(renamed.metadata, "{\"stars\": 5}");
    assert_null(renamed.caption);
    assert_string_equal(get(index, text.id, &arena).picture, "pictures/2.png");
    assert_int_equal(get(index, text.id, &arena).kind, INDEX_TEXT);
    assert_ok(index_commit(index, &err));
    index_free(index);
    verify_clean(path); /* the full-text table followed */
    arena_release(&arena);
}

static void a_copy_has_a_row_of_its_own(void **state)
{
    (void)state;
    const char *path = scratch_path("copy.dip");
    struct err err;
    struct index *index = create(path, &small);
    add_picture(index, 3);
    const struct index_item original = find_picture(index, 3, 3);
    struct index_item copy = {.kind = INDEX_IMAGE, .path = "pictures/4.png"};
    assert_ok(index_add_copy(index, &copy, original.id, &err));
    assert_int_equal(copy.row, 1);
    assert_ok(index_remove(index, original.id, &err));
    assert_int_equal(find_picture(index, 4, 3).id, copy.id);
    assert_err(index_add_copy(index, &copy, original.id, &err), ERR_NOT_FOUND, "has no item");
    assert_ok(index_commit(index, &err));
    index_free(index);
    verify_clean(path);
}

/* What a row should hold, computed here from the definition in index.h. */
static float as_stored(const float *vector, size_t width, size_t e, enum index_storage storage)
{
    float largest = 0;
    for (size_t i = 0; i < width; i++)
        largest = fabsf(vector[i]) > largest ? fabsf(vector[i]) : largest;
    if (storage == INDEX_F32)
        return vector[e];
    if (storage == INDEX_F16) /* 11 significant bits; these values are normal halves */
        return vector[e] == 0
                   ? 0
                   : ldexpf(rintf(ldexpf(vector[e], 10 - ilogbf(vector[e]))), ilogbf(vector[e]) - 10);
    const float scale = largest / 127;
    return scale > 0 ? scale * rintf(vector[e] / scale) : 0;
}

static void each_storage_holds_what_it_says(void **state)
{
    (void)state;
    static const char *const files[] = {"vectors.f32", "vectors.f16", "vectors.i8"};
    static const size_t strides[] = {4 * 7, 2 * 7, 7 + 4};
    struct err err;
    for (int storage = 0; storage < INDEX_STORAGES; storage++) {
        const char *path = scratch_path("storage.dip");
        const struct index_options options = {"m", "f", 7, (enum index_storage)storage, NULL};
        struct index *index = create(path, &options);
        float vectors[3][7] = {{0}, {0.5f, -0.25f, 0.126f, 1, -1, 0.001f, 0.0625f}}, stored[7];
        make_vector(vectors[2], 7, 11);
        struct index_item items[3] = {{.kind = INDEX_TEXT, .caption = "zero"},
            {.kind = INDEX_TEXT, .caption = "some"}, {.kind = INDEX_TEXT, .caption = "random"}};
        assert_ok(index_add(index, items, vectors[0], 3, &err));
        assert_ok(index_commit(index, &err));
        assert_true(strstr(index_info(index).vectors, files[storage]));
        struct index_rows rows;
        assert_ok(index_rows(&rows, index, NULL, &err));
        assert_int_equal(rows.stride, strides[storage]);
        assert_int_equal(index_stride((enum index_storage)storage, 7), strides[storage]);
        assert_int_equal(rows.count, 3);
        for (int64_t r = 0; r < 3; r++) {
            assert_ok(index_vectors(stored, index, &r, 1, &err));
            for (size_t e = 0; e < 7; e++)
                if (stored[e] != as_stored(vectors[r], 7, e, (enum index_storage)storage))
                    fail_msg("%s row %d element %zu: %.9g, not %.9g", files[storage], (int)r, e, stored[e],
                        as_stored(vectors[r], 7, e, (enum index_storage)storage));
        }
        if (storage == INDEX_I8) { /* codes, then the scale: +-1 is code +-127 */
            const int8_t *codes = (const int8_t *)rows.data + rows.stride;
            float scale;
            memcpy(&scale, codes + 7, sizeof scale);
            assert_true(codes[3] == 127 && codes[4] == -127 && scale == 1.f / 127);
        }
        index_rows_release(&rows);
        index_free(index);
        verify_clean(path);
    }
}

static void a_bad_item_leaves_out_its_batch_and_nothing_else(void **state)
{
    (void)state;
    const char *path = scratch_path("batch.dip");
    struct err err;
    struct index *index = create(path, &small);
    add_picture(index, 1);
    float vectors[2 * 8] = {1}, *second = vectors + 8;
    struct index_item items[2] = {{.kind = INDEX_IMAGE, .path = "pictures/1.png"},
        {.kind = INDEX_IMAGE, .path = "b.png", .metadata = "{\"half\": "}};
    assert_err(index_add(index, items, vectors, 2, &err), ERR_ARGUMENT, "item 'b.png'");
    items[1].metadata = "[1]";
    assert_err(index_add(index, items, vectors, 2, &err), ERR_ARGUMENT, "no JSON object");
    items[1].metadata = NULL;
    second[3] = NAN;
    assert_err(index_add(index, items, vectors, 2, &err), ERR_ARGUMENT, "the vector of 'b.png'");
    second[3] = 1e6f; /* no half */
    assert_err(index_add(index, items, vectors, 2, &err), ERR_ARGUMENT, "f16 does not hold");
    second[3] = 0;
    items[1].kind = INDEX_TEXT;
    assert_err(index_add(index, items, vectors, 2, &err), ERR_ARGUMENT, "has no words");
    items[1].kind = INDEX_ANY;
    assert_err(index_add(index, items, vectors, 2, &err), ERR_ARGUMENT, "neither a picture nor a text");
    find_picture(index, 1, 1);
    assert_int_equal(index_info(index).rows, 1);
    assert_ok(index_commit(index, &err));
    index_free(index);
    index = open_again(path, INDEX_READ);
    assert_int_equal(find_picture(index, 1, 1).row, 0);
    index_free(index);
    verify_clean(path);
}

/* Ends the work while *context is negative; counts the calls. */
static int note_step(void *context, const char *unit, size_t done, size_t total)
{
    int64_t *calls = context;
    assert_string_equal(unit, "rows");
    assert_true(done <= total);
    return ++*calls < 0;
}

static void compaction_keeps_ids_and_order(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    const char *path = scratch_path("compact.dip");
    struct err err;
    static int64_t ids[COUNT];
    struct index *index = create(path, &small);
    for (uint64_t i = 0; i < COUNT; i++)
        add_picture(index, i);
    for (uint64_t i = 0; i < COUNT; i++) {
        ids[i] = find_picture(index, i, i).id;
        if (i % 3 == 1)
            assert_ok(index_remove(index, ids[i], &err));
    }
    int64_t calls = INT64_MIN;
    const struct job job = {.step = note_step, .context = &calls};
    assert_err(index_compact(index, &job, &err), ERR_CANCELLED, "interrupted");
    assert_int_equal(index_info(index).rows, COUNT);
    calls = 0;
    assert_ok(index_compact(index, &job, &err));
    assert_true(calls > 0);
    assert_true(strstr(index_info(index).vectors, "vectors-2.f16"));
    add_picture(index, COUNT);
    assert_ok(index_commit(index, &err));
    assert_ok(index_compact(index, NULL, &err)); /* nothing to do */
    assert_true(strstr(index_info(index).vectors, "vectors-2.f16"));
    index_free(index);

    index = open_again(path, INDEX_READ);
    int64_t row = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        const struct index_item item = find_picture(index, i, i);
        assert_int_equal(item.row, i % 3 == 1 ? -1 : row++);
        if (i % 3 != 1)
            assert_int_equal(item.id, ids[i]);
    }
    assert_int_equal(find_picture(index, COUNT, COUNT).row, row);
    assert_int_equal(index_info(index).rows, row + 1);
    index_free(index);
    verify_clean(path);
}

static void content_is_found_by_hash(void **state)
{
    (void)state;
    struct err err;
    struct arena arena = {0};
    struct index *index = create(scratch_path("hash.dip"), &small);
    struct index_item found;
    bool is_there;
    add_picture(index, 10);
    add_picture(index, 11);
    assert_ok(index_find(&found, &is_there, index, INDEX_IMAGE, NULL, "000000000000000b", &arena, &err));
    assert_true(is_there);
    assert_string_equal(found.path, "pictures/11.png");
    assert_ok(index_find(&found, &is_there, index, INDEX_TEXT, NULL, "000000000000000b", &arena, &err));
    assert_false(is_there);
    assert_ok(index_find(
        &found, &is_there, index, INDEX_IMAGE, "pictures/10.png", "000000000000000b", &arena, &err));
    assert_false(is_there);
    arena_release(&arena);
    index_free(index);
}

static void bytes_that_are_no_utf8_come_back(void **state)
{
    (void)state;
    struct err err;
    struct arena arena = {0};
    struct index *index = create(scratch_path("bytes #1?%41.dip/"), &small);
    const float vector[8] = {1};
    struct index_item item = {.kind = INDEX_IMAGE, .path = "caf\xe9 \xff.png"}, found;
    bool is_there;
    assert_ok(index_add(index, &item, vector, 1, &err));
    assert_ok(index_find(&found, &is_there, index, INDEX_IMAGE, item.path, NULL, &arena, &err));
    assert_true(is_there);
    assert_string_equal(found.path, item.path);
    arena_release(&arena);
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_index_is_empty_and_says_what_it_is_for),
        cmocka_unit_test(what_was_committed_is_there),
        cmocka_unit_test(ids_rise_with_rows_and_are_never_used_twice),
        cmocka_unit_test(a_rename_keeps_id_and_row),
        cmocka_unit_test(a_copy_has_a_row_of_its_own),
        cmocka_unit_test(each_storage_holds_what_it_says),
        cmocka_unit_test(a_bad_item_leaves_out_its_batch_and_nothing_else),
        cmocka_unit_test(compaction_keeps_ids_and_order),
        cmocka_unit_test(content_is_found_by_hash),
        cmocka_unit_test(bytes_that_are_no_utf8_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
