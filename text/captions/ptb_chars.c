// SPDX-License-Identifier: Apache-2.0
#include "text/captions/ptb.h"

#include <string.h>
#include <utf8proc.h>

static enum ptb_class ascii_class(int32_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return PTB_LETTER;
    if (c >= '0' && c <= '9')
        return PTB_DIGIT;
    return c <= ' ' || c == 0x7f ? PTB_GAP : PTB_SIGN;
}

static enum ptb_class wide_class(int32_t c)
{
    size_t low = 0, high = ptb_range_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c > ptb_ranges[middle].last)
            low = middle + 1;
        else if (c < ptb_ranges[middle].first)
            high = middle;
        else
            return (enum ptb_class)ptb_ranges[middle].class;
    }
    return PTB_GAP;
}

enum ptb_class ptb_class(struct span text, int32_t *c, size_t *width)
{
    int32_t first = -1;
    size_t bytes = 0;
    if (text.length && (unsigned char)text.data[0] < 0x80) {
        first = text.data[0];
        bytes = 1;
    } else if (text.length) {
        bytes = (size_t)utf8proc_iterate((const uint8_t *)text.data, (utf8proc_ssize_t)text.length, &first);
    }
    if (c)
        *c = first;
    if (width)
        *width = bytes;
    if (bytes == 0)
        return PTB_END;
    return first < 0x80 ? ascii_class(first) : wide_class(first);
}

bool ptb_is_gap(struct span text)
{
    return ptb_class(text, NULL, NULL) == PTB_GAP;
}

bool ptb_is_ascii_letter(struct span text)
{
    return text.length && (unsigned char)text.data[0] < 0x80 && ascii_class(text.data[0]) == PTB_LETTER;
}

bool ptb_is_ascii_word(struct span text)
{
    return text.length && (unsigned char)text.data[0] < 0x80 && ascii_class(text.data[0]) >= PTB_LETTER;
}

bool ptb_has(const char *set, struct span text)
{
    return text.length && text.data[0] && strchr(set, text.data[0]);
}

size_t ptb_width(struct span text)
{
    size_t width;
    ptb_class(text, NULL, &width);
    return width;
}

size_t ptb_alnum(struct span text)
{
    size_t width;
    return ptb_class(text, NULL, &width) >= PTB_LETTER ? width : 0;
}

size_t ptb_gaps(struct span text)
{
    size_t length = 0, width;
    while (ptb_class(span_from(text, length), NULL, &width) == PTB_GAP)
        length += width;
    return length;
}

size_t ptb_ascii_words(struct span text, size_t most)
{
    size_t length = 0;
    while (length < most && ptb_is_ascii_word(span_from(text, length)))
        length++;
    return length;
}

static size_t one_of(const char *const *marks, struct span text)
{
    for (; *marks; marks++)
        if (span_begins(text, span_of(*marks)))
            return strlen(*marks);
    return 0;
}

size_t ptb_apostrophe(struct span text)
{
    static const char *const marks[] = {"'", "\u2019", "\xc2\x92", NULL};
    if (ptb_is_ascii_word(text))
        return 0;
    return ptb_has("&", text) ? ptb_like(text, "&apos;") : one_of(marks, text);
}

size_t ptb_quote(struct span text)
{
    static const char *const marks[] = {"`", "\u2018", "\u201b", "\xc2\x91", NULL};
    const size_t length = ptb_apostrophe(text);
    return length || ptb_is_ascii_word(text) ? length : one_of(marks, text);
}

static bool same_letter(char c, char lower)
{
    return c == lower || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == lower);
}

size_t ptb_like(struct span text, const char *pattern)
{
    size_t length = 0;
    for (; *pattern; pattern++) {
        const struct span rest = span_from(text, length);
        const size_t width =
            *pattern == '\'' ? ptb_apostrophe(rest) : rest.length && same_letter(*rest.data, *pattern);
        if (width == 0)
            return 0;
        length += width;
    }
    return length;
}
