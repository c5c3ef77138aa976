// SPDX-License-Identifier: Apache-2.0
/* An index that is moved or copied together with its pictures goes on with them, for readers at once and for good with the
 * next writer; moved alone it keeps its paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/index.h"
#include "tests/index/kept.h"
#include "tests/index/synthetic.h"

enum { WIDTH = 8, COUNT = 100 };

static struct err err;

static const char *in_world(const char *world, const char *name)
{
    static char path[4][4200];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof path[0], "%s/%s%s%s", DIPTYCH_SCRATCH, world, *name ? "/" : "", name);
    return out;
}

static void write_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("picture", file);
    assert_int_equal(fclose(file), 0);
}

static struct index *open_index(const char *path, enum index_access access)
{
    struct index *index;
    if (index_open(&index, path, access, NULL, &err))
        fail_msg("%s", err.msg);
    return index;
}

static struct index *make(const char *world)
{
    const struct index_options options = {"m", "f", WIDTH, INDEX_F32, NULL};
    struct index *index;
    assert_int_equal(mkdir(in_world(world, ""), 0777), 0);
    assert_int_equal(mkdir(in_world(world, "lib"), 0777), 0);
    assert_ok(index_create(&index, in_world(world, "x.dip"), &options, &err));
    return index;
}

/* A folder with an index and the pictures beside it, one picture elsewhere, a text of a picture, a source, a failure. */
static void begin(const char *world)
{
    const float vector[WIDTH] = {1};
    struct index *index = make(world);
    char name[64];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "lib/%d.png", i);
        struct index_item item = {.kind = INDEX_IMAGE, .path = in_world(world, name), .size = 7};
        write_file(item.path);
        assert_ok(index_add(index, &item, vector, 1, &err));
    }
    struct index_item others[] = {
        {.kind = INDEX_IMAGE, .path = "/elsewhere/1.png", .size = 7},
        {.kind = INDEX_TEXT, .caption = "a text", .picture = in_world(world, "lib/0.png")},
    };
    assert_ok(index_add(index, &others[0], vector, 1, &err));
    assert_ok(index_add(index, &others[1], vector, 1, &err));
    assert_ok(index_source_add(index, "pictures", in_world(world, "lib"), &err));
    const struct index_failure failure = {.path = in_world(world, "lib/bad.png"), .why = "so"};
    assert_ok(index_failure_keep(index, &failure, &err));
    assert_ok(index_commit(index, &err));
    index_free(index);
}

static int check_failure(void *context, const struct index_failure *failure)
{
    assert_string_equal(failure->path, in_world(context, "lib/bad.png"));
    return 0;
}

static bool has(struct index *index, const char *path)
{
    struct index_item item;
    struct arena arena = {0};
    bool found;
    assert_ok(index_find(&item, &found, index, INDEX_IMAGE, path, NULL, &arena, &err));
    arena_release(&arena);
    return found;
}

/* The index at the path has its pictures in that world. */
static void expect(const char *path, enum index_access access, const char *world)
{
    struct index *index = open_index(path, access);
    struct index_rows rows;
    struct strings sources = {0};
    char where[4300];
    assert_true(has(index, in_world(world, "lib/0.png")));
    assert_true(has(index, in_world(world, "lib/99.png")));
    assert_true(has(index, "/elsewhere/1.png"));
    assert_ok(index_sources(&sources, index, "pictures", &err));
    assert_int_equal(sources.count, 1);
    assert_string_equal(sources.items[0], in_world(world, "lib"));
    strings_release(&sources);
    assert_ok(index_failures(index, check_failure, (void *)world, &err));

    snprintf(where, sizeof where, "picture = '%s'", in_world(world, "lib/0.png"));
    assert_ok(index_rows(&rows, index, &(struct index_filter){.where = where}, &err));
    assert_int_equal(rows.chosen, 1);
    index_rows_release(&rows);
    assert_ok(index_rows(&rows, index, &(struct index_filter){.match = world}, &err));
    assert_int_equal(rows.chosen, COUNT);
    index_rows_release(&rows);
    index_free(index);
}

static void rename_in(const char *from, const char *from_name, const char *to, const char *to_name)
{
    assert_int_equal(rename(in_world(from, from_name), in_world(to, to_name)), 0);
}

static int64_t moved_rows(const char *path, const char *world)
{
    char sql[4400];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM items WHERE path LIKE '%s/%%'", in_world(world, "lib"));
    return kept_number(path, sql);
}

static void moved_together_it_finds_its_pictures(void **state)
{
    (void)state;
    begin("together");
    rename_in("together", "", "afterwards", "");
    char path[4200];
    snprintf(path, sizeof path, "%s", in_world("afterwards", "x.dip"));
    expect(path, INDEX_READ, "afterwards");
    assert_int_equal(moved_rows(path, "afterwards"), 0); /* a reader writes nothing */
    verify_clean(path);
    expect(path, INDEX_WRITE, "afterwards");
    assert_int_equal(moved_rows(path, "afterwards"), COUNT);
    verify_clean(path);
    expect(path, INDEX_READ, "afterwards");
}

static void a_copy_has_its_own_pictures(void **state)
{
    (void)state;
    char command[9000];
    begin("original");
    snprintf(command, sizeof command, "cp -r '%s' '%s'", in_world("original", ""), in_world("duplicate", ""));
    assert_int_equal(system(command), 0);
    expect(in_world("duplicate", "x.dip"), INDEX_READ, "duplicate");
    expect(in_world("duplicate", "x.dip"), INDEX_WRITE, "duplicate");
    expect(in_world("original", "x.dip"), INDEX_WRITE, "original");
}

static void moved_alone_it_keeps_its_paths(void **state)
{
    (void)state;
    begin("alone");
    assert_int_equal(mkdir(in_world("beside", ""), 0777), 0);
    rename_in("alone", "x.dip", "beside", "x.dip");
    expect(in_world("beside", "x.dip"), INDEX_READ, "alone");
    expect(in_world("beside", "x.dip"), INDEX_WRITE, "alone");
    expect(in_world("beside", "x.dip"), INDEX_READ, "alone");
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A file of the index's own, and a text of it. */
static void add_own(const char *path)
{
    const float vector[WIDTH] = {1};
    struct arena arena = {0};
    struct index *index = open_index(path, INDEX_WRITE);
    const char *own = index_file_path(index, HASH, ".png", &arena, &err);
    assert_ok(index_keep_file(index, own, "picture", 7, &err));
    struct index_item items[] = {{.kind = INDEX_IMAGE, .path = own, .size = 7},
        {.kind = INDEX_TEXT, .caption = "of its own", .picture = own}};
    assert_ok(index_add(index, &items[0], vector, 1, &err));
    assert_ok(index_add(index, &items[1], vector, 1, &err));
    assert_ok(index_commit(index, &err));
    index_free(index);
    arena_release(&arena);
}

/* The index has that file, which is there, and its text. */
static void expect_own(const char *path, enum index_access access, const char *own)
{
    struct index *index = open_index(path, access);
    struct index_rows rows;
    char where[4400];
    assert_true(file_exists(own));
    assert_true(has(index, own));
    snprintf(where, sizeof where, "picture = '%s'", own);
    assert_ok(index_rows(&rows, index, &(struct index_filter){.where = where}, &err));
    assert_int_equal(rows.chosen, 1);
    index_rows_release(&rows);
    index_free(index);
}

/* Its own files are always with it, and say nothing of the others. */
static void its_own_files_come_along_alone(void **state)
{
    (void)state;
    begin("owner");
    add_own(in_world("owner", "x.dip"));
    assert_int_equal(mkdir(in_world("newcomer", ""), 0777), 0);
    rename_in("owner", "x.dip", "newcomer", "x.dip");
    const char *own = in_world("newcomer", "x.dip/uploads/" HASH ".png");
    expect_own(in_world("newcomer", "x.dip"), INDEX_WRITE, own);
    struct index *index = open_index(in_world("newcomer", "x.dip"), INDEX_READ);
    assert_true(has(index, in_world("owner", "lib/0.png")));
    index_free(index);
}

/* They go the way of the index, which has another name now, and the pictures that of the folder. A writer that was killed
 * before has left its mark. */
static void its_own_files_come_along_under_another_name(void **state)
{
    (void)state;
    char path[4200], own[4300];
    begin("named");
    add_own(in_world("named", "x.dip"));
    write_file(in_world("named", "x.dip/uploads/.unsettled"));
    rename_in("named", "", "renamed", "");
    rename_in("renamed", "x.dip", "renamed", "y.dip");
    snprintf(path, sizeof path, "%s", in_world("renamed", "y.dip"));
    snprintf(own, sizeof own, "%s/uploads/" HASH ".png", path);
    expect_own(path, INDEX_READ, own);
    expect_own(path, INDEX_WRITE, own);
    expect_own(path, INDEX_WRITE, own);
    assert_false(file_exists(in_world("renamed", "y.dip/uploads/.unsettled")));
    assert_int_equal(moved_rows(path, "renamed"), COUNT);
    verify_clean(path);
}

/* A file that no item has goes, but not in the opening that makes the paths anew and finds none. */
static void what_has_no_item_after_a_move_goes_later(void **state)
{
    (void)state;
    index_free(make("early"));
    char path[4200], file[4300];
    struct arena arena = {0};
    struct index *index = open_index(in_world("early", "x.dip"), INDEX_WRITE);
    const char *own = index_file_path(index, HASH, ".png", &arena, &err);
    assert_ok(index_keep_file(index, own, "picture", 7, &err));
    index_free(index); /* which removes it */
    arena_release(&arena);
    write_file(in_world("early", "x.dip/uploads/" HASH ".png"));
    write_file(in_world("early", "x.dip/uploads/.unsettled"));
    rename_in("early", "", "late", "");
    snprintf(path, sizeof path, "%s", in_world("late", "x.dip"));
    snprintf(file, sizeof file, "%s/uploads/" HASH ".png", path);
    index_free(open_index(path, INDEX_WRITE));
    assert_true(file_exists(file));
    index_free(open_index(path, INDEX_WRITE));
    assert_false(file_exists(file));
}

/* Of pictures in an archive there is no file but that. */
static void pictures_in_archives_are_found(void **state)
{
    (void)state;
    const float vector[WIDTH] = {1};
    struct index *index = make("packed");
    char name[64];
    write_file(in_world("packed", "lib/a.zip"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "lib/a.zip!/%d.png", i);
        struct index_item item = {.kind = INDEX_IMAGE, .path = in_world("packed", name), .size = 1000};
        assert_ok(index_add(index, &item, vector, 1, &err));
    }
    assert_ok(index_commit(index, &err));
    index_free(index);
    rename_in("packed", "", "carried", "");
    index = open_index(in_world("carried", "x.dip"), INDEX_WRITE);
    assert_true(has(index, in_world("carried", "lib/a.zip!/99.png")));
    index_free(index);
}

/* However many pictures there are, of which some are looked at, and here none is anywhere. */
static void a_source_counts_always(void **state)
{
    (void)state;
    enum { MANY = 67 }; /* every second is looked at, and the source would be the 68th */
    const float vector[WIDTH] = {1};
    char name[64];
    struct index *index = make("sourced");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "lib/%d.png", i);
        struct index_item item = {.kind = INDEX_IMAGE, .path = in_world("sourced", name), .size = 7};
        assert_ok(index_add(index, &item, vector, 1, &err));
    }
    assert_ok(index_source_add(index, "pictures", in_world("sourced", "lib"), &err));
    assert_ok(index_commit(index, &err));
    index_free(index);
    rename_in("sourced", "", "resourced", "");
    index = open_index(in_world("resourced", "x.dip"), INDEX_WRITE);
    assert_true(has(index, in_world("resourced", "lib/0.png")));
    index_free(index);
}

/* More than half of a sample must not be missing where the others are still at the old place. */
static void where_more_is_left_behind_it_stays(void **state)
{
    (void)state;
    begin("more");
    assert_int_equal(mkdir(in_world("less", ""), 0777), 0);
    assert_int_equal(mkdir(in_world("less", "lib"), 0777), 0);
    write_file(in_world("less", "lib/0.png"));
    rename_in("more", "x.dip", "less", "x.dip");
    expect(in_world("less", "x.dip"), INDEX_READ, "more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_together_it_finds_its_pictures),
        cmocka_unit_test(a_copy_has_its_own_pictures),
        cmocka_unit_test(moved_alone_it_keeps_its_paths),
        cmocka_unit_test(its_own_files_come_along_alone),
        cmocka_unit_test(its_own_files_come_along_under_another_name),
        cmocka_unit_test(what_has_no_item_after_a_move_goes_later),
        cmocka_unit_test(pictures_in_archives_are_found),
        cmocka_unit_test(a_source_counts_always),
        cmocka_unit_test(where_more_is_left_behind_it_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
