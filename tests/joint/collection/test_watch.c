// SPDX-License-Identifier: Apache-2.0
/* An index is kept up to date: what happens below its sources is found. */
#include "tests/joint/collection/watcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what happens -------------------------------------------------------------------------------------- */

static void files_that_come_change_move_and_go_are_found(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "files");
    assert_int_equal(watcher.folders, 3); /* lib, lib/deep, and that of lines.txt */
    world_write(&watcher.w, "lib/c.png", "c");
    expect_pictures(&watcher, "lib/c.png", 1);
    world_write(&watcher.w, "lib/deep/.part", "d");
    move(&watcher, "lib/deep/.part", "lib/deep/d.png");
    expect_pictures(&watcher, "lib/deep/d.png", 1);
    expect_pictures(&watcher, NULL, 4);

    move(&watcher, "lib/c.png", "lib/deep/moved.png");
    expect_pictures(&watcher, "lib/deep/moved.png", 1);
    expect_pictures(&watcher, NULL, 4);

    assert_int_equal(unlink(world_path(&watcher.w, "lib/a.png")), 0);
    expect_pictures(&watcher, "lib/a.png", 0);
    world_write(&watcher.w, "lib/other.txt", "no picture");
    world_write(&watcher.w, "lib/.hidden.png", "hidden");
    make_folder(&watcher, "lib/@eaDir");
    world_write(&watcher.w, "lib/@eaDir/a.png", "a thumbnail");
    world_write(&watcher.w, "beside.png", "beside");
    world_write(&watcher.w, "lib/last", "\x89PNG\r\n\x1a\n");
    expect_pictures(&watcher, "lib/last", 1);
    expect_pictures(&watcher, NULL, 4);
    assert_int_equal(reported(&watcher, ""), 0);
    watcher_finish(&watcher);
    assert_int_equal(
        watcher.w.pictures, 2 + 3); /* that the embedder has seen: what moved is not encoded again */
}

/* Of pictures that are there already. */
static void what_comes_beside_pictures_is_found(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "beside");
    world_write(&watcher.w, "lib/a.txt", "a caption that comes late");
    expect_caption(&watcher, "lib/a.png", "a caption that comes late");
    world_write(&watcher.w, "lib/deep/.part", "{\"caption\": \"moved there\"}");
    move(&watcher, "lib/deep/.part", "lib/deep/b.json");
    expect_caption(&watcher, "lib/deep/b.png", "moved there");
    world_write(&watcher.w, "lib/a.txt", "and another");
    expect_caption(&watcher, "lib/a.png", "and another");
    watcher_finish(&watcher);
    assert_int_equal(watcher.w.pictures, 2);
}

static void folders_that_come_move_and_go_are_found(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "folders");
    make_folder(&watcher, "lib/new");
    make_folder(&watcher, "lib/new/newer");
    world_write(&watcher.w, "lib/new/newer/c.png", "c");
    expect_pictures(&watcher, "lib/new/newer/c.png", 1);

    move(&watcher, "lib/new", "lib/deep/moved");
    expect_pictures(&watcher, "lib/deep/moved/newer/c.png", 1);
    expect_pictures(&watcher, NULL, 3);
    world_write(&watcher.w, "lib/deep/moved/newer/d.png", "d");
    expect_pictures(&watcher, "lib/deep/moved/newer/d.png", 1);

    move(&watcher, "lib/deep/moved", "away"); /* nothing that happens there is of the index any more */
    expect_pictures(&watcher, NULL, 2);
    world_write(&watcher.w, "away/newer/e.png", "e");
    world_write(&watcher.w, "lib/f.png", "f");
    expect_pictures(&watcher, "lib/f.png", 1);
    expect_pictures(&watcher, NULL, 3);

    move(&watcher, "away", "lib/back");
    expect_pictures(&watcher, "lib/back/newer/e.png", 1);
    expect_pictures(&watcher, NULL, 6);
    watcher_finish(&watcher);
    assert_int_equal(watcher.w.pictures, 2 + 4); /* what comes back has its vectors still */
}

static void folders_behind_links_are_watched(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "links");
    make_folder(&watcher, "elsewhere");
    assert_int_equal(symlink("../elsewhere", world_path(&watcher.w, "lib/one")), 0);
    assert_int_equal(symlink("../elsewhere", world_path(&watcher.w, "lib/two")), 0);
    world_write(&watcher.w, "elsewhere/c.png", "c");
    expect_pictures(&watcher, "lib/one/c.png", 1);
    expect_pictures(&watcher, "lib/two/c.png", 1);
    world_write(&watcher.w, "elsewhere/d.png", "d");
    expect_pictures(&watcher, "lib/one/d.png", 1);
    expect_pictures(&watcher, "lib/two/d.png", 1);
    assert_int_equal(unlink(world_path(&watcher.w, "lib/two")), 0);
    expect_pictures(&watcher, "lib/two/c.png", 0);
    world_write(&watcher.w, "elsewhere/e.png", "e");
    expect_pictures(&watcher, "lib/one/e.png", 1);
    expect_pictures(&watcher, NULL, 5);
    watcher_finish(&watcher);
}

static void files_of_texts_and_new_sources_are_found(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    struct sources more = {0};
    watcher_begin(&watcher, "sources");
    world_write(&watcher.w, "lines.txt", "one\ntwo\n");
    expect_text(&watcher, "two");

    make_folder(&watcher, "more");
    world_write(&watcher.w, "more/c.png", "c");
    assert_int_equal(sources_add(&more, SOURCE_PICTURES, world_path(&watcher.w, "more"), NULL), 0);
    world_open(&watcher.w); /* between turns the index is free */
    assert_int_equal(world_sync(&watcher.w, &more), 0);
    world_close(&watcher.w);
    sources_release(&more);
    world_write(&watcher.w, "more/d.png", "d");
    expect_pictures(&watcher, "more/d.png", 1);
    watcher_finish(&watcher);
}

static void a_picture_that_cannot_be_read_is_told_once(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "broken");
    world_write(&watcher.w, "lib/bad.png", "broken");
    expect_report(&watcher, "bad.png");
    assert_int_equal(utimensat(AT_FDCWD, world_path(&watcher.w, "lib/a.png"), NULL, 0), 0);
    assert_int_equal(unlink(world_path(&watcher.w, "lib/deep/b.png")), 0); /* so that all is looked at */
    expect_pictures(&watcher, "lib/deep/b.png", 0);
    assert_int_equal(reported(&watcher, "bad.png"), 1);
    world_write(&watcher.w, "lib/bad.png", "good");
    expect_pictures(&watcher, "lib/bad.png", 1);
    watcher_finish(&watcher);
}

static void what_is_excluded_meanwhile_is_left_out(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    struct sources said = {.excludes_said = true};
    watcher_begin(&watcher, "excluded");
    make_folder(&watcher, "lib/raw");
    world_write(&watcher.w, "lib/raw/c.png", "c");
    expect_pictures(&watcher, "lib/raw/c.png", 1);
    assert_int_equal(strings_add(&said.excludes.patterns, "raw/", 4, NULL), 0);
    world_open(&watcher.w);
    assert_int_equal(world_sync(&watcher.w, &said), 0);
    world_close(&watcher.w);
    expect_pictures(&watcher, "lib/raw/c.png", 0);
    world_write(&watcher.w, "lib/deep/d.png", "d"); /* the watch has seen it */
    expect_pictures(&watcher, "lib/deep/d.png", 1);
    world_write(&watcher.w, "lib/raw/d.png", "raw of d");
    make_folder(&watcher, "lib/deep/raw");
    world_write(&watcher.w, "lib/deep/raw/d.png", "raw of d");
    world_write(&watcher.w, "lib/e.png", "e");
    expect_pictures(&watcher, "lib/e.png", 1);
    expect_pictures(&watcher, NULL, 4);
    strings_release(&said.excludes.patterns);
    watcher_finish(&watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_come_change_move_and_go_are_found),
        cmocka_unit_test(what_comes_beside_pictures_is_found),
        cmocka_unit_test(folders_that_come_move_and_go_are_found),
        cmocka_unit_test(folders_behind_links_are_watched),
        cmocka_unit_test(files_of_texts_and_new_sources_are_found),
        cmocka_unit_test(what_is_excluded_meanwhile_is_left_out),
        cmocka_unit_test(a_picture_that_cannot_be_read_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
