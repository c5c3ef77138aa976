// SPDX-License-Identifier: Apache-2.0
/* Rules for words, and for the periods and apostrophes that belong to them. */
#include "text/ptb.h"

#include <string.h>

static bool is_ascii_letter(struct span text)
{
    return text.length && (unsigned char)text.data[0] < 0x80 && ptb_class(text, NULL, NULL) == PTB_LETTER;
}

static bool is_capital(struct span text)
{
    return text.length && text.data[0] >= 'A' && text.data[0] <= 'Z';
}

static size_t word_run(struct span text)
{
    size_t length = 0, width;
    enum ptb_class class;
    while ((class = ptb_class(span_from(text, length), NULL, &width)) == PTB_LETTER || class == PTB_DIGIT)
        length += width;
    return length;
}

/* Bytes of the hyphen or underscore that text begins with. */
static size_t joiner(struct span text)
{
    int32_t c;
    size_t width;
    ptb_class(text, &c, &width);
    return c == '-' || c == '_' || c == 0x2010 || c == 0x2011 ? width : 0;
}

/* Where the word goes on after a hyphen: bytes of the hyphen. */
static size_t joint(struct span text)
{
    const size_t width = joiner(text);
    return width && ptb_is_word(span_from(text, width)) ? width : 0;
}

/* ---- apostrophes --------------------------------------------------------------------------------------- */

size_t ptb_special_word(struct span text)
{
    for (const struct ptb_special *special = ptb_specials; special->word; ++special) {
        const size_t length = ptb_like(text, special->word);
        if (!length || ptb_is_word(span_from(text, length)) || joint(span_from(text, length)))
            continue;
        char first[16] = {0};
        memcpy(first, special->word, special->cut);
        return ptb_like(text, first);
    }
    return 0;
}

/* The reference wants to see the character behind a contraction, and there is none at the end of a batch. */
static bool word_ends(struct span text)
{
    return text.length && !ptb_is_word(text);
}

size_t ptb_contraction(struct span text)
{
    for (const char *const *contraction = ptb_contractions; *contraction; ++contraction) {
        const size_t length = ptb_like(text, *contraction);
        if (length && word_ends(span_from(text, length)))
            return length;
    }
    return 0;
}

/* n't, with a back-tick too */
static size_t negation(struct span text)
{
    size_t length = ptb_like(text, "n't");
    if (!length)
        length = ptb_like(text, "n`t");
    return length && word_ends(span_from(text, length)) ? length : 0;
}

/* d'oh, l'eau, O'Brien: bytes up to the second letter */
static size_t elision(struct span text)
{
    static const char *const prefixes[] = {"d'", "j'", "l'", "o'"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; ++i) {
        const size_t length = ptb_like(text, prefixes[i]);
        if (length && ptb_class(span_from(text, length), NULL, NULL) == PTB_LETTER &&
            !ptb_contraction(span_from(text, 1)))
            return length;
    }
    return 0;
}

/* Hawai'i, ne'er: bytes of an apostrophe between the vowels that text begins with */
static size_t between_vowels(struct span text)
{
    if (!ptb_has("aeiouyAEIOUY", text))
        return 0;
    const size_t length = ptb_like(span_from(text, 1), "'");
    return length && ptb_has("aeiouAEIOU", span_from(text, 1 + length)) ? length : 0;
}

/* ---- words --------------------------------------------------------------------------------------------- */

/* "TV.The", "wow!great": bytes of the signs that do not end the word before them */
static size_t inner_stop(struct span text)
{
    size_t length = 0;
    if (ptb_has(".", text))
        length = 1;
    else
        while (ptb_has("!?", span_from(text, length)))
            ++length;
    return length && ptb_class(span_from(text, length), NULL, NULL) == PTB_LETTER ? length : 0;
}

size_t ptb_word(struct span text)
{
    if (negation(text))
        return negation(text);
    if (!ptb_is_word(text))
        return 0;
    size_t length = elision(text), begin = length, bridge;
    bool stops = ptb_class(text, NULL, NULL) == PTB_LETTER;

    length += word_run(span_from(text, length));
    for (;;) {
        const struct span rest = span_from(text, length);
        if ((bridge = joint(rest)) != 0)
            stops = false;
        else if (!stops || length == begin)
            break;
        else if ((bridge = between_vowels(span_from(text, length - 1))) == 0 &&
                 (bridge = inner_stop(rest)) == 0)
            break;
        begin = length + bridge;
        length = begin + word_run(span_from(text, begin));
    }
    if (length > begin + 1 && negation(span_from(text, length - 1)))
        --length;
    else if (length - begin == 1 && !stops && ptb_acronym(span_from(text, begin)) > 2)
        length = begin + ptb_acronym(span_from(text, begin)); /* non-U.S. */
    return length;
}

/* ---- periods ------------------------------------------------------------------------------------------- */

/* Does what follows "B." begin a new sentence? */
static bool sentence_begins(struct span text)
{
    const size_t gaps = ptb_gaps(text);
    const struct span rest = span_from(text, gaps);
    if (gaps == 0)
        return false;
    for (const char *const *starter = ptb_starters; *starter; ++starter)
        if (span_begins(rest, span_of(*starter)) && ptb_is_gap(span_from(rest, strlen(*starter))))
            return true;
    return ptb_tag(rest) > 0;
}

/* a. B. u.s. e.g. */
size_t ptb_acronym(struct span text)
{
    size_t length = 0;
    while (is_ascii_letter(span_from(text, length)) && ptb_has(".", span_from(text, length + 1)))
        length += 2;
    return length == 2 && sentence_begins(span_from(text, length)) ? 0 : length;
}

static int compare(const char *word, struct span text)
{
    for (size_t i = 0; i < text.length; ++i) {
        const char c = (char)(text.data[i] | 0x20); /* lower case, of ASCII letters */
        if (word[i] != c)
            return word[i] < c ? -1 : 1;
    }
    return word[text.length] != '\0';
}

static const struct ptb_abbreviation *find_abbreviation(struct span word)
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

size_t ptb_abbreviation(struct span text)
{
    enum { LONGEST = 8 };
    size_t length = 0;
    while (length < LONGEST && is_ascii_letter(span_from(text, length)))
        ++length;
    if (!ptb_has(".", span_from(text, length)))
        return 0;

    const struct ptb_abbreviation *found = find_abbreviation((struct span){text.data, length});
    const struct span rest = span_from(text, length + 1);
    if (!found || (found->period == PERIOD_CAPITAL && !is_capital(text)) ||
        (found->period == PERIOD_NUMBER &&
            ptb_class(span_from(rest, ptb_gaps(rest)), NULL, NULL) != PTB_DIGIT))
        return 0;
    return length + 1;
}

/* ---- R&B ----------------------------------------------------------------------------------------------- */

static size_t capitals(struct span text)
{
    size_t length = 0;
    while (is_capital(span_from(text, length)))
        ++length;
    return length;
}

size_t ptb_ampersand(struct span text)
{
    size_t length = capitals(text), names = length > 0;
    while (names && ptb_has("&", span_from(text, length))) {
        const size_t entity = ptb_like(span_from(text, length), "&amp;");
        const size_t sign = entity ? entity : 1;
        const size_t name = capitals(span_from(text, length + sign));
        if (!name)
            break;
        length += sign + name;
        ++names;
    }
    return names > 1 ? length : 0;
}
