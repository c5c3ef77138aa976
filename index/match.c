// SPDX-License-Identifier: Apache-2.0
/*
 * Every word becomes a string of FTS5, in quotes, where no sign is an operator. FTS5's tokenizer (unicode61, its
 * default) cuts a string into runs of letters and digits and looks for them one right after the other, so that
 * IMG-2024 finds "img 2024" and 06.jpg the file. Strings side by side must all be there. What has signs of Chinese and its
 * like is looked for as a phrase of signs where those are kept: segment.h.
 */
#include "index/match.h"
#include "index/segment.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* *any: a letter or a digit is in it. */
static int look_for_words(bool *any, const char *text, size_t length, struct err *err)
{
    *any = false;
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t code;
        const utf8proc_ssize_t bytes =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &code);
        if (bytes <= 0)
            return err_set(err, ERR_ARGUMENT, "unable to match \"%s\": it is not UTF-8", text);
        *any = *any || in_words(code);
        at += (size_t)bytes;
    }
    return 0;
}

/* A piece of what was typed: a word, or a phrase in quotes; and where the next begins. */
struct piece {
    const char *text, *end;
    size_t length;
    bool prefix; /* a * behind it: words that begin so */
};

static const char blanks[] = " \t\r\n\v\f";

static struct piece piece_at(const char *text)
{
    struct piece piece = {.text = text, .length = strcspn(text, blanks)};
    const char *close = *text == '"' ? strchr(text + 1, '"') : NULL;
    if (close) {
        piece.text = text + 1;
        piece.length = (size_t)(close - piece.text);
        piece.prefix = close[1] == '*';
        piece.end = close + 1 + piece.prefix;
    } else {
        piece.end = text + piece.length;
        piece.prefix = piece.length > 1 && piece.end[-1] == '*';
        piece.length -= piece.prefix;
    }
    return piece;
}

/* As a string of FTS5, and a blank. Quotes in it are doubled. */
static char *write_string(char *to, const char *text, size_t length, bool prefix)
{
    *to++ = '"';
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            *to++ = '"';
        *to++ = text[i];
    }
    *to++ = '"';
    if (prefix)
        *to++ = '*';
    *to++ = ' ';
    *to = '\0';
    return to;
}

static int add_piece(char **query, size_t *room, size_t *used, const struct piece *piece, struct err *err)
{
    enum { AROUND = 32 }; /* the column, quotes, a star, a blank */
    const bool signs = has_signs(piece->text, piece->length);
    char *segmented = NULL;
    int rc = signs ? segment_text(&segmented, piece->text, piece->length, err) : 0;
    const char *text = signs ? segmented : piece->text;
    const size_t length = rc ? 0 : signs ? strlen(text) : piece->length;
    if (!rc)
        rc = array_grow(*query, room, *used + 2 * length + AROUND, err);
    if (!rc) {
        char *to = *query + *used;
        to = write_string(signs ? stpcpy(to, "segmented : ") : to, text, length, piece->prefix);
        *used = (size_t)(to - *query);
    }
    free(segmented);
    return rc;
}

int match_words(char **out, const char *words, struct err *err)
{
    char *query = NULL;
    size_t room = 0, used = 0;
    int rc = 0;
    for (const char *at = words + strspn(words, blanks); !rc && *at; at += strspn(at, blanks)) {
        const struct piece piece = piece_at(at);
        bool any;
        at = piece.end;
        if (!(rc = look_for_words(&any, piece.text, piece.length, err)) && any)
            rc = add_piece(&query, &room, &used, &piece, err);
    }
    if (!rc && !used)
        rc = err_set(err, ERR_ARGUMENT, "unable to match \"%s\": there is no letter or digit in it", words);
    if (rc)
        free(query);
    else
        *out = query;
    return rc;
}
