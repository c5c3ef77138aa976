// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/internal.h"

#include <stdlib.h>
#include <string.h>

int caption_pictures(struct picture_source **out, struct arena *arena, const char *folder,
    const struct caption_pairs *pairs, const struct job *job, struct err *err)
{
    struct picture_names names = {0};
    struct job silent = job ? *job : (struct job){0};
    size_t pictures;
    silent.report = NULL; /* what cannot be read matters only where it is asked for, and is then missing */
    *out = arena_alloc(arena, pairs->count * sizeof **out);
    int rc = *out ? 0 : err_memory(err, pairs->count * sizeof **out);
    if (!rc)
        rc = picture_names_add_folder(&names, &pictures, folder, &silent, err);
    for (size_t i = 0; i < pairs->count && !rc; i++) {
        const char *path = NULL;
        rc = picture_names_find(&path, &names, pairs->ids[i], pairs->files[i], folder, err);
        if (!rc && !((*out)[i].path = arena_copy(arena, path, strlen(path))))
            rc = err_memory(err, strlen(path));
    }
    picture_names_release(&names);
    return rc;
}

int captioned_pictures_miss(
    struct captioned_pictures *out, struct err *first, const struct err *problem, struct err *err)
{
    if (problem->code != ERR_NOT_FOUND)
        return err_set(err, problem->code, "%s", problem->msg);
    if (!out->without_picture++)
        *first = *problem;
    return 0;
}

int captioned_pictures_check(struct captioned_pictures *out, const struct err *first, size_t images,
    size_t pictures, bool allow_missing, struct err *err)
{
    out->without_captions = pictures > out->count ? pictures - out->count : 0;
    if (!out->without_picture || (allow_missing && out->count))
        return 0;
    return err_set(
        err, ERR_NOT_FOUND, "%s (%zu of %zu without one)", first->msg, out->without_picture, images);
}

static int take_image(struct captioned_pictures *out, struct err *first, const struct caption_set *set,
    size_t i, const struct picture_names *names, const char *folder, struct err *err)
{
    const struct captioned_image *image = &set->images[i];
    const char *path = NULL;
    struct err problem;
    if (picture_names_find(&path, names, image->id, image->file, folder, &problem))
        return captioned_pictures_miss(out, first, &problem, err);
    out->images[out->count++] = i;
    return strings_add(&out->list.paths, path, strlen(path), err);
}

int captioned_pictures_find(struct captioned_pictures *out, const struct caption_set *set, const char *folder,
    bool allow_missing, const struct job *job, struct err *err)
{
    struct picture_names names = {0};
    struct err first;
    size_t pictures = 0;
    *out = (struct captioned_pictures){.images = mem_new(set->count + 1, sizeof *out->images)};
    int rc = out->images ? picture_names_add_folder(&names, &pictures, folder, job, err)
                         : err_memory(err, set->count * sizeof *out->images);
    for (size_t i = 0; i < set->count && !rc; i++)
        rc = take_image(out, &first, set, i, &names, folder, err);
    if (!rc)
        rc = captioned_pictures_check(out, &first, set->count, pictures, allow_missing, err);
    if (!rc) {
        out->sources = picture_files((const char *const *)out->list.paths.items, out->count);
        rc = out->sources ? 0 : err_memory(err, out->count * sizeof *out->sources);
    }
    picture_names_release(&names);
    return rc;
}

void captioned_pictures_release(struct captioned_pictures *pictures)
{
    free(pictures->sources);
    free(pictures->rows);
    free(pictures->images);
    strings_release(&pictures->left_out);
    picture_list_release(&pictures->list);
    *pictures = (struct captioned_pictures){0};
}
