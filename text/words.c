// SPDX-License-Identifier: Apache-2.0
#include "text/words.h"

/* 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+ : the first alternative that matches wins, so
 * "'salt" is "'s" and "alt"; a number is one digit; marks, signs and control characters run together. What
 * matches nothing is white space, and separates. */
static const struct span contractions[] = {
    {"'s", 2}, {"'t", 2}, {"'re", 3}, {"'ve", 3}, {"'m", 2}, {"'ll", 3}, {"'d", 2}};

/* Whether text begins with a literal in any case: Python's regex folds the long s, U+017F, to s. Sets *length
 * to the bytes of it in text. */
static bool begins_in_any_case(size_t *length, struct span text, struct span literal)
{
    const struct span long_s = span_of("\xc5\xbf");
    *length = 0;
    for (size_t i = 0; i < literal.length; i++) {
        const struct span rest = span_from(text, *length);
        const char c = rest.length ? rest.data[0] : '\0';
        if (literal.data[i] == 's' && span_begins(rest, long_s))
            *length += long_s.length;
        else if (c == literal.data[i] || (c >= 'A' && c <= 'Z' && (c | 0x20) == literal.data[i]))
            *length += 1;
        else
            return false;
    }
    return true;
}

/* The bytes of the first of the literals that text begins with, or 0. */
static size_t literal_length(struct span text, const struct span *literals, size_t count, bool any_case)
{
    size_t length;
    for (size_t i = 0; i < count; i++) {
        if (any_case ? begins_in_any_case(&length, text, literals[i]) : span_begins(text, literals[i]))
            return any_case ? length : literals[i].length;
    }
    return 0;
}

static enum char_class class_of(const struct words *words, struct span text, size_t *width)
{
    const struct span nothing = span_of("\xcd\x85"); /* U+0345 */
    if (!words->open_clip || !span_begins(text, nothing))
        return unicode_class(text, width);
    *width = nothing.length;
    return CHAR_SPACE;
}

/* Bytes of the run of one class that text begins with. */
static size_t run_length(const struct words *words, struct span text, enum char_class class)
{
    size_t length = 0, width;
    while (length < text.length && class_of(words, span_from(text, length), &width) == class)
        length += width;
    return length;
}

static size_t special_length(const struct words *words, struct span text)
{
    const struct span specials[] = {span_of(START_TEXT), span_of(END_TEXT)};
    const struct span of_open_clip[] = {span_of(OPEN_CLIP_START_TEXT), span_of(OPEN_CLIP_END_TEXT)};
    if (words->open_clip)
        return literal_length(text, of_open_clip, 2, true);
    return literal_length(text, specials, 2, false);
}

static size_t word_length(const struct words *words, struct span text)
{
    size_t length = words->open_clip ? special_length(words, text) : 0;
    if (!length)
        length = literal_length(
            text, contractions, sizeof contractions / sizeof contractions[0], words->open_clip);
    if (length)
        return length;
    const enum char_class class = class_of(words, text, &length);
    return class == CHAR_NUMBER ? length : run_length(words, text, class);
}

bool words_next(struct span *word, struct words *words)
{
    const struct span rest = span_from(words->rest, run_length(words, words->rest, CHAR_SPACE));
    if (!rest.length)
        return false;
    size_t length = word_length(words, rest);

    /* The reference's byte-level step cuts a special that the pattern caught into "<|", letters and "|>"
     * again, so all that is left of it is that its "|>" does not run on into what follows. */
    if (!words->open_clip && words->special == 0)
        words->special = special_length(words, rest);
    if (words->special) {
        length = length < words->special ? length : words->special;
        words->special -= length;
    }
    *word = (struct span){rest.data, length};
    words->rest = span_from(rest, length);
    return true;
}
