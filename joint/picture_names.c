// SPDX-License-Identifier: Apache-2.0
/* Pictures by the names that files of captions and metadata have for them. */
#include "joint/joint.h"

#include <stdlib.h>
#include <string.h>

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

#define SEVERAL SIZE_MAX /* paths have the name */

static int add_name(struct picture_names *names, const char *name, size_t length, struct err *err)
{
    const size_t last = names->paths.count - 1; /* the path of that name */
    size_t *at;
    const int rc = string_map_add(&at, &names->by_name, name, length, last, err);
    if (!rc && *at != last)
        *at = SEVERAL;
    return rc;
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
    int rc = strings_add(&names->paths, path, strlen(path), err);
    if (!rc)
        rc = add_name(names, name, strlen(name), err);
    if (!rc && suffix)
        rc = add_name(names, name, stem, err);
    if (!rc && number && number != name)
        rc = add_name(names, number, (size_t)(name + stem - number), err);
    return rc;
}

static const size_t *find_name(const struct picture_names *names, const char *name)
{
    return string_map_find(&names->by_name, name, strlen(name));
}

int picture_names_find(const char **out, const struct picture_names *names, const char *id, const char *file,
    const char *place, struct err *err)
{
    const size_t *at = file ? find_name(names, file_name(file)) : NULL;
    if (!at && id)
        at = find_name(names, id);
    if (!at)
        return err_set(err, ERR_NOT_FOUND, "no picture of image '%s' in '%s'", id ? id : file, place);
    if (*at == SEVERAL)
        return err_set(err, ERR_ARGUMENT, "several pictures of image '%s' in '%s'", id ? id : file, place);
    *out = names->paths.items[*at];
    return 0;
}

void picture_names_release(struct picture_names *names)
{
    string_map_release(&names->by_name);
    strings_release(&names->paths);
    *names = (struct picture_names){0};
}

/* ---- below a folder ------------------------------------------------------------------------------------ */

struct walk {
    struct picture_names *names;
    const char *folder;
    size_t pictures;
    const struct job *job;
    struct err *err;
};

static int see_picture(void *context, const char *path, const struct err *problem)
{
    struct walk *walk = context;
    enum file_kind kind = FILE_OTHER;
    if (problem && !strcmp(path, walk->folder))
        return err_set(walk->err, problem->code, "%s", problem->msg);
    if (problem)
        job_report(walk->job, problem);
    int rc = job_step(walk->job, "looking for pictures", 0, 0, walk->err);
    if (!rc && !problem && file_kind_find(&kind, path, NULL))
        kind = FILE_OTHER;
    if (rc || kind != FILE_PICTURE)
        return rc;
    walk->pictures++;
    return picture_names_add(walk->names, path, walk->err);
}

int picture_names_add_folder(
    struct picture_names *names, size_t *pictures, const char *folder, const struct job *job, struct err *err)
{
    struct walk walk = {.names = names, .folder = folder, .job = job, .err = err};
    const int rc = file_walk(folder, see_picture, &walk, err);
    *pictures = walk.pictures;
    return rc;
}
