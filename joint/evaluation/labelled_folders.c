// SPDX-License-Identifier: Apache-2.0
/* A folder of class folders, as torchvision's ImageFolder takes it. */
#include "joint/evaluation/labelled.h"

#include <string.h>

static int add_folder(struct labelling *labelling, const char *directory, size_t class, struct err *err)
{
    struct picture_list *list = &labelling->out->list;
    const struct excludes *excludes = labelling->options->excludes;
    struct arena arena = {0};
    const size_t first = list->paths.count;
    const char *path = path_join(&arena, directory, labelling->classes.items[class]);
    int rc =
        path ? picture_list_add(&list->paths, &list->passed, path, excludes, directory, labelling->job, err)
             : err_memory(err, strlen(directory));
    for (size_t i = first; i < list->paths.count && !rc; i++)
        rc = labelling_mention(labelling, i, class, err);
    arena_release(&arena);
    return rc;
}

static int add_pictures(struct labelling *labelling, const char *directory, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < labelling->classes.count && !rc; i++)
        if (labelling->rows[i] != CLASS_UNKNOWN)
            rc = add_folder(labelling, directory, i, err);
    return rc;
}

/* Folders without a label are not walked. */
int labelled_folders_read(struct labelling *labelling, const char *directory, struct err *err)
{
    struct strings names = {0};
    size_t class;
    int rc = subfolders_list(&names, directory, labelling->options->excludes, err);
    for (size_t i = 0; i < names.count && !rc; i++)
        rc = labelling_class(&class, labelling, names.items[i], strlen(names.items[i]), err);
    strings_release(&names);
    if (!rc)
        rc = labelling_match(labelling, err);
    return rc ? rc : add_pictures(labelling, directory, err);
}
