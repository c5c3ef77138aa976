// SPDX-License-Identifier: Apache-2.0
/* What paths name: class folders, a CSV or archives; which part of a data set is measured, and what its files say of it. */
#include "joint/evaluation/labelled.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- folders ------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_archive(const char *path)
{
    struct stat st;
    return shard_named(path) && !stat(path, &st) && S_ISREG(st.st_mode);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds what is right below a folder and `is` such a thing, in byte order. */
static int list(struct strings *names, const char *directory, const struct excludes *excludes,
    bool (*is)(const char *path), struct err *err)
{
    DIR *stream = opendir(directory);
    int rc = 0;
    if (!stream)
        return err_set(err, ERR_IO, "unable to read '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(stream));) {
        struct arena arena = {0};
        const char *path = path_join(&arena, directory, entry->d_name);
        if (!path)
            rc = err_memory(err, strlen(directory));
        else if (!excludes_match(excludes, entry->d_name, is == is_folder) && is(path))
            rc = strings_add(names, entry->d_name, strlen(entry->d_name), err);
        arena_release(&arena);
    }
    closedir(stream);
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, by_bytes);
    return rc;
}

int subfolders_list(
    struct strings *names, const char *directory, const struct excludes *excludes, struct err *err)
{
    return list(names, directory, excludes, is_folder, err);
}

static bool has_pictures_by_class(const char *directory)
{
    struct strings folders = {0}, archives = {0};
    list(&folders, directory, NULL, is_folder, NULL);
    list(&archives, directory, NULL, is_archive, NULL);
    const bool has = folders.count || archives.count;
    strings_release(&archives);
    strings_release(&folders);
    return has;
}

/* ---- parts of a data set ------------------------------------------------------------------------------- */

const char *const data_part_names[] = {[DATA_PART_MEASURED] = "",
    [DATA_PART_TRAIN] = "train",
    [DATA_PART_VALIDATION] = "validation",
    [DATA_PART_TEST] = "test"};

static const struct part {
    const char *name;
    enum data_part part;
} parts[] = {
    {"test", DATA_PART_TEST},
    {"testing", DATA_PART_TEST},
    {"val", DATA_PART_VALIDATION},
    {"valid", DATA_PART_VALIDATION},
    {"validation", DATA_PART_VALIDATION},
    {"train", DATA_PART_TRAIN},
    {"training", DATA_PART_TRAIN},
};

size_t data_set_part(const char *name)
{
    size_t i = 0;
    while (i < sizeof parts / sizeof *parts && strcasecmp(parts[i].name, name) != 0)
        i++;
    return i < sizeof parts / sizeof *parts ? i : DATA_SET_NO_PART;
}

bool data_set_part_is(size_t place, enum data_part wanted)
{
    return wanted == DATA_PART_MEASURED || (place != DATA_SET_NO_PART && parts[place].part == wanted);
}

int data_set_part_missing(
    struct labelled_pictures *out, const char *name, enum data_part wanted, struct err *err)
{
    out->no_part = true;
    return err_set(err, ERR_NOT_FOUND, "'%s' has no %s part", name, data_part_names[wanted]);
}

/* *part: the one of the folders that is wanted where all of them are parts; NULL: they are not, or it is missing. */
static int find_part(
    const char **part, struct labelled_place *place, const struct strings *folders, struct err *err)
{
    struct missing_names others = {0};
    struct arena arena = {0};
    const char *best = NULL;
    int rc = 0;
    *part = NULL;
    for (size_t i = 0; i < folders->count && !rc; i++) {
        const char *name = folders->items[i], *path = path_join(&arena, place->path, name);
        if (data_set_part(name) == DATA_SET_NO_PART) {
            arena_release(&arena);
            return 0;
        }
        if (!path)
            rc = err_memory(err, strlen(place->path));
        else if (has_pictures_by_class(path)) {
            place->in_parts = true;
            if (data_set_part_is(data_set_part(name), place->part) &&
                (!best || data_set_part(name) < data_set_part(best)))
                best = name;
        }
    }
    arena_release(&arena);
    for (size_t i = 0; i < folders->count && best && place->part == DATA_PART_MEASURED; i++)
        if (folders->items[i] != best)
            missing_add(&others, folders->items[i]);
    place->part_missing = place->in_parts && !best;
    if (rc || !best)
        return rc;
    *part = path_join(place->arena, place->path, best);
    if (!*part)
        return err_memory(err, strlen(place->path));
    return others.count
               ? labelling_note(place->left_out, err, "evaluating '%s'; left out: %s", *part, others.list)
               : 0;
}

/* ---- archives ------------------------------------------------------------------------------------------ */

/* The number that nshards.txt holds. */
static int read_count(uint32_t *count, const char *path, struct err *err)
{
    enum { FILE_MAX = 4096, ARCHIVES_MAX = 1000000 };
    char *text;
    size_t size;
    int rc = file_read_text(&text, &size, path, FILE_MAX, err);
    if (rc)
        return rc;
    struct span rest = {text, size};
    if (!span_take_number(count, &rest) || !*count || *count > ARCHIVES_MAX ||
        strspn(rest.data, " \t\r\n") != rest.length)
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': no number of archives", path);
    free(text);
    return rc;
}

static int add_archive(struct labelled_place *place, const char *name, struct err *err)
{
    struct arena arena = {0};
    const char *path = path_join(&arena, place->path, name);
    const int rc =
        path ? strings_add(&place->shards, path, strlen(path), err) : err_memory(err, strlen(place->path));
    arena_release(&arena);
    return rc;
}

/* Whether it is one of 0.tar to N - 1.tar. */
static bool is_counted(const char *name, uint32_t count)
{
    struct span rest = span_of(name);
    uint32_t number;
    return span_take_number(&number, &rest) && number < count && !strcmp(rest.data, ".tar");
}

/* Those that nshards.txt counts, which CLIP_benchmark reads and no others. */
static int add_counted(
    struct labelled_place *place, const char *counter, const struct strings *there, struct err *err)
{
    struct missing_names others = {0};
    uint32_t count = 0;
    int rc = read_count(&count, counter, err);
    for (uint32_t i = 0; !rc && i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u.tar", (unsigned)i);
        rc = add_archive(place, name, err);
        if (!rc && !is_archive(place->shards.items[i]))
            rc = err_set(err, ERR_IO, "'%s' counts %u archives, and there is no '%s'", counter,
                (unsigned)count, place->shards.items[i]);
    }
    for (size_t i = 0; i < there->count; i++)
        if (!is_counted(there->items[i], count))
            missing_add(&others, there->items[i]);
    return rc || !others.count ? rc
                               : labelling_note(place->left_out, err,
                                     "left out, since '%s' does not count them: %s", counter, others.list);
}

static int add_archives(struct labelled_place *place, const struct strings *there, struct err *err)
{
    struct arena arena = {0};
    const char *counter = path_join(&arena, place->path, "nshards.txt");
    int rc = counter ? 0 : err_memory(err, strlen(place->path));
    if (!rc && file_exists(counter))
        rc = add_counted(place, counter, there, err);
    else
        for (size_t i = 0; i < there->count && !rc; i++)
            rc = add_archive(place, there->items[i], err);
    arena_release(&arena);
    return rc;
}

/* ---- paths --------------------------------------------------------------------------------------------- */

/* Class folders, parts of a data set, or archives; `inside`: of a part, which has no parts itself. */
static int find_in_folder(struct labelled_place *place, bool inside, struct err *err)
{
    struct strings folders = {0}, archives = {0};
    const char *part = NULL;
    int rc = subfolders_list(&folders, place->path, place->excludes, err);
    if (!rc && !inside && folders.count)
        rc = find_part(&part, place, &folders, err);
    if (rc || place->part_missing) {
        strings_release(&folders);
        return rc;
    }
    if (!part && (place->only_shards || !folders.count))
        rc = list(&archives, place->path, place->excludes, is_archive, err);
    place->kind = archives.count ? LABELLED_SHARDS : LABELLED_FOLDERS;
    if (!rc && archives.count)
        rc = add_archives(place, &archives, err);
    else if (!rc && !part && place->only_shards)
        rc = err_set(err, ERR_ARGUMENT, "no archives in '%s'", place->path);
    else if (!rc && !folders.count)
        rc = err_set(err, ERR_ARGUMENT, "'%s' has no folders, one a class, and no archives", place->path);
    strings_release(&archives);
    strings_release(&folders);
    if (rc || !part)
        return rc;
    place->path = part;
    return find_in_folder(place, true, err);
}

static int find_archives(
    struct labelled_place *place, const char *const *paths, size_t count, struct err *err)
{
    struct stat st;
    int rc = 0;
    place->kind = LABELLED_SHARDS;
    for (size_t i = 0; i < count && !rc; i++)
        rc = braces_expand(&place->shards, paths[i], err);
    for (size_t i = 0; i < place->shards.count && !rc; i++)
        if (stat(place->shards.items[i], &st))
            rc = err_set(err, ERR_IO, "unable to open '%s': %s", place->shards.items[i], strerror(errno));
    return rc;
}

int labelled_place_find(struct labelled_place *place, const char *const *paths, size_t count, struct err *err)
{
    place->path = paths[0];
    for (size_t i = 0; i < count && count > 1; i++)
        if (!shard_named(paths[i]))
            return err_set(
                err, ERR_ARGUMENT, "'%s' is no archive, and only of those there may be several", paths[i]);
    if (is_folder(place->path))
        return find_in_folder(place, false, err);
    if (shard_named(place->path))
        return find_archives(place, paths, count, err);
    if (place->only_shards && file_exists(place->path))
        return err_set(
            err, ERR_ARGUMENT, "'%s' is no archive of pictures and no folder of archives", place->path);
    if (place->only_shards)
        return err_set(err, ERR_IO, "unable to open '%s': %s", place->path, strerror(ENOENT));
    place->kind = LABELLED_CSV;
    return 0;
}

void labelled_place_release(struct labelled_place *place)
{
    strings_release(&place->shards);
}

int labelled_kind_find(enum labelled_kind *out, const char *const *paths, size_t count, enum data_part part,
    const struct excludes *excludes, struct err *err)
{
    struct arena arena = {0};
    struct strings left_out = {0};
    struct labelled_place place = {
        .excludes = excludes, .arena = &arena, .left_out = &left_out, .part = part};
    const int rc = labelled_place_find(&place, paths, count, err);
    *out = place.kind;
    labelled_place_release(&place);
    strings_release(&left_out);
    arena_release(&arena);
    return rc;
}

/* ---- CLIP_benchmark's files ---------------------------------------------------------------------------- */

static const char *folder_above(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    if (!strcmp(last, ".") || !strcmp(last, "..") || !*last)
        return path_join(arena, path, "..");
    return slash == path ? "/" : slash ? arena_copy(arena, path, (size_t)(slash - path)) : ".";
}

int beside_shard_find(
    const char **out, struct arena *arena, const char *archive, const char *name, struct err *err)
{
    const char *folder = folder_above(arena, archive), *above = folder ? folder_above(arena, folder) : NULL;
    const char *beside = above ? path_join(arena, folder, name) : NULL;
    *out = beside ? path_join(arena, above, name) : NULL;
    if (!*out)
        return err_memory(err, strlen(archive));
    *out = file_exists(beside) ? beside : file_exists(*out) ? *out : NULL;
    return 0;
}

int data_set_type_read(
    const char **type, const char **path, struct arena *arena, const char *archive, struct err *err)
{
    enum { LIMIT = 4096 };
    char *text = NULL;
    size_t size;
    *type = NULL;
    int rc = beside_shard_find(path, arena, archive, "dataset_type.txt", err);
    if (!rc && *path)
        rc = file_read_text(&text, &size, *path, LIMIT, err);
    if (rc || !text)
        return rc;
    const struct span trimmed = span_trimmed((struct span){text, size});
    char *copy = arena_copy(arena, trimmed.data, trimmed.length);
    for (size_t i = 0; copy && i < trimmed.length; i++)
        copy[i] = (char)tolower((unsigned char)copy[i]);
    free(text);
    *type = copy;
    return copy ? 0 : err_memory(err, trimmed.length);
}
