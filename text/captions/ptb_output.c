// SPDX-License-Identifier: Apache-2.0
/* How tokens come out: lower case, with the reference's names for brackets and without punctuation. */
#include "text/captions/ptb.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static int put(struct ptb_words *words, const char *bytes, size_t length, struct err *err)
{
    size_t need;
    if (!size_add(&need, words->length, length) || need == SIZE_MAX)
        return err_memory(err, SIZE_MAX);
    /* One more, so that there are bytes to point to where there is nothing to write. */
    const int rc = array_grow(words->bytes, &words->room, need + 1, err);
    if (rc)
        return rc;
    memcpy(words->bytes + words->length, bytes, length);
    words->length = need;
    return 0;
}

static const struct ptb_change *whole_change(struct span token)
{
    for (const struct ptb_change *change = ptb_changes; change->from; change++)
        if (change->place != PLACE_QUOTES && token.length == strlen(change->from) &&
            !memcmp(token.data, change->from, token.length))
            return change;
    return NULL;
}

static const struct ptb_change *inner_change(struct span text, enum ptb_place place)
{
    for (const struct ptb_change *change = ptb_changes; change->from; change++)
        if ((change->place == PLACE_ANY || change->place == place) &&
            span_begins(text, span_of(change->from)))
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

static enum ptb_place place_in(struct span token)
{
    if (ptb_is_contraction(token) || ptb_quotes_length(token) == token.length)
        return PLACE_QUOTES;
    return ptb_capitals(token).length == token.length ? PLACE_CAPITALS : PLACE_ANY;
}

static int put_inside(struct ptb_words *words, struct span token, struct err *err)
{
    int rc = 0;
    bool after_letter = false;
    const enum ptb_place place = place_in(token);
    for (size_t at = 0, width; !rc && at < token.length; at += width) {
        const struct span rest = span_from(token, at);
        int32_t c;
        const enum ptb_class class = ptb_class(rest, &c, &width);
        const struct ptb_change *change = class >= PTB_MARK && c != 0xad ? NULL : inner_change(rest, place);
        if (change) {
            width = strlen(change->from);
            rc = put(words, change->to, strlen(change->to), err);
        } else {
            char bytes[8];
            const bool before_letter = ptb_class(span_from(rest, width), NULL, NULL) == PTB_LETTER;
            rc = put(words, bytes, lower(bytes, c, after_letter, before_letter), err);
        }
        after_letter = class == PTB_LETTER;
    }
    return rc;
}

static int put_changed(struct ptb_words *words, struct span token, struct err *err)
{
    const struct ptb_change *change = whole_change(token);
    return change ? put(words, change->to, strlen(change->to), err) : put_inside(words, token, err);
}

static bool is_plain(struct span token)
{
    for (size_t i = 0; i < token.length; i++)
        if (!ptb_is_ascii_word(span_from(token, i)) && token.data[i] != '-')
            return false;
    return ptb_is_ascii_word(token);
}

static int put_plain(struct ptb_words *words, struct span token, struct err *err)
{
    const int rc = put(words, token.data, token.length, err);
    for (char *c = words->bytes + words->length - token.length; !rc && c < words->bytes + words->length; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return rc;
}

static bool is_punctuation(const char *bytes, size_t length)
{
    enum { LONGEST = 3 };
    for (const char *const *mark = ptb_punctuation; length <= LONGEST && *mark; mark++)
        if (length == strlen(*mark) && !memcmp(bytes, *mark, length))
            return true;
    return false;
}

int ptb_put_token(struct ptb_words *words, struct span token, struct err *err)
{
    const bool plain = is_plain(token);
    if (!plain && is_punctuation(token.data, token.length))
        return 0;
    const size_t before = words->length;
    const bool first = before == 0 || words->bytes[before - 1] == '\n';
    int rc = first ? 0 : put(words, " ", 1, err);
    const size_t begin = words->length;
    if (!rc)
        rc = plain ? put_plain(words, token, err) : put_changed(words, token, err);
    if (!rc && !plain && is_punctuation(words->bytes + begin, words->length - begin))
        words->length = before;
    return rc;
}

int ptb_put_end(struct ptb_words *words, struct err *err)
{
    return put(words, "\n", 1, err);
}
