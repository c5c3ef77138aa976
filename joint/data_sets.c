// SPDX-License-Identifier: Apache-2.0
/* What published data sets call their classes, from assets/datasets/. */
#include "joint/internal.h"

#include <stdio.h>
#include <string.h>

#include "data_set_files.h" /* made by CMake from assets/datasets/ */

struct data_set {
    const char *name, *file;
    const char *templates; /* a set of templates; NULL: the default */
    bool numbered;         /* the folders are rows, from 0 */
};

static const struct data_set data_sets[] = {
    {"imagenet", "imagenet.txt", "imagenet", false},
    {"imagenetv2", "imagenet.txt", "imagenet", true},
    {"cifar10", "cifar10.txt", "cifar", false},
    {"cifar100", "cifar100.txt", "cifar", false},
    {"caltech101", "caltech101.txt", "caltech101", false},
    {"food101", "food101.txt", "food101", false},
    {"pets", "pets.txt", "pets", false},
    {"voc2007", "voc2007.txt", NULL, false},
};
enum { DATA_SETS = sizeof data_sets / sizeof *data_sets };

const char *data_set_name(size_t i)
{
    return i < DATA_SETS ? data_sets[i].name : NULL;
}

bool data_set_named(const char *value)
{
    return value[0] == '@' && !strchr(value, ',');
}

static const struct data_set *find(const char *value)
{
    for (size_t i = 0; i < DATA_SETS; i++)
        if (data_set_named(value) && !strcmp(data_sets[i].name, value + 1))
            return &data_sets[i];
    return NULL;
}

const char *data_set_templates(const char *value)
{
    const struct data_set *set = find(value);
    return set ? set->templates : NULL;
}

static int unknown(const char *value, struct err *err)
{
    char names[128] = "";
    for (size_t i = 0; i < DATA_SETS; i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s@%s", i ? ", " : "", data_sets[i].name);
    }
    return err_set(err, ERR_NOT_FOUND, "there is no data set '%s'; there are %s", value, names);
}

static const char *file_text(const char *name)
{
    size_t i = 0;
    while (strcmp(data_set_files[i].name, name) != 0)
        i++;
    return data_set_files[i].text;
}

int data_set_classes(struct strings *folders, struct strings *labels, const char *value, struct err *err)
{
    const struct data_set *set = find(value);
    struct strings lines = {0};
    size_t count = 0;
    if (!set)
        return unknown(value, err);
    const char *text = file_text(set->file);
    int rc = strings_add_lines(&lines, text, strlen(text), err);
    for (size_t i = 0; i < lines.count && !rc; i++) {
        const char *line = lines.items[i], *tab = strchr(line, '\t');
        char number[24];
        if (*line == '#')
            continue;
        snprintf(number, sizeof number, "%zu", count++);
        if (folders)
            rc = set->numbered ? strings_add(folders, number, strlen(number), err)
                               : strings_add(folders, line, (size_t)(tab - line), err);
        if (!rc)
            rc = strings_add(labels, tab + 1, strlen(tab + 1), err);
    }
    strings_release(&lines);
    return rc;
}
