// SPDX-License-Identifier: Apache-2.0
#include "base/pickle.h"

#include <string.h>
#include <utf8proc.h>

/* Takes `digits` hexadecimal digits off the front of *rest. */
static bool take_hex(uint32_t *out, struct span *rest, size_t digits)
{
    *out = 0;
    if (rest->length < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        const char c = rest->data[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    *rest = span_from(*rest, digits);
    return true;
}

/* What stands behind a backslash in a repr: itself, a letter's control character, or x and two digits. */
static bool take_escape(char *out, struct span *rest)
{
    static const char letters[] = "\\'\"ntr", characters[] = "\\'\"\n\t\r";
    uint32_t value;
    if (span_take(rest, "x")) {
        if (!take_hex(&value, rest, 2))
            return false;
        *out = (char)value;
        return true;
    }
    const char *letter = rest->length ? memchr(letters, rest->data[0], sizeof letters - 1) : NULL;
    if (!letter)
        return false;
    *out = characters[letter - letters];
    *rest = span_from(*rest, 1);
    return true;
}

bool pickle_unquote(char *out, size_t *length, struct span quoted)
{
    if (quoted.length < 2 || quoted.data[0] != quoted.data[quoted.length - 1] ||
        (quoted.data[0] != '\'' && quoted.data[0] != '"'))
        return false;
    struct span rest = {quoted.data + 1, quoted.length - 2};
    for (*length = 0; rest.length; (*length)++) {
        if (span_take(&rest, "\\")) {
            if (!take_escape(&out[*length], &rest))
                return false;
        } else {
            out[*length] = rest.data[0];
            rest = span_from(rest, 1);
        }
    }
    return true;
}

bool pickle_unescape(char *out, size_t *length, struct span escaped)
{
    for (*length = 0; escaped.length;) {
        uint32_t c = (unsigned char)escaped.data[0];
        if (c != '\\') {
            escaped = span_from(escaped, 1);
        } else {
            const size_t digits = span_take(&escaped, "\\u") ? 4 : span_take(&escaped, "\\U") ? 8 : 0;
            if (!digits || !take_hex(&c, &escaped, digits))
                return false;
        }
        if (c < 0x80)
            out[(*length)++] = (char)c;
        else if (utf8proc_codepoint_valid((utf8proc_int32_t)c))
            *length += (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)out + *length);
        else
            return false;
    }
    return true;
}
