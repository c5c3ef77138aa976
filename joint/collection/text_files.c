// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/text_files.h"
#include "index/index.h"
#include "text/captions/captions.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)4 << 30)

/* ---- the list ------------------------------------------------------------------------------------------ */

static const char *keep(struct text_list *list, const char *text)
{
    return text ? arena_copy(&list->arena, text, strlen(text)) : NULL;
}

static bool is_blank(const char *line)
{
    return !line[strspn(line, " \t\v\f\r")];
}

int text_list_add(struct text_list *list, const struct text_entry *entry, struct err *err)
{
    if (is_blank(entry->text))
        return 0;
    int rc = array_grow(list->items, &list->room, list->count + 1, err);
    if (rc)
        return rc;
    struct text_entry *added = &list->items[list->count++];
    *added = *entry;
    added->text = keep(list, entry->text);
    added->picture = keep(list, entry->picture);
    added->metadata = keep(list, entry->metadata);
    const bool ok =
        added->text && (added->picture || !entry->picture) && (added->metadata || !entry->metadata);
    return ok ? 0 : err_memory(err, strlen(entry->text));
}

void text_list_release(struct text_list *list)
{
    free(list->items);
    arena_release(&list->arena);
    *list = (struct text_list){0};
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static int read_txt(struct text_list *list, const char *path, struct err *err)
{
    struct strings lines = {0};
    int rc = lines_read(&lines, path, FILE_LIMIT, err);
    if (!rc && lines.count && captions_name_pictures(lines.items[0]))
        rc = err_set(err, ERR_FORMAT,
            "unable to read '%s': it has the captions of pictures by their names, which --captions takes",
            path);
    for (size_t i = 0; i < lines.count && !rc; i++)
        rc = text_list_add(list, &(struct text_entry){.text = lines.items[i]}, err);
    strings_release(&lines);
    return rc;
}

/* ---- lines of JSON ------------------------------------------------------------------------------------- */

/* The line's own faults are reported; the visit's end the reading. */
static int visit_line(size_t *failed, const char *name, const char *line, const char *const *keys,
    line_visit *visit, void *context, const struct job *job, struct err *err)
{
    json_t *object;
    struct err why;
    if (json_parse(&object, line, strlen(line), name, &why)) {
        job_report(job, &why);
        ++*failed;
        return 0;
    }
    index_item_json_forget_schema(object);
    const char *key = json_object_get(object, keys[0]) || !keys[1] ? keys[0] : keys[1];
    json_t *value = json_incref(json_object_get(object, key));
    char *rest = NULL;
    int rc = 0;
    if (json_is_string(value)) {
        json_object_del(object, key);
        if (json_object_size(object))
            rc = (rest = json_dumps(object, JSON_COMPACT)) ? 0 : err_memory(err, strlen(line));
        if (!rc)
            rc = visit(context, json_string_value(value), rest, err);
    } else {
        job_reportf(job, ERR_FORMAT, "'%s': \"%s\" is %s", name, keys[0], value ? "no string" : "missing");
        ++*failed;
    }
    free(rest);
    json_decref(value);
    json_decref(object);
    return rc;
}

int json_lines_read(size_t *failed, const char *path, const char *const keys[2], line_visit *visit,
    void *context, const struct job *job, struct err *err)
{
    enum { STEP = 256 };
    struct strings lines = {0};
    char name[4200];
    int rc = lines_read(&lines, path, FILE_LIMIT, err);
    for (size_t i = 0; i < lines.count && !rc; i++) {
        snprintf(name, sizeof name, "%s, line %zu", path, i + 1);
        if (i % STEP == 0)
            rc = job_step(job, "lines", i, lines.count, err);
        if (!rc && !is_blank(lines.items[i]))
            rc = visit_line(failed, name, lines.items[i], keys, visit, context, job, err);
    }
    strings_release(&lines);
    return rc;
}

static int add_line(void *context, const char *value, const char *rest, struct err *err)
{
    struct text_list *list = context;
    return text_list_add(list, &(struct text_entry){.text = value, .metadata = rest}, err);
}

static int read_jsonl(struct text_list *list, const char *path, struct err *err)
{
    static const char *const keys[2] = {"text", "caption"};
    return json_lines_read(&list->failed, path, keys, add_line, list, list->job, err);
}

/* ---- comma-separated values ---------------------------------------------------------------------------- */

static int text_column(size_t *out, const struct strings *header, const char *path, struct err *err)
{
    for (*out = 0; *out < header->count; ++*out)
        if (!strcmp(header->items[*out], "text") || !strcmp(header->items[*out], "caption"))
            return 0;
    return err_set(
        err, ERR_FORMAT, "unable to read '%s': its header has no column \"text\" or \"caption\"", path);
}

static int add_record(struct text_list *list, const struct strings *header, const struct strings *fields,
    size_t column, struct err *err)
{
    json_t *others = json_object();
    char *metadata = NULL;
    bool ok = others;
    for (size_t i = 0; i < header->count && ok; i++)
        if (i != column)
            ok = !json_object_set_new(others, header->items[i], json_string(fields->items[i]));
    if (ok && json_object_size(others))
        ok = (metadata = json_dumps(others, JSON_COMPACT));
    const struct text_entry entry = {.text = fields->items[column], .metadata = metadata};
    int rc = ok ? text_list_add(list, &entry, err)
                : err_set(err, ERR_FORMAT, "a field is not UTF-8, or memory ran out");
    free(metadata);
    json_decref(others);
    return rc;
}

static int read_record(struct text_list *list, const struct strings *header, struct csv *csv, size_t column,
    const char *path, struct err *err)
{
    struct strings fields = {0};
    const size_t line = csv->line;
    int rc = csv_record(&fields, csv, err);
    const bool empty = fields.count == 1 && is_blank(fields.items[0]);
    if (!rc && !empty && fields.count != header->count) {
        job_reportf(list->job, ERR_FORMAT, "'%s', line %zu: %zu fields, the header has %zu", path, line,
            fields.count, header->count);
        list->failed++;
    } else if (!rc && !empty) {
        rc = add_record(list, header, &fields, column, err);
    }
    strings_release(&fields);
    return rc;
}

static int read_csv(struct text_list *list, const char *path, struct err *err)
{
    struct strings header = {0};
    struct csv csv = {0};
    char *bytes;
    size_t size, column = 0;
    int rc = file_read_text(&bytes, &size, path, FILE_LIMIT, err);
    if (rc)
        return rc;
    rc = csv_init(&csv, bytes, size, err);
    if (!rc)
        rc = csv_record(&header, &csv, err);
    if (rc == ERR_FORMAT)
        err_wrap(err, "unable to read '%s'", path);
    if (!rc)
        rc = text_column(&column, &header, path, err);
    while (!rc && csv.at < csv.end) {
        rc = read_record(list, &header, &csv, column, path, err);
        if (rc == ERR_FORMAT)
            err_wrap(err, "unable to read '%s'", path);
    }
    csv_release(&csv);
    strings_release(&header);
    free(bytes);
    return rc;
}

/* ---- by name ------------------------------------------------------------------------------------------- */

int texts_read(struct text_list *list, const char *path, struct err *err)
{
    static const struct {
        const char *suffix;
        int (*read)(struct text_list *list, const char *path, struct err *err);
    } kinds[] = {{".txt", read_txt}, {".jsonl", read_jsonl}, {".csv", read_csv}};
    size_t length = strlen(path);
    if (length > 3 && !strcmp(path + length - 3, ".gz"))
        length -= 3;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t size = strlen(kinds[i].suffix);
        if (length > size && !strncmp(path + length - size, kinds[i].suffix, size))
            return kinds[i].read(list, path, err);
    }
    return err_set(err, ERR_UNSUPPORTED, "unable to read '%s': not a .txt, .jsonl or .csv file", path);
}
