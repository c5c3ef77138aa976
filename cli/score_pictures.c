// SPDX-License-Identifier: Apache-2.0
#include "cli/score_pictures.h"

#include "cli/picture_names.h"

#include <string.h>

struct walk {
    struct picture_names names;
    const char *folder;
    struct err *err;
};

static int add_picture(void *context, const char *path, const struct err *problem)
{
    struct walk *walk = context;
    if (problem) /* below the folder it matters only where a picture is asked for, and is then missing */
        return strcmp(path, walk->folder) ? 0 : err_set(walk->err, problem->code, "%s", problem->msg);
    return picture_suffix(path) ? picture_names_add(&walk->names, path, walk->err) : 0;
}

int score_pictures(struct picture_source **out, struct arena *arena, const char *folder,
    const struct caption_pairs *pairs, struct err *err)
{
    struct walk walk = {.folder = folder, .err = err};
    *out = arena_alloc(arena, pairs->count * sizeof **out);
    int rc = *out ? 0 : err_memory(err, pairs->count * sizeof **out);
    if (!rc)
        rc = file_walk(folder, add_picture, &walk, err);
    for (size_t i = 0; i < pairs->count && !rc; i++) {
        const char *path;
        rc = picture_names_find(&path, &walk.names, pairs->ids[i], pairs->files[i], folder, err);
        if (!rc && !((*out)[i].path = arena_copy(arena, path, strlen(path))))
            rc = err_memory(err, strlen(path));
    }
    picture_names_release(&walk.names);
    return rc;
}
