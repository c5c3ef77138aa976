// SPDX-License-Identifier: Apache-2.0
#include "index/segment.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { BARRIER_CODE = 0xe000 };
#define BARRIER " \xee\x80\x80 "

/* ---- signs --------------------------------------------------------------------------------------------- */

/* Blocks of Unicode, the first and last of each; letters and digits in them are signs. Those of half width and
 * parts of Hangul become others by NFKC. */
static bool in_script(utf8proc_int32_t code)
{
    static const utf8proc_int32_t blocks[][2] = {
        {0x0e00, 0x0eff},   /* Thai, Lao */
        {0x1000, 0x109f},   /* Burmese */
        {0x1100, 0x11ff},   /* Hangul, in parts */
        {0x1780, 0x17ff},   /* Khmer */
        {0x2e80, 0x2fdf},   /* radicals */
        {0x3005, 0x3007},   /* what stands among Chinese characters */
        {0x3021, 0x3029},   /* numerals of Suzhou */
        {0x3041, 0xa4cf},   /* kana, bopomofo, Chinese characters, Yi */
        {0xa960, 0xa97f},   /* Hangul, in parts */
        {0xaa60, 0xaa7f},   /* Burmese */
        {0xac00, 0xd7ff},   /* Hangul */
        {0xf900, 0xfaff},   /* Chinese characters once more */
        {0xff66, 0xffdc},   /* kana and Hangul of half width */
        {0x1b000, 0x1b16f}, /* kana */
        {0x20000, 0x3ffff}, /* Chinese characters */
    };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (code >= blocks[i][0] && code <= blocks[i][1])
            return true;
    return false;
}

bool in_words(utf8proc_int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_CO:
        return true;
    default:
        return false;
    }
}

enum part { PART_GAP, PART_MARK, PART_WORD, PART_SIGN };

static enum part part_of(utf8proc_int32_t code)
{
    if (code == BARRIER_CODE)
        return PART_GAP;
    if (in_words(code))
        return in_script(code) ? PART_SIGN : PART_WORD;
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
        return PART_MARK;
    default:
        return PART_GAP;
    }
}

/* The sign at `at`, and its bytes; a blank of one byte for what is not UTF-8. */
static size_t next_code(utf8proc_int32_t *code, const char *text, size_t length, size_t at)
{
    const utf8proc_ssize_t bytes =
        utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), code);
    if (bytes > 0)
        return (size_t)bytes;
    *code = ' ';
    return 1;
}

bool has_signs(const char *text, size_t length)
{
    enum { THREE_BYTES = 0xe0 }; /* begin so, or with more: from U+0800 on */
    utf8proc_int32_t code;
    for (size_t at = 0; at < length;) {
        if ((unsigned char)text[at] < THREE_BYTES) {
            at++;
            continue;
        }
        at += next_code(&code, text, length, at);
        if (part_of(code) == PART_SIGN)
            return true;
    }
    return false;
}

/* ---- texts --------------------------------------------------------------------------------------------- */

/* In NFKC, for free(); NULL when out of memory. */
static char *normalise(const char *text, size_t length)
{
    utf8proc_uint8_t *out = NULL;
    char *valid = mem_new(length + 1, 1);
    utf8proc_int32_t code;
    size_t bytes;
    if (!valid)
        return NULL;
    for (size_t at = 0; at < length; at += bytes) {
        bytes = next_code(&code, text, length, at);
        if (code == ' ')
            valid[at] = ' ';
        else
            memcpy(valid + at, text + at, bytes);
    }
    utf8proc_map((const utf8proc_uint8_t *)valid, (utf8proc_ssize_t)length, &out,
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    free(valid);
    return (char *)out;
}

/* Appends a part of a text, after what separates it from the one before. */
static char *append(char *to, enum part part, bool gap, enum part before, const char *bytes, size_t size)
{
    if (gap && part == PART_SIGN && before == PART_SIGN)
        to = stpcpy(to, BARRIER);
    else if (gap || part == PART_SIGN || before == PART_SIGN)
        *to++ = ' ';
    return (char *)memcpy(to, bytes, size) + size;
}

int segment_text(char **out, const char *text, size_t length, struct err *err)
{
    enum { WIDEST = sizeof BARRIER }; /* with what stands before it, of each byte */
    char *form = normalise(text, length);
    const size_t size = form ? strlen(form) : 0;
    char *made = form ? mem_new(size + 1, WIDEST) : NULL, *to = made;
    enum part before = PART_GAP;
    bool gap = false;
    utf8proc_int32_t code;
    for (size_t at = 0, bytes; made && at < size; at += bytes) {
        bytes = next_code(&code, form, size, at);
        const enum part part = part_of(code);
        const bool dropped = part == PART_MARK && before == PART_SIGN && !gap;
        if (part == PART_GAP)
            gap = true;
        if (part == PART_GAP || dropped)
            continue;
        to = append(to, part, gap, before, form + at, bytes);
        before = part;
        gap = false;
    }
    free(form);
    if (!made)
        return err_memory(err, length);
    *out = made;
    return 0;
}

/* ---- in SQL -------------------------------------------------------------------------------------------- */

static const char *text_of(sqlite3_value *value, size_t *length)
{
    const char *text = (const char *)sqlite3_value_text(value);
    *length = text ? strlen(text) : 0;
    return text ? text : "";
}

/* Path, barrier, caption. */
static void segment(sqlite3_context *context, int count, sqlite3_value **values)
{
    size_t path_length, length;
    char *path = NULL, *caption = NULL, *both = NULL;
    const char *first = text_of(values[0], &path_length), *second = text_of(values[count - 1], &length);
    if (!has_signs(first, path_length) && !has_signs(second, length))
        return;
    if (segment_text(&path, first, path_length, NULL) || segment_text(&caption, second, length, NULL) ||
        asprintf(&both, "%s%s%s", path, *caption ? BARRIER BARRIER : "", caption) < 0)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text(context, both, -1, free);
    free(path);
    free(caption);
}

int segment_register(sqlite3 *db)
{
    return sqlite3_create_function(
        db, "segment", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, segment, NULL, NULL);
}
