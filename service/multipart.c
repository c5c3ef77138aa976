// SPDX-License-Identifier: Apache-2.0
#include "service/multipart.h"

#include <string.h>
#include <strings.h>

enum { BOUNDARY_MAX = 70 /* RFC 2046, 5.1.1 */ };

/* ---- parameters of headers ----------------------------------------------------------------------------- */

/* Takes blanks off the front. */
static void skip_blanks(struct span *rest)
{
    while (rest->length && (*rest->data == ' ' || *rest->data == '\t'))
        *rest = span_from(*rest, 1);
}

static bool begins_with(struct span span, const char *word)
{
    return span.length >= strlen(word) && !strncasecmp(span.data, word, strlen(word));
}

/* Whether a backslash stands here before quotes or itself. */
static bool is_escape(struct span span, size_t at)
{
    return span.data[at] == '\\' && at + 1 < span.length &&
           (span.data[at + 1] == '"' || span.data[at + 1] == '\\');
}

/* A value in quotes, where a backslash stands before quotes and itself; *rest goes on behind it. */
static const char *quoted_value(struct span *rest, struct arena *arena)
{
    size_t length = 0, end = 1;
    while (end < rest->length && rest->data[end] != '"')
        end += is_escape(*rest, end) ? 2 : 1;
    char *out = end < rest->length ? arena_alloc(arena, end) : NULL;
    if (!out)
        return NULL;
    for (size_t at = 1; at < end; at++) {
        at += is_escape(*rest, at);
        out[length++] = rest->data[at];
    }
    *rest = span_from(*rest, end + 1);
    return out;
}

static size_t token_length(struct span span)
{
    size_t length = 0;
    while (length < span.length && !strchr("; \t", span.data[length]))
        length++;
    return length;
}

/* The parameter of a header's value, "form-data; name=\"image\"; filename=\"a.png\"", in the arena; NULL: none. */
static const char *parameter(struct span value, const char *name, struct arena *arena)
{
    struct span rest = span_from(value, token_length(value));
    const size_t length = strlen(name);
    for (;;) {
        skip_blanks(&rest);
        if (!span_take(&rest, ";"))
            return NULL;
        skip_blanks(&rest);
        const bool wanted = begins_with(rest, name) && rest.length > length && rest.data[length] == '=';
        const char *equals = rest.length ? memchr(rest.data, '=', rest.length) : NULL;
        if (!equals)
            return NULL;
        rest = span_from(rest, (size_t)(equals - rest.data) + 1);
        const bool quotes = rest.length && *rest.data == '"';
        const size_t plain = quotes ? 0 : token_length(rest);
        const char *found = quotes ? quoted_value(&rest, arena) : arena_copy(arena, rest.data, plain);
        rest = span_from(rest, plain);
        if (!found || wanted)
            return found;
    }
}

/* ---- parts --------------------------------------------------------------------------------------------- */

/* Takes a line off the front, without its CR LF; false where there is no whole one. */
static bool take_line(struct span *line, struct span *rest)
{
    const char *end = rest->length ? memmem(rest->data, rest->length, "\r\n", 2) : NULL;
    if (!end)
        return false;
    *line = (struct span){rest->data, (size_t)(end - rest->data)};
    *rest = span_from(*rest, line->length + 2);
    return true;
}

/* The headers of a part, up to the empty line behind them. */
static int read_headers(
    struct form_field *field, struct span *rest, size_t number, struct arena *arena, struct err *err)
{
    static const char disposition[] = "content-disposition:";
    struct span line;
    while (take_line(&line, rest)) {
        if (line.length > FORM_HEADER_MAX)
            return err_set(err, ERR_LIMIT, "a header of part %zu of the form has more than %d bytes", number,
                FORM_HEADER_MAX);
        if (!line.length)
            return field->name ? 0 : err_set(err, ERR_FORMAT, "part %zu of the form has no name", number);
        if (!begins_with(line, disposition))
            continue;
        line = span_from(line, strlen(disposition));
        skip_blanks(&line);
        if (!begins_with(line, "form-data"))
            continue;
        field->name = parameter(line, "name", arena);
        field->file = parameter(line, "filename", arena) != NULL;
    }
    return err_set(err, ERR_FORMAT, "the headers of part %zu of the form have no end", number);
}

/* A field more, all of it 0; NULL when out of memory. */
static struct form_field *add_field(struct form *form, struct arena *arena)
{
    if (form->count == form->room) {
        const size_t room = form->room ? 2 * form->room : 16;
        struct form_field *larger = arena_alloc(arena, room * sizeof *larger);
        if (!larger)
            return NULL;
        if (form->count)
            memcpy(larger, form->fields, form->count * sizeof *larger);
        form->fields = larger;
        form->room = room;
    }
    return &form->fields[form->count];
}

/* Reads a part, its value up to the next delimiter, "\r\n--BOUNDARY". */
static int read_part(
    struct form *out, struct span *rest, const char *delimiter, struct arena *arena, struct err *err)
{
    if (out->count == FORM_FIELDS_MAX)
        return err_set(err, ERR_LIMIT, "the form has more than %d parts", FORM_FIELDS_MAX);
    struct form_field *field = add_field(out, arena);
    if (!field)
        return err_memory(err, sizeof *field);
    const int rc = read_headers(field, rest, out->count, arena, err);
    if (rc)
        return rc;
    const char *end = rest->length ? memmem(rest->data, rest->length, delimiter, strlen(delimiter)) : NULL;
    if (!end)
        return err_set(err, ERR_FORMAT, "part %zu of the form has no end", out->count);
    field->value = (struct span){rest->data, (size_t)(end - rest->data)};
    *rest = span_from(*rest, field->value.length + strlen(delimiter));
    out->count++;
    return 0;
}

int form_read(struct form *out, const char *type, struct span body, struct arena *arena, struct err *err)
{
    char delimiter[BOUNDARY_MAX + sizeof "\r\n--"];
    const struct span value = span_of(type ? type : "");
    const char *boundary =
        begins_with(value, "multipart/form-data") ? parameter(value, "boundary", arena) : NULL;
    struct span rest = body, line;
    *out = (struct form){0};
    if (!boundary || !*boundary || strlen(boundary) > BOUNDARY_MAX)
        return err_set(err, ERR_UNSUPPORTED,
            "the body must be a form: send 'Content-Type: multipart/form-data; boundary=...'");
    snprintf(delimiter, sizeof delimiter, "\r\n--%s", boundary);
    if (!span_take(&rest, delimiter + 2))
        return err_set(err, ERR_FORMAT, "the form does not begin with its boundary");
    int rc = 0;
    while (!rc && !span_take(&rest, "--")) {
        skip_blanks(&rest);
        if (!take_line(&line, &rest) || line.length)
            return err_set(err, ERR_FORMAT,
                "the boundary before part %zu of the form is followed by something", out->count);
        rc = read_part(out, &rest, delimiter, arena, err);
    }
    return rc;
}

const struct form_field *form_find(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (!strcmp(form->fields[i].name, name))
            return &form->fields[i];
    return NULL;
}
