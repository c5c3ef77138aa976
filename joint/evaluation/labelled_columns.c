// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/labelled_columns.h"

#include <string.h>
#include <strings.h>

static const char *const path_names[] = {"image", "path", "file", "filename", "file_name", "filenames",
    "filepath", "file_path", "fname", "image_name", "image_path", "imagename", "image_id", "imageid", "img",
    "img_path", "id", NULL};
static const char *const label_names[] = {
    "label", "class", "class_name", "classname", "category", "target", NULL};
static const char *const plural_names[] = {"labels", "classes", "tags", "categories", NULL};
static const char *const part_names[] = {"split", "set", "subset", "partition", NULL};
static const char *const validity_names[] = {"is_valid", NULL};

/* The first column that has one of the names, in letters of either case; NO_COLUMN: none has. */
static size_t find_column(const struct strings *header, const char *const *names)
{
    for (; *names; names++)
        for (size_t i = 0; i < header->count; i++)
            if (!strcasecmp(header->items[i], *names))
                return i;
    return NO_COLUMN;
}

static size_t first_column(const struct columns *columns)
{
    size_t i = 0;
    while (i < columns->count && !columns_flag(columns, i))
        i++;
    return i < columns->count ? i : NO_COLUMN;
}

static int read_header(struct columns *out, const char *name, struct err *err)
{
    const struct strings *header = &out->header;
    size_t others = 0;
    out->label = find_column(header, label_names);
    out->part = find_column(header, part_names);
    if (out->label == NO_COLUMN) {
        out->label = find_column(header, plural_names);
        out->plural = out->label != NO_COLUMN;
    }
    if (out->part == NO_COLUMN) {
        out->part = find_column(header, validity_names);
        out->validity = out->part != NO_COLUMN;
    }
    for (size_t i = 0; i < header->count; i++)
        others += columns_flag(out, i);
    if (out->label == NO_COLUMN && others == 1) {
        out->label = first_column(out);
    } else if (out->label == NO_COLUMN && !others)
        return err_set(err, ERR_FORMAT, "unable to read '%s': line 1: no column of labels beside '%s'", name,
            header->items[out->path]);
    return 0;
}

int columns_read(struct columns *out, struct csv *csv, const char *name, struct err *err)
{
    struct csv first = *csv;
    int rc = csv_record(&out->header, &first, err);
    if (rc) {
        err_wrap(err, "unable to read '%s'", name);
        return rc;
    }
    out->count = out->header.count;
    out->path = find_column(&out->header, path_names);
    if (out->path != NO_COLUMN) {
        *csv = first;
        return read_header(out, name, err);
    }
    const bool pair = out->count == 2 || !out->count;
    if (!pair)
        rc = err_set(err, ERR_FORMAT,
            "unable to read '%s': line 1: %zu fields, not path,label, and none is called as a header's "
            "column of "
            "pictures: image, path, filename",
            name, out->count);
    strings_release(&out->header);
    out->count = 2;
    out->path = 0;
    out->label = 1;
    out->part = NO_COLUMN;
    return rc;
}

void columns_release(struct columns *columns)
{
    strings_release(&columns->header);
}

bool columns_flag(const struct columns *columns, size_t i)
{
    return columns->label == NO_COLUMN && i != columns->path && i != columns->part &&
           *columns->header.items[i];
}

bool columns_flag_read(bool *out, const char *field)
{
    static const char *const no[] = {"0", "0.0", "false", "-1", "-1.0", NULL}, *const yes[] = {
                                                                                   "1", "1.0", "true", NULL};
    *out = false;
    for (size_t i = 0; no[i]; i++)
        if (!strcasecmp(field, no[i]))
            return true;
    for (size_t i = 0; yes[i] && !*out; i++)
        *out = !strcasecmp(field, yes[i]);
    return *out;
}

const char *columns_part(const struct columns *columns, const struct strings *fields)
{
    const char *field = fields->items[columns->part];
    bool valid;
    if (!columns->validity)
        return field;
    return columns_flag_read(&valid, field) && valid ? "valid" : "train";
}
