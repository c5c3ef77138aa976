// SPDX-License-Identifier: Apache-2.0
#include "cli/class_folders.h"
#include "cli/input.h"
#include "cli/text.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- folders ------------------------------------------------------------------------------------------- */

static bool is_folder(const char *directory, const char *name)
{
    struct arena arena = {0};
    struct stat st;
    const char *path = path_join(&arena, directory, name);
    const bool is = path && !stat(path, &st) && S_ISDIR(st.st_mode);
    arena_release(&arena);
    return is;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int class_folders_list(struct class_folders *out, const char *directory, struct err *err)
{
    DIR *stream = opendir(directory);
    int rc = 0;
    if (!stream)
        return err_set(err, ERR_IO, "unable to read '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(stream));)
        if (entry->d_name[0] != '.' && is_folder(directory, entry->d_name))
            rc = strings_add(&out->names, entry->d_name, strlen(entry->d_name), err);
    closedir(stream);
    if (rc)
        return rc;
    if (!out->names.count)
        return err_set(err, ERR_ARGUMENT, "'%s' has no folders, one a class", directory);
    qsort(out->names.items, out->names.count, sizeof *out->names.items, by_bytes);
    out->rows = mem_new(out->names.count, sizeof *out->rows);
    return out->rows ? 0 : err_memory(err, out->names.count * sizeof *out->rows);
}

/* ---- labels -------------------------------------------------------------------------------------------- */

/* Names that lack a counterpart: how many, and the first few. */
struct lacking {
    size_t count;
    char list[256];
};

static void add_lacking(struct lacking *lacking, const char *name)
{
    enum { NAMED = 5 };
    const size_t used = strlen(lacking->list);
    if (lacking->count++ < NAMED)
        snprintf(lacking->list + used, sizeof lacking->list - used, "%s'%s'", used ? ", " : "", name);
    else if (lacking->count == NAMED + 1)
        snprintf(lacking->list + used, sizeof lacking->list - used, " ...");
}

/* The label of each folder from lines "folder<TAB>label", and all labels in the file's order. */
static int read_classes(json_t *label_of, struct strings *order, const char *path, struct err *err)
{
    struct strings lines = {0};
    int rc = input_lines(&lines, path, err);
    for (size_t i = 0; i < lines.count && !rc; i++) {
        char *line = lines.items[i], *tab = strchr(line, '\t');
        if (!tab)
            rc = err_set(
                err, ERR_FORMAT, "unable to read '%s': no tab between folder and label in '%s'", path, line);
        if (rc)
            break;
        *tab = '\0';
        const char *label = tab + 1 + strspn(tab + 1, "\t ");
        if (json_object_get(label_of, line))
            rc = err_set(err, ERR_FORMAT, "unable to read '%s': folder '%s' stands there twice", path, line);
        else if (json_object_set_new_nocheck(label_of, line, json_string_nocheck(label)))
            rc = err_memory(err, strlen(label));
        else
            rc = strings_add(order, label, strlen(label), err);
    }
    strings_release(&lines);
    return rc;
}

/* The rows of labels; where there are none, those of `otherwise` are added first, each once. */
static int number_labels(
    struct strings *labels, json_t *row_of, const struct strings *otherwise, struct err *err)
{
    const bool given = labels->count;
    const struct strings *from = given ? labels : otherwise;
    int rc = 0;
    for (size_t i = 0; i < from->count && !rc; i++) {
        const char *label = from->items[i];
        if (json_object_get(row_of, label))
            continue;
        if (json_object_set_new_nocheck(row_of, label, json_integer((json_int_t)(given ? i : labels->count))))
            rc = err_memory(err, strlen(label));
        else if (!given)
            rc = strings_add(labels, label, strlen(label), err);
    }
    return rc;
}

static int refuse(
    const struct lacking *lacking, const char *what, const char *instead, bool allow_missing, struct err *err)
{
    if (!lacking->count)
        return 0;
    if (!allow_missing)
        return err_set(err, ERR_ARGUMENT, "%zu %s: %s; --allow-missing %s", lacking->count, what,
            lacking->list, instead);
    message("%zu %s: %s", lacking->count, what, lacking->list);
    return 0;
}

/* Gives the folders their rows; some have no label, and some labels no folder. */
static int find_rows(struct class_folders *folders, const struct strings *labels, const json_t *label_of,
    const json_t *row_of, bool allow_missing, struct err *err)
{
    struct lacking folders_without = {0}, labels_without = {0};
    bool *taken = mem_new(labels->count + 1, sizeof *taken);
    if (!taken)
        return err_memory(err, labels->count);
    for (size_t i = 0; i < folders->names.count; i++) {
        const char *name = folders->names.items[i];
        const char *label = label_of ? json_string_value(json_object_get(label_of, name)) : name;
        const json_t *row = label ? json_object_get(row_of, label) : NULL;
        folders->rows[i] = row ? (size_t)json_integer_value(row) : CLASS_UNKNOWN;
        if (row)
            taken[folders->rows[i]] = true;
        else
            add_lacking(&folders_without, name);
    }
    for (size_t i = 0; i < labels->count; i++) {
        const json_t *row = json_object_get(row_of, labels->items[i]); /* of one given twice: the first */
        if (!taken[json_integer_value(row)])
            add_lacking(&labels_without, labels->items[i]);
    }
    free(taken);
    int rc = refuse(&folders_without, "folders have no label", "leaves them out", allow_missing, err);
    return rc ? rc
              : refuse(&labels_without, "labels have no folder", "keeps them to choose from", allow_missing,
                    err);
}

int class_folders_match(struct class_folders *folders, struct strings *labels, const char *classes,
    bool allow_missing, struct err *err)
{
    struct strings order = {0};
    json_t *label_of = classes ? json_object() : NULL, *row_of = json_object();
    int rc = !row_of || (classes && !label_of) ? err_memory(err, 0) : 0;
    if (!rc && classes)
        rc = read_classes(label_of, &order, classes, err);
    if (!rc)
        rc = number_labels(labels, row_of, classes ? &order : &folders->names, err);
    if (!rc)
        rc = find_rows(folders, labels, label_of, row_of, allow_missing, err);
    if (!rc && labels->count < 2)
        rc = err_set(err, ERR_ARGUMENT, "one label alone leaves nothing to choose from");
    json_decref(row_of);
    json_decref(label_of);
    strings_release(&order);
    return rc;
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static int add_folder(struct class_folders *folders, const char *path, size_t row, struct err *err)
{
    const size_t first = folders->paths.count;
    int rc = input_pictures(&folders->paths, path, '\n', err);
    if (rc)
        return rc;
    size_t *truths = mem_grow(folders->truths, folders->paths.count + 1, sizeof *truths);
    if (!truths)
        return err_memory(err, folders->paths.count * sizeof *truths);
    folders->truths = truths;
    for (size_t i = first; i < folders->paths.count; i++)
        truths[i] = row;
    return 0;
}

int class_folders_pictures(struct class_folders *folders, const char *directory, struct err *err)
{
    struct arena arena = {0};
    struct lacking empty = {0};
    int rc = 0;
    for (size_t i = 0; i < folders->names.count && !rc; i++) {
        if (folders->rows[i] == CLASS_UNKNOWN)
            continue;
        const size_t before = folders->paths.count;
        const char *path = path_join(&arena, directory, folders->names.items[i]);
        rc = path ? add_folder(folders, path, folders->rows[i], err) : err_memory(err, strlen(directory));
        if (folders->paths.count == before)
            add_lacking(&empty, folders->names.items[i]);
    }
    if (!rc && empty.count)
        message("%zu folders have no pictures: %s", empty.count, empty.list);
    arena_release(&arena);
    return rc;
}

void class_folders_release(struct class_folders *folders)
{
    free(folders->truths);
    free(folders->rows);
    strings_release(&folders->paths);
    strings_release(&folders->names);
    *folders = (struct class_folders){0};
}
