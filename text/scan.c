// SPDX-License-Identifier: Apache-2.0
#include "text/scan.h"

#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct scan *scan)
{
    while (scan->offset < scan->text.length && is_blank(scan->text.data[scan->offset]))
        scan->offset++;
}

/* The next character that is no blank; NUL at the end. */
static char peek(struct scan *scan)
{
    skip_blanks(scan);
    return scan->offset < scan->text.length ? scan->text.data[scan->offset] : '\0';
}

static int refuse(const struct scan *scan, const char *expected, struct err *err)
{
    return err_set(err, ERR_FORMAT, "%s expected at byte %zu", expected, scan->offset);
}

bool scan_at(struct scan *scan, char first)
{
    return peek(scan) == first;
}

int scan_enter(struct scan *scan, char bracket, struct err *err)
{
    if (peek(scan) != bracket)
        return refuse(scan, bracket == '[' ? "an array" : "an object", err);
    scan->offset++;
    return 0;
}

/* A comma is taken as a blank would be: whether each is where it should be is for the whole parser to say, and what is
 * scanned is lists of values that a comma more or less does not change. */
int scan_next(struct scan *scan, bool *more, struct err *err)
{
    const char c = peek(scan) == ',' ? (scan->offset++, peek(scan)) : peek(scan);
    *more = c != ']' && c != '}';
    if (!c)
        return refuse(scan, "the end of a list", err);
    scan->offset += !*more;
    return 0;
}

/* ---- strings ------------------------------------------------------------------------------------------- */

static bool read_hex(uint32_t *out, struct span text)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char c = i < text.length ? text.data[i] : '\0';
        const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;
        if (!digit)
            return false;
        *out = *out * 16 + (uint32_t)(digit - digits);
    }
    return true;
}

/* The character of \uXXXX, or of two that are the halves of one; *length bytes after the "\u". */
static bool read_code(int32_t *out, size_t *length, struct span text)
{
    uint32_t high, low;
    if (!read_hex(&high, text))
        return false;
    *length = 4;
    *out = (int32_t)high;
    if (high < 0xd800 || high > 0xdfff)
        return true;
    *length = 10;
    if (high > 0xdbff || text.length < 10 || text.data[4] != '\\' || text.data[5] != 'u' ||
        !read_hex(&low, span_from(text, 6)) || low < 0xdc00 || low > 0xdfff)
        return false;
    *out = (int32_t)(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
    return true;
}

/* One escape after its backslash: what it stands for, and its length. */
static bool read_escape(int32_t *out, size_t *length, struct span text)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name = text.length && text.data[0] ? strchr(names, text.data[0]) : NULL;
    *length = 1;
    if (name)
        *out = values[name - names];
    else if (!text.length || text.data[0] != 'u' || !read_code(out, length, span_from(text, 1)))
        return false;
    *length += !name;
    return true;
}

static int unescape(struct scan *scan, struct span *out, struct span raw, size_t offset, struct err *err)
{
    int rc = array_grow(scan->unescaped, &scan->room, raw.length, err);
    size_t length = 0, width;
    if (rc)
        return rc;
    for (size_t i = 0; i < raw.length; i += width) {
        int32_t c;
        width = 1;
        if (raw.data[i] != '\\') {
            scan->unescaped[length++] = raw.data[i];
            continue;
        }
        if (!read_escape(&c, &width, span_from(raw, i + 1)))
            return err_set(err, ERR_FORMAT, "no escape of JSON at byte %zu", offset + i);
        length += unicode_write(scan->unescaped + length, c); /* never longer than the escape */
        width++;
    }
    *out = (struct span){scan->unescaped, length};
    return 0;
}

/* Past the string that begins here; *escapes: it has some. */
static int skip_string(struct scan *scan, bool *escapes, struct err *err)
{
    const struct span text = scan->text;
    size_t i = scan->offset + 1;
    for (*escapes = false; i < text.length && text.data[i] != '"'; i++)
        if (text.data[i] == '\\') {
            *escapes = true;
            i++;
        }
    if (i >= text.length)
        return err_set(err, ERR_FORMAT, "the string at byte %zu has no end", scan->offset);
    scan->offset = i + 1;
    return 0;
}

int scan_string(struct scan *scan, struct span *out, struct err *err)
{
    bool escapes;
    if (peek(scan) != '"')
        return refuse(scan, "a string", err);
    const size_t begin = scan->offset + 1;
    int rc = skip_string(scan, &escapes, err);
    if (rc)
        return rc;
    *out = (struct span){scan->text.data + begin, scan->offset - 1 - begin};
    return escapes ? unescape(scan, out, *out, begin, err) : 0;
}

int scan_key(struct scan *scan, struct span *out, struct err *err)
{
    int rc = scan_string(scan, out, err);
    if (!rc && peek(scan) != ':')
        rc = refuse(scan, "a colon", err);
    scan->offset += !rc;
    return rc;
}

/* ---- other values -------------------------------------------------------------------------------------- */

static bool is_of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

int scan_number(struct scan *scan, double *out, struct err *err)
{
    char digits[64], *end;
    size_t length = 0;
    skip_blanks(scan);
    const struct span rest = span_from(scan->text, scan->offset);
    for (; length < sizeof digits - 1 && length < rest.length && is_of_number(rest.data[length]); length++)
        digits[length] = rest.data[length];
    digits[length] = '\0';
    *out = strtod(digits, &end);
    if (!length || *end)
        return refuse(scan, "a number", err);
    scan->offset += length;
    return 0;
}

int scan_value(struct scan *scan, struct span *out, struct err *err)
{
    size_t depth = 0;
    const char first = peek(scan);
    const size_t begin = scan->offset;
    if (!first || strchr(",:]}", first))
        return refuse(scan, "a value", err);
    do {
        bool escapes;
        const char c = peek(scan);
        int rc = 0;
        if (!c)
            return refuse(scan, "the end of a list", err);
        if (c == '"')
            rc = skip_string(scan, &escapes, err);
        else if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
        if (rc)
            return rc;
        scan->offset += c != '"';
        while (!depth && c != '"' && c != ']' && c != '}' && scan->offset < scan->text.length &&
               !strchr(" \t\r\n,]}", scan->text.data[scan->offset]))
            scan->offset++; /* the rest of a number or a word */
    } while (depth);
    *out = (struct span){scan->text.data + begin, scan->offset - begin};
    return 0;
}
