// SPDX-License-Identifier: Apache-2.0
#include "tests/joint/collection/watcher.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ENOUGH_SECONDS = 60 };

/* ---- a watch ------------------------------------------------------------------------------------------- */

static void signal_change(struct watcher *watcher, size_t *count)
{
    pthread_mutex_lock(&watcher->lock);
    ++*count;
    pthread_cond_broadcast(&watcher->changed);
    pthread_mutex_unlock(&watcher->lock);
}

static int take(void *context, struct collection **out, const struct job *job, struct err *err)
{
    struct watcher *watcher = context;
    (void)job;
    signal_change(watcher, &watcher->takes);
    if (watcher->failing) {
        watcher->failing--;
        return err_set(err, ERR_IO, "the disk is full");
    }
    const struct collection_options options = {.access = INDEX_WRITE, .storage = -1};
    int rc = collection_open(out, watcher->w.index, &options, err);
    return rc ? rc : collection_attach(*out, &watcher->w.embedder, NULL, err);
}

static void give(void *context, struct collection *collection)
{
    (void)context;
    collection_free(collection);
}

static bool yield(void *context, const char *unit, size_t done)
{
    struct watcher *watcher = context;
    if (strcmp(unit, "pictures") || !done || !watcher->yields)
        return false;
    watcher->yields--;
    return true;
}

static void done(void *context, const struct sync_counts *counts, size_t folders)
{
    struct watcher *watcher = context;
    (void)counts;
    watcher->folders = folders;
    signal_change(watcher, &watcher->turns);
}

static int step(void *context, const char *unit, size_t count, size_t total)
{
    struct watcher *watcher = context;
    (void)count, (void)total;
    void (*stepped)(struct watcher *) = watcher->stepped;
    if (stepped && strcmp(unit, "watching") != 0) {
        watcher->stepped = NULL;
        stepped(watcher);
    }
    return watcher->end;
}

static void report(void *context, const struct err *problem)
{
    struct watcher *watcher = context;
    size_t none;
    pthread_mutex_lock(&watcher->lock);
    assert_int_equal(strings_add(&watcher->reports, problem->msg, strlen(problem->msg), NULL), 0);
    pthread_mutex_unlock(&watcher->lock);
    signal_change(watcher, &none);
}

int watcher_run(struct watcher *watcher)
{
    const struct watch_options options = {.path = watcher->w.index,
        .take = take,
        .give = give,
        .yield = yield,
        .done = done,
        .context = watcher,
        .rescan = watcher->rescan};
    const struct job job = {.step = step, .report = report, .context = watcher, .threads = 1};
    return collection_watch(&options, &job, &watcher->err);
}

static void *run(void *context)
{
    struct watcher *watcher = context;
    watcher->rc = watcher_run(watcher);
    return NULL;
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* For a change of what the watch tells, a fifth of a second at most; fails after a minute. The lock is held. */
static void wait_a_moment(struct watcher *watcher, double start)
{
    struct timespec until;
    if (time_now() - start > ENOUGH_SECONDS)
        fail_msg("it does not come: %s", watcher->reports.count ? watcher->reports.items[0] : "no report");
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 200000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&watcher->changed, &watcher->lock, &until);
}

void expect_count(struct watcher *watcher, const size_t *count, size_t least)
{
    const double start = time_now();
    pthread_mutex_lock(&watcher->lock);
    while (*count < least)
        wait_a_moment(watcher, start);
    pthread_mutex_unlock(&watcher->lock);
}

size_t reported(struct watcher *watcher, const char *text)
{
    size_t count = 0;
    pthread_mutex_lock(&watcher->lock);
    for (size_t i = 0; i < watcher->reports.count; i++)
        count += strstr(watcher->reports.items[i], text) != NULL;
    pthread_mutex_unlock(&watcher->lock);
    return count;
}

void expect_report(struct watcher *watcher, const char *text)
{
    const double start = time_now();
    while (!reported(watcher, text)) {
        pthread_mutex_lock(&watcher->lock);
        wait_a_moment(watcher, start);
        pthread_mutex_unlock(&watcher->lock);
    }
}

/* How many pictures of the folder, or at the path, the index has. */
static size_t pictures_at(const struct watcher *watcher, const char *path, const char *caption)
{
    struct index *index;
    struct err err;
    struct index_info info;
    struct index_item item;
    struct arena arena = {0};
    bool found = false;
    assert_int_equal(index_open(&index, watcher->w.index, INDEX_READ, NULL, &err), 0);
    info = index_info(index);
    if (path)
        assert_int_equal(index_find(&item, &found, index, INDEX_IMAGE, path, NULL, &arena, &err), 0);
    else if (caption)
        assert_int_equal(index_find(&item, &found, index, INDEX_TEXT, NULL, caption, &arena, &err), 0);
    arena_release(&arena);
    index_free(index);
    return path || caption ? found : (size_t)info.images;
}

void expect_pictures(struct watcher *watcher, const char *name, size_t count)
{
    char path[8192];
    const double start = time_now();
    snprintf(path, sizeof path, "%s", name ? world_path(&watcher->w, name) : "");
    while (pictures_at(watcher, name ? path : NULL, NULL) != count) {
        pthread_mutex_lock(&watcher->lock);
        wait_a_moment(watcher, start);
        pthread_mutex_unlock(&watcher->lock);
    }
}

static bool has_caption(const struct watcher *watcher, const char *path, const char *caption)
{
    struct index *index;
    struct index_item item;
    struct arena arena = {0};
    bool found;
    assert_int_equal(index_open(&index, watcher->w.index, INDEX_READ, NULL, NULL), 0);
    assert_int_equal(index_find(&item, &found, index, INDEX_IMAGE, path, NULL, &arena, NULL), 0);
    const bool same = found && item.caption && !strcmp(item.caption, caption);
    arena_release(&arena);
    index_free(index);
    return same;
}

void expect_caption(struct watcher *watcher, const char *name, const char *caption)
{
    char path[8192];
    const double start = time_now();
    snprintf(path, sizeof path, "%s", world_path(&watcher->w, name));
    while (!has_caption(watcher, path, caption)) {
        pthread_mutex_lock(&watcher->lock);
        wait_a_moment(watcher, start);
        pthread_mutex_unlock(&watcher->lock);
    }
}

void expect_text(struct watcher *watcher, const char *text)
{
    char hash[HASH_SIZE];
    const double start = time_now();
    hash_bytes(hash, text, strlen(text));
    while (!pictures_at(watcher, NULL, hash)) {
        pthread_mutex_lock(&watcher->lock);
        wait_a_moment(watcher, start);
        pthread_mutex_unlock(&watcher->lock);
    }
}

/* ---- a world that is watched --------------------------------------------------------------------------- */

void make_folder(const struct watcher *watcher, const char *name)
{
    assert_int_equal(mkdir(world_path(&watcher->w, name), 0777), 0);
}

void move(const struct watcher *watcher, const char *from, const char *to)
{
    char path[8192];
    snprintf(path, sizeof path, "%s", world_path(&watcher->w, from));
    assert_int_equal(rename(path, world_path(&watcher->w, to)), 0);
}

static void make_world(struct watcher *watcher, const char *name)
{
    struct sources sources = {0};
    world_init(&watcher->w, name);
    make_folder(watcher, "lib");
    make_folder(watcher, "lib/deep");
    world_write(&watcher->w, "lib/a.png", "a");
    world_write(&watcher->w, "lib/deep/b.png", "b");
    world_write(&watcher->w, "lines.txt", "one\n");
    sources_add(&sources, SOURCE_PICTURES, world_path(&watcher->w, "lib"), NULL);
    sources_add(&sources, SOURCE_TEXTS, world_path(&watcher->w, "lines.txt"), NULL);
    world_open(&watcher->w);
    assert_int_equal(world_sync(&watcher->w, &sources), 0);
    world_close(&watcher->w);
    sources_release(&sources);
}

void watcher_begin(struct watcher *watcher, const char *name)
{
    make_world(watcher, name);
    pthread_mutex_init(&watcher->lock, NULL);
    pthread_cond_init(&watcher->changed, NULL);
    assert_int_equal(pthread_create(&watcher->thread, NULL, run, watcher), 0);
    expect_count(watcher, &watcher->turns, 1);
}

void watcher_finish(struct watcher *watcher)
{
    int64_t defects;
    watcher->end = true;
    pthread_join(watcher->thread, NULL);
    if (watcher->rc != ERR_CANCELLED)
        fail_msg("%d: %s", watcher->rc, watcher->err.msg);
    assert_int_equal(index_verify(&defects, watcher->w.index, NULL, NULL), 0);
    assert_int_equal(defects, 0);
    strings_release(&watcher->reports);
    world_release(&watcher->w);
    pthread_cond_destroy(&watcher->changed);
    pthread_mutex_destroy(&watcher->lock);
}
