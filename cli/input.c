// SPDX-License-Identifier: Apache-2.0
#include "cli/input.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "template_sets.h" /* made by CMake from assets/templates/ */

/* ---- pictures ------------------------------------------------------------------------------------------ */

struct visit {
    struct strings *paths;
    struct err *err;
};

static int add_path(void *context, const char *path, const struct err *problem)
{
    const struct visit *visit = context;
    (void)problem; /* reading the path has the same problem again, and reports it in its place */
    return strings_add(visit->paths, path, strlen(path), visit->err);
}

static int add_tree(struct strings *paths, const char *root, struct err *err)
{
    return file_walk(root, add_path, &(struct visit){.paths = paths, .err = err}, err);
}

static int add_listed(struct strings *paths, FILE *list, char separator, struct err *err)
{
    char *entry = NULL;
    size_t room = 0;
    ssize_t length;
    int rc = 0;
    while (!rc && (length = getdelim(&entry, &room, separator, list)) >= 0) {
        if (length && entry[length - 1] == separator)
            entry[length - 1] = '\0';
        if (*entry)
            rc = add_tree(paths, entry, err);
    }
    if (!rc && ferror(list))
        rc = err_set(err, ERR_IO, "unable to read the list of pictures: %s", strerror(errno));
    free(entry);
    return rc;
}

int input_pictures(struct strings *paths, const char *argument, char separator, struct err *err)
{
    return strcmp(argument, "-") ? add_tree(paths, argument, err) : add_listed(paths, stdin, separator, err);
}

/* ---- labels and templates ------------------------------------------------------------------------------ */

static int add_trimmed(struct strings *strings, const char *text, size_t length, struct err *err)
{
    while (length && isspace((unsigned char)*text))
        text++, length--;
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    return strings_add(strings, text, length, err);
}

/* The lines that hold something, trimmed; one that begins with '#' is a comment. */
static int add_lines(struct strings *strings, const char *bytes, size_t size, struct err *err)
{
    const size_t mark = byte_order_mark(bytes, size);
    struct strings lines = {0};
    int rc = strings_add_lines(&lines, bytes + mark, size - mark, err);
    for (size_t i = 0; i < lines.count && !rc; i++) {
        const char *text = lines.items[i] + strspn(lines.items[i], " \t\v\f\r");
        if (*text && *text != '#')
            rc = add_trimmed(strings, text, strlen(text), err);
    }
    strings_release(&lines);
    return rc;
}

int input_lines(struct strings *lines, const char *path, struct err *err)
{
    enum { LIMIT = 64 << 20 };
    char *bytes;
    size_t size;
    int rc = file_read(&bytes, &size, path, LIMIT, err);
    if (rc)
        return rc;
    rc = memchr(bytes, '\0', size) ? err_set(err, ERR_FORMAT, "unable to read '%s': not a text file", path)
                                   : add_lines(lines, bytes, size, err);
    free(bytes);
    return rc;
}

static bool names_file(const char *value)
{
    struct stat st;
    const size_t length = strlen(value);
    if (!stat(value, &st) && S_ISREG(st.st_mode))
        return true;
    return !strchr(value, ',') && (strchr(value, '/') || (length > 4 && !strcmp(value + length - 4, ".txt")));
}

/* Published lists repeat themselves, ImageNet's has "missile" twice: a label that came before is left out,
 * and the user told. */
static int drop_repeated(struct strings *labels, const char *path, struct err *err)
{
    json_t *seen = json_object();
    size_t kept = 0;
    bool ok = seen;
    for (size_t i = 0; ok && i < labels->count; i++) {
        char *label = labels->items[i];
        if (json_object_get(seen, label)) {
            message("label '%s' stands in '%s' more than once and counts once", label, path);
        } else {
            ok = !json_object_set_new_nocheck(seen, label, json_true());
            labels->items[kept++] = label;
        }
    }
    json_decref(seen);
    labels->count = ok ? kept : labels->count;
    return ok ? 0 : err_memory(err, labels->count);
}

int input_labels(struct strings *labels, const char *value, struct err *err)
{
    int rc = 0;
    if (names_file(value)) {
        rc = input_lines(labels, value, err);
        return rc ? rc : drop_repeated(labels, value, err);
    }
    for (const char *comma; !rc && (comma = strchr(value, ',')); value = comma + 1)
        rc = add_trimmed(labels, value, (size_t)(comma - value), err);
    return rc ? rc : add_trimmed(labels, value, strlen(value), err);
}

int input_templates(struct strings *templates, const char *value, struct err *err)
{
    const size_t length = strlen(value);
    for (size_t i = 0; template_sets[i].name; i++)
        if (!strncmp(template_sets[i].name, value, length) && !strcmp(template_sets[i].name + length, ".txt"))
            return add_lines(templates, template_sets[i].text, strlen(template_sets[i].text), err);
    return strstr(value, "{}") ? strings_add(templates, value, length, err)
                               : input_lines(templates, value, err);
}
