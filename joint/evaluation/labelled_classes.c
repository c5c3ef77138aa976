// SPDX-License-Identifier: Apache-2.0
/* From classes as the files of a data set call them, by name or number, to labels. */
#include "joint/evaluation/labelled.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What leads from a class to its row. */
struct ways {
    struct string_map
        by_name; /* classes of --classes or of a data set to rows of `named`, or labels to their rows */
    struct strings named;   /* of --classes: the label of each */
    struct string_map rows; /* labels to the first row of each */
    bool data_set;          /* by_name is by name_key */
    bool numbers;           /* all classes are numbers of rows */
};

/* ---- names --------------------------------------------------------------------------------------------- */

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
static int add_name(struct ways *ways, const char *name, size_t row, struct err *err)
{
    char key[NAME_SIZE];
    size_t *found;
    return string_map_add(&found, &ways->by_name, key, name_key(key, name), row, err);
}

static int read_data_set(struct ways *ways, struct strings *labels, const char *value, struct err *err)
{
    struct strings folders = {0};
    int rc = data_set_classes(&folders, labels, value, err);
    ways->data_set = true;
    for (size_t i = 0; i < folders.count && !rc; i++)
        rc = add_name(ways, folders.items[i], i, err);
    for (size_t i = 0; i < folders.count && !rc; i++)
        rc = add_name(ways, labels->items[i], i, err);
    strings_release(&folders);
    return rc;
}

/* ---- a file of classes --------------------------------------------------------------------------------- */

static int add_class(struct ways *ways, char *line, const char *path, struct err *err)
{
    char *tab = strchr(line, '\t');
    size_t *row;
    if (!tab)
        return err_set(
            err, ERR_FORMAT, "unable to read '%s': no tab between class and label in '%s'", path, line);
    *tab = '\0';
    const char *label = tab + 1 + strspn(tab + 1, "\t ");
    const int rc = string_map_add(&row, &ways->by_name, line, (size_t)(tab - line), ways->named.count, err);
    if (!rc && *row != ways->named.count)
        return err_set(err, ERR_FORMAT, "unable to read '%s': class '%s' stands there twice", path, line);
    return rc ? rc : strings_add(&ways->named, label, strlen(label), err);
}

/* Lines "class<TAB>label". */
static int read_classes(struct ways *ways, const char *path, struct err *err)
{
    struct strings lines = {0};
    int rc = list_read(&lines, path, err);
    for (size_t i = 0; i < lines.count && !rc; i++)
        rc = add_class(ways, lines.items[i], path, err);
    strings_release(&lines);
    return rc;
}

/* ---- labels -------------------------------------------------------------------------------------------- */

/* Adds each once, in their order. */
static int add_distinct(struct strings *labels, const struct strings *from, struct err *err)
{
    struct string_map seen = {0};
    int rc = 0;
    for (size_t i = 0; i < from->count && !rc; i++) {
        const char *label = from->items[i];
        const size_t before = seen.count;
        size_t *first;
        rc = string_map_add(&first, &seen, label, strlen(label), i, err);
        if (!rc && seen.count > before)
            rc = strings_add(labels, label, strlen(label), err);
    }
    string_map_release(&seen);
    return rc;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_number(const char *name)
{
    enum { DIGITS = 9 };
    const size_t digits = strspn(name, "0123456789");
    return digits && digits <= DIGITS && !name[digits];
}

static bool all_numbers(const struct strings *classes)
{
    for (size_t i = 0; i < classes->count; i++)
        if (!is_number(classes->items[i]))
            return false;
    return classes->count;
}

/* The names of classes are the labels: of numbers only where they are folders, which somebody has named. */
static int take_names(struct labelling *labelling, struct err *err)
{
    struct strings *labels = &labelling->out->labels;
    if (!labelling->folders && all_numbers(&labelling->classes))
        return err_set(err, ERR_ARGUMENT,
            "the labels in '%s' are numbers, such as '%s': --labels says what they are called, from 0 on",
            labelling->out->name, labelling->classes.items[0]);
    const int rc = add_distinct(labels, &labelling->classes, err);
    if (!rc && labels->count)
        qsort(labels->items, labels->count, sizeof *labels->items, by_bytes);
    return rc;
}

/* Those that are asked for, in the place of the data set's own, of which there are as many. */
static int take_wanted(struct labelling *labelling, struct ways *ways, struct err *err)
{
    struct strings wanted = {0}, *labels = &labelling->out->labels;
    const char *value = labelling->options->labels;
    int rc = data_set_named(value) ? read_data_set(ways, &wanted, value, err)
                                   : label_list_read_all(&wanted, value, err);
    if (!rc && labels->count && labels->count != wanted.count)
        rc = err_set(err, ERR_ARGUMENT, "'%s' has %zu labels, and '%s' %zu classes", value, wanted.count,
            labelling->class_file, labels->count);
    strings_release(rc ? &wanted : labels);
    if (!rc)
        *labels = wanted;
    return rc;
}

static int set_labels(struct labelling *labelling, struct ways *ways, struct err *err)
{
    const struct labelled_options *options = labelling->options;
    int rc = options->classes ? read_classes(ways, options->classes, err) : 0;
    if (!rc && options->names) {
        strings_release(&labelling->out->labels);
        return add_distinct(&labelling->out->labels, options->names, err);
    }
    if (!rc && options->labels)
        return take_wanted(labelling, ways, err);
    if (rc || labelling->out->labels.count)
        return rc;
    return options->classes ? add_distinct(&labelling->out->labels, &ways->named, err)
                            : take_names(labelling, err);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static int number_labels(struct ways *ways, const struct strings *labels, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < labels->count && !rc; i++) {
        size_t *row;
        rc = string_map_add(&row, &ways->rows, labels->items[i], strlen(labels->items[i]), i, err);
    }
    return rc;
}

/* The row of a class by its name; NULL: it has none. */
static const size_t *row_of(const struct ways *ways, const char *class)
{
    const char *label = class;
    if (ways->data_set) {
        char key[NAME_SIZE];
        return string_map_find(&ways->by_name, key, name_key(key, class));
    }
    if (ways->named.count) {
        const size_t *found = string_map_find(&ways->by_name, class, strlen(class));
        label = found ? ways->named.items[*found] : NULL;
    }
    return label ? string_map_find(&ways->rows, label, strlen(label)) : NULL;
}

static void find_rows(struct labelling *labelling, struct ways *ways)
{
    const struct strings *classes = &labelling->classes;
    bool named = true;
    for (size_t i = 0; i < classes->count; i++) {
        const size_t *row = row_of(ways, classes->items[i]);
        labelling->rows[i] = row ? *row : CLASS_UNKNOWN;
        named = named && row;
    }
    ways->numbers = !named && all_numbers(classes);
    for (size_t i = 0; i < classes->count && ways->numbers; i++) {
        const size_t row = strtoul(classes->items[i], NULL, 10);
        labelling->rows[i] = row < labelling->out->labels.count ? row : CLASS_UNKNOWN;
    }
}

/* ---- what has no counterpart ----------------------------------------------------------------------------- */

static int check_classes(struct labelling *labelling, const struct ways *ways, struct err *err)
{
    const struct strings *classes = &labelling->classes;
    const size_t labels = labelling->out->labels.count;
    const char *what =
        labelling->folders ? "folders have no label" : "labels are none of those to choose from";
    struct missing_names unknown = {0};
    char numbers[64] = "";
    for (size_t i = 0; i < classes->count; i++)
        if (labelling->rows[i] == CLASS_UNKNOWN)
            missing_add(&unknown, classes->items[i]);
    if (ways->numbers)
        snprintf(numbers, sizeof numbers, ", which have the numbers 0 to %zu", labels - 1);
    if (unknown.count && unknown.count == classes->count)
        return err_set(err, ERR_ARGUMENT, "none of the %zu %s in '%s' is one of the %zu to choose from%s: %s",
            classes->count, labelling->folders ? "folders" : "labels", labelling->out->name, labels, numbers,
            unknown.list);
    return unknown.count ? labelling_leave_out(
                               labelling, err, "%zu %s%s: %s", unknown.count, what, numbers, unknown.list)
                         : 0;
}

/* Labels that were asked for and are no class make a data set another one. */
static int use_labels(struct labelling *labelling, struct err *err)
{
    const struct strings *labels = &labelling->out->labels;
    const bool wanted =
        labelling->options->labels || labelling->options->classes || labelling->options->names;
    struct missing_names unused = {0};
    labelling->used = mem_new(labels->count + 1, sizeof *labelling->used);
    if (!labelling->used)
        return err_memory(err, labels->count);
    for (size_t i = 0; i < labelling->classes.count; i++)
        if (labelling->rows[i] != CLASS_UNKNOWN)
            labelling->used[labelling->rows[i]] = true;
    for (size_t i = 0; i < labels->count && wanted; i++)
        if (!labelling->used[i])
            missing_add(&unused, labels->items[i]);
    if (!unused.count)
        return 0;
    return labelling_leave_out(labelling, err, "%zu labels have no %s: %s", unused.count,
        labelling->folders ? "folder" : "pictures", unused.list);
}

/* Names that two classes share. Where classes have rows of their own they stay two, of which a model always takes the first;
 * else they are one label. */
static int settle_shared(struct labelling *labelling, struct ways *ways, struct err *err)
{
    struct strings *labels = &labelling->out->labels;
    const char *named = labelling->options->labels;
    struct missing_names shared = {0};
    if (ways->rows.count == labels->count || ways->data_set)
        return 0;
    if (!labelling->class_file && !ways->numbers) {
        string_map_release(&ways->rows);
        int rc = labels_drop_repeated(labels, named, labelling->job, err);
        if (!rc)
            rc = number_labels(ways, labels, err);
        if (!rc)
            find_rows(labelling, ways);
        return rc;
    }
    for (size_t i = 0; i < labels->count; i++)
        if (*string_map_find(&ways->rows, labels->items[i], strlen(labels->items[i])) != i)
            missing_add(&shared, labels->items[i]);
    return labelling_note(&labelling->out->left_out, err,
        "%zu labels of '%s' are called as one before them, and pictures of theirs can only be taken for "
        "that: %s",
        shared.count, named ? named : labelling->class_file, shared.list);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

int labelling_match(struct labelling *labelling, struct err *err)
{
    struct ways ways = {0};
    labelling->rows = mem_new(labelling->classes.count + 1, sizeof *labelling->rows);
    int rc = labelling->rows ? set_labels(labelling, &ways, err) : err_memory(err, labelling->classes.count);
    if (!rc)
        rc = number_labels(&ways, &labelling->out->labels, err);
    if (!rc) {
        find_rows(labelling, &ways);
        rc = settle_shared(labelling, &ways, err);
    }
    if (!rc)
        rc = check_classes(labelling, &ways, err);
    if (!rc)
        rc = use_labels(labelling, err);
    string_map_release(&ways.rows);
    string_map_release(&ways.by_name);
    strings_release(&ways.named);
    return rc;
}
