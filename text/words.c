// SPDX-License-Identifier: Apache-2.0
#include "text/words.h"

/* 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+ : the first alternative that matches wins, so
 * "'salt" is "'s" and "alt"; a number is one digit; marks, signs and control characters run together. What
 * matches nothing is white space, and separates. */
static const struct span contractions[] = {
    {"'s", 2}, {"'t", 2}, {"'re", 3}, {"'ve", 3}, {"'m", 2}, {"'ll", 3}, {"'d", 2}};

static size_t contraction_length(struct span text)
{
    for (size_t i = 0; i < sizeof contractions / sizeof contractions[0]; i++)
        if (span_begins(text, contractions[i]))
            return contractions[i].length;
    return 0;
}

/* Bytes of the run of one class that text begins with. */
static size_t run_length(struct span text, enum char_class class)
{
    size_t length = 0, width;
    while (length < text.length && unicode_class(span_from(text, length), &width) == class)
        length += width;
    return length;
}

static size_t word_length(struct span text)
{
    size_t length = contraction_length(text);
    if (length)
        return length;
    const enum char_class class = unicode_class(text, &length);
    return class == CHAR_NUMBER ? length : run_length(text, class);
}

static size_t special_length(struct span text)
{
    const struct span specials[] = {span_of(START_TEXT), span_of(END_TEXT)};
    for (size_t i = 0; i < 2; i++)
        if (span_begins(text, specials[i]))
            return specials[i].length;
    return 0;
}

bool words_next(struct span *word, struct words *words)
{
    const struct span rest = span_from(words->rest, run_length(words->rest, CHAR_SPACE));
    if (!rest.length)
        return false;
    size_t length = word_length(rest);

    /* The reference's byte-level step cuts a special that the pattern caught into "<|", letters and "|>"
     * again, so all that is left of it is that its "|>" does not run on into what follows. */
    if (words->cuts_specials && words->special == 0)
        words->special = special_length(rest);
    if (words->special) {
        length = length < words->special ? length : words->special;
        words->special -= length;
    }
    *word = (struct span){rest.data, length};
    words->rest = span_from(rest, length);
    return true;
}
