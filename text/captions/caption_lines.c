// SPDX-License-Identifier: Apache-2.0
/* Lines of JSON that name the picture beside its captions: Hugging Face's metadata.jsonl, and what `diptych rank` takes. */
#include "text/captions/caption_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The picture's name; NULL where no key tells it. Keys of other values are something else: "image" may be a number. */
static const char *picture_of(const json_t *object)
{
    const char *picture = NULL;
    for (const char *const *name = caption_picture_names; *name && !picture; name++)
        picture = json_string_value(json_object_get(object, *name));
    return picture;
}

/* A text or a list. */
static const json_t *captions_of(const json_t *object)
{
    for (const char *const *name = caption_text_names; *name; name++) {
        const json_t *captions = json_object_get(object, *name);
        if (json_is_string(captions) || json_is_array(captions))
            return captions;
    }
    return NULL;
}

/* The object of the first line; NULL where it is none. */
static json_t *first_object(const char *text)
{
    const char *line = text + strspn(text, " \t\r\n");
    const size_t length = strcspn(line, "\r\n");
    json_t *first;
    struct err err;
    /* Other JSON can be a single line of some hundred megabytes, which is not to be parsed twice. */
    if (*line != '{' || length > CAPTION_MAX || json_parse(&first, line, length, "the first line", &err))
        return NULL;
    return first;
}

bool caption_lines_begin(const char *text)
{
    json_t *first = first_object(text);
    const bool captioned = picture_of(first) && captions_of(first);
    json_decref(first);
    return captioned;
}

bool caption_lines_lack(const char *text)
{
    json_t *first = first_object(text);
    const bool object = first;
    json_decref(first);
    return object;
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
    const char *picture = picture_of(object);
    const json_t *captions = captions_of(object);
    if (picture && captions)
        rc = add_captions(reader, where, picture, captions, err);
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
