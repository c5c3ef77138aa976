// SPDX-License-Identifier: Apache-2.0
/* Rules for words and their apostrophes. */
#include "text/captions/ptb.h"

#include <string.h>

/* ---- words --------------------------------------------------------------------------------------------- */

/* Bytes of a letter of a word: also a mark, or an entity like &eacute; */
static size_t letter(struct span text)
{
    size_t width;
    const enum ptb_class class = ptb_class(text, NULL, &width);
    if (class == PTB_MARK || class == PTB_LETTER)
        return width;
    if (ptb_has("&", text) && ptb_has("aeiouAEIOU", span_from(text, 1)))
        for (const char *const *accent = ptb_accents; *accent; accent++)
            if (ptb_like(span_from(text, 2), *accent))
                return 2 + strlen(*accent);
    return 0;
}

/* What a word goes on with: a letter, a digit, or a sign that ends sentences where a letter follows. */
static size_t word_part(struct span text)
{
    const size_t first = letter(text), width = first ? first : ptb_alnum(text);
    return !width && ptb_has(".!?", text) && letter(span_from(text, 1)) ? 1 : width;
}

/* Word, wow!great, TV.The */
size_t ptb_word_length(struct span text)
{
    size_t length = letter(text), more = length;
    for (; more && (more = word_part(span_from(text, length))) > 0;)
        length += more;
    return length;
}

struct ptb_match ptb_word(struct span text)
{
    return ptb_whole(ptb_word_length(text));
}

/* cannot -> can not */
struct ptb_match ptb_special(struct span text)
{
    for (const struct ptb_cut *cut = ptb_cuts; cut->word; cut++)
        if ((text.data[0] | 0x20) == cut->word[0] && ptb_like(text, cut->word) == strlen(cut->word))
            return ptb_before(cut->length, strlen(cut->word) - cut->length);
    return ptb_whole(0);
}

/* ---- contractions -------------------------------------------------------------------------------------- */

static size_t contraction(struct span text)
{
    if (ptb_apostrophe(text))
        for (const char *const *word = ptb_contractions; *word; word++)
            if (ptb_like(text, *word))
                return ptb_like(text, *word);
    return 0;
}

/* n't, with a back-tick too */
static size_t negation(struct span text)
{
    const size_t mark = ptb_has("nN", text) ? ptb_quote(span_from(text, 1)) : 0;
    return mark && ptb_has("tT", span_from(text, 1 + mark)) ? 2 + mark : 0;
}

bool ptb_is_contraction(struct span token)
{
    return token.length && (contraction(token) == token.length || negation(token) == token.length);
}

/* it before 's */
struct ptb_match ptb_contracted(struct span text)
{
    const size_t length = ptb_word_length(text);
    return ptb_before(length, contraction(span_from(text, length)));
}

/* do before n't: letters, soft hyphens among them, the last before the n no other n */
struct ptb_match ptb_negated(struct span text)
{
    static const struct span soft_hyphen = {"\u00ad", 2};
    size_t length = 0;
    char last = 0, before_last = 0;
    for (;; length += ptb_width(span_from(text, length))) {
        const struct span rest = span_from(text, length);
        if (ptb_is_ascii_letter(rest)) {
            before_last = last;
            last = rest.data[0];
        } else if (!span_begins(rest, soft_hyphen)) {
            break;
        }
    }
    if (!before_last || before_last == 'n' || before_last == 'N')
        return ptb_whole(0);
    return ptb_before(length - 1, negation(span_from(text, length - 1)));
}

/* Bytes of a character that is no ASCII letter. There is none at the end of a batch. */
static size_t no_letter(struct span text)
{
    return ptb_is_ascii_letter(text) ? 0 : ptb_width(text);
}

struct ptb_match ptb_contraction(struct span text)
{
    const size_t length = contraction(text);
    return ptb_before(length, no_letter(span_from(text, length)));
}

struct ptb_match ptb_negation(struct span text)
{
    return ptb_whole(negation(text));
}

struct ptb_match ptb_contraction_only(struct span text)
{
    return ptb_whole(contraction(text));
}

/* ---- words with an apostrophe -------------------------------------------------------------------------- */

static size_t letters(struct span text)
{
    size_t length = 0, width;
    while (ptb_class(span_from(text, length), NULL, &width) == PTB_LETTER)
        length += width;
    return length;
}

/* Hawai'i, ne'er */
static size_t between_vowels(struct span text)
{
    const size_t length = letters(text);
    if (length < 2 || !ptb_has("aeiouyAEIOUY", span_from(text, length - 1)))
        return 0;
    const size_t mark = ptb_quote(span_from(text, length));
    if (!mark || !ptb_has("aeiouABCDEFGHIJKLMNOPQRSTUVWXYZ", span_from(text, length + mark)))
        return 0;
    return length + mark + letters(span_from(text, length + mark));
}

/* B'day, n'est, O'Brien: one letter, not any, and two or more */
static size_t elided(struct span text)
{
    if (!ptb_has("ABCDEFGHJKLMNOPQRSTUVWXZn", text))
        return 0;
    const size_t mark = ptb_quote(span_from(text, 1));
    const struct span rest = span_from(text, 1 + mark);
    const size_t length = mark ? letters(rest) : 0;
    return length > ptb_width(rest) ? 1 + mark + length : 0;
}

static size_t longer(size_t a, size_t b)
{
    return a > b ? a : b;
}

struct ptb_match ptb_apostrophe_word(struct span text)
{
    size_t length = longer(between_vowels(text), elided(text));
    for (const char *const *word = ptb_apostrophe_words; *word; word++)
        length = longer(length, ptb_like(text, *word));
    for (const char *const *word = ptb_typewriter_words; *word; word++)
        if (ptb_like(text, *word) == strlen(*word))
            length = longer(length, strlen(*word));
    return ptb_whole(length);
}

/* y' before all */
struct ptb_match ptb_y(struct span text)
{
    const size_t mark = ptb_has("yY", text) ? ptb_apostrophe(span_from(text, 1)) : 0;
    const struct span rest = span_from(text, 1 + mark);
    return ptb_before(mark ? 1 + mark : 0, ptb_class(rest, NULL, NULL) == PTB_LETTER ? ptb_width(rest) : 0);
}

/* ---- words with a hyphen ------------------------------------------------------------------------------- */

/* t, shirt, o'lantern: letters and digits, perhaps behind an elided article */
static size_t thing_part(struct span text)
{
    const size_t mark = ptb_has("dolDOL", text) ? ptb_quote(span_from(text, 1)) : 0;
    size_t length = 0, count = 0, width;
    const struct span rest = span_from(text, mark ? 1 + mark : 0);
    for (; (width = ptb_alnum(span_from(rest, length))) > 0; count++)
        length += width;
    return !mark ? length : count > 1 ? 1 + mark + length : 1;
}

static size_t hyphen(struct span text)
{
    int32_t c;
    size_t width;
    ptb_class(text, &c, &width);
    return c == '-' || c == '_' || c == 0x58a || c == 0x2010 || c == 0x2011 ? width : 0;
}

/* t-shirt, 747-400, under_score, jack-o'lantern, 5ft */
size_t ptb_thing_length(struct span text)
{
    size_t length = thing_part(text), join, more = length;
    while (more && (join = hyphen(span_from(text, length))) > 0 &&
           (more = thing_part(span_from(text, length + join))) > 0)
        length += join + more;
    return length;
}

struct ptb_match ptb_thing(struct span text)
{
    return ptb_whole(ptb_thing_length(text));
}
