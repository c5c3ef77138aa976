// SPDX-License-Identifier: Apache-2.0
#include "cli/picture_names.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool picture_suffix(const char *path)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".psd",
        ".ppm", ".pgm", ".pbm", ".pnm", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl"};
    const char *suffix = strrchr(file_name(path), '.');
    for (size_t i = 0; suffix && i < sizeof suffixes / sizeof *suffixes; i++)
        if (!strcasecmp(suffixes[i], suffix))
            return true;
    return false;
}

/* Names and paths are bytes, not always UTF-8. */
static int add_name(
    struct picture_names *names, const char *name, size_t length, const char *path, struct err *err)
{
    char *key = strndup(name, length);
    if (!key)
        return err_memory(err, length);
    const bool taken = json_object_get(names->paths, key);
    json_t *value = taken ? json_null() : json_string_nocheck(path);
    const int failed = json_object_set_new_nocheck(names->paths, key, value);
    free(key);
    return failed ? err_memory(err, length) : 0;
}

/* COCO_val2014_000000000042 and 000000000042 are image 42. The number's digits in stem; NULL: none. */
static const char *coco_number(const char *stem, size_t length)
{
    enum { DIGITS = 12 };
    if (length < DIGITS || (length > DIGITS && stem[length - DIGITS - 1] != '_'))
        return NULL;
    const char *number = stem + length - DIGITS;
    if (strspn(number, "0123456789") != DIGITS)
        return NULL;
    number += strspn(number, "0");
    return number < stem + length ? number : number - 1;
}

int picture_names_add(struct picture_names *names, const char *path, struct err *err)
{
    const char *name = file_name(path), *suffix = strrchr(name, '.');
    const size_t stem = suffix ? (size_t)(suffix - name) : strlen(name);
    const char *number = coco_number(name, stem);
    if (!names->paths)
        names->paths = json_object();
    if (!names->paths)
        return err_memory(err, 0);
    int rc = add_name(names, name, strlen(name), path, err);
    if (!rc && suffix)
        rc = add_name(names, name, stem, path, err);
    if (!rc && number && number != name)
        rc = add_name(names, number, (size_t)(name + stem - number), path, err);
    return rc;
}

int picture_names_find(const char **out, const struct picture_names *names, const char *id, const char *file,
    const char *place, struct err *err)
{
    const json_t *path = file ? json_object_get(names->paths, file_name(file)) : NULL;
    if (!path && id)
        path = json_object_get(names->paths, id);
    if (!path)
        return err_set(err, ERR_IO, "no picture of image '%s' in '%s'", id ? id : file, place);
    if (!json_is_string(path))
        return err_set(err, ERR_ARGUMENT, "several pictures of image '%s' in '%s'", id ? id : file, place);
    *out = json_string_value(path);
    return 0;
}

void picture_names_release(struct picture_names *names)
{
    json_decref(names->paths);
    *names = (struct picture_names){0};
}
