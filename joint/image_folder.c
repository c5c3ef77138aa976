// SPDX-License-Identifier: Apache-2.0
/* A folder of class folders, as torchvision's ImageFolder takes it. */
#include "joint/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

int image_folder_list(
    struct image_folder *out, const char *directory, const struct excludes *excludes, struct err *err)
{
    DIR *stream = opendir(directory);
    int rc = 0;
    if (!stream)
        return err_set(err, ERR_IO, "unable to read '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(stream));)
        if (!excludes_match(excludes, entry->d_name, true) && is_folder(directory, entry->d_name))
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

static void add_missing(struct missing_names *missing, const char *name)
{
    enum { NAMED = 5 };
    const size_t used = strlen(missing->list);
    if (missing->count++ < NAMED)
        snprintf(missing->list + used, sizeof missing->list - used, "%s'%s'", used ? ", " : "", name);
    else if (missing->count == NAMED + 1)
        snprintf(missing->list + used, sizeof missing->list - used, " ...");
}

/* ---- parts of a data set ------------------------------------------------------------------------------- */

static const char *const part_names[] = {
    "test", "testing", "val", "valid", "validation", "train", "training", NULL};

static int part_of(const char *name)
{
    int i = 0;
    while (part_names[i] && strcasecmp(part_names[i], name) != 0)
        i++;
    return i;
}

static bool has_folders(const char *directory, const char *name)
{
    struct image_folder inner = {0};
    struct arena arena = {0};
    const char *path = path_join(&arena, directory, name);
    const bool has = path && !image_folder_list(&inner, path, NULL, NULL);
    image_folder_release(&inner);
    arena_release(&arena);
    return has;
}

int image_folder_part(
    char part[NAME_MAX + 1], struct missing_names *others, const char *directory, struct err *err)
{
    struct image_folder folder = {0};
    const char *best = NULL;
    int rc = image_folder_list(&folder, directory, NULL, err);
    *part = '\0';
    for (size_t i = 0; i < folder.names.count && !rc; i++) {
        const char *name = folder.names.items[i];
        if (!part_names[part_of(name)])
            goto done;
        if (has_folders(directory, name) && (!best || part_of(name) < part_of(best)))
            best = name;
    }
    if (!best)
        goto done;
    snprintf(part, NAME_MAX + 1, "%s", best);
    for (size_t i = 0; i < folder.names.count; i++)
        if (folder.names.items[i] != best)
            add_missing(others, folder.names.items[i]);
done:
    image_folder_release(&folder);
    return rc;
}

/* ---- labels -------------------------------------------------------------------------------------------- */

/* From folders to labels. */
struct classes {
    struct string_map folders; /* to rows of labels */
    struct strings labels;     /* in the file's order */
    bool data_set; /* `folders` are a data set's by name_key, and each row is a class of its own */
};

/* A name as a data set's classes are compared, in lower case and with blanks for _; its length. */
enum { NAME_SIZE = 256 };
static size_t name_key(char key[NAME_SIZE], const char *name)
{
    size_t length = 0;
    for (; name[length] && length < NAME_SIZE; length++)
        key[length] = (char)(name[length] == '_' ? ' ' : tolower((unsigned char)name[length]));
    return length;
}

/* Adds a name for the class of that row, unless another has it already. */
static int add_name(struct classes *classes, const char *name, size_t row, struct err *err)
{
    char key[NAME_SIZE];
    size_t *found;
    return string_map_add(&found, &classes->folders, key, name_key(key, name), row, err);
}

static int read_data_set(struct classes *classes, struct strings *labels, const char *value, struct err *err)
{
    struct strings folders = {0};
    int rc = data_set_classes(&folders, labels, value, err);
    classes->data_set = true;
    for (size_t i = 0; i < folders.count && !rc; i++)
        rc = add_name(classes, folders.items[i], i, err);
    for (size_t i = 0; i < folders.count && !rc; i++)
        rc = add_name(classes, labels->items[i], i, err);
    strings_release(&folders);
    return rc;
}

static int add_class(struct classes *classes, char *line, const char *path, struct err *err)
{
    char *tab = strchr(line, '\t');
    size_t *row;
    if (!tab)
        return err_set(
            err, ERR_FORMAT, "unable to read '%s': no tab between folder and label in '%s'", path, line);
    *tab = '\0';
    const char *label = tab + 1 + strspn(tab + 1, "\t ");
    const int rc =
        string_map_add(&row, &classes->folders, line, (size_t)(tab - line), classes->labels.count, err);
    if (!rc && *row != classes->labels.count)
        return err_set(err, ERR_FORMAT, "unable to read '%s': folder '%s' stands there twice", path, line);
    return rc ? rc : strings_add(&classes->labels, label, strlen(label), err);
}

/* Lines "folder<TAB>label". */
static int read_classes(struct classes *classes, const char *path, struct err *err)
{
    struct strings lines = {0};
    int rc = list_read(&lines, path, err);
    for (size_t i = 0; i < lines.count && !rc; i++)
        rc = add_class(classes, lines.items[i], path, err);
    strings_release(&lines);
    return rc;
}

/* The first row of each label; where there are no labels, those of `otherwise` are added first, each once. */
static int number_labels(
    struct string_map *rows, struct strings *labels, const struct strings *otherwise, struct err *err)
{
    const bool given = labels->count;
    const struct strings *from = given ? labels : otherwise;
    int rc = 0;
    for (size_t i = 0; i < from->count && !rc; i++) {
        const char *label = from->items[i];
        const size_t before = rows->count;
        size_t *row;
        rc = string_map_add(&row, rows, label, strlen(label), given ? i : labels->count, err);
        if (!rc && !given && rows->count > before)
            rc = strings_add(labels, label, strlen(label), err);
    }
    return rc;
}

/* The row of the folder's label; NULL: it has none. */
static const size_t *row_of(const struct classes *classes, const struct string_map *rows, const char *folder)
{
    const char *label = folder;
    if (classes->data_set) {
        char key[NAME_SIZE];
        return string_map_find(&classes->folders, key, name_key(key, folder));
    }
    if (classes->folders.count) {
        const size_t *found = string_map_find(&classes->folders, folder, strlen(folder));
        label = found ? classes->labels.items[*found] : NULL;
    }
    return label ? string_map_find(rows, label, strlen(label)) : NULL;
}

/* Of a label that is given twice the first counts, but in a data set. */
static bool has_folder(const struct classes *classes, const struct string_map *rows, const bool *taken,
    const struct strings *labels, size_t i)
{
    return taken[classes->data_set ? i : *string_map_find(rows, labels->items[i], strlen(labels->items[i]))];
}

static int find_rows(struct image_folder *out, const struct strings *labels, const struct classes *classes,
    const struct string_map *rows, struct err *err)
{
    bool *taken = mem_new(labels->count + 1, sizeof *taken);
    if (!taken)
        return err_memory(err, labels->count);
    for (size_t i = 0; i < out->names.count; i++) {
        const char *name = out->names.items[i];
        const size_t *row = row_of(classes, rows, name);
        out->rows[i] = row ? *row : CLASS_UNKNOWN;
        if (row)
            taken[*row] = true;
        else
            add_missing(&out->without_label, name);
    }
    for (size_t i = 0; i < labels->count; i++)
        if (!has_folder(classes, rows, taken, labels, i))
            add_missing(&out->without_folder, labels->items[i]);
    free(taken);
    return 0;
}

int image_folder_match(
    struct image_folder *out, struct strings *labels, const char *classes_path, struct err *err)
{
    struct classes classes = {0};
    struct string_map rows = {0};
    int rc = 0;
    if (classes_path && data_set_named(classes_path))
        rc = read_data_set(&classes, labels, classes_path, err);
    else if (classes_path)
        rc = read_classes(&classes, classes_path, err);
    if (!rc && !classes.data_set)
        rc = number_labels(&rows, labels, classes_path ? &classes.labels : &out->names, err);
    if (!rc)
        rc = find_rows(out, labels, &classes, &rows, err);
    string_map_release(&rows);
    string_map_release(&classes.folders);
    strings_release(&classes.labels);
    return rc;
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static int add_folder(struct image_folder *out, const char *path, size_t row, const struct excludes *excludes,
    const char *directory, const struct job *job, struct err *err)
{
    const size_t first = out->paths.count;
    int rc = picture_list_add(&out->paths, &out->passed, path, excludes, directory, job, err);
    if (!rc)
        rc = array_grow(out->truths, &out->truth_room, out->paths.count, err);
    for (size_t i = first; i < out->paths.count && !rc; i++)
        out->truths[i] = row;
    return rc;
}

int image_folder_pictures(struct image_folder *out, const char *directory, const struct excludes *excludes,
    const struct job *job, struct err *err)
{
    struct arena arena = {0};
    struct missing_names empty = {0};
    int rc = 0;
    for (size_t i = 0; i < out->names.count && !rc; i++) {
        if (out->rows[i] == CLASS_UNKNOWN)
            continue;
        const size_t before = out->paths.count;
        const char *path = path_join(&arena, directory, out->names.items[i]);
        rc = path ? add_folder(out, path, out->rows[i], excludes, directory, job, err)
                  : err_memory(err, strlen(directory));
        if (out->paths.count == before)
            add_missing(&empty, out->names.items[i]);
    }
    if (!rc && empty.count)
        job_reportf(job, ERR_NOT_FOUND, "%zu folders have no pictures: %s", empty.count, empty.list);
    arena_release(&arena);
    return rc;
}

void image_folder_release(struct image_folder *folder)
{
    free(folder->truths);
    free(folder->rows);
    strings_release(&folder->paths);
    strings_release(&folder->names);
    *folder = (struct image_folder){0};
}
