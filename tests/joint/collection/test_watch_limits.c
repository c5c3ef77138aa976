// SPDX-License-Identifier: Apache-2.0
/* An index is kept up to date where inotify does not tell all, where drives go, and beside others. */
#include "tests/joint/collection/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- the system, as it is elsewhere -------------------------------------------------------------------- */

static atomic_int watches_left = -1; /* before inotify has no more; -1: any number */
static atomic_bool on_network;

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (watches_left == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (watches_left > 0)
        watches_left--;
    return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

int statfs(const char *path, struct statfs *out)
{
    const int rc = (int)syscall(SYS_statfs, path, out);
    if (!rc && on_network)
        out->f_type = 0x6969;
    return rc;
}

/* ---- what must not be lost ----------------------------------------------------------------------------- */

static void a_source_that_vanishes_keeps_its_pictures(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "vanishes");
    move(&watcher, "lib", "away");
    expect_report(&watcher, "is not there; pictures of it that stay in the index: 2");
    expect_pictures(&watcher, NULL, 2);
    make_folder(&watcher, "lib"); /* as the place of a drive is */
    expect_report(&watcher, "holds no pictures any more; those that stay in the index: 2");
    assert_int_equal(rmdir(world_path(&watcher.w, "lib")), 0);
    move(&watcher, "away", "lib");
    world_write(&watcher.w, "lib/c.png", "c");
    expect_pictures(&watcher, "lib/c.png", 1);
    expect_pictures(&watcher, NULL, 3);
    world_write(&watcher.w, "lib/deep/d.png", "d");
    expect_pictures(&watcher, "lib/deep/d.png", 1);
    watcher_finish(&watcher);
}

/* More events than the kernel keeps, in the middle of a turn. */
static void flood(struct watcher *watcher)
{
    unsigned long limit = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &limit), 1);
    fclose(file);
    for (unsigned long i = 0; i < limit / 2; i++) {
        const int fd = open(world_path(&watcher->w, "lib/flood.png"), O_WRONLY | O_CREAT, 0666);
        assert_true(fd >= 0);
        close(fd);
        unlink(world_path(&watcher->w, "lib/flood.png"));
    }
    mkdir(world_path(&watcher->w, "lib/unseen"), 0777);
    world_write(&watcher->w, "lib/unseen/c.png", "c");
}

static void events_that_were_lost_make_it_look_at_all(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "lost");
    watcher.stepped = flood;
    world_write(&watcher.w, "lib/z.png", "z");
    expect_pictures(&watcher, "lib/unseen/c.png", 1);
    world_write(&watcher.w, "lib/unseen/d.png", "d");
    expect_pictures(&watcher, "lib/unseen/d.png", 1);
    watcher_finish(&watcher);
}

static void beyond_the_limit_it_says_so_and_looks_now_and_then(void **state)
{
    (void)state;
    struct watcher watcher = {.rescan = 0.1};
    watches_left = 1;
    watcher_begin(&watcher, "limit");
    expect_report(&watcher, "unable to watch more than 1 of 2 folders: a user's programs may watch ");
    expect_report(&watcher, "'sysctl fs.inotify.max_user_watches=");
    world_write(&watcher.w, "lib/deep/c.png", "c");
    expect_pictures(&watcher, "lib/deep/c.png", 1);
    assert_int_equal(reported(&watcher, "unable to watch"), 1);
    watches_left = -1;
    watcher_finish(&watcher);
}

static void of_a_network_drive_it_says_so_and_looks_now_and_then(void **state)
{
    (void)state;
    struct watcher watcher = {.rescan = 0.1};
    on_network = true;
    watcher_begin(&watcher, "network");
    expect_report(&watcher, "network/lib' is on a drive that other machines may change (NFS)");
    const size_t takes = watcher.takes;
    expect_count(&watcher, &watcher.takes, takes + 2); /* nothing has happened */
    on_network = false;
    watcher_finish(&watcher);
}

/* ---- others -------------------------------------------------------------------------------------------- */

static void a_turn_that_fails_is_tried_again(void **state)
{
    (void)state;
    struct watcher watcher = {.failing = 1};
    watcher_begin(&watcher, "fails");
    assert_int_equal(reported(&watcher, "the disk is full"), 1);
    watcher_finish(&watcher);
}

static void a_turn_that_ends_for_others_is_taken_up_again(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    watcher_begin(&watcher, "yields");
    watcher.yields = 1;
    make_folder(&watcher, "incoming");
    for (char name[] = "incoming/a.png"; name[9] < 'a' + 3 * BATCH; name[9]++)
        world_write(&watcher.w, name, name);
    move(&watcher, "incoming", "lib/incoming");
    expect_pictures(&watcher, NULL, 2 + 3 * BATCH);
    assert_int_equal(watcher.yields, 0);
    watcher_finish(&watcher);
}

static void a_second_watch_is_refused(void **state)
{
    (void)state;
    struct watcher watcher = {0}, second = {0};
    watcher_begin(&watcher, "second");
    second.w = watcher.w;
    assert_int_equal(watcher_run(&second), ERR_BUSY);
    assert_non_null(strstr(second.err.msg, "second.dip': process "));
    assert_non_null(strstr(second.err.msg, " is watching it"));
    watcher_finish(&watcher);
}

static void without_sources_or_an_index_it_ends(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    world_init(&watcher.w, "nothing");
    world_open(&watcher.w);
    world_close(&watcher.w);
    assert_int_equal(watcher_run(&watcher), ERR_ARGUMENT);
    assert_non_null(strstr(watcher.err.msg, "there is nothing to watch"));
    world_release(&watcher.w);

    watcher_begin(&watcher, "taken");
    char away[8192];
    snprintf(away, sizeof away, "%s.away", watcher.w.index);
    assert_int_equal(rename(watcher.w.index, away), 0);
    world_write(&watcher.w, "lib/c.png", "c");
    pthread_join(watcher.thread, NULL);
    assert_int_equal(watcher.rc, ERR_IO);
    assert_non_null(strstr(watcher.err.msg, "is not an index"));
    strings_release(&watcher.reports);
    world_release(&watcher.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_that_vanishes_keeps_its_pictures),
        cmocka_unit_test(events_that_were_lost_make_it_look_at_all),
        cmocka_unit_test(beyond_the_limit_it_says_so_and_looks_now_and_then),
        cmocka_unit_test(of_a_network_drive_it_says_so_and_looks_now_and_then),
        cmocka_unit_test(a_turn_that_fails_is_tried_again),
        cmocka_unit_test(a_turn_that_ends_for_others_is_taken_up_again),
        cmocka_unit_test(a_second_watch_is_refused),
        cmocka_unit_test(without_sources_or_an_index_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
