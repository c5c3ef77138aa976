// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.h"

#include <assert.h>
#include <string.h>
#include <utf8proc.h>

/* The first character of text; its width is 0 where text does not begin with one. */
static int32_t first_char(struct span text, size_t *width)
{
    int32_t c;
    const utf8proc_ssize_t got =
        utf8proc_iterate((const uint8_t *)text.data, (utf8proc_ssize_t)text.length, &c);
    *width = got > 0 ? (size_t)got : 0;
    return c;
}

int unicode_check(struct span text, struct err *err)
{
    for (size_t offset = 0, width; offset < text.length; offset += width) {
        width = 1;
        if ((unsigned char)text.data[offset] >= 0x80) /* not ASCII */
            first_char(span_from(text, offset), &width);
        if (width == 0)
            return err_set(err, ERR_FORMAT, "text is not UTF-8 at byte %zu", offset);
    }
    return 0;
}

/* Unicode's White_Space, which is what \s means to the reference: more than isspace, and neither U+180E nor
 * the separators U+001C to U+001F that Python adds. */
static bool is_space(int32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

enum char_class unicode_class(struct span text, size_t *width)
{
    const int32_t c = first_char(text, width);
    if (is_space(c))
        return CHAR_SPACE;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return CHAR_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return CHAR_NUMBER;
    default:
        return CHAR_OTHER;
    }
}

int32_t unicode_read(struct span text, size_t *width)
{
    return first_char(text, width);
}

size_t unicode_write(char *to, int32_t c)
{
    return (size_t)utf8proc_encode_char(c, (uint8_t *)to);
}

char unicode_category(int32_t c)
{
    return *utf8proc_category_string(c);
}

size_t unicode_cluster(struct span text)
{
    utf8proc_int32_t state = 0;
    size_t width, end;
    int32_t last = first_char(text, &end);
    for (; end < text.length; end += width) {
        const int32_t next = first_char(span_from(text, end), &width);
        if (utf8proc_grapheme_break_stateful(last, next, &state))
            break;
        last = next;
    }
    return end;
}

bool unicode_is_control(int32_t c)
{
    const utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_CO;
}

bool unicode_is_punctuation(int32_t c)
{
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
               (c >= '{' && c <= '~');
    return unicode_category(c) == 'P';
}

bool unicode_is_digit(int32_t c)
{
    return utf8proc_category(c) == UTF8PROC_CATEGORY_ND;
}

size_t unicode_compatible(int32_t out[UNICODE_COMPATIBLE_MAX], int32_t c)
{
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        c, out, UNICODE_COMPATIBLE_MAX, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE, &boundary);
    assert(count > 0 && count <= UNICODE_COMPATIBLE_MAX);
    return (size_t)utf8proc_normalize_utf32(out, count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

size_t unicode_upper(int32_t out[UNICODE_COMPATIBLE_MAX], int32_t c)
{
    const bool joined = c == 0x149 || (c >= 0xfb00 && c <= 0xfb06);
    const size_t count = joined ? unicode_compatible(out, c) : 1;
    if (c == 0xdf) {
        out[0] = out[1] = 'S';
        return 2;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = utf8proc_toupper(joined ? out[i] : c);
    return count;
}

/* ---- normal form --------------------------------------------------------------------------------------- */

/* A 2-byte character decomposes into at most 3, any into at most 4; ASCII stays itself. */
enum { MOST_CHARS_A_BYTE = 2, MOST_BYTES_A_CHAR = 4 };

static size_t decode(int32_t *chars, size_t room, struct span text, bool decompose)
{
    int boundary = 0; /* of grapheme clusters: utf8proc wants the place, we do not use it */
    size_t count = 0;

    for (size_t offset = 0, width; offset < text.length; offset += width) {
        const int32_t c = first_char(span_from(text, offset), &width);
        assert(width > 0 && count < room);
        if (decompose)
            count += (size_t)utf8proc_decompose_char(c, chars + count, (utf8proc_ssize_t)(room - count),
                UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        else
            chars[count++] = c;
        assert(count <= room);
    }
    return count;
}

static unsigned mark_class(int32_t c)
{
    return (unsigned)utf8proc_get_property(c)->combining_class & 255;
}

/* Stable counting sort of a base character (class 0) and its marks by combining class. */
static void sort_marks(int32_t *chars, size_t count, int32_t *scratch)
{
    size_t place[256 + 1] = {0};
    for (size_t i = 0; i < count; i++)
        place[mark_class(chars[i]) + 1]++;
    for (size_t class = 0; class < 256; class ++)
        place[class + 1] += place[class];
    for (size_t i = 0; i < count; i++)
        scratch[place[mark_class(chars[i])]++] = chars[i];
    memcpy(chars, scratch, count * sizeof *chars);
}

/* Unicode's canonical order. utf8proc_decompose would do it too, but in time that is quadratic in the number
 * of marks on one base: a megabyte of them, sent to a service, would hold it for minutes. */
static void order_marks(int32_t *chars, size_t count, int32_t *scratch)
{
    for (size_t begin = 0, end; begin < count; begin = end) {
        bool ordered = true;
        unsigned last = mark_class(chars[begin]), next;
        for (end = begin + 1; end < count && (next = mark_class(chars[end])) != 0; end++) {
            ordered = ordered && last <= next;
            last = next;
        }
        if (!ordered)
            sort_marks(chars + begin, end - begin, scratch);
    }
}

/* Unicode's Case_Ignorable: marks, modifiers, format controls, and punctuation that words have within. */
static bool is_case_ignorable(int32_t c)
{
    static const int32_t others[] = {0x27, 0x2e, 0x3a, 0xb7, 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024,
        0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    const utf8proc_category_t category = utf8proc_category(c);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (c == others[i])
            return true;
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK;
}

/* Unicode's Cased, but for characters that are Case_Ignorable too. */
static bool is_cased(int32_t c)
{
    const utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT || c == 0xaa || c == 0xba || (c >= 0x2160 && c <= 0x217f) ||
           (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
           (c >= 0x1f170 && c <= 0x1f189);
}

/* Unicode's Final_Sigma: the capital sigma at i has a cased letter before it and none after, past what is
 * ignorable. */
static bool ends_word(const int32_t *chars, size_t count, size_t i)
{
    size_t before = i, after = i + 1;
    while (before > 0 && is_case_ignorable(chars[before - 1]))
        before--;
    if (before == 0 || !is_cased(chars[before - 1]))
        return false;
    while (after < count && is_case_ignorable(chars[after]))
        after++;
    return after == count || !is_cased(chars[after]);
}

static size_t drop_marks(int32_t *chars, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (utf8proc_category(chars[i]) != UTF8PROC_CATEGORY_MN)
            chars[kept++] = chars[i];
    return kept;
}

static size_t encode(char *bytes, const int32_t *chars, size_t count, unsigned steps)
{
    const bool lower = steps & NORMAL_LOWER;
    char *to = bytes;
    for (size_t i = 0; i < count; i++) {
        int32_t c = lower ? utf8proc_tolower(chars[i]) : chars[i];
        if (chars[i] == 0x3a3 && steps & NORMAL_FINAL_SIGMA && ends_word(chars, count, i))
            c = 0x3c2;
        to += utf8proc_encode_char(c, (uint8_t *)to);
        if (lower && chars[i] == 0x130) /* the one letter whose lower case is two: i with U+0307 above */
            to += utf8proc_encode_char(0x307, (uint8_t *)to);
    }
    return (size_t)(to - bytes);
}

static bool is_ascii(struct span text)
{
    unsigned char bits = 0;
    for (size_t i = 0; i < text.length; i++)
        bits |= (unsigned char)text.data[i];
    return bits < 0x80;
}

static bool has_capital(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] >= 'A' && text.data[i] <= 'Z')
            return true;
    return false;
}

static int lower_ascii(struct span *out, struct arena *arena, struct span text, struct err *err)
{
    *out = text;
    if (!has_capital(text))
        return 0;
    char *bytes = arena_alloc(arena, text.length);
    if (!bytes)
        return err_memory(err, text.length);
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.data[i];
        bytes[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    *out = (struct span){bytes, text.length};
    return 0;
}

int unicode_normalise(
    struct span *out, struct arena *arena, struct span text, unsigned steps, struct err *err)
{
    *out = text;
    if (is_ascii(text))
        return steps & NORMAL_LOWER ? lower_ascii(out, arena, text, err) : 0;

    size_t room, size;
    if (!size_mul(&room, text.length, MOST_CHARS_A_BYTE) ||
        !size_mul(&size, room, 2 * sizeof(int32_t) + MOST_BYTES_A_CHAR))
        return err_set(err, ERR_LIMIT, "text of %zu bytes is too long to normalise", text.length);
    int32_t *chars = arena_alloc(arena, size);
    if (!chars)
        return err_memory(err, size);
    int32_t *scratch = chars + room;
    size_t count = decode(chars, room, text, steps & (NORMAL_NFC | NORMAL_NFD));
    if (steps & (NORMAL_NFC | NORMAL_NFD))
        order_marks(chars, count, scratch);
    if (steps & NORMAL_NO_MARKS)
        count = drop_marks(chars, count);
    if (steps & NORMAL_NFC) {
        count = (size_t)utf8proc_normalize_utf32(
            chars, (utf8proc_ssize_t)count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    }
    char *bytes = (char *)(scratch + room);
    *out = (struct span){bytes, encode(bytes, chars, count, steps)};
    return 0;
}
