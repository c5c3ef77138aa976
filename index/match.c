// SPDX-License-Identifier: Apache-2.0
/*
 * Every word becomes a string of FTS5, in quotes, where no sign is an operator. FTS5's tokenizer (unicode61, its
 * default) cuts a string into runs of letters and digits and looks for them one right after the other, so that
 * IMG-2024 finds "img 2024" and 06.jpg the file. Strings side by side must all be there.
 */
#include "index/match.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* What unicode61 makes words of: letters, digits, and what people assign themselves. */
static bool in_words(utf8proc_int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_CO:
        return true;
    default:
        return false;
    }
}

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
static char *write_piece(char *to, const struct piece *piece)
{
    *to++ = '"';
    for (size_t i = 0; i < piece->length; i++) {
        if (piece->text[i] == '"')
            *to++ = '"';
        *to++ = piece->text[i];
    }
    *to++ = '"';
    if (piece->prefix)
        *to++ = '*';
    *to++ = ' ';
    return to;
}

int match_words(char **out, const char *words, struct err *err)
{
    const size_t most =
        4 * strlen(words) + 1; /* of one sign: it, doubled, in quotes and with a blank, at most 5 of 2 */
    char *query = mem_new(most + 8, 1), *to = query;
    int rc = query ? 0 : err_memory(err, most);
    for (const char *at = words + strspn(words, blanks); !rc && *at; at += strspn(at, blanks)) {
        const struct piece piece = piece_at(at);
        bool any;
        at = piece.end;
        if (!(rc = look_for_words(&any, piece.text, piece.length, err)) && any)
            to = write_piece(to, &piece);
    }
    if (!rc && to == query)
        rc = err_set(err, ERR_ARGUMENT, "unable to match \"%s\": there is no letter or digit in it", words);
    if (rc)
        free(query);
    else
        *out = query;
    return rc;
}
