// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/watch.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>

enum { RESCAN_SECONDS = 60, PARTS_MAX = 1000, FAILURES_GONE = 2 };

/* ---- sources ------------------------------------------------------------------------------------------- */

static bool same_sources(const struct sources *a, const struct sources *b)
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        if (a->paths[kind].count != b->paths[kind].count)
            return false;
        for (size_t i = 0; i < a->paths[kind].count; i++)
            if (strcmp(a->paths[kind].items[i], b->paths[kind].items[i]))
                return false;
    }
    for (size_t i = 0; i < a->rules.count; i++)
        if (strcmp(a->rules.items[i], b->rules.items[i]))
            return false;
    return true;
}

/* *changed: they are others than those that are watched, and take their place. */
static int recall(bool *changed, struct watch *w, struct err *err)
{
    struct index *index;
    struct sources sources = {0};
    *changed = false;
    int rc = index_open(&index, w->options->path, INDEX_READ, NULL, err);
    if (rc)
        return rc;
    rc = sources_recall(&sources, index, err);
    index_free(index);
    *changed = !rc && !same_sources(&sources, &w->sources);
    if (*changed) {
        struct sources before = w->sources;
        w->sources = sources;
        sources = before;
    }
    sources_release(&sources);
    return rc;
}

static void stamp(int64_t *out, const char *path)
{
    struct stat st;
    const bool there = !stat(path, &st);
    out[0] = there ? st.st_size : -1;
    out[1] = there ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
}

/* Whether anybody has written to the catalog since the last look. */
static bool is_written(struct watch *w)
{
    static const char *const names[] = {"catalog.sqlite", "catalog.sqlite-wal"};
    int64_t now[4] = {0};
    for (size_t i = 0; i < 2; i++) {
        struct arena arena = {0};
        const char *path = path_join(&arena, w->options->path, names[i]);
        if (path)
            stamp(now + 2 * i, path);
        arena_release(&arena);
    }
    const bool same = !memcmp(now, w->catalog, sizeof now);
    memcpy(w->catalog, now, sizeof now);
    return !same;
}

/* What inotify does not tell, twice a second. An index that cannot be read now is read at the next look. */
static void look(struct watch *w)
{
    const double look_seconds = 0.5;
    bool changed = false;
    const double now = time_now();
    if (now - w->looked < look_seconds)
        return;
    w->looked = now;
    if (is_written(w) && recall(&changed, w, NULL))
        memset(w->catalog, 0, sizeof w->catalog); /* no file's stamp: what it says is not known yet */
    w->changes.all |= changed || folders_moved(&w->folders);
    w->all |= w->folders.blind && now - w->all_ended >= w->rescan;
}

/* ---- turns --------------------------------------------------------------------------------------------- */

static bool has_changed(const struct sync_counts *c)
{
    return c->pictures.new || c->pictures.changed || c->pictures.copied || c->pictures.moved ||
           c->pictures.gone || c->pictures.excluded || c->texts.new || c->texts.copied || c->texts.gone ||
           c->described;
}

static int may_go_on(void *context, const char *unit, size_t done, size_t total)
{
    struct watch *w = context;
    w->ending |= job_step(w->job, unit, done, total, NULL) != 0;
    return w->ending;
}

static int reopen(struct watch *w, struct err *err)
{
    const struct job job = {.step = may_go_on, .report = watch_report, .context = w};
    folders_close(&w->folders);
    changes_release(&w->changes);
    w->telling = &w->of_folders;
    const int rc = folders_open(&w->folders, w->options->path, &w->sources, w->rescan, &job, err);
    told_end(w);
    w->changes.all |= rc != 0;
    return rc;
}

static void tell(struct watch *w, const struct sync_counts *counts)
{
    if (w->options->done && (!w->began || has_changed(counts)))
        w->options->done(w->options->context, counts, w->folders.watched.count);
    w->began = true;
}

static void drop_parts(struct watch *w)
{
    strings_release(&w->parts);
}

static int look_at_all(struct watch *w, struct err *err)
{
    enum { SHARE = 10 };
    struct sync_counts counts;
    const double start = time_now();
    int rc = w->changes.all ? reopen(w, err) : 0;
    if (!rc)
        rc = watch_turn(&counts, w, true, err);
    w->all = rc;
    if (rc)
        return rc;
    w->all_ended = time_now();
    w->all_from = w->all_ended + (SHARE - 1) * (w->all_ended - start);
    w->failures = 0;
    tell(w, &counts);
    return 0;
}

static int look_at_parts(struct watch *w, struct err *err)
{
    struct sync_counts counts;
    const int rc = watch_turn(&counts, w, false, err);
    if (rc)
        return rc;
    drop_parts(w);
    w->failures = 0;
    w->all |= counts.pictures.missing > 0;
    tell(w, &counts);
    return 0;
}

static int take_turn(struct watch *w, struct err *err)
{
    const double now = time_now();
    if (now < w->later)
        return 0;
    int rc = changes_take(&w->changes, &w->parts, PARTS_MAX, now, err);
    for (size_t i = 0; i < w->parts.count && !rc; i++)
        w->all |= folders_is_file(&w->folders, w->parts.items[i]);
    if (rc)
        return rc;
    if ((w->all || w->changes.all) && now >= w->all_from)
        return look_at_all(w, err);
    return w->parts.count ? look_at_parts(w, err) : 0;
}

/* An index that is replaced is not there for a moment. */
static bool is_end(const struct watch *w, int rc)
{
    return rc == ERR_CANCELLED || rc == ERR_ARGUMENT || rc == ERR_UNSUPPORTED || rc == ERR_FORMAT ||
           (w->failures >= FAILURES_GONE && !index_is_there(w->options->path));
}

/* What hinders a turn may pass: a full disk, another writer. 0: it is tried again. */
static int survive(struct watch *w, int rc, const struct err *err)
{
    const double busy_seconds = 0.5;
    enum { WAIT_MAX = 60 };
    if (rc == ERR_CANCELLED && w->yielded && !w->ending)
        return 0;
    if (rc == ERR_BUSY) {
        w->later = time_now() + busy_seconds;
        return 0;
    }
    w->failures++;
    if (is_end(w, rc))
        return rc;
    const double wait = w->failures < 7 ? (double)(1 << (w->failures - 1)) : WAIT_MAX;
    w->later = time_now() + wait;
    w->all = true;
    drop_parts(w);
    watch_report(w, err);
    return 0;
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* For events, or for so long that something may be due; a burst is let come together. */
static void wait_for_events(const struct watch *w)
{
    enum { LONGEST_MS = 200, SHORTEST_MS = 20 };
    const double due = changes_due(&w->changes), now = time_now();
    struct pollfd events = {.fd = w->folders.fd, .events = POLLIN}; /* -1 is passed over */
    int ms = LONGEST_MS;
    if (due > 0 && due - now < LONGEST_MS / 1e3)
        ms = due > now ? (int)((due - now) * 1e3) + 1 : SHORTEST_MS;
    if (poll(&events, 1, ms) > 0)
        poll(NULL, 0, SHORTEST_MS);
}

static int watch(struct watch *w, struct err *err)
{
    int rc = 0;
    while (!rc) {
        struct err why = {0};
        rc = job_step(w->job, "watching", 0, 0, err);
        if (rc)
            break;
        int failed = folders_read(&w->folders, &w->changes, &why);
        if (!failed) {
            look(w);
            failed = take_turn(w, &why);
        }
        if (failed)
            rc = survive(w, failed, &why);
        if (rc)
            err_set(err, (enum err_code)rc, "%s", why.msg);
        else
            wait_for_events(w);
    }
    return rc;
}

int collection_watch(const struct watch_options *options, const struct job *job, struct err *err)
{
    int lock;
    bool changed;
    struct watch w = {.options = options,
        .job = job,
        .rescan = options->rescan > 0 ? options->rescan : RESCAN_SECONDS,
        .folders.fd = -1,
        .changes.all = true};
    int rc = index_watch_begin(&lock, options->path, err);
    if (!rc)
        rc = recall(&changed, &w, err);
    if (!rc && !sources_any(&w.sources))
        rc = err_set(err, ERR_ARGUMENT, "'%s' was made from no folder or file: there is nothing to watch",
            options->path);
    if (!rc)
        rc = watch(&w, err);
    folders_close(&w.folders);
    changes_release(&w.changes);
    strings_release(&w.parts);
    string_map_release(&w.of_folders.before);
    string_map_release(&w.of_folders.now);
    string_map_release(&w.of_all.before);
    string_map_release(&w.of_all.now);
    sources_release(&w.sources);
    index_watch_end(lock);
    return rc;
}
