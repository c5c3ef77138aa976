// SPDX-License-Identifier: Apache-2.0
#include "cli/manual/manual.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* A character that roff, or what it makes of it on a terminal, would change. */
static void put_literal(FILE *out, char c)
{
    static const struct {
        char c;
        const char *escape;
    } escapes[] = {
        {'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'~', "\\(ti"}, {'^', "\\(ha"}};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (escapes[i].c == c) {
            fputs(escapes[i].escape, out);
            return;
        }
    putc(c, out);
}

static void put_literals(FILE *out, struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        put_literal(out, text.data[i]);
}

static void put_in(FILE *out, char font, struct span text)
{
    fprintf(out, "\\f%c", font);
    put_literals(out, text);
    fputs("\\fR", out);
}

void roff_code(FILE *out, struct span text)
{
    if (text.length && (text.data[0] == '.' || text.data[0] == '\''))
        fputs("\\&", out);
    put_literals(out, text);
}

void roff_name(FILE *out, const char *title)
{
    for (; *title; title++)
        fputs(*title == ' ' || *title == '-' ? "\\-" : (char[]){*title, '\0'}, out);
}

/* The length of the word, capitals alone, that stands for an argument at the beginning of a text; 0 if there is none. */
static size_t argument_length(struct span text)
{
    size_t i = 0;
    while (i < text.length && (isupper((unsigned char)text.data[i]) || text.data[i] == '_'))
        i++;
    return i == text.length || !is_word(text.data[i]) ? i : 0;
}

void roff_usage(FILE *out, struct span text)
{
    for (size_t i = 0; i < text.length;) {
        size_t length = argument_length(span_from(text, i));
        const char font = length ? 'I' : 'B';
        while (!length && i + length < text.length &&
               (is_word(text.data[i + length]) || text.data[i + length] == '-'))
            length++;
        if (length)
            put_in(out, font, (struct span){text.data + i, length});
        else
            putc(text.data[i++], out);
        i += length;
    }
}

/* ---- prose --------------------------------------------------------------------------------------------- */

/* "--where" or "-f" at the beginning of a text: its length, or 0. */
static size_t option_length(struct span text)
{
    size_t i = 0;
    while (i < text.length && (is_word(text.data[i]) || text.data[i] == '-'))
        i++;
    return i > 1 && text.data[0] == '-' && (text.data[1] == '-' || i == 2) ? i : 0;
}

/* What is between single quotes at the beginning of a text, of more than a character; with them, or 0. */
static size_t quoted_length(struct span text)
{
    if (text.length < 4 || text.data[0] != '\'' || text.data[1] == ' ')
        return 0;
    for (size_t i = 1; i < text.length; i++)
        if (text.data[i] == '\'' && (i + 1 == text.length || !is_word(text.data[i + 1])))
            return i > 2 ? i + 1 : 0;
    return 0;
}

static bool has_argument(const char *arguments, struct span word)
{
    for (const char *at = arguments; at && *at; at++) {
        const size_t length = argument_length(span_of(at));
        if (length == word.length && !memcmp(at, word.data, length))
            return true;
        at += length;
        if (!*at)
            break;
    }
    return false;
}

/* With what roff needs to show it, at most. */
static size_t word_length(struct span text)
{
    size_t length = quoted_length(text), i = length;
    const bool quoted = length;
    for (; i < text.length && text.data[i] != ' '; i++)
        length += is_word(text.data[i]) ? 1 : 2;
    return length + (quoted || argument_length(text) || option_length(text) ? strlen("\\fB\\fR") : 0);
}

/* A character that stands for itself; `before` is in front of it, and *column is where it comes to be in the line. Lines are
 * broken at blanks. */
static void put_plain(FILE *out, struct span rest, char before, size_t *column)
{
    enum { WIDTH = 72 };
    const char c = rest.data[0];
    const bool apostrophe = c == '\'' && is_word(before);
    if (c == ' ' && *column + word_length(span_from(rest, 1)) > WIDTH && rest.length > 1) {
        *column = 0;
        fputs(rest.data[1] == '.' || rest.data[1] == '\'' ? "\n\\&" : "\n", out);
        return;
    }
    ++*column;
    if (c == '-' || apostrophe) /* a hyphen */
        putc(c, out);
    else
        put_literal(out, c);
}

void roff_prose(FILE *out, struct span text, const char *arguments)
{
    char before = ' ';
    bool in_string = false; /* between double quotes, where single ones mean something else */
    size_t column = 0;
    if (text.length && (text.data[0] == '.' || text.data[0] == '\''))
        fputs("\\&", out);
    while (text.length) {
        const bool inside = is_word(before);
        const size_t option = inside ? 0 : option_length(text),
                     quoted = inside || in_string ? 0 : quoted_length(text),
                     argument = inside ? 0 : argument_length(text);
        const struct span word = {text.data, argument};
        size_t marked = 0;
        if (option)
            put_in(out, 'B', (struct span){text.data, marked = option});
        else if (quoted)
            put_in(out, 'B', (struct span){text.data + 1, (marked = quoted) - 2});
        else if (argument && has_argument(arguments, word))
            put_in(out, 'I', (struct span){text.data, marked = argument});
        else
            put_plain(out, text, before, &column);
        column += marked ? marked + strlen("\\fB\\fR") : 0;
        in_string ^= !marked && text.data[0] == '"';
        before = marked ? ' ' : text.data[0];
        text = span_from(text, marked ? marked : 1);
    }
    putc('\n', out);
}

/* ---- blocks -------------------------------------------------------------------------------------------- */

static bool begins(struct span text, const char *with)
{
    return text.length >= strlen(with) && !memcmp(text.data, with, strlen(with));
}

/* "  DIR  a folder for each class" */
static bool is_term(struct span line, size_t *length)
{
    const struct span word = span_from(line, 2);
    *length = argument_length(word);
    return *length && begins(span_from(word, *length), "  ");
}

bool block_next(struct block *block, struct span *rest)
{
    size_t none;
    while (rest->length && rest->data[0] == '\n')
        *rest = span_from(*rest, 1);
    if (!rest->length)
        return false;
    const char *end = memmem(rest->data, rest->length, "\n\n", 2);
    block->text = (struct span){rest->data, end ? (size_t)(end - rest->data) : rest->length};
    *rest = span_from(*rest, block->text.length);
    block->kind = !begins(block->text, "  ")
                      ? begins(block->text, "Exit status: ") ? BLOCK_STATUS : BLOCK_PROSE
                  : is_term(block->text, &none) ? BLOCK_TERMS
                                                : BLOCK_CODE;
    return true;
}

static void put_code(FILE *out, struct span text, bool first)
{
    struct lines lines = {.rest = text};
    fputs(first ? ".RS 4\n.nf\n" : ".PP\n.RS 4\n.nf\n", out);
    while (lines_next(&lines)) {
        roff_code(out, begins(lines.line, "  ") ? span_from(lines.line, 2) : lines.line);
        putc('\n', out);
    }
    fputs(".fi\n.RE\n", out);
}

static void put_terms(FILE *out, struct span text, const char *arguments)
{
    struct lines lines = {.rest = text};
    while (lines_next(&lines)) {
        size_t length;
        if (!is_term(lines.line, &length))
            continue;
        fprintf(out, ".TP\n\\fI%.*s\\fR\n", (int)length, lines.line.data + 2);
        roff_prose(out, span_from(lines.line, 2 + length + 2), arguments);
    }
}

/* "Exit status: 0 done, 1 some failed, 2 cannot." */
static void put_status(FILE *out, struct span text)
{
    struct span rest = span_from(text, strlen("Exit status: "));
    if (rest.length && rest.data[rest.length - 1] == '.')
        rest.length--;
    while (rest.length) {
        size_t length = 1;
        while (length < rest.length &&
               !(rest.data[length] == ',' && rest.length > length + 3 &&
                   isdigit((unsigned char)rest.data[length + 2]) && rest.data[length + 3] == ' '))
            length++;
        fprintf(out, ".TP\n\\fB%c\\fR\n", rest.data[0]);
        roff_prose(out, (struct span){rest.data + 2, length - 2}, NULL);
        rest = span_from(rest, length < rest.length ? length + 2 : length);
    }
}

void block_put(FILE *out, const struct block *block, const char *arguments, bool first)
{
    struct lines lines = {.rest = block->text};
    switch (block->kind) {
    case BLOCK_CODE:
        put_code(out, block->text, first);
        return;
    case BLOCK_TERMS:
        put_terms(out, block->text, arguments);
        return;
    case BLOCK_STATUS:
        put_status(out, block->text);
        return;
    case BLOCK_PROSE:
        if (!first)
            fputs(".PP\n", out);
        while (lines_next(&lines))
            roff_prose(out, lines.line, arguments);
        return;
    }
}
