// SPDX-License-Identifier: Apache-2.0
/* A few paths below the sources are brought up to date, the rest is not looked at, and nothing is taken out. */
#include "tests/joint/collection/stand_in.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int sync_parts(struct world *w, const char *const *names, size_t count)
{
    struct err err;
    struct strings parts = {0};
    for (size_t i = 0; i < count; i++) {
        const char *path = world_path(w, names[i]);
        assert_int_equal(strings_add(&parts, path, strlen(path), NULL), 0);
    }
    strings_release(&w->reports);
    w->pictures = w->opened = 0;
    const int rc = collection_sync_parts(&w->counts, w->collection, &parts, &w->job, &err);
    strings_release(&parts);
    if (rc)
        fail_msg("%s", err.msg);
    return rc;
}

static void move(const struct world *w, const char *from, const char *to)
{
    char path[8192];
    snprintf(path, sizeof path, "%s", world_path(w, from));
    assert_int_equal(rename(path, world_path(w, to)), 0);
}

static size_t has(struct world *w, const char *name, const char *bytes)
{
    char path[8192];
    snprintf(path, sizeof path, "%s", world_path(w, name));
    return world_items(w, path, bytes);
}

/* lib with three pictures, one of them in a folder, and a picture that is a source itself. */
static void begin(struct world *w, const char *name)
{
    struct sources sources = {0};
    world_init(w, name);
    assert_int_equal(mkdir(world_path(w, "lib"), 0777), 0);
    assert_int_equal(mkdir(world_path(w, "lib/deep"), 0777), 0);
    world_write(w, "lib/a.png", "a");
    world_write(w, "lib/b.png", "b");
    world_write(w, "lib/deep/c.png", "c");
    world_write(w, "lib/deeper.png", "beside deep, in order before what is in it");
    world_write(w, "named", "named");
    sources_add(&sources, SOURCE_PICTURES, world_path(w, "lib"), NULL);
    sources_add(&sources, SOURCE_PICTURES, world_path(w, "named"), NULL);
    world_open(w);
    assert_int_equal(world_sync(w, &sources), 0);
    assert_int_equal(w->counts.encoded, 5);
    sources_release(&sources);
}

static void only_the_parts_are_looked_at(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "parts");
    world_write(&w, "lib/d.png", "d");
    world_write(&w, "lib/e.png", "e");
    world_write(&w, "lib/deep/f.png", "f");
    world_write(&w, "lib/b.png", "other");
    world_write(&w, "lib/deep/no picture", "g");
    assert_int_equal(sync_parts(&w, (const char *[]){"lib/d.png", "lib/deep", "lib/deep/f.png"}, 3), 0);
    assert_int_equal(w.counts.pictures.new, 2);
    assert_int_equal(w.counts.pictures.unchanged, 1);
    assert_int_equal(w.counts.pictures.missing, 0);
    assert_int_equal(w.pictures, 2);
    assert_int_equal(has(&w, "lib/d.png", "d"), 1);
    assert_int_equal(has(&w, "lib/deep/f.png", "f"), 1);
    assert_int_equal(has(&w, "lib/e.png", NULL), 0);
    assert_int_equal(has(&w, "lib/b.png", "b"), 1);

    world_write(&w, "named", "another");
    assert_int_equal(sync_parts(&w, (const char *[]){"named", "lib/b.png"}, 2), 0);
    assert_int_equal(w.counts.pictures.changed, 2);
    assert_int_equal(has(&w, "named", "another"), 1);
    assert_int_equal(has(&w, "lib/b.png", "other"), 1);
    world_release(&w);
}

static void what_is_gone_stays_until_all_is_looked_at(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "gone");
    assert_int_equal(unlink(world_path(&w, "lib/a.png")), 0);
    move(&w, "lib/deep", "away");
    assert_int_equal(mkfifo(world_path(&w, "lib/pipe.png"), 0666), 0);
    assert_int_equal(
        sync_parts(&w, (const char *[]){"lib/a.png", "lib/deep", "lib/nothing", "lib/pipe.png"}, 4), 0);
    assert_int_equal(w.counts.pictures.missing, 2);
    assert_int_equal(w.counts.pictures.gone, 0);
    assert_int_equal(w.reports.count, 0);
    assert_int_equal(has(&w, "lib/a.png", "a"), 1);
    assert_int_equal(has(&w, "lib/deeper.png", NULL), 1);
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.gone, 2);
    world_release(&w);
}

static void what_moved_keeps_its_vector(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "moved");
    move(&w, "lib/a.png", "lib/deep/a.png");
    assert_int_equal(sync_parts(&w, (const char *[]){"lib/a.png", "lib/deep/a.png"}, 2), 0);
    assert_int_equal(w.counts.pictures.moved, 1);
    assert_int_equal(w.counts.pictures.missing, 0);
    move(&w, "lib/deep", "lib/other");
    assert_int_equal(
        sync_parts(&w, (const char *[]){"lib/other"}, 1), 0); /* of where it was nothing is known */
    assert_int_equal(w.counts.pictures.moved, 2);
    assert_int_equal(w.pictures, 0);
    assert_int_equal(has(&w, "lib/other/a.png", "a"), 1);
    assert_int_equal(has(&w, "lib/deep/a.png", NULL), 0);
    world_release(&w);
}

static void failures_are_remembered(void **state)
{
    (void)state;
    struct world w;
    begin(&w, "failures");
    const char *const parts[] = {"lib/bad.png", "lib/deep"};
    world_write(&w, "lib/bad.png", "broken");
    assert_int_equal(sync_parts(&w, parts, 2), 0);
    assert_int_equal(w.counts.pictures.failed, 1);
    assert_int_equal(w.reports.count, 1);
    assert_int_equal(sync_parts(&w, parts, 2), 0);
    assert_int_equal(w.counts.pictures.failed_before, 1);
    assert_int_equal(w.reports.count + w.opened, 0);
    assert_int_equal(sync_parts(&w, &parts[1], 1), 0); /* of the other nothing is said */
    assert_int_equal(world_sync(&w, NULL), 0);
    assert_int_equal(w.counts.pictures.failed_before, 1);
    assert_int_equal(unlink(world_path(&w, "lib/bad.png")), 0);
    assert_int_equal(sync_parts(&w, parts, 1), 0);
    world_write(&w, "lib/bad.png", "good");
    assert_int_equal(sync_parts(&w, parts, 1), 0);
    assert_int_equal(w.counts.pictures.new, 1);
    world_release(&w);
}

/* Captions and metadata, of these pictures alone. */
static void what_comes_beside_pictures_is_taken(void **state)
{
    (void)state;
    struct world w;
    const char *const parts[] = {"lib/a.txt", "lib/b.json", "lib/deep/c.txt", "lib/other.txt", "lib/deep"};
    begin(&w, "beside");
    world_write(&w, "lib/a.txt", "of a\n");
    world_write(&w, "lib/b.txt", "of b");
    world_write(&w, "lib/deeper.txt", "of what is not looked at");
    world_write(&w, "lib/b.json", "{\"said\": 1}");
    world_write(&w, "lib/deep/c.txt", "of c");
    world_write(&w, "lib/other.txt", "of nothing");
    assert_int_equal(sync_parts(&w, parts, 4), 0);
    assert_int_equal(w.counts.described, 3);
    assert_int_equal(w.counts.pictures.unchanged, 3);
    assert_int_equal(w.pictures, 0);
    world_expect_said(&w, "lib/a.png", "of a", "");
    world_expect_said(&w, "lib/b.png", "of b", "{\"said\":1}");
    world_expect_said(&w, "lib/deep/c.png", "of c", "");
    world_expect_said(&w, "lib/deeper.png", "", "");
    assert_int_equal(sync_parts(&w, parts, 5), 0);
    assert_int_equal(w.counts.described, 0);

    world_write(&w, "lib/a.txt", "another");
    world_write(&w, "lib/a.png", "other"); /* both at once */
    assert_int_equal(sync_parts(&w, (const char *[]){"lib/a.png", "lib/a.txt"}, 2), 0);
    assert_int_equal(w.counts.pictures.changed, 1);
    world_expect_said(&w, "lib/a.png", "another", "");
    assert_int_equal(unlink(world_path(&w, "lib/a.txt")), 0);
    assert_int_equal(sync_parts(&w, parts, 1), 0);
    world_expect_said(&w, "lib/a.png", "another", "");
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_parts_are_looked_at),
        cmocka_unit_test(what_is_gone_stays_until_all_is_looked_at),
        cmocka_unit_test(what_moved_keeps_its_vector),
        cmocka_unit_test(failures_are_remembered),
        cmocka_unit_test(what_comes_beside_pictures_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
