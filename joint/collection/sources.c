// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/collection.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const char *const source_names[SOURCE_KINDS] = {"pictures", "texts", "captions", "metadata"};

static int add_absolute(struct strings *paths, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *absolute = path_absolute(&arena, path, err);
    const int rc = absolute ? strings_add(paths, absolute, strlen(absolute), err) : ERR_MEMORY;
    arena_release(&arena);
    return rc;
}

static int add_pictures(struct strings *paths, const char *pattern, struct err *err)
{
    struct strings named = {0};
    int rc = braces_expand(&named, pattern, err);
    for (size_t i = 0; i < named.count && !rc; i++)
        rc = add_absolute(paths, named.items[i], err);
    strings_release(&named);
    return rc;
}

int sources_add(struct sources *sources, enum source_kind kind, const char *path, struct err *err)
{
    if (input_is_pipe(path))
        return err_set(err, ERR_ARGUMENT,
            "'%s' can be read only once, and an index goes back to what it is made of", input_name(path));
    return kind == SOURCE_PICTURES ? add_pictures(&sources->paths[kind], path, err)
                                   : add_absolute(&sources->paths[kind], path, err);
}

int sources_add_list(
    struct sources *sources, const char *list, char end, const struct job *job, struct err *err)
{
    struct strings paths = {0};
    int rc = path_list_read(&paths, list, end, job, err);
    if (!rc && !paths.count)
        rc = err_set(err, ERR_ARGUMENT, "the list of pictures on '%s' is empty", input_name(list));
    for (size_t i = 0; i < paths.count && !rc; i++)
        rc = add_pictures(&sources->listed, paths.items[i], err);
    strings_release(&paths);
    return rc;
}

static int recall_rules(struct sources *sources, struct index *index, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *rules;
    int rc = index_source_rules(&rules, index, source_names[SOURCE_PICTURES], path, &arena, err);
    if (!rc)
        rc = strings_add(&sources->rules, rules, strlen(rules), err);
    arena_release(&arena);
    return rc;
}

int sources_recall(struct sources *sources, struct index *index, struct err *err)
{
    const struct strings *pictures = &sources->paths[SOURCE_PICTURES];
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS && !rc; kind++)
        rc = index_sources(&sources->paths[kind], index, source_names[kind], err);
    for (size_t i = 0; i < pictures->count && !rc; i++)
        rc = recall_rules(sources, index, pictures->items[i], err);
    return rc;
}

bool sources_any(const struct sources *sources)
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        if (sources->paths[kind].count)
            return true;
    return sources->listed.count;
}

static const char *first_there(const struct strings *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        if (file_exists(paths->items[i]))
            return paths->items[i];
    return NULL;
}

/* Files of texts have been looked at. */
static int check_any(const struct sources *sources, struct err *err)
{
    const struct strings *pictures = &sources->paths[SOURCE_PICTURES];
    const struct strings *named = pictures->count ? pictures : &sources->listed;
    if (!named->count || first_there(pictures) || first_there(&sources->listed))
        return 0;
    return err_set(err, ERR_IO, "unable to read '%s': %s", named->items[0], strerror(ENOENT));
}

int sources_check(const struct sources *sources, bool new, struct err *err)
{
    for (int kind = SOURCE_TEXTS; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources->paths[kind].count; i++)
            if (access(sources->paths[kind].items[i], R_OK))
                return err_set(
                    err, ERR_IO, "unable to open '%s': %s", sources->paths[kind].items[i], strerror(errno));
    return new && !sources->paths[SOURCE_TEXTS].count ? check_any(sources, err) : 0;
}

void sources_release(struct sources *sources)
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        strings_release(&sources->paths[kind]);
    strings_release(&sources->listed);
    strings_release(&sources->rules);
    strings_release(&sources->excludes.patterns);
}
