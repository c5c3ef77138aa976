// SPDX-License-Identifier: Apache-2.0
#include "text/ptb.h"
#include "text/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The tokens of a line, joined by blanks. */
struct line {
    char *bytes;
    size_t length, room;
};

static int line_add(struct line *line, const char *bytes, size_t length, struct err *err)
{
    size_t need;
    if (!size_add(&need, line->length, length))
        return err_memory(err, SIZE_MAX);
    if (need >= line->room) { /* also at first, so that there are bytes to point to */
        const size_t room = need + need / 2 + 256;
        char *grown = mem_grow(line->bytes, room, 1);
        if (!grown)
            return err_memory(err, room);
        line->bytes = grown;
        line->room = room;
    }
    memcpy(line->bytes + line->length, bytes, length);
    line->length = need;
    return 0;
}

/* ---- how a token comes out ----------------------------------------------------------------------------- */

static const struct ptb_change *whole_change(struct span token)
{
    for (const struct ptb_change *change = ptb_changes; change->from; ++change)
        if (token.length == strlen(change->from) && ptb_like(token, change->from))
            return change;
    return NULL;
}

static const struct ptb_change *inner_change(struct span text)
{
    for (const struct ptb_change *change = ptb_changes; change->from; ++change)
        if (change->inside && span_begins(text, span_of(change->from)))
            return change;
    return NULL;
}

/* As Java does it: a capital sigma that ends a word of several letters is a final one, and the Turkish
 * capital I keeps its dot. */
static size_t lower(char *out, int32_t c, bool after_letter, bool before_letter)
{
    if (c == 0x3a3 && after_letter && !before_letter)
        return (size_t)utf8proc_encode_char(0x3c2, (uint8_t *)out);
    size_t length = (size_t)utf8proc_encode_char(utf8proc_tolower(c), (uint8_t *)out);
    if (c == 0x130)
        length += (size_t)utf8proc_encode_char(0x307, (uint8_t *)out + length);
    return length;
}

static int add_changed(struct line *line, struct span token, struct err *err)
{
    int rc = 0;
    bool after_letter = false;
    for (size_t at = 0, width; !rc && at < token.length; at += width) {
        const struct span rest = span_from(token, at);
        int32_t c;
        const enum ptb_class class = ptb_class(rest, &c, &width);
        const struct ptb_change *change = class == PTB_LETTER && c != 0xad ? NULL : inner_change(rest);
        if (change) {
            width = strlen(change->from);
            rc = line_add(line, change->to, strlen(change->to), err);
        } else {
            char bytes[8];
            const bool before_letter = ptb_class(span_from(rest, width), NULL, NULL) == PTB_LETTER;
            rc = line_add(line, bytes, lower(bytes, c, after_letter, before_letter), err);
        }
        after_letter = class == PTB_LETTER;
    }
    return rc;
}

static int add_token(struct line *line, struct span token, struct err *err)
{
    const struct ptb_change *change = ptb_is_word(token) ? NULL : whole_change(token);
    if (change && !*change->to)
        return 0;
    int rc = line->length ? line_add(line, " ", 1, err) : 0;
    if (!rc && change)
        rc = line_add(line, change->to, strlen(change->to), err);
    else if (!rc)
        rc = add_changed(line, token, err);
    return rc;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

/* Adds a caption to the text to scan, as one line. */
static int add_caption(struct line *text, const char *caption, struct err *err)
{
    const size_t begin = text->length;
    int rc = line_add(text, caption, strlen(caption), err);
    for (size_t i = begin; !rc && i < text->length; ++i)
        if (text->bytes[i] == '\n')
            text->bytes[i] = ' ';
    return rc;
}

/* The reference scans all captions of a batch at once, the last without a line end; alone, each has one. */
static int join_captions(struct line *text, const struct strings *captions, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < captions->count; ++i) {
        if (i > 0)
            rc = line_add(text, "\n", 1, err);
        if (!rc)
            rc = add_caption(text, captions->items[i], err);
    }
    return rc;
}

static int copy_caption(struct line *text, const char *caption, struct err *err)
{
    text->length = 0;
    const int rc = add_caption(text, caption, err);
    return rc ? rc : line_add(text, "\n", 1, err);
}

/* Takes the first line off the front of text and writes its tokens. */
static int scan_line(struct line *line, struct span *text, struct err *err)
{
    int rc = 0;
    line->length = 0;
    while (!rc && text->length && text->data[0] != '\n') {
        size_t length;
        if (ptb_class(*text, NULL, &length) != PTB_GAP) {
            length = ptb_token(*text);
            rc = add_token(line, (struct span){text->data, length}, err);
        }
        *text = span_from(*text, length);
    }
    if (text->length)
        *text = span_from(*text, 1);
    return rc;
}

static int check(const struct strings *captions, struct err *err)
{
    for (size_t i = 0; i < captions->count; ++i) {
        const int rc = unicode_check(span_of(captions->items[i]), err);
        if (rc) {
            err_wrap(err, "caption %zu", i);
            return rc;
        }
    }
    return 0;
}

int ptb_words(struct strings *out, const struct strings *captions, bool context, struct err *err)
{
    struct line text = {0}, line = {0};
    struct span rest = {0};
    int rc = check(captions, err);

    if (!rc && context)
        rc = join_captions(&text, captions, err);
    for (size_t i = 0; !rc && i < captions->count; ++i) {
        if (!context)
            rc = copy_caption(&text, captions->items[i], err);
        if (i == 0 || !context)
            rest = (struct span){text.bytes, text.length};
        if (!rc)
            rc = scan_line(&line, &rest, err);
        if (!rc)
            rc = strings_add(out, line.length ? line.bytes : "", line.length, err);
    }
    free(line.bytes);
    free(text.bytes);
    return rc;
}
