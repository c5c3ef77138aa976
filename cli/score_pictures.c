// SPDX-License-Identifier: Apache-2.0
#include "cli/score_pictures.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Paths of pictures by the names that a caption file may have for them; null where a name fits several. */
struct names {
    json_t *paths;
    struct err *err;
};

static const char *const suffixes[] = {
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".ppm", ".pgm", ".psd"};

static bool is_suffix(const char *text)
{
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (!strcasecmp(suffixes[i], text))
            return true;
    return false;
}

static int add_name(const struct names *names, const char *name, const char *path)
{
    const bool taken = json_object_get(names->paths, name);
    if (json_object_set_new(names->paths, name, taken ? json_null() : json_string(path)))
        return err_set(names->err, ERR_IO, "unable to look for pictures by '%s': not UTF-8", path);
    return 0;
}

/* COCO_val2014_000000000042 and 000000000042 are image 42. */
static const char *coco_number(const char *stem)
{
    enum { DIGITS = 12 };
    const size_t length = strlen(stem);
    if (length < DIGITS || (length > DIGITS && stem[length - DIGITS - 1] != '_'))
        return NULL;
    const char *number = stem + length - DIGITS;
    if (strspn(number, "0123456789") < DIGITS)
        return NULL;
    number += strspn(number, "0");
    return *number ? number : number - 1;
}

static int add_picture(void *context, const char *path, const struct err *problem)
{
    const struct names *names = context;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *suffix = strrchr(name, '.');
    if (problem || !suffix || !is_suffix(suffix))
        return 0;
    char *stem = strndup(name, (size_t)(suffix - name));
    if (!stem)
        return err_memory(names->err, strlen(name));
    const char *number = coco_number(stem);
    int rc = add_name(names, name, path);
    if (!rc)
        rc = add_name(names, stem, path);
    if (!rc && number && strcmp(number, stem))
        rc = add_name(names, number, path);
    free(stem);
    return rc;
}

static int find_picture(const char **out, const json_t *paths, struct arena *arena, const char *id,
    const char *file, const char *folder, struct err *err)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    const json_t *path = file ? json_object_get(paths, slash ? slash + 1 : file) : NULL;
    if (!path)
        path = json_object_get(paths, id);
    if (!path)
        return err_set(err, ERR_IO, "no picture of image '%s' in '%s'", id, folder);
    if (!json_is_string(path))
        return err_set(err, ERR_IO, "several pictures of image '%s' in '%s'", id, folder);
    *out = arena_copy(arena, json_string_value(path), json_string_length(path));
    return *out ? 0 : err_memory(err, json_string_length(path));
}

int score_pictures(const char ***out, struct arena *arena, const char *folder,
    const struct caption_pairs *pairs, struct err *err)
{
    struct names names = {json_object(), err};
    *out = arena_alloc(arena, pairs->count * sizeof **out);
    int rc = names.paths && *out ? 0 : err_memory(err, pairs->count * sizeof **out);
    if (!rc)
        rc = file_walk(folder, add_picture, &names, err);
    for (size_t i = 0; i < pairs->count && !rc; i++)
        rc = find_picture(&(*out)[i], names.paths, arena, pairs->ids[i], pairs->files[i], folder, err);
    json_decref(names.paths);
    return rc;
}
