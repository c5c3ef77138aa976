// SPDX-License-Identifier: Apache-2.0
/* Rules for numbers. */
#include "text/captions/ptb.h"

/* Bytes of the digits that text begins with, at most so many of them. */
static size_t digits(struct span text, size_t most)
{
    size_t length = 0, width;
    for (size_t i = 0; i < most && ptb_class(span_from(text, length), NULL, &width) == PTB_DIGIT; i++)
        length += width;
    return length;
}

/* Bytes of what stands between digits of a number, and the digits behind it. */
static size_t more_digits(struct span text)
{
    int32_t c;
    size_t width;
    ptb_class(text, &c, &width);
    const bool joins = c == '.' || c == ',' || c == ':' || c == 0xad || c == 0x66b || c == 0x66c;
    const size_t more = joins ? digits(span_from(text, width), SIZE_MAX) : 0;
    return more ? width + more : 0;
}

/* -5 1,000 3.5 10:30 .5 */
struct ptb_match ptb_number(struct span text)
{
    const size_t sign = ptb_has("+-", text);
    size_t length = sign + digits(span_from(text, sign), SIZE_MAX), more;
    while ((more = more_digits(span_from(text, length))) > 0)
        length += more;
    return ptb_whole(length > sign ? length : 0);
}

/* 12/25-2014 */
struct ptb_match ptb_date(struct span text)
{
    size_t length = 0;
    for (int i = 0; i < 2; i++) {
        const size_t part = digits(span_from(text, length), 2);
        if (!part || !ptb_has("-/", span_from(text, length + part)))
            return ptb_whole(0);
        length += part + 1;
    }
    const size_t year = digits(span_from(text, length), 4);
    return ptb_whole(year > digits(span_from(text, length), 1) ? length + year : 0);
}

static size_t slash(struct span text)
{
    static const char fraction_slash[] = "\u2044";
    if (span_begins(text, span_of(fraction_slash)))
        return sizeof fraction_slash - 1;
    const size_t escaped = ptb_has("\\", text);
    return ptb_has("/", span_from(text, escaped)) ? escaped + 1 : 0;
}

static size_t simple_fraction(struct span text)
{
    const size_t above = digits(text, 4), line = above ? slash(span_from(text, above)) : 0;
    const size_t below = line ? digits(span_from(text, above + line), 4) : 0;
    return below ? above + line + below : 0;
}

/* A blank or a no-break space, or a hyphen. */
static size_t separator(struct span text)
{
    return ptb_has(" -", text) ? 1 : span_begins(text, span_of("\u00a0")) ? 2 : 0;
}

/* 1/2, 22 3/4 */
struct ptb_match ptb_fraction(struct span text)
{
    const size_t above = digits(text, 4), gap = above ? separator(span_from(text, above)) : 0;
    const size_t part = gap ? simple_fraction(span_from(text, above + gap)) : 0;
    return ptb_whole(part ? above + gap + part : simple_fraction(text));
}

/* '80 before a blank */
struct ptb_match ptb_year(struct span text)
{
    const size_t mark = ptb_apostrophe(text), year = mark ? digits(span_from(text, mark), 3) : 0;
    const struct span rest = span_from(text, mark + year);
    if (!year || digits(span_from(text, mark), 1) == year || digits(span_from(text, mark), 2) != year ||
        !ptb_is_gap(rest))
        return ptb_whole(0);
    return ptb_before(mark + year, ptb_width(rest));
}

static bool is_raised(int32_t c)
{
    return c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079);
}

static bool is_lowered(int32_t c)
{
    return c >= 0x2080 && c <= 0x2089;
}

static bool is_small_sign(int32_t c)
{
    return c == 0x207a || c == 0x207b || c == 0x208a || c == 0x208b;
}

/* Bytes of the characters of a kind that text begins with, at most so many. */
static size_t small(struct span text, bool (*kind)(int32_t), size_t most)
{
    size_t length = 0, width;
    int32_t c;
    for (; most-- > 0 && (ptb_class(span_from(text, length), &c, &width), kind(c)); length += width)
        ;
    return length;
}

/* The ² of m², ⁻³, ₂ */
struct ptb_match ptb_power(struct span text)
{
    const size_t sign = small(text, is_small_sign, 1);
    const struct span rest = span_from(text, sign);
    const size_t number = small(rest, is_raised, SIZE_MAX) + small(rest, is_lowered, SIZE_MAX);
    return ptb_whole(number ? sign + number : 0);
}

/* ---- telephones ---------------------------------------------------------------------------------------- */

/* Three or four digits, perhaps a separator, three to five digits. */
static size_t subscriber(struct span text)
{
    for (size_t first = 4; first >= 3; first--) {
        const size_t before = digits(text, first), gap = separator(span_from(text, before));
        const struct span rest = span_from(text, before + gap);
        if (before == first && digits(rest, 3) > digits(rest, 2))
            return before + gap + digits(rest, 5);
    }
    return 0;
}

/* The two to four digits of an area and a separator. */
static size_t area(struct span text)
{
    const size_t length = digits(text, 4), gap = separator(span_from(text, length));
    return length > digits(text, 1) && gap ? length + gap : 0;
}

static size_t area_in_brackets(struct span text)
{
    if (!ptb_has("(", text))
        return 0;
    const size_t length = digits(span_from(text, 1), 3);
    if (length < 2 || !ptb_has(")", span_from(text, 1 + length)))
        return 0;
    const struct span rest = span_from(text, 2 + length);
    return 2 + length + (ptb_has("-", rest) ? 0 : separator(rest));
}

/* (555) 555-1234, 555 123 4567 */
struct ptb_match ptb_phone(struct span text)
{
    const size_t plus = ptb_has("+", text) + (ptb_has("+", text) && ptb_has("+", span_from(text, 1)));
    const size_t bracket = area_in_brackets(text), first = bracket ? bracket : area(span_from(text, plus));
    const size_t begin = bracket ? bracket : first ? plus + first : 0;
    const size_t second = begin && !bracket ? area(span_from(text, begin)) : 0;
    size_t rest = second ? subscriber(span_from(text, begin + second)) : 0;
    if (rest)
        return ptb_whole(begin + second + rest);
    rest = begin ? subscriber(span_from(text, begin)) : 0;
    return ptb_whole(rest ? begin + rest : 0);
}
