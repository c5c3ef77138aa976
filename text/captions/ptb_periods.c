// SPDX-License-Identifier: Apache-2.0
/* Rules for the periods that belong to words. */
#include "text/captions/ptb.h"

#include <string.h>

/* ---- abbreviations ------------------------------------------------------------------------------------- */

static int compare(const char *word, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        const char c = (char)(text.data[i] | 0x20); /* lower case, of ASCII letters */
        if (word[i] != c)
            return word[i] < c ? -1 : 1;
    }
    return word[text.length] != '\0';
}

static const struct ptb_abbreviation *find(struct span word)
{
    size_t low = 0, high = ptb_abbreviation_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(ptb_abbreviations[middle].word, word);
        if (order == 0)
            return &ptb_abbreviations[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Bytes of one blank, perhaps, and the digit behind it. */
static size_t number_follows(struct span text)
{
    const size_t blank = ptb_is_gap(text) ? ptb_width(text) : 0;
    const struct span rest = span_from(text, blank);
    return ptb_class(rest, NULL, NULL) == PTB_DIGIT ? blank + ptb_width(rest) : 0;
}

static size_t two_characters(struct span text)
{
    const size_t first = ptb_width(text), second = ptb_width(span_from(text, first));
    return second ? first + second : 0;
}

struct ptb_match ptb_abbreviation(struct span text)
{
    enum { LONGEST = 8 };
    size_t length = 0;
    for (const char *const *degree = ptb_degrees; *degree; degree++)
        if ((length = ptb_like(text, *degree)) > 0)
            return (struct ptb_match){length, length + two_characters(span_from(text, length))};
    while (length < LONGEST && ptb_is_ascii_letter(span_from(text, length)))
        length++;
    if (!ptb_has(".", span_from(text, length)))
        return ptb_whole(0);

    const struct ptb_abbreviation *found = find((struct span){text.data, length});
    if (!found || (found->letter && !memchr(text.data, found->letter, length)))
        return ptb_whole(0);
    const struct span rest = span_from(text, ++length);
    const size_t number = found->period == PERIOD_NUMBER ? number_follows(rest) : 0;
    if (found->period == PERIOD_NUMBER && !number)
        return ptb_whole(0);
    return (struct ptb_match){length, length + (found->period == PERIOD_END ? two_characters(rest) : number)};
}

/* ---- acronyms ------------------------------------------------------------------------------------------ */

/* Bytes of a starter that text begins with: its first letter is a capital. */
static size_t starter(struct span text)
{
    if (ptb_is_ascii_letter(text) && text.data[0] <= 'Z')
        for (const char *const *word = ptb_starters; *word; word++)
            if (ptb_like(text, *word) && ptb_is_gap(span_from(text, strlen(*word))))
                return strlen(*word);
    return 0;
}

/* Does what follows "B." begin a new sentence? */
static bool sentence_begins(struct span text)
{
    const size_t gaps = ptb_gaps(text);
    const struct span rest = span_from(text, gaps);
    return gaps > 0 && (starter(rest) > 0 || ptb_tag_length(rest) > 0);
}

/* a. B. u.s. e.g. */
static size_t acronym(struct span text)
{
    size_t length = 0;
    while (ptb_is_ascii_letter(span_from(text, length)) && ptb_has(".", span_from(text, length + 1)))
        length += 2;
    return length;
}

struct ptb_match ptb_acronym(struct span text)
{
    const size_t length = acronym(text);
    return ptb_whole(length == 2 && sentence_begins(span_from(text, 2)) ? 0 : length);
}

/* ---- others -------------------------------------------------------------------------------------------- */

static bool is_soft_hyphen(struct span text)
{
    return span_begins(text, span_of("\u00ad"));
}

/* ASCII letters and digits, soft hyphens among them, and characters of a set */
static size_t part(struct span text, const char *set)
{
    enum { LONGEST = 64 }; /* keeps the scanner linear */
    size_t length = 0;
    while (length < LONGEST &&
           (ptb_is_ascii_word(span_from(text, length)) || ptb_has(set, span_from(text, length)) ||
               is_soft_hyphen(span_from(text, length))))
        length += ptb_width(span_from(text, length));
    return length;
}

/* Words of ASCII with stops before the hyphen: open,lit-up 5.5-inch U.S.-based non-U.S. */
static size_t hyphenated(struct span text)
{
    size_t length = ptb_is_ascii_word(text) ? part(text, ".,") : 0, end = 0;
    while (length && ptb_has("-", span_from(text, length))) {
        const struct span rest = span_from(text, length + 1);
        const size_t more = acronym(rest) > 2 ? acronym(rest) : part(rest, "");
        if (!more)
            break;
        end = length += 1 + more;
    }
    return end;
}

struct ptb_match ptb_hyphenated(struct span text)
{
    return ptb_whole(hyphenated(text));
}

/* Bytes of the period behind a word where a comma, a colon or a semicolon follows, and that. */
static struct ptb_match stop(struct span text, size_t length)
{
    const struct span rest = span_from(text, length + 1);
    int32_t c;
    size_t width;
    if (!length || !ptb_has(".", span_from(text, length)))
        return ptb_whole(0);
    ptb_class(rest, &c, &width);
    return ptb_before(length + 1, ptb_has(",;:", rest) || c == 0x3001 ? width : 0);
}

static struct ptb_match longest(struct ptb_match a, struct ptb_match b)
{
    return b.extent > a.extent ? b : a;
}

struct ptb_match ptb_stop(struct span text)
{
    const struct ptb_match word = stop(text, ptb_word_length(text)),
                           thing = stop(text, ptb_thing_length(text));
    const struct ptb_match capitals = stop(text, ptb_capitals(text).length);
    return longest(longest(word, thing), longest(capitals, stop(text, hyphenated(text))));
}
