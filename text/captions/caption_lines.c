// SPDX-License-Identifier: Apache-2.0
/* Lines of JSON that name the picture beside its captions: Hugging Face's metadata.jsonl, and what `diptych rank` takes. */
#include "text/captions/caption_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The value of the first of the names that the object has, or NULL. */
static const json_t *find_value(const json_t *object, const char *const *names)
{
    const json_t *value = NULL;
    for (; *names && !value; names++)
        value = json_object_get(object, *names);
    return value;
}

static bool is_captioned(const json_t *object)
{
    const json_t *captions = find_value(object, caption_text_names);
    return json_is_string(find_value(object, caption_picture_names)) &&
           (json_is_string(captions) || json_is_array(captions));
}

bool caption_lines_begin(const char *text)
{
    const char *line = text + strspn(text, " \t\r\n");
    const size_t length = strcspn(line, "\r\n");
    json_t *first;
    struct err err;
    /* Other JSON can be a single line of some hundred megabytes, which is not to be parsed twice. */
    if (*line != '{' || length > CAPTION_MAX || json_parse(&first, line, length, "the first line", &err))
        return false;
    const bool captioned = is_captioned(first);
    json_decref(first);
    return captioned;
}

/* One caption or a list of them. */
static int add_captions(struct caption_reader *reader, const char *where, const char *picture,
    const json_t *captions, struct err *err)
{
    const bool is_list = json_is_array(captions);
    int rc = 0;
    for (size_t i = 0; !rc && i < (is_list ? json_array_size(captions) : 1); i++) {
        const char *caption = json_string_value(is_list ? json_array_get(captions, i) : captions);
        rc = caption ? caption_add_named(reader, picture, caption, err)
                     : err_set(err, ERR_FORMAT, "unable to read '%s': a caption that is no text", where);
    }
    return rc;
}

static int read_line(struct caption_reader *reader, const char *where, struct span line, struct err *err)
{
    json_t *object;
    int rc = json_parse(&object, line.data, line.length, where, err);
    if (rc)
        return rc;
    if (is_captioned(object))
        rc = add_captions(reader, where, json_string_value(find_value(object, caption_picture_names)),
            find_value(object, caption_text_names), err);
    else
        rc = err_set(err, ERR_FORMAT,
            "unable to read '%s': not a picture's name and its captions, as the lines before it have", where);
    json_decref(object);
    return rc;
}

int caption_read_lines(struct caption_reader *reader, const char *bytes, size_t size, struct err *err)
{
    struct lines lines = {.rest = {bytes, size}};
    char where[4200];
    int rc = 0;
    while (!rc && lines_next(&lines)) {
        snprintf(where, sizeof where, "%s, line %zu", reader->path, lines.number);
        if (span_trimmed(lines.line).length)
            rc = read_line(reader, where, lines.line, err);
    }
    return rc;
}
