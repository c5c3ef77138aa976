// SPDX-License-Identifier: Apache-2.0
/* Rules for what begins with a number, a sign or a currency. */
#include "text/ptb.h"

/* Digits that text begins with, up to most. */
static size_t digits(struct span text, size_t most)
{
    size_t length = 0;
    while (length < most && length < text.length && text.data[length] >= '0' && text.data[length] <= '9')
        ++length;
    return length;
}

/* -5 1,000 3.5 10:30 .5 */
size_t ptb_number(struct span text)
{
    const size_t sign = ptb_has("+-", text);
    size_t length = sign + digits(span_from(text, sign), SIZE_MAX), more;
    if (length == sign && !ptb_has(".", span_from(text, sign)))
        return 0;
    while (
        ptb_has(".,:", span_from(text, length)) && (more = digits(span_from(text, length + 1), SIZE_MAX)) > 0)
        length += 1 + more;
    return length > sign ? length : 0;
}

static size_t simple_fraction(struct span text)
{
    const size_t above = digits(text, 4);
    if (above == 0 || !ptb_has("/", span_from(text, above)))
        return 0;
    const size_t below = digits(span_from(text, above + 1), 4);
    return below ? above + 1 + below : 0;
}

/* 1/2, 22 3/4 */
size_t ptb_fraction(struct span text)
{
    const size_t whole = digits(text, 4);
    if (whole && ptb_has(" -", span_from(text, whole))) {
        const size_t part = simple_fraction(span_from(text, whole + 1));
        if (part)
            return whole + 1 + part;
    }
    return simple_fraction(text);
}

/* '90s, and '80 before a blank */
size_t ptb_decade(struct span text)
{
    const size_t length = ptb_like(text, "'");
    if (!length || digits(span_from(text, length), 3) != 2)
        return 0;
    const size_t plural = ptb_like(span_from(text, length + 2), "s");
    const struct span rest = span_from(text, length + 2 + plural);
    return (plural ? !ptb_is_word(rest) : ptb_is_gap(rest)) ? length + 2 + plural : 0;
}

/* ---- telephones ---------------------------------------------------------------------------------------- */

/* Three or four digits, perhaps a separator, three to five digits. */
static size_t subscriber(struct span text)
{
    const size_t most = digits(text, 4);
    for (size_t first = most; first >= 3; --first) {
        const size_t gap = ptb_has(" -", span_from(text, first));
        const size_t second = digits(span_from(text, first + gap), 5);
        if (second >= 3)
            return first + gap + second;
    }
    return 0;
}

/* The two to four digits of an area and a separator. */
static size_t area(struct span text)
{
    const size_t length = digits(text, 4);
    return length >= 2 && ptb_has(" -", span_from(text, length)) ? length + 1 : 0;
}

static size_t area_in_brackets(struct span text)
{
    if (!ptb_has("(", text))
        return 0;
    const size_t length = digits(span_from(text, 1), 3);
    if (length < 2 || !ptb_has(")", span_from(text, 1 + length)))
        return 0;
    return 2 + length + ptb_has(" ", span_from(text, 2 + length));
}

/* (555) 555-1234, 555 123 4567 */
size_t ptb_phone(struct span text)
{
    size_t before = area_in_brackets(text);
    if (!before) {
        before = area(text);
        const size_t country = before;
        const size_t second = before ? area(span_from(text, before)) : 0;
        const size_t rest = second ? subscriber(span_from(text, country + second)) : 0;
        if (rest)
            return country + second + rest;
    }
    const size_t rest = before ? subscriber(span_from(text, before)) : 0;
    return rest ? before + rest : 0;
}
