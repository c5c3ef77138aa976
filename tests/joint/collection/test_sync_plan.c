// SPDX-License-Identifier: Apache-2.0
/* What a plan makes of files and items: every kind of change, and thousands of random ones. */
#include "joint/collection/sync_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 64 };

/* A folder and an index before a plan, where a content is a letter: its hash, its size too. */
struct world {
    struct plan plan;
    char paths[2 * ROOM][16], hashes[ROOM][HASH_SIZE]; /* that the plan borrows */
};

static void add_path(struct string_map *paths, const char *path)
{
    size_t *number;
    assert_int_equal(string_map_add(&number, paths, path, strlen(path), paths->count, NULL), 0);
}

static void begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->plan.files = mem_new(ROOM, sizeof *world->plan.files);
    world->plan.items = mem_new(ROOM, sizeof *world->plan.items);
    add_path(&world->plan.roots, "/p");
}

static void end(struct world *world)
{
    plan_release(&world->plan);
}

static void add_item(struct world *world, int64_t id, const char *path, char content, int64_t time)
{
    snprintf(world->hashes[world->plan.item_count], HASH_SIZE, "%c", content);
    world->plan.items[world->plan.item_count] = (struct plan_item){.id = id,
        .size = content,
        .mtime_ns = time,
        .path = path,
        .hash = world->hashes[world->plan.item_count]};
    world->plan.item_count++;
}

static void add_file(struct world *world, const char *path, char content, int64_t time)
{
    world->plan.files[world->plan.file_count++] =
        (struct plan_file){.path = path, .size = content, .mtime_ns = time};
}

static char content_of(const struct plan_file *file)
{
    return (char)file->size;
}

static size_t run(struct world *world)
{
    size_t hashed = 0;
    struct err err;
    assert_int_equal(plan_match(&world->plan, &err), 0);
    for (size_t i = 0; i < world->plan.file_count; i++) {
        struct plan_file *file = &world->plan.files[i];
        if (!plan_wants_hash(&world->plan, file))
            continue;
        snprintf(file->hash, HASH_SIZE, "%c", content_of(file));
        hashed++;
    }
    assert_int_equal(plan_moves(&world->plan, &err), 0);
    return hashed;
}

static void expect_file(const struct world *world, const char *path, enum plan_action action, int64_t id)
{
    for (size_t i = 0; i < world->plan.file_count; i++) {
        const struct plan_file *file = &world->plan.files[i];
        if (strcmp(file->path, path))
            continue;
        assert_int_equal(file->action, action);
        assert_int_equal(file->item ? file->item->id : 0, id);
        return;
    }
    fail_msg("no file '%s'", path);
}

static void expect_item(const struct world *world, int64_t id, enum plan_state state)
{
    for (size_t i = 0; i < world->plan.item_count; i++)
        if (world->plan.items[i].id == id) {
            assert_int_equal(world->plan.items[i].state, state);
            return;
        }
    fail_msg("no item %d", (int)id);
}

static void every_change_has_its_name(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    add_item(&world, 1, "/p/same", 'a', 1);
    add_item(&world, 2, "/p/touched", 'b', 1);
    add_item(&world, 3, "/p/changed", 'c', 1);
    add_item(&world, 4, "/p/old", 'd', 1);
    add_item(&world, 5, "/p/gone", 'e', 1);
    add_item(&world, 6, "/px/elsewhere", 'f', 1);
    add_item(&world, 7, "/p/locked/in", 'g', 1);
    add_path(&world.plan.unreadable, "/p/locked");
    add_file(&world, "/p/same", 'a', 1);
    add_file(&world, "/p/touched", 'b', 2);
    add_file(&world, "/p/changed", 'h', 2);
    add_file(&world, "/p/renamed", 'd', 9);
    add_file(&world, "/p/new", 'i', 1);
    add_file(&world, "/p/copy", 'a', 1);
    add_file(&world, "/p/copy", 'a', 1); /* found below two roots */
    assert_int_equal(run(&world), 2);    /* only what may have moved or was touched is read */
    expect_file(&world, "/p/same", PLAN_UNCHANGED, 1);
    expect_file(&world, "/p/touched", PLAN_TOUCHED, 2);
    expect_file(&world, "/p/changed", PLAN_CHANGED, 3);
    expect_file(&world, "/p/renamed", PLAN_MOVED, 4);
    expect_file(&world, "/p/new", PLAN_NEW, 0);
    expect_file(&world, "/p/copy", PLAN_NEW, 0);
    assert_int_equal(world.plan.file_count, 6);
    expect_item(&world, 3, PLAN_OUTDATED);
    expect_item(&world, 4, PLAN_TAKEN);
    expect_item(&world, 5, PLAN_GONE);
    expect_item(&world, 6, PLAN_KEPT);
    expect_item(&world, 7, PLAN_KEPT);
    end(&world);
}

static void names_that_move_on_by_one_move_all(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    add_item(&world, 1, "/p/1", 'a', 1);
    add_item(&world, 2, "/p/2", 'b', 2);
    add_item(&world, 3, "/p/3", 'c', 3);
    add_file(&world, "/p/1", 'n', 9);
    add_file(&world, "/p/2", 'a', 1);
    add_file(&world, "/p/3", 'b', 2);
    add_file(&world, "/p/4", 'c', 3);
    run(&world);
    expect_file(&world, "/p/1", PLAN_CHANGED, 1);
    expect_file(&world, "/p/2", PLAN_MOVED, 1);
    expect_file(&world, "/p/3", PLAN_MOVED, 2);
    expect_file(&world, "/p/4", PLAN_MOVED, 3);
    for (size_t i = 0; i < world.plan.item_count; i++)
        assert_true(world.plan.items[i].vacates);
    end(&world);
}

static void of_equals_the_one_that_is_gone_moves(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    add_item(&world, 1, "/p/overwritten", 'a', 1);
    add_item(&world, 2, "/p/gone", 'a', 1);
    add_file(&world, "/p/overwritten", 'b', 2);
    add_file(&world, "/p/renamed", 'a', 1);
    add_file(&world, "/p/twice", 'a', 1);
    add_file(&world, "/p/thrice", 'a', 1);
    run(&world);
    expect_file(&world, "/p/renamed", PLAN_MOVED, 2);
    expect_file(&world, "/p/thrice", PLAN_MOVED, 1);
    expect_file(&world, "/p/twice", PLAN_NEW, 0);
    end(&world);
}

static void roots_end_at_slashes(void **state)
{
    (void)state;
    assert_true(path_below("/p", "/p"));
    assert_true(path_below("/p/a", "/p"));
    assert_true(path_below("/p/a", "/"));
    assert_false(path_below("/pa", "/p"));
    assert_false(path_below("/", "/p"));

    static const size_t above[] = {4, 2, 1, 0};
    for (size_t length = strlen("/p/a/b"), i = 0; length; i++) {
        length = path_above("/p/a/b", length);
        assert_int_equal(length, above[i]);
    }
}

/* In a random world: no item moves twice or has two fates, files of known content that some item could have
 * given do not go empty-handed, and nothing moves that is where it was. */
static void random_worlds_hold_together(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 5000; round++) {
        struct world world;
        begin(&world);
        for (int i = 0; i < 12; i++) {
            seed = seed * 1664525 + 1013904223;
            const uint32_t r = seed >> 8;
            snprintf(world.paths[i], sizeof *world.paths, "/p/%d", i);
            if (r & 1)
                add_item(&world, i + 1, world.paths[i], (char)('a' + (r >> 2) % 6), 1);
            if (r & 2)
                add_file(&world, world.paths[i], (char)('a' + (r >> 6) % 6), (r >> 10) % 2);
        }
        run(&world);
        int movers[32] = {0}, moves = 0, taken = 0, left[128] = {0};
        for (size_t i = 0; i < world.plan.item_count; i++) {
            const struct plan_item *item = &world.plan.items[i];
            taken += item->state == PLAN_TAKEN;
            left[(int)*item->hash] += item->state == PLAN_GONE || item->state == PLAN_OUTDATED;
        }
        for (size_t i = 0; i < world.plan.file_count; i++) {
            const struct plan_file *file = &world.plan.files[i];
            if (file->action == PLAN_NEW || file->action == PLAN_CHANGED)
                assert_int_equal(left[(int)content_of(file)], 0);
            if (file->action != PLAN_MOVED)
                continue;
            moves++;
            assert_int_equal(*file->item->hash, content_of(file));
            assert_string_not_equal(file->item->path, file->path);
            assert_int_equal(movers[file->item->id]++, 0);
        }
        assert_int_equal(moves, taken);
        end(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_has_its_name),
        cmocka_unit_test(names_that_move_on_by_one_move_all),
        cmocka_unit_test(of_equals_the_one_that_is_gone_moves),
        cmocka_unit_test(roots_end_at_slashes),
        cmocka_unit_test(random_worlds_hold_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
