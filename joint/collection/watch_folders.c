// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/watch_folders.h"
#include "joint/collection/watch_limits.h"
#include "vision/vision.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- watching ------------------------------------------------------------------------------------------ */

struct watching {
    struct watch_folders *folders;
    struct changes *changes; /* NULL: what is there has been there */
    const struct job *job;
    double now;
    int failed; /* errno of the first folder that could not be watched; 0: all are */
    struct network_drive network;
    struct err *err;
};

static int watch(struct watching *w, const char *path, bool deep)
{
    enum {
        MASK = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_ONLYDIR |
               IN_EXCL_UNLINK
    };
    struct watch_folders *folders = w->folders;
    if (!w->network.type)
        network_drive_find(&w->network, path);
    const int wd = inotify_add_watch(folders->fd, path, MASK);
    if (wd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES && !w->failed)
        w->failed = errno;
    return wd < 0 ? 0 : descriptors_add(&folders->watched, wd, path, deep, w->err);
}

static int enter(void *context, const char *path)
{
    struct watching *w = context;
    const int rc = job_step(w->job, "looking for folders", 0, 0, w->err);
    return rc ? rc : watch(w, path, true);
}

static int visit(void *context, const char *path, const struct err *problem)
{
    struct watching *w = context;
    if (!w->changes || problem)
        return 0;
    return changes_add(w->changes, path, false, w->now, w->err);
}

/* By the rules of each source that does not leave the folder out. */
static int watch_below(struct watching *w, const char *path)
{
    const struct folder_rules *rules;
    struct arena arena = {0};
    int rc = 0;
    for (size_t length = strlen(path);
         !rc && (length = source_rules_holder(&w->folders->rules, &rules, path, length, true));
         length = path_above(path, length)) {
        const char *top = arena_copy(&arena, path, length);
        rc = top ? folder_walk(path, &rules->excludes, top, enter, visit, w, w->err)
                 : err_memory(w->err, length);
    }
    arena_release(&arena);
    return rc;
}

static bool is_left_out(const struct watch_folders *folders, const char *path, bool folder)
{
    const struct folder_rules *rules;
    return !source_rules_holder(&folders->rules, &rules, path, strlen(path), folder);
}

/* ---- sources ------------------------------------------------------------------------------------------- */

static struct top top_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? (struct top){.path = path} : (struct top){path, st.st_dev, st.st_ino};
}

static int add_top(struct watch_folders *folders, const char *path, struct err *err)
{
    for (size_t i = 0; i < folders->top_count; i++)
        if (!strcmp(folders->tops[i].path, path))
            return 0;
    int rc = array_grow(folders->tops, &folders->top_room, folders->top_count + 1, err);
    if (rc)
        return rc;
    const char *copy = arena_copy(&folders->arena, path, strlen(path));
    if (!copy)
        return err_memory(err, strlen(path));
    folders->tops[folders->top_count++] = top_of(copy);
    return 0;
}

static int watch_source(struct watching *w, const char *path, int kind)
{
    size_t *known;
    struct stat st;
    struct arena arena = {0};
    struct watch_folders *folders = w->folders;
    const bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    const char *slash = strrchr(path, '/');
    const char *above = slash == path ? "/" : arena_copy(&arena, path, slash ? (size_t)(slash - path) : 0);
    int rc = above ? string_map_add(&known, &folders->sources, path, strlen(path), (size_t)kind, w->err)
                   : err_memory(w->err, strlen(path));
    if (!rc)
        rc = add_top(folders, folder && kind == SOURCE_PICTURES ? path : above, w->err);
    if (!rc)
        rc = folder && kind == SOURCE_PICTURES ? watch_below(w, path) : watch(w, above, false);
    arena_release(&arena);
    return rc;
}

bool folders_moved(const struct watch_folders *folders)
{
    for (size_t i = 0; i < folders->top_count; i++) {
        const struct top now = top_of(folders->tops[i].path);
        if (now.device != folders->tops[i].device || now.inode != folders->tops[i].inode)
            return true;
    }
    return false;
}

bool folders_is_file(const struct watch_folders *folders, const char *path)
{
    const size_t *kind = string_map_find(&folders->sources, path, strlen(path));
    return kind && *kind != SOURCE_PICTURES;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int watch_all(struct watching *w, const struct sources *sources)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources->paths[kind].count && !rc; i++)
            rc = watch_source(w, sources->paths[kind].items[i], kind);
    return rc;
}

int folders_open(struct watch_folders *out, const char *index, const struct sources *sources, double rescan,
    const struct job *job, struct err *err)
{
    struct watching w = {.folders = out, .job = job, .err = err};
    *out = (struct watch_folders){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (out->fd < 0)
        w.failed = errno;
    out->own = path_absolute(&out->arena, index, err);
    int rc = out->own ? source_rules_open(&out->rules, sources, err) : ERR_MEMORY;
    if (!rc)
        rc = watch_all(&w, sources);
    out->blind = w.failed || w.network.type;
    if (!rc && w.failed)
        rc = limits_report(w.failed, out->fd >= 0, sources, out->watched.count, rescan, job, err);
    if (!rc && w.network.type)
        network_drive_report(&w.network, rescan, job);
    return rc;
}

void folders_close(struct watch_folders *folders)
{
    if (folders->fd >= 0)
        close(folders->fd);
    descriptors_release(&folders->watched);
    free(folders->tops);
    string_map_release(&folders->sources);
    source_rules_release(&folders->rules);
    arena_release(&folders->arena);
    *folders = (struct watch_folders){.fd = -1};
}

/* ---- events -------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path, const struct inotify_event *event)
{
    struct stat st;
    if (event->mask & IN_ISDIR)
        return true;
    return event->mask & (IN_CREATE | IN_MOVED_TO) && !picture_suffix(path) && !stat(path, &st) &&
           S_ISDIR(st.st_mode); /* behind a link */
}

/* What was moved away goes on being the same folder elsewhere. */
static void forget_below(struct watch_folders *folders, const char *path)
{
    for (size_t wd = 0; wd < folders->watched.room; wd++)
        if (descriptors_drop_below(&folders->watched, (int)wd, path))
            inotify_rm_watch(folders->fd, (int)wd);
}

/* A folder that came is looked through once it is watched, so that nothing in it is missed. */
static int take_folder(struct watching *w, const char *path, const struct inotify_event *event)
{
    if (event->mask & (IN_MOVED_FROM | IN_DELETE)) {
        forget_below(w->folders, path);
        return changes_add(w->changes, path, false, w->now, w->err);
    }
    return watch_below(w, path);
}

static int take_event(struct watching *w, const char *path, bool deep, const struct inotify_event *event)
{
    struct watch_folders *folders = w->folders;
    const bool source = string_map_find(&folders->sources, path, strlen(path));
    const bool settled = event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO);
    if (path_below(path, folders->own) ||
        (!source && (!deep || is_left_out(folders, path, event->mask & IN_ISDIR))))
        return 0;
    w->changes->all |= source && event->mask & IN_ISDIR; /* it is to be watched, or no longer */
    if (deep && is_folder(path, event))
        return take_folder(w, path, event);
    if (event->mask & (IN_MOVED_FROM | IN_DELETE) && !source && !picture_suffix(path) &&
        descriptors_have(&folders->watched, path)) /* behind a link; of pictures many may go at once */
        return take_folder(w, path, event);
    return changes_add(w->changes, path, settled, w->now, w->err);
}

/* For each path of the folder. They are asked for one by one, since an event may change them. */
static int take_named(struct watching *w, const struct inotify_event *event)
{
    int rc = 0;
    const struct watched *in;
    for (size_t n = 0; !rc && (in = descriptors_find(&w->folders->watched, event->wd, n)); n++) {
        struct arena arena = {0};
        const bool deep = in->deep;
        const char *path = path_join(&arena, in->path, event->name);
        rc = path ? take_event(w, path, deep, event) : err_memory(w->err, strlen(in->path));
        arena_release(&arena);
    }
    return rc;
}

static int take(struct watching *w, const struct inotify_event *event)
{
    if (event->mask & (IN_Q_OVERFLOW | IN_UNMOUNT))
        w->changes->all = true;
    if (event->mask & IN_IGNORED)
        descriptors_drop(&w->folders->watched, event->wd);
    return event->len && event->wd >= 0 ? take_named(w, event) : 0;
}

/* Whether a folder that came could not be watched: opening anew says why. */
static bool is_blinder(const struct watching *w)
{
    return !w->folders->blind && (w->failed || w->network.type);
}

int folders_read(struct watch_folders *folders, struct changes *changes, struct err *err)
{
    _Alignas(struct inotify_event) char events[1 << 14];
    struct watching w = {.folders = folders, .changes = changes, .now = time_now(), .err = err};
    int rc = 0;
    ssize_t got;
    while (!rc && folders->fd >= 0 && (got = read(folders->fd, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < got && !rc;) {
            const struct inotify_event *event = (const struct inotify_event *)(events + at);
            rc = take(&w, event);
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    changes->all |= is_blinder(&w);
    return rc;
}
