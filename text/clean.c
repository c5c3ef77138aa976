// SPDX-License-Identifier: Apache-2.0
#include "text/clean.h"

#include "text/entities.h"

#include <assert.h>
#include <string.h>

enum { ESCAPE = 0x1b };

/* ---- one character ------------------------------------------------------------------------------------- */

static bool is_ligature(int32_t c)
{
    return c == 0x132 || c == 0x133 || c == 0x149 || (c >= 0x1c4 && c <= 0x1cc) ||
           (c >= 0x1f1 && c <= 0x1f3) || (c >= 0xfb00 && c <= 0xfb06);
}

/* ftfy's table of control characters that nobody wants; the five of white space are not in it. */
static bool is_control(int32_t c)
{
    return (c >= 0 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
           (c >= 0x206a && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

static int32_t straight(int32_t c)
{
    if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
        return '\'';
    if (c >= 0x201c && c <= 0x201f)
        return '"';
    return c == '\r' || c == 0x2028 || c == 0x2029 ? '\n' : c;
}

/* ftfy's fix_c1_controls, fix_latin_ligatures, fix_character_width, uncurl_quotes and fix_line_breaks. Its
 * ligature of long s and t keeps the long s. */
static struct characters fix_character(int32_t c)
{
    struct characters fixed = {{c}, 1};
    if (c >= 0x80 && c <= 0x9f)
        fixed.items[0] = windows_1252[c - 0x80];
    else if (c == 0xfb05)
        fixed = (struct characters){{0x17f, 't'}, 2};
    else if (c == 0x3000 || (c >= 0xff01 && c <= 0xffef) || is_ligature(c))
        fixed.count = unicode_compatible(fixed.items, c);
    for (size_t i = 0; i < fixed.count; i++)
        fixed.items[i] = straight(fixed.items[i]);
    return fixed;
}

/* ---- a text -------------------------------------------------------------------------------------------- */

/* No fix makes more of a character than 3 bytes of 2, or of a reference than 6 of 5. */
enum { GROWTH = 2 };

struct repair {
    char *bytes;
    size_t length, room;
    bool unescapes;
};

static int repair_init(struct repair *repair, struct arena *arena, size_t length, struct err *err)
{
    size_t room;
    *repair = (struct repair){.room = GROWTH * length};
    repair->bytes = size_mul(&room, length, GROWTH) ? arena_alloc(arena, room) : NULL;
    return repair->bytes ? 0 : err_memory(err, length);
}

static void append(struct repair *repair, int32_t c)
{
    char bytes[4];
    const size_t width = unicode_write(bytes, c);
    assert(width <= repair->room - repair->length);
    memcpy(repair->bytes + repair->length, bytes, width);
    repair->length += width;
}

/* Takes a reference off the end of what is there, which ends in a semicolon. */
static bool take_reference(struct characters *out, struct repair *repair)
{
    enum { LONGEST = sizeof "&#;" - 1 + 24 };
    const size_t least = repair->length > LONGEST ? repair->length - LONGEST : 0;
    for (size_t begin = repair->length; begin-- > least;) {
        if (repair->bytes[begin] != '&')
            continue;
        const struct span tail = {repair->bytes + begin, repair->length - begin};
        if (reference_ftfy(out, tail) != tail.length)
            return false;
        repair->length = begin;
        return true;
    }
    return false;
}

static void add_character(struct repair *repair, int32_t c)
{
    struct characters waiting = {{c}, 1};
    do {
        for (size_t i = 0; i < waiting.count; i++) {
            const struct characters fixed = fix_character(waiting.items[i]);
            for (size_t j = 0; j < fixed.count; j++) {
                const int32_t item = fixed.items[j];
                if (!is_control(item)) /* two that NFC makes ASCII may be part of a reference */
                    append(repair, item == 0x37e ? ';' : item == 0x212a ? 'K' : item);
            }
        }
    } while (repair->unescapes && repair->length && repair->bytes[repair->length - 1] == ';' &&
             take_reference(&waiting, repair));
}

/* ---- terminal escapes ---------------------------------------------------------------------------------- */

/* The bytes of a sequence such as ESC [ 3 1 m at the front of text, or 0. */
static size_t escape_length(struct span text)
{
    size_t end = 2, width = 1;
    if (text.length < 3 || text.data[0] != ESCAPE || text.data[1] != '[')
        return 0;
    while (end < text.length &&
           (text.data[end] == ';' || unicode_is_digit(unicode_read(span_from(text, end), &width))))
        end += text.data[end] == ';' ? 1 : width;
    if (end == text.length)
        return 0;
    const char last = (char)(text.data[end] | 0x20);
    return last >= 'a' && last <= 'z' ? end + 1 : 0;
}

/* They are looked for after one pass of the other fixes, and before controls go. */
static int remove_escapes(
    struct span *out, struct arena *arena, struct span line, bool unescapes, struct err *err)
{
    struct repair repair;
    size_t width, kept = 0;
    int rc = unescapes ? entities_replace(&line, arena, line, reference_ftfy, err) : 0;
    if (!rc)
        rc = repair_init(&repair, arena, line.length, err);
    if (rc)
        return rc;
    for (size_t offset = 0; offset < line.length; offset += width) {
        const struct characters fixed = fix_character(unicode_read(span_from(line, offset), &width));
        for (size_t i = 0; i < fixed.count; i++)
            append(&repair, fixed.items[i]);
    }
    const struct span fixed = {repair.bytes, repair.length};
    for (size_t offset = 0, length; offset < fixed.length; offset += length) {
        length = escape_length(span_from(fixed, offset));
        if (length == 0) {
            repair.bytes[kept++] = fixed.data[offset];
            length = 1;
        }
    }
    *out = (struct span){repair.bytes, kept};
    return 0;
}

/* ---- ftfy.fix_text ------------------------------------------------------------------------------------- */

static int repair_line(struct repair *repair, struct arena *arena, struct span line, struct err *err)
{
    size_t width;
    if (memchr(line.data, ESCAPE, line.length)) {
        const int rc = remove_escapes(&line, arena, line, repair->unescapes, err);
        if (rc)
            return rc;
    }
    for (size_t offset = 0; offset < line.length; offset += width)
        add_character(repair, unicode_read(span_from(line, offset), &width));
    return 0;
}

/* Line by line, as ftfy: a '<' in one keeps the references of that line and of all that follow. */
static int repair_text(struct span *out, struct arena *arena, struct span text, struct err *err)
{
    struct repair repair;
    int rc = repair_init(&repair, arena, text.length, err);
    repair.unescapes = true;
    for (struct span rest = text; !rc && rest.length;) {
        const char *end = memchr(rest.data, '\n', rest.length);
        const struct span line = {rest.data, end ? (size_t)(end - rest.data) + 1 : rest.length};
        repair.unescapes = repair.unescapes && !memchr(line.data, '<', line.length);
        rc = repair_line(&repair, arena, line, err);
        rest = span_from(rest, line.length);
    }
    *out = (struct span){repair.bytes, repair.length};
    return rc ? rc : unicode_normalise(out, arena, *out, NORMAL_NFC, err);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* Nothing in it that a fix or a reference could change. */
static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.data[i];
        if (c == '&' || c > '~' || (c < ' ' && c != '\t' && c != '\n' && c != '\f' && c != '\r'))
            return false;
    }
    return true;
}

static int basic_clean(struct span *out, struct arena *arena, struct span text, struct err *err)
{
    *out = text;
    if (is_plain(text))
        return 0;
    int rc = repair_text(out, arena, text, err);
    for (int pass = 0; !rc && pass < 2; pass++)
        rc = entities_replace(out, arena, *out, reference_html, err);
    return rc;
}

static bool is_punctuation(char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

static int drop_punctuation(
    struct span *out, struct arena *arena, struct span text, bool keep_words_apart, struct err *err)
{
    size_t length = 0;
    char *bytes = arena_alloc(arena, text.length);
    if (!bytes)
        return err_memory(err, text.length);
    for (size_t i = 0; i < text.length; i++) {
        const char c = keep_words_apart && text.data[i] == '_' ? ' ' : text.data[i];
        if (!is_punctuation(c))
            bytes[length++] = c;
    }
    *out = (struct span){bytes, length};
    return 0;
}

/* str.isspace in Python: Unicode's white space and four separators of ASCII. */
static bool is_space(struct span text, size_t *width)
{
    const bool white = unicode_class(text, width) == CHAR_SPACE;
    return white || (*text.data >= 0x1c && *text.data <= 0x1f);
}

/* Whether white space is single blanks between other characters already. */
static bool is_joined(struct span text)
{
    bool was_space = true; /* at the front */
    for (size_t i = 0, width; i < text.length; i += width) {
        const bool space = is_space(span_from(text, i), &width);
        if (space && (was_space || text.data[i] != ' '))
            return false;
        was_space = space;
    }
    return !was_space || !text.length;
}

/* " ".join(text.split()) */
static int join_words(struct span *out, struct arena *arena, struct span text, struct err *err)
{
    size_t length = 0;
    bool was_space = false;
    *out = text;
    if (is_joined(text))
        return 0;
    char *bytes = arena_alloc(arena, text.length);
    if (!bytes)
        return err_memory(err, text.length);
    for (size_t i = 0, width; i < text.length; i += width) {
        const bool space = is_space(span_from(text, i), &width);
        if (!space) {
            if (was_space && length)
                bytes[length++] = ' ';
            memcpy(bytes + length, text.data + i, width);
            length += width;
        }
        was_space = space;
    }
    *out = (struct span){bytes, length};
    return 0;
}

int text_canonicalise(struct span *out, struct arena *arena, struct span text, bool lower, struct err *err)
{
    int rc = 0;
    if (lower)
        rc = unicode_normalise(&text, arena, text, NORMAL_LOWER | NORMAL_FINAL_SIGMA, err);
    if (!rc)
        rc = drop_punctuation(&text, arena, text, false, err);
    return rc ? rc : join_words(out, arena, text, err);
}

int text_clean(
    struct span *out, struct arena *arena, struct span text, enum text_cleaning cleaning, struct err *err)
{
    *out = text;
    if (cleaning == CLEAN_NONE)
        return 0;
    int rc = basic_clean(out, arena, text, err);
    if (!rc && cleaning == CLEAN_CANONICALIZE)
        rc = drop_punctuation(out, arena, *out, true, err);
    if (!rc && cleaning != CLEAN_WHITESPACE)
        rc = unicode_normalise(out, arena, *out, NORMAL_LOWER | NORMAL_FINAL_SIGMA, err);
    return rc ? rc : join_words(out, arena, *out, err);
}
