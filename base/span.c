// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <ctype.h>
#include <string.h>

struct span span_of(const char *string)
{
    return (struct span){string, strlen(string)};
}

struct span span_from(struct span span, size_t offset)
{
    return (struct span){span.data + offset, span.length - offset};
}

bool span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || !memcmp(a.data, b.data, a.length));
}

bool span_begins(struct span span, struct span prefix)
{
    return span.length >= prefix.length && span_equal((struct span){span.data, prefix.length}, prefix);
}

struct span span_trimmed(struct span span)
{
    while (span.length && isspace((unsigned char)*span.data))
        span = span_from(span, 1);
    while (span.length && isspace((unsigned char)span.data[span.length - 1]))
        span.length--;
    return span;
}

bool span_take(struct span *rest, const char *literal)
{
    const struct span prefix = span_of(literal);
    if (!span_begins(*rest, prefix))
        return false;
    *rest = span_from(*rest, prefix.length);
    return true;
}

bool span_take_number(uint32_t *out, struct span *rest)
{
    uint64_t value = 0;
    size_t digits = 0;
    while (digits < rest->length && rest->data[digits] >= '0' && rest->data[digits] <= '9') {
        value = value * 10 + (uint64_t)(rest->data[digits++] - '0');
        if (value > UINT32_MAX)
            return false;
    }
    if (digits == 0 || (digits > 1 && rest->data[0] == '0'))
        return false;
    *out = (uint32_t)value;
    *rest = span_from(*rest, digits);
    return true;
}
