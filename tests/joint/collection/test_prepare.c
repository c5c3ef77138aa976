// SPDX-License-Identifier: Apache-2.0
/* Another way to prepare the pictures of an index: who is encoded anew, and that it is all or nothing. */
#include "tests/index/kept.h"
#include "tests/joint/collection/stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err err;

static void copy_golden(const struct world *world, const char *name)
{
    char path[4096], *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/tests/golden/preprocess/%s", DIPTYCH_ROOT, name);
    assert_int_equal(file_read(&bytes, &size, path, 1 << 20, NULL), 0);
    FILE *file = fopen(world_path(world, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

/* An index of pictures of all kinds that was made as before there was a choice. */
static void world_of_old(struct world *world, const char *name)
{
    static const char *const names[] = {"rgb.png", "grey8.png", "rgb444.jpg", "palette4.png", "grey1.png",
        "rgba.png", "palette_trns.png", "grey_trns.png"};
    struct sources sources = {0};
    world_init(world, name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        copy_golden(world, names[i]);
    world_open(world);
    assert_int_equal(sources_add(&sources, SOURCE_PICTURES, world->folder, NULL), 0);
    assert_int_equal(world_sync(world, &sources), 0);
    assert_int_equal(world->counts.pictures.new, 8);
    sources_release(&sources);
    world_close(world);
    kept_run(world->index, "UPDATE meta SET preparation = NULL");
    world_open(world);
    world->pictures = 0;
}

static struct preprocess way(enum rgb_order order, enum alpha_rule alpha)
{
    struct preprocess preprocess = preprocess_default(8);
    preprocess.rgb_order = order;
    preprocess.alpha = alpha;
    return preprocess;
}

static enum alpha_rule alpha_of(struct world *world)
{
    enum alpha_rule alpha;
    assert_int_equal(collection_alpha(&alpha, collection_index(world->collection), &err), 0);
    return alpha;
}

static void expect(struct world *world, struct preprocess to, size_t looked_at, size_t encoded)
{
    struct prepare_counts counts;
    world->pictures = 0;
    if (collection_prepare(&counts, world->collection, &to, NULL, &world->job, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(counts.looked_at, looked_at);
    assert_int_equal(counts.encoded, encoded);
    assert_int_equal(world->pictures, encoded);
    assert_int_equal(counts.failed, 0);
    assert_int_equal(alpha_of(world), to.alpha);
}

static void only_what_differs_is_encoded(void **state)
{
    (void)state;
    struct world w;
    world_of_old(&w, "differs");
    assert_int_equal(alpha_of(&w), ALPHA_DROP);
    expect(&w, way(RGB_FIRST, ALPHA_MODEL), 8, 3); /* the last three, which have transparent pixels */
    expect(&w, way(RGB_FIRST, ALPHA_MODEL), 0, 0);
    expect(&w, way(RGB_FIRST, ALPHA_DROP), 8, 3);
    expect(&w, way(RGB_LAST, ALPHA_MODEL), 8,
        4); /* palettes, bits and RGBA; a transparent grey changes nothing */
    assert_int_equal(index_info(collection_index(w.collection)).images, 8);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.unchanged, 8);
    world_release(&w);
}

static void what_cannot_be_read_leaves_all_as_it_was(void **state)
{
    (void)state;
    const struct preprocess to = way(RGB_FIRST, ALPHA_WHITE);
    struct prepare_counts counts;
    struct world w;
    world_of_old(&w, "unreadable");
    assert_int_equal(unlink(world_path(&w, "rgb.png")), 0);
    world_write(&w, "grey8.png", "something else");
    assert_int_equal(collection_prepare(&counts, w.collection, &to, NULL, &w.job, &err), 0);
    assert_int_equal(counts.failed, 2);
    assert_int_equal(w.pictures, 0);
    assert_true(world_reported(&w, "rgb.png': No such file or directory"));
    assert_true(world_reported(&w, "grey8.png' has changed since it was encoded"));
    assert_int_equal(alpha_of(&w), ALPHA_DROP);
    copy_golden(&w, "rgb.png");
    copy_golden(&w, "grey8.png");
    expect(&w, to, 8, 3);
    world_release(&w);
}

/* Cancelled at every step, the index is what it was, with the ids that it had. */
static void ends_leave_all_as_it_was(void **state)
{
    (void)state;
    const struct preprocess to = way(RGB_FIRST, ALPHA_MODEL);
    struct prepare_counts counts;
    struct world w;
    int rc = ERR_CANCELLED;
    world_of_old(&w, "ends");
    for (size_t end = 1; rc; end++) {
        w.steps = 0;
        w.end_at = end;
        rc = collection_prepare(&counts, w.collection, &to, NULL, &w.job, &err);
        assert_true(!rc || rc == ERR_CANCELLED);
        world_close(&w);
        assert_int_equal(kept_number(w.index, "SELECT max(id) FROM items"), rc ? 8 : 11);
        assert_int_equal(kept_number(w.index, "SELECT count(*) FROM items"), 8);
        assert_int_equal(kept_number(w.index, "SELECT coalesce(preparation, '') = 'model' FROM meta"), !rc);
        world_open(&w);
    }
    world_release(&w);
}

static void a_later_way_is_refused(void **state)
{
    (void)state;
    enum alpha_rule alpha;
    struct world w;
    world_init(&w, "later");
    world_open(&w);
    assert_int_equal(alpha_of(&w), ALPHA_MODEL); /* a new one says it */
    world_close(&w);
    kept_run(w.index, "UPDATE meta SET preparation = 'checkered'");
    world_open(&w);
    assert_int_equal(collection_alpha(&alpha, collection_index(w.collection), &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "in a way that this program does not know: 'checkered'"));
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_differs_is_encoded),
        cmocka_unit_test(what_cannot_be_read_leaves_all_as_it_was),
        cmocka_unit_test(ends_leave_all_as_it_was),
        cmocka_unit_test(a_later_way_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
