// SPDX-License-Identifier: Apache-2.0
/* Pictures by the names that files of captions and metadata have for them. */
#include "joint/joint.h"

#include <stdlib.h>
#include <string.h>

static struct span file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return span_of(slash ? slash + 1 : path);
}

/* COCO_val2014_000000000042 and 000000000042 are image 42. The number's digits in a stem, of length 0 where there are none. */
static struct span coco_number(struct span stem)
{
    enum { DIGITS = 12 };
    const struct span none = {stem.data, 0};
    if (stem.length < DIGITS || (stem.length > DIGITS && stem.data[stem.length - DIGITS - 1] != '_'))
        return none;
    const struct span number = span_from(stem, stem.length - DIGITS);
    if (strspn(number.data, "0123456789") < DIGITS)
        return none;
    const size_t zeros = strspn(number.data, "0");
    return span_from(number, zeros < DIGITS ? zeros : DIGITS - 1);
}

size_t picture_names_of(struct span names[PICTURE_NAMES], const char *path)
{
    const struct span name = file_name(path);
    const char *suffix = strrchr(name.data, '.');
    const struct span stem = {name.data, suffix ? (size_t)(suffix - name.data) : name.length},
                      number = coco_number(stem);
    size_t count = 0;
    names[count++] = name;
    if (suffix)
        names[count++] = stem;
    if (number.length && number.length < stem.length)
        names[count++] = number;
    return count;
}

#define SEVERAL SIZE_MAX /* paths have the name */

static int add_name(struct picture_names *names, struct span name, struct err *err)
{
    const size_t last = names->paths.count - 1; /* the path of that name */
    size_t *at;
    const int rc = string_map_add(&at, &names->by_name, name.data, name.length, last, err);
    if (!rc && *at != last)
        *at = SEVERAL;
    return rc;
}

int picture_names_add(struct picture_names *names, const char *path, struct err *err)
{
    struct span all[PICTURE_NAMES];
    const size_t count = picture_names_of(all, path);
    int rc = strings_add(&names->paths, path, strlen(path), err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = add_name(names, all[i], err);
    return rc;
}

int picture_names_check(size_t pictures, const char *image, const char *place, struct err *err)
{
    if (!pictures)
        return err_set(err, ERR_NOT_FOUND, "no picture of image '%s' in '%s'", image, place);
    return pictures > 1 ? err_set(err, ERR_ARGUMENT, "several pictures of image '%s' in '%s'", image, place)
                        : 0;
}

static const size_t *find_name(const struct picture_names *names, struct span name)
{
    return string_map_find(&names->by_name, name.data, name.length);
}

int picture_names_find(const char **out, const struct picture_names *names, const char *id, const char *file,
    const char *place, struct err *err)
{
    const size_t *at = file ? find_name(names, file_name(file)) : NULL;
    if (!at && id)
        at = find_name(names, span_of(id));
    const int rc = picture_names_check(!at ? 0 : *at == SEVERAL ? 2 : 1, id ? id : file, place, err);
    if (!rc)
        *out = names->paths.items[*at];
    return rc;
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
