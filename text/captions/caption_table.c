// SPDX-License-Identifier: Apache-2.0
/* Tables that name the picture beside each caption: the token files of Flickr8k and Flickr30k, and CSV; caption_lines.c has JSON's. */
#include "text/captions/caption_file.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* ---- pictures ------------------------------------------------------------------------------------------ */

int caption_add_named(struct caption_reader *reader, const char *name, const char *caption, struct err *err)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name, *point = strrchr(last, '.');
    char *id = strndup(last, point && point > last ? (size_t)(point - last) : strlen(last));
    if (!id)
        return err_memory(err, strlen(last));
    const struct captioned_image *known =
        caption_set_find(reader->set, id); /* until another caption is added */
    const char *file = known ? known->file : NULL;
    int rc = 0;
    if (file && strcmp(file, name))
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': '%s' and '%s' are two pictures of one name",
            reader->path, file, name);
    if (!rc)
        rc = caption_add(reader, id, caption, strlen(caption), err);
    if (!rc && !file)
        rc = caption_name_picture(reader->set, id, name, strlen(name), err);
    free(id);
    return rc;
}

static int bad_line(const struct caption_reader *reader, size_t line, const char *what, struct err *err)
{
    return err_set(err, ERR_FORMAT, "unable to read '%s', line %zu: %s", reader->path, line, what);
}

/* ---- NAME.SUFFIX#NUMBER, a tab, a caption --------------------------------------------------------------- */

/* The length of the name that a line begins with; 0: it begins otherwise. */
static size_t token_name(const char *line)
{
    const size_t head = strcspn(line, "\t\r\n");
    size_t length = head;
    while (length && strchr("0123456789", line[length - 1]))
        length--;
    if (line[head] != '\t' || length == head || !length || line[length - 1] != '#')
        return 0;
    length--;
    return memchr(line, '.', length) ? length : 0;
}

static int read_token_line(struct caption_reader *reader, size_t number, const char *line, struct err *err)
{
    const size_t length = token_name(line);
    if (!length && !line[strspn(line, " \t")])
        return 0;
    if (!length)
        return bad_line(
            reader, number, "no name.suffix#number with a tab behind it, as the lines before it have", err);
    char *name = strndup(line, length);
    if (!name)
        return err_memory(err, length);
    int rc = caption_add_named(reader, name, strchr(line, '\t') + 1, err);
    free(name);
    return rc;
}

static int read_tokens(struct caption_reader *reader, const char *bytes, size_t size, struct err *err)
{
    struct strings lines = {0};
    int rc = strings_add_lines(&lines, bytes, size, err);
    for (size_t i = 0; !rc && i < lines.count; i++) {
        rc = unicode_check(span_of(lines.items[i]), err);
        if (rc)
            err_wrap(err, "unable to read '%s', line %zu", reader->path, i + 1);
        else
            rc = read_token_line(reader, i + 1, lines.items[i], err);
    }
    strings_release(&lines);
    return rc;
}

/* ---- CSV ----------------------------------------------------------------------------------------------- */

const char *const caption_picture_names[] = {
    "image", "filename", "file_name", "image_name", "filepath", "path", NULL};
const char *const caption_text_names[] = {"caption", "text", "title", "captions", NULL};

/* A comma, or a tab as in open_clip's files, whose columns are filepath and title. */
static const char separators[] = ",\t";

struct columns {
    size_t picture, caption, count;
};

/* The first column that has one of the names; false: none has. */
static bool find_column(size_t *out, const struct strings *header, const char *const *names)
{
    for (; *names; names++) {
        for (*out = 0; *out < header->count; ++*out)
            if (!strcmp(header->items[*out], *names))
                return true;
    }
    return false;
}

static bool read_columns(struct columns *out, struct csv *csv)
{
    struct strings header = {0};
    struct err err;
    const bool found = !csv_record(&header, csv, &err) &&
                       find_column(&out->picture, &header, caption_picture_names) &&
                       find_column(&out->caption, &header, caption_text_names);
    out->count = header.count;
    strings_release(&header);
    return found;
}

/* Goes past the header, by the first separator that parts it into columns we know. */
static bool read_header(struct columns *out, struct csv *csv)
{
    const struct csv begin = *csv;
    for (const char *separator = separators; *separator; separator++) {
        *csv = begin;
        csv->separator = *separator;
        if (read_columns(out, csv))
            return true;
    }
    return false;
}

static int read_record(
    struct caption_reader *reader, const struct columns *columns, struct csv *csv, struct err *err)
{
    struct strings fields = {0};
    const size_t line = csv->line;
    int rc = csv_record(&fields, csv, err);
    const bool empty = fields.count == 1 && !fields.items[0][0];
    if (rc == ERR_FORMAT)
        err_wrap(err, "unable to read '%s'", reader->path);
    else if (!rc && !empty && fields.count != columns->count)
        rc = bad_line(reader, line, "not as many fields as the header has", err);
    else if (!rc && !empty &&
             (unicode_check(span_of(fields.items[columns->picture]), err) ||
                 unicode_check(span_of(fields.items[columns->caption]), err)))
        rc = bad_line(reader, line, "not UTF-8", err);
    else if (!rc && !empty)
        rc = caption_add_named(reader, fields.items[columns->picture], fields.items[columns->caption], err);
    strings_release(&fields);
    return rc;
}

static int read_csv(struct caption_reader *reader, const char *bytes, size_t size, struct err *err)
{
    struct columns columns;
    struct csv csv;
    int rc = csv_init(&csv, bytes, size, err);
    if (rc)
        return rc;
    read_header(&columns, &csv);
    while (!rc && csv.at < csv.end)
        rc = read_record(reader, &columns, &csv, err);
    csv_release(&csv);
    return rc;
}

/* ---- either -------------------------------------------------------------------------------------------- */

enum caption_table caption_table_kind(const char *text)
{
    struct columns columns;
    struct csv csv;
    struct err err;
    if (token_name(text))
        return CAPTION_TABLE_TOKENS;
    if (caption_lines_begin(text))
        return CAPTION_TABLE_LINES;
    if (csv_init(&csv, text, strcspn(text, "\r\n"), &err))
        return CAPTION_TABLE_NONE;
    const bool is_csv = read_header(&columns, &csv);
    csv_release(&csv);
    return is_csv ? CAPTION_TABLE_CSV : CAPTION_TABLE_NONE;
}

bool captions_name_pictures(const char *text)
{
    return caption_table_kind(text) != CAPTION_TABLE_NONE;
}

int caption_read_table(
    struct caption_reader *reader, enum caption_table kind, const char *bytes, size_t size, struct err *err)
{
    switch (kind) {
    case CAPTION_TABLE_TOKENS:
        return read_tokens(reader, bytes, size, err);
    case CAPTION_TABLE_LINES:
        return caption_read_lines(reader, bytes, size, err);
    default:
        return read_csv(reader, bytes, size, err);
    }
}
