// SPDX-License-Identifier: Apache-2.0
/* Which rule wins, and the rules for signs. */
#include "text/ptb.h"

static size_t literal(struct span text)
{
    size_t longest = 0;
    for (const char *const *word = ptb_literals; *word; ++word) {
        const size_t length = ptb_like(text, *word);
        longest = length > longest ? length : longest;
    }
    return longest;
}

static size_t run(struct span text)
{
    for (const char *const *signs = ptb_runs; *signs; ++signs) {
        size_t length = 0;
        while (ptb_has(*signs, span_from(text, length)))
            ++length;
        if (length)
            return length;
    }
    return 0;
}

/* &#39; and entities the tables do not know */
static size_t entity(struct span text)
{
    enum { LONGEST = 10 };
    if (!ptb_has("&", text))
        return 0;
    size_t length = 1 + ptb_has("#", span_from(text, 1));
    const size_t begin = length;
    while (length < LONGEST && ptb_is_ascii_word(span_from(text, length)))
        ++length;
    return length > begin && ptb_has(";", span_from(text, length)) ? length + 1 : 0;
}

/* :) ;-( =D, before anything but a letter or a digit. At the end of a batch nothing is behind it. */
static size_t smiley(struct span text)
{
    if (!ptb_has(":;=", text))
        return 0;
    const size_t nose = ptb_has("-", span_from(text, 1));
    if (!ptb_has("()DPdp", span_from(text, 1 + nose)))
        return 0;
    const struct span rest = span_from(text, 2 + nose);
    return rest.length && !ptb_is_word(rest) ? 2 + nose : 0;
}

/* #dog, @home */
static size_t handle(struct span text)
{
    if (!ptb_has("#@", text) || ptb_class(span_from(text, 1), NULL, NULL) != PTB_LETTER)
        return 0;
    size_t length = 1, width;
    while (ptb_is_word(span_from(text, length)) || ptb_has("_", span_from(text, length))) {
        ptb_class(span_from(text, length), NULL, &width);
        length += width;
    }
    return length;
}

/* $, US$ */
static size_t dollar(struct span text)
{
    size_t length = 0;
    while (length < text.length && text.data[length] >= 'A' && text.data[length] <= 'Z')
        ++length;
    return ptb_has("$", span_from(text, length)) ? length + 1 : 0;
}

static size_t slash_part(struct span text)
{
    enum { LONGEST = 255 }; /* keeps the scanner linear */
    size_t length = 0, words = 0;
    for (; length < LONGEST; ++length) {
        const bool word = ptb_is_ascii_word(span_from(text, length));
        if (!word && !ptb_has("-", span_from(text, length)))
            break;
        words += word;
    }
    return words ? length : 0;
}

/* and/or, A/B/C */
static size_t slashes(struct span text)
{
    size_t length = slash_part(text), parts = length > 0;
    for (size_t more; parts && parts < 3 && ptb_has("/", span_from(text, length)) &&
                      (more = slash_part(span_from(text, length + 1))) > 0;
         ++parts)
        length += 1 + more;
    return parts > 1 ? length : 0;
}

static size_t any(struct span text)
{
    size_t width;
    ptb_class(text, NULL, &width);
    return width;
}

size_t ptb_token(struct span text)
{
    typedef size_t rule(struct span text);
    static rule *const rules[] = {ptb_url, ptb_site, ptb_mail, ptb_tag, ptb_word, ptb_contraction,
        ptb_acronym, ptb_abbreviation, ptb_ampersand, slashes, ptb_number, ptb_fraction, ptb_phone,
        ptb_decade, literal, entity, smiley, handle, dollar, run, any};
    size_t longest = ptb_special_word(text);
    if (longest)
        return longest;
    longest = ptb_word(text);
    if (longest && ptb_is_gap(span_from(text, longest)) && ptb_class(text, NULL, NULL) == PTB_LETTER)
        return longest; /* the common case: nothing but a word could be longer */
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; ++i) {
        const size_t length = rules[i](text);
        longest = length > longest ? length : longest;
    }
    return longest;
}
