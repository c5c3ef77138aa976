// SPDX-License-Identifier: Apache-2.0
#include "text/ptb.h"

#include <string.h>
#include <utf8proc.h>

static bool is_gap(int32_t c)
{
    if (c <= 0x20 || (c >= 0x7f && c <= 0xa0))
        return c != 0x80 &&
               (c < 0x91 || c > 0x97 || c == 0x95); /* the signs Windows keeps among the controls */
    return (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0x1680 || c == 0x3000 || c == 0xfeff ||
           (c >= 0xe000 && c <= 0xf8ff) || c >= 0xfff0;
}

static enum ptb_class wide_class(int32_t c)
{
    if (c == 0xad)
        return PTB_LETTER;
    if (is_gap(c))
        return PTB_GAP;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return PTB_LETTER;
    case UTF8PROC_CATEGORY_ND:
        return PTB_DIGIT;
    default:
        return PTB_SIGN;
    }
}

static enum ptb_class ascii_class(int32_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return PTB_LETTER;
    if (c >= '0' && c <= '9')
        return PTB_DIGIT;
    return is_gap(c) ? PTB_GAP : PTB_SIGN;
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

bool ptb_is_word(struct span text)
{
    const enum ptb_class class = ptb_class(text, NULL, NULL);
    return class == PTB_LETTER || class == PTB_DIGIT;
}

bool ptb_is_ascii_word(struct span text)
{
    return text.length && (unsigned char)text.data[0] < 0x80 && ptb_is_word(text);
}

bool ptb_has(const char *set, struct span text)
{
    return text.length && text.data[0] && strchr(set, text.data[0]);
}

bool ptb_is_gap(struct span text)
{
    return ptb_class(text, NULL, NULL) == PTB_GAP;
}

size_t ptb_gaps(struct span text)
{
    size_t length = 0, width;
    while (ptb_class(span_from(text, length), NULL, &width) == PTB_GAP)
        length += width;
    return length;
}

static size_t apostrophe(struct span text)
{
    static const char *const marks[] = {"'", "\u2019", "\xc2\x92", "&apos;"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; ++i)
        if (span_begins(text, span_of(marks[i])))
            return strlen(marks[i]);
    return 0;
}

static bool same_letter(char c, char lower)
{
    return c == lower || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == lower);
}

size_t ptb_like(struct span text, const char *pattern)
{
    size_t length = 0;
    for (; *pattern; ++pattern) {
        const struct span rest = span_from(text, length);
        const size_t width =
            *pattern == '\'' ? apostrophe(rest) : rest.length && same_letter(*rest.data, *pattern);
        if (width == 0)
            return 0;
        length += width;
    }
    return length;
}
