// SPDX-License-Identifier: Apache-2.0
/* Which rule wins. */
#include "text/captions/ptb.h"

/* What a token can begin with. */
enum {
    LETTER = 1, /* of ASCII */
    DIGIT = 2,
    SIGN = 4,
    WIDE = 8, /* beyond ASCII */
    ALNUM = LETTER | DIGIT,
    ANY = 15,
};

/* In this order: the first of those that see as much wins. */
static const struct {
    ptb_rule *match;
    unsigned first;
} rules[] = {
    {ptb_special, LETTER | SIGN},
    {ptb_tag, SIGN},
    {ptb_contracted, LETTER | WIDE | SIGN},
    {ptb_negated, LETTER | WIDE},
    {ptb_word, LETTER | WIDE | SIGN},
    {ptb_apostrophe_word, LETTER | WIDE | SIGN},
    {ptb_y, LETTER},
    {ptb_url, LETTER},
    {ptb_site, ANY},
    {ptb_mail, ALNUM | SIGN},
    {ptb_handle, SIGN},
    {ptb_hashtag, SIGN},
    {ptb_contraction, SIGN | WIDE},
    {ptb_negation, LETTER},
    {ptb_number, DIGIT | SIGN | WIDE},
    {ptb_date, DIGIT | WIDE},
    {ptb_power, WIDE},
    {ptb_fraction, DIGIT | WIDE},
    {ptb_abbreviation, LETTER},
    {ptb_acronym, LETTER},
    {ptb_file, ALNUM | WIDE},
    {ptb_stop, ANY},
    {ptb_phone, DIGIT | SIGN | WIDE},
    {ptb_opening, SIGN},
    {ptb_smiley, SIGN},
    {ptb_face, SIGN | LETTER},
    {ptb_year, SIGN | WIDE},
    {ptb_literal, LETTER | SIGN},
    {ptb_entity, SIGN},
    {ptb_dollar, LETTER | SIGN},
    {ptb_dots, SIGN},
    {ptb_quotes, SIGN | WIDE},
    {ptb_run, SIGN},
    {ptb_slashes, ALNUM},
    {ptb_thing, ALNUM | WIDE},
    {ptb_capitals, LETTER},
    {ptb_hyphenated, ALNUM},
    {ptb_contraction_only, SIGN | WIDE},
};

static unsigned first_of(struct span text)
{
    if ((unsigned char)text.data[0] >= 0x80)
        return WIDE;
    return ptb_is_ascii_letter(text) ? LETTER : ptb_is_ascii_word(text) ? DIGIT : SIGN;
}

/* A line end counts, the end of all text does not. */
static bool blank(struct span text)
{
    return text.length && (text.data[0] == ' ' || text.data[0] == '\n');
}

/* Nine tokens of ten need no rules: words of ASCII letters, and stops, before a blank. 0 for any other. */
static size_t plain(struct span text)
{
    size_t length = 0;
    while (ptb_is_ascii_letter(span_from(text, length)))
        length++;
    const struct span rest = span_from(text, length);
    if (length && ptb_special(text).length)
        return 0;
    if (blank(rest))
        return length;
    if (!ptb_has(".,!?:;", rest) || !blank(span_from(rest, 1)))
        return 0;
    if (length == 0)
        return ptb_has(".", rest) && ptb_has(".", span_from(rest, 2)) ? 0 : 1; /* . . . */
    return ptb_has(".", rest) && (length == 1 || ptb_abbreviation(text).length) ? 0 : length;
}

size_t ptb_token(struct span text)
{
    struct ptb_match best = {plain(text), 0};
    if (best.length)
        return best.length;
    const unsigned first = first_of(text);
    best.length = ptb_width(text);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!(rules[i].first & first))
            continue;
        const struct ptb_match match = rules[i].match(text);
        if (match.length && match.extent > best.extent)
            best = match;
    }
    return best.length;
}
