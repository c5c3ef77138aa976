// SPDX-License-Identifier: Apache-2.0
/* What people name on a command line or in a request: pictures, labels, templates. */
#include "joint/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "template_sets.h" /* made by CMake from assets/templates/ */

/* ---- pictures ------------------------------------------------------------------------------------------ */

struct listing {
    struct strings *paths;
    struct passed_over *passed;
    const char *root;
    const struct job *job;
    struct err *err;
};

static int add_path(void *context, const char *path, const struct err *problem)
{
    const struct listing *listing = context;
    enum file_kind kind = FILE_PICTURE;
    const int rc = job_step(listing->job, "looking for pictures", 0, 0, listing->err);
    /* Reading a path with a problem has it again, and reports it in its place. */
    if (!rc && !problem && strcmp(path, listing->root))
        file_kind_find(&kind, path, NULL);
    if (!rc && kind != FILE_PICTURE) {
        listing->passed->files[kind]++;
        return 0;
    }
    return rc ? rc : strings_add(listing->paths, path, strlen(path), listing->err);
}

int picture_list_add(struct strings *paths, struct passed_over *passed, const char *root,
    const struct excludes *excludes, const char *top, const struct job *job, struct err *err)
{
    if (input_is_pipe(root)) /* no walk would visit it */
        return strings_add(paths, root, strlen(root), err);
    struct listing listing = {paths, passed, root, job, err};
    return folder_walk(root, excludes, top, NULL, add_path, &listing, err);
}

int path_list_read(struct strings *paths, const char *list, char end, const struct job *job, struct err *err)
{
    struct line_reader reader;
    struct span line;
    bool found = true;
    int rc = line_reader_open(&reader, list, end, err);
    while (!rc && !(rc = line_reader_next(&found, &line, &reader, "reading the list", job, err)) && found) {
        if (strlen(line.data) < line.length)
            rc = err_set(err, ERR_FORMAT,
                "unable to read '%s': line %zu has a NUL in it; -0 is for names that end in one", reader.name,
                reader.number);
        else if (line.length)
            rc = strings_add(paths, line.data, line.length, err);
    }
    line_reader_close(&reader);
    return rc;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static int add_trimmed(struct strings *strings, const char *text, size_t length, struct err *err)
{
    const struct span trimmed = span_trimmed((struct span){text, length});
    return strings_add(strings, trimmed.data, trimmed.length, err);
}

int list_check_utf8(const char *text, const char *what, size_t number, struct err *err)
{
    char *valid = text_utf8(text);
    if (!valid)
        return err_memory(err, strlen(text));
    const bool same = !strcmp(text, valid);
    free(valid);
    return same ? 0 : err_set(err, ERR_FORMAT, "%s %zu is not UTF-8", what, number);
}

static int add_list(struct strings *out, const struct strings *lines, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < lines->count && !rc; i++) {
        const char *text = lines->items[i] + strspn(lines->items[i], " \t\v\f\r");
        if (*text && *text != '#')
            rc = list_check_utf8(text, "line", i + 1, err);
        if (!rc && *text && *text != '#')
            rc = add_trimmed(out, text, strlen(text), err);
    }
    return rc;
}

int list_read(struct strings *out, const char *path, struct err *err)
{
    enum { LIMIT = 64 << 20 };
    struct strings lines = {0};
    int rc = input_lines(&lines, path, LIMIT, err);
    if (!rc && (rc = add_list(out, &lines, err)) == ERR_FORMAT)
        err_wrap(err, "unable to read '%s'", input_name(path));
    strings_release(&lines);
    return rc;
}

/* ---- labels -------------------------------------------------------------------------------------------- */

/* As files of labels are called, which no label is. */
static bool ends_as_file(const char *value)
{
    static const char *const endings[] = {".txt", ".csv", ".tsv", ".json", ".list"};
    const char *dot = strrchr(value, '.');
    for (size_t i = 0; dot > value && i < sizeof endings / sizeof *endings; i++)
        if (!strcmp(dot, endings[i]))
            return true;
    return false;
}

static bool names_file(const char *value)
{
    struct stat st;
    if (!strcmp(value, "-") || (!stat(value, &st) && !S_ISDIR(st.st_mode)))
        return true;
    return !strchr(value, ',') && (strchr(value, '/') || ends_as_file(value));
}

/* Published lists repeat themselves, ImageNet's has "missile" twice. */
int labels_drop_repeated(struct strings *labels, const char *path, const struct job *job, struct err *err)
{
    struct string_map seen = {0};
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < labels->count && !rc; i++) {
        char *label = labels->items[i];
        size_t *first;
        rc = string_map_add(&first, &seen, label, strlen(label), i, err);
        if (!rc && *first == i)
            labels->items[kept++] = label;
        else if (!rc)
            job_reportf(job, ERR_FORMAT, "label '%s' stands in '%s' more than once and counts once", label,
                input_name(path));
    }
    if (!rc)
        labels->count = kept;
    string_map_release(&seen);
    return rc;
}

int labels_distinct(const struct strings *labels, struct err *err)
{
    struct string_map seen = {0};
    int rc = 0;
    for (size_t i = 0; i < labels->count && !rc; i++) {
        size_t *first;
        rc = string_map_add(&first, &seen, labels->items[i], strlen(labels->items[i]), i, err);
        if (!rc && *first != i)
            rc = err_set(err, ERR_ARGUMENT, "label '%s' is given twice", labels->items[i]);
    }
    string_map_release(&seen);
    return rc;
}

int label_list_read_all(struct strings *labels, const char *value, struct err *err)
{
    if (data_set_named(value))
        return data_set_classes(NULL, labels, value, err);
    if (names_file(value))
        return list_read(labels, value, err);
    const size_t before = labels->count;
    int rc = 0;
    for (const char *comma; !rc && (comma = strchr(value, ',')); value = comma + 1)
        rc = add_trimmed(labels, value, (size_t)(comma - value), err);
    if (!rc)
        rc = add_trimmed(labels, value, strlen(value), err);
    for (size_t i = before; i < labels->count && !rc; i++)
        rc = list_check_utf8(labels->items[i], "label", i - before + 1, err);
    return rc ? rc : labels_distinct(labels, err);
}

int label_list_read(struct strings *labels, const char *value, const struct job *job, struct err *err)
{
    const int rc = label_list_read_all(labels, value, err);
    return rc ? rc : labels_drop_repeated(labels, value, data_set_named(value) ? NULL : job, err);
}

/* ---- templates ----------------------------------------------------------------------------------------- */

static int add_set(struct strings *templates, const char *text, struct err *err)
{
    struct strings lines = {0};
    int rc = strings_add_lines(&lines, text, strlen(text), err);
    if (!rc)
        rc = add_list(templates, &lines, err);
    strings_release(&lines);
    return rc;
}

int template_add(struct strings *templates, const char *value, struct err *err)
{
    const size_t length = strlen(value);
    for (size_t i = 0; template_sets[i].name; i++)
        if (!strncmp(template_sets[i].name, value, length) && !strcmp(template_sets[i].name + length, ".txt"))
            return add_set(templates, template_sets[i].text, err);
    if (strstr(value, "{}"))
        return strings_add(templates, value, length, err);
    return err_set(
        err, ERR_NOT_FOUND, "template '%s' is no set of templates and has no {} for the label", value);
}

bool template_set_name(char *name, size_t size, size_t i)
{
    if (i + 1 >= sizeof template_sets / sizeof *template_sets)
        return false;
    snprintf(name, size, "%.*s", (int)strcspn(template_sets[i].name, "."), template_sets[i].name);
    return true;
}

int template_list_read(struct strings *templates, const char *value, struct err *err)
{
    const size_t before = templates->count;
    int rc = template_add(templates, value, err);
    if (rc == ERR_NOT_FOUND)
        rc = list_read(templates, value, err);
    return rc || templates->count > before ? rc : err_set(err, ERR_ARGUMENT, "no templates in '%s'", value);
}
