// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_ngrams.h"

#include <string.h>

/* Python's str.isspace: Unicode's White_Space and the separators U+001C to U+001F. */
static bool is_space(struct span text, size_t *width)
{
    const unsigned char c = (unsigned char)text.data[0];
    *width = 1;
    if (c < 0x80)
        return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
    return unicode_class(text, width) == CHAR_SPACE;
}

bool split_words(struct span *word, struct span *rest)
{
    size_t width;
    while (rest->length && is_space(*rest, &width))
        *rest = span_from(*rest, width);
    size_t length = 0;
    while (length < rest->length && !is_space(span_from(*rest, length), &width))
        length += width;
    *word = (struct span){rest->data, length};
    *rest = span_from(*rest, length);
    return length > 0;
}

bool split_blanks(struct span *word, struct span *rest)
{
    if (!rest->data)
        return false;
    const char *blank = memchr(rest->data, ' ', rest->length);
    const size_t length = blank ? (size_t)(blank - rest->data) : rest->length;
    *word = (struct span){rest->data, length};
    *rest = blank ? span_from(*rest, length + 1) : (struct span){0};
    return true;
}

size_t character_width(struct span text, bool *space)
{
    size_t width;
    *space = is_space(text, &width);
    return width;
}

size_t count_words(struct span text)
{
    struct span word;
    size_t count = 0;
    while (split_words(&word, &text))
        count++;
    return count;
}
