// SPDX-License-Identifier: Apache-2.0
/* Pictures as people name them: files, folders, archives, braces. */
#include "joint/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- archives ------------------------------------------------------------------------------------------ */

static int add_stream(struct picture_list *list, const char *path, struct err *err)
{
    const int rc = array_grow(list->streams, &list->stream_room, list->stream_count + 1, err);
    if (rc)
        return rc;
    struct shard_stream **stream = &list->streams[list->stream_count];
    *stream = NULL;
    const int opened = shard_stream_open(stream, path, err);
    list->stream_count += !opened;
    return opened;
}

/* Those of files before it are zero. */
static int add_member(
    struct picture_list *list, const char *path, const struct member *member, struct err *err)
{
    const size_t number = list->paths.count;
    int rc = array_grow(list->members, &list->member_room, number + 1, err);
    if (rc)
        return rc;
    memset(list->members + list->member_count, 0, (number - list->member_count) * sizeof *list->members);
    list->members[number] = (struct listed_member){*member, list->streams[list->stream_count - 1]};
    list->member_count = number + 1;
    return strings_add(&list->paths, path, strlen(path), err);
}

struct reading {
    struct picture_list *list;
    const char *path;
    struct shard *shard;
    const struct excludes *excludes;
    shard_visit *visit;
    void *context;
    const struct job *job;
    struct string_map names;
};

static void fail(const struct reading *reading, const char *path, const char *why)
{
    job_reportf(reading->job, ERR_FORMAT, "unable to read '%s': %s", path, why);
    reading->list->failed++;
}

/* *taken: whoever has asked for the archive has read the entry. */
static int visit_entry(bool *taken, const struct reading *reading, const struct shard_entry *entry,
    size_t picture, struct err *err)
{
    *taken = false;
    return reading->visit && !entry->why
               ? reading->visit(reading->context, taken, reading->shard, entry, picture, err)
               : 0;
}

static int add_picture(struct reading *reading, const struct shard_entry *entry, struct err *err)
{
    struct picture_list *list = reading->list;
    struct arena arena = {0};
    bool taken;
    size_t *before;
    const char *path = member_path(&arena, reading->path, entry->name, err);
    const size_t number = list->paths.count;
    int rc = path ? string_map_add(&before, &reading->names, entry->name, strlen(entry->name), number, err)
                  : ERR_MEMORY;
    if (!rc && (entry->why || *before != number)) {
        fail(reading, path, entry->why ? entry->why : "another of this name came before it");
    } else if (!rc) {
        rc = add_member(list, path, &entry->member, err);
        if (!rc)
            rc = visit_entry(&taken, reading, entry, number, err);
    }
    arena_release(&arena);
    return rc;
}

static int add_entry(struct reading *reading, const struct shard_entry *entry, struct err *err)
{
    bool taken;
    if (!entry->name) {
        fail(reading, reading->path, entry->why);
        return 0;
    }
    if (!entry->why && excludes_cover(reading->excludes, entry->name, false))
        return 0;
    const int rc = visit_entry(&taken, reading, entry, SIZE_MAX, err);
    if (rc || taken)
        return rc;
    const enum file_kind kind = member_kind(reading->shard, entry);
    if (kind == FILE_PICTURE)
        return add_picture(reading, entry, err);
    reading->list->passed.files[kind]++;
    return 0;
}

/* What is wrong with the archive is reported, and what came before counts. */
int picture_list_shard(struct picture_list *list, const char *path, const struct excludes *excludes,
    shard_visit *visit, void *context, const struct job *job, struct err *err)
{
    struct reading reading = {
        .list = list, .path = path, .excludes = excludes, .visit = visit, .context = context, .job = job};
    struct shard_entry entry;
    struct err problem = {0};
    bool found = true;
    int rc = add_stream(list, path, err), broken = rc ? rc : shard_open(&reading.shard, path, &problem);
    while (!rc && !broken && !(broken = shard_next(&found, &entry, reading.shard, &problem)) && found) {
        rc = job_step(job, "looking for pictures", 0, 0, err);
        if (!rc)
            rc = add_entry(&reading, &entry, err);
    }
    if (!rc && broken) {
        job_report(job, &problem);
        list->failed++;
    }
    shard_close(reading.shard);
    string_map_release(&reading.names);
    return rc;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static bool is_shard(const char *path)
{
    struct stat st;
    return shard_named(path) && !stat(path, &st) && S_ISREG(st.st_mode);
}

int picture_list_name(struct picture_list *list, const char *name, const struct excludes *excludes,
    const struct job *job, struct err *err)
{
    struct strings paths = {0};
    int rc = braces_expand(&paths, name, err);
    for (size_t i = 0; i < paths.count && !rc; i++)
        rc = is_shard(paths.items[i])
                 ? picture_list_shard(list, paths.items[i], excludes, NULL, NULL, job, err)
                 : picture_list_add(
                       &list->paths, &list->passed, paths.items[i], excludes, paths.items[i], job, err);
    strings_release(&paths);
    return rc;
}

struct picture_source *picture_list_sources(const struct picture_list *list)
{
    const size_t count = list->paths.count;
    struct picture_source *sources = mem_new(count, sizeof *sources);
    for (size_t i = 0; sources && i < count; i++) {
        sources[i] = picture_input(list->paths.items[i]);
        if (i < list->member_count) {
            sources[i].member = list->members[i].member;
            sources[i].stream = list->members[i].stream;
        }
    }
    return sources;
}

void picture_list_release(struct picture_list *list)
{
    for (size_t i = 0; i < list->stream_count; i++)
        shard_stream_free(list->streams[i]);
    free(list->streams);
    free(list->members);
    strings_release(&list->paths);
    *list = (struct picture_list){0};
}
