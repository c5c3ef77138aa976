// SPDX-License-Identifier: Apache-2.0
/* Rules for signs, and for what is joined by them. */
#include "text/captions/ptb.h"

#include <string.h>

struct ptb_match ptb_literal(struct span text)
{
    size_t longest = 0;
    for (const char *const *word = ptb_literals; *word; word++) {
        const size_t length = strlen(*word);
        if (length > longest && ptb_like(text, *word) == length)
            longest = length;
    }
    return ptb_whole(longest);
}

/* &#39; */
struct ptb_match ptb_entity(struct span text)
{
    if (!ptb_has("&", text) || !ptb_has("#", span_from(text, 1)))
        return ptb_whole(0);
    size_t length = 2;
    while (ptb_has("0123456789", span_from(text, length)))
        length++;
    return ptb_whole(length > 2 && ptb_has(";", span_from(text, length)) ? length + 1 : 0);
}

/* :) ;-( =D >:o), before anything but a letter or a digit. At the end of a batch nothing is behind it. */
struct ptb_match ptb_smiley(struct span text)
{
    const size_t brow = ptb_has("<>", text);
    if (!ptb_has(":;=", span_from(text, brow)))
        return ptb_whole(0);
    const size_t nose = ptb_has("-o*'", span_from(text, brow + 1)), length = brow + 1 + nose + 1;
    const struct span rest = span_from(text, length);
    if (!ptb_has("()DPdpO\\{@|[]", span_from(text, length - 1)))
        return ptb_whole(0);
    return ptb_before(length, ptb_is_ascii_word(rest) ? 0 : ptb_width(rest));
}

/* ^_^ (x.x) (~-~) */
struct ptb_match ptb_face(struct span text)
{
    static const char eyes[] = "-^x=~<>'";
    const bool round = ptb_has("(", text);
    size_t length = round;
    if (!ptb_has(eyes, span_from(text, length)))
        return ptb_whole(0);
    length++;
    const bool nose = ptb_has(round ? "_." : "_", span_from(text, length));
    if ((nose || round) && ptb_has(eyes, span_from(text, length + nose)) &&
        (!round || ptb_has(")", span_from(text, length + nose + 1))))
        return ptb_whole(length + nose + 1 + round);
    if (!round || ptb_has("-", span_from(text, 1)) || !ptb_has("-", span_from(text, length)))
        return ptb_whole(0);
    const bool closes = ptb_has("^x=~<>'`", span_from(text, 3)) && ptb_has(")", span_from(text, 4));
    return ptb_whole(closes ? 5 : 0);
}

static bool is_capital(struct span text)
{
    return text.length && text.data[0] >= 'A' && text.data[0] <= 'Z';
}

static size_t capitals(struct span text)
{
    size_t length = 0;
    while (is_capital(span_from(text, length)))
        length++;
    return length;
}

/* $, US$ */
struct ptb_match ptb_dollar(struct span text)
{
    const size_t length = capitals(text);
    return ptb_whole(ptb_has("$", span_from(text, length)) ? length + 1 : 0);
}

/* R&B, A+B */
struct ptb_match ptb_capitals(struct span text)
{
    size_t length = capitals(text), end = 0, more = length;
    while (more) {
        const struct span rest = span_from(text, length);
        const size_t entity = ptb_like(rest, "&amp;"), sign = entity ? entity : ptb_has("&+", rest);
        more = sign ? capitals(span_from(rest, sign)) : 0;
        if (more)
            end = length += sign + more;
    }
    return ptb_whole(end);
}

/* a-b-c: at most two hyphens, and only letters behind them */
static size_t slash_part(struct span text)
{
    enum { LONGEST = 255 }; /* keeps the scanner linear */
    size_t length = ptb_ascii_words(text, LONGEST);
    for (int i = 0; length && i < 2 && ptb_has("-", span_from(text, length)); i++) {
        size_t more = 1;
        while (more < LONGEST && ptb_is_ascii_letter(span_from(text, length + more)))
            more++;
        if (more == 1)
            break;
        length += more;
    }
    return length;
}

/* and/or, A/B/C */
struct ptb_match ptb_slashes(struct span text)
{
    size_t length = slash_part(text), parts = length > 0;
    while (parts && parts < 3) {
        const size_t escape = ptb_has("\\", span_from(text, length));
        const struct span rest = span_from(text, length + escape);
        const size_t more = ptb_has("/", rest) ? slash_part(span_from(rest, 1)) : 0;
        if (!more)
            break;
        length += escape + 1 + more;
        parts++;
    }
    return ptb_whole(parts > 1 ? length : 0);
}

/* *** or \*\* */
static size_t stars(struct span text)
{
    const size_t escape = ptb_has("\\", text);
    size_t length = 0;
    while (
        (!escape || ptb_has("\\", span_from(text, length))) && ptb_has("*", span_from(text, length + escape)))
        length += escape + 1;
    return length;
}

/* ?!!, ------: signs of which any number is one token */
struct ptb_match ptb_run(struct span text)
{
    static const char *const runs[] = {"!?", "-", "_", "#", "@"};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        size_t length = 0;
        while (ptb_has(runs[i], span_from(text, length)))
            length++;
        if (length)
            return ptb_whole(length);
    }
    return ptb_whole(stars(text));
}

/* ... to ....., and . . . with blanks */
struct ptb_match ptb_dots(struct span text)
{
    enum { FEWEST = 3, MOST = 5 };
    size_t close = 0, wide = ptb_has(".", text);
    while (close < MOST && ptb_has(".", span_from(text, close)))
        close++;
    while (wide && wide < 2 * MOST - 1 && ptb_has(" ", span_from(text, wide)) &&
           ptb_has(".", span_from(text, wide + 1)))
        wide += 2;
    return ptb_whole(close >= FEWEST ? close : wide >= 2 * FEWEST - 1 ? wide : 0);
}

/* One or two of a back-tick and typographic quotes */
size_t ptb_quotes_length(struct span text)
{
    size_t length = 0;
    for (int i = 0; i < 2; i++) {
        int32_t c;
        size_t width;
        ptb_class(span_from(text, length), &c, &width);
        if (c != '`' && !(c >= 0x91 && c <= 0x94) && c != 0xab && c != 0xbb &&
            !(c >= 0x2018 && c <= 0x201e) && c != 0x2039 && c != 0x203a)
            break;
        length += width;
    }
    return length;
}

struct ptb_match ptb_quotes(struct span text)
{
    return ptb_whole(ptb_quotes_length(text));
}

/* A single quote before a letter and what is no blank opens something. */
struct ptb_match ptb_opening(struct span text)
{
    const struct span rest = span_from(text, 1), next = span_from(text, 2);
    if (!ptb_has("'", text) || !ptb_is_ascii_letter(rest) || ptb_is_gap(next))
        return ptb_whole(0);
    return next.length ? ptb_before(1, 1 + ptb_width(next)) : ptb_whole(0);
}
