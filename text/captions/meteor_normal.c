// SPDX-License-Identifier: Apache-2.0
/* The words of METEOR's normaliser for English. Its rules are regular expressions that run one after the other over the
 * whole line; here they are rows of a table. Text comes in lower case, so that of its list of abbreviations only those
 * in lower case matter. */
#include "text/captions/metric_meteor.h"

#include <string.h>

/* A character that stands for one of several dots side by side, which no other rule sees: to them it is a letter. */
enum { DOT = 0x110000 };

struct characters {
    int32_t *items;
    size_t count;
};

/* ---- kinds of characters ------------------------------------------------------------------------------- */

static bool is_digit(int32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(int32_t c)
{
    return c >= 'a' && c <= 'z';
}

/* Latin and Cyrillic: all others are words of one character each. */
static bool is_letter(int32_t c)
{
    static const int32_t ranges[][2] = {{'A', 'Z'}, {'a', 'z'}, {0xc0, 0xd6}, {0xd8, 0xf6}, {0xf8, 0x17e},
        {0x400, 0x527}, {0xa640, 0xa66e}, {0xa67e, 0xa697}, {0x1d00, 0x1d7f}, {DOT, DOT}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

static bool is_blank(int32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What becomes a blank in the end, and is a word until then. */
static bool is_wide_blank(int32_t c)
{
    return c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_sign(int32_t c)
{
    return !is_letter(c) && !is_digit(c) && !is_blank(c) && c != '.' && c != '\'' && c != '`' && c != ',' &&
           c != '-' && c != 0x2018 && c != 0x2019;
}

static bool is_no_digit(int32_t c)
{
    return !is_digit(c);
}

static bool is_no_letter(int32_t c)
{
    return !is_letter(c);
}

static bool is_neither(int32_t c)
{
    return !is_letter(c) && !is_digit(c);
}

static bool is_word(int32_t c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_word_or_dot(int32_t c)
{
    return is_word(c) || c == '.';
}

static bool is_s(int32_t c)
{
    return c == 's';
}

/* ---- rules --------------------------------------------------------------------------------------------- */

/* `middle` between two characters becomes `with`. The second of them is not the first of another such place, which is
 * why "a-b-c" becomes "a b-c". */
static const struct rule {
    bool (*left)(int32_t);
    int32_t middle;
    bool (*right)(int32_t);
    const char *with;
} commas[] =
    {
        {is_no_digit, ',', is_no_digit, " , "},
        {is_digit, ',', is_no_digit, " , "},
        {is_no_digit, ',', is_digit, " , "},
        {0},
},
  hyphens_and_apostrophes[] = {
      {is_word_or_dot, '-', is_word, " "},
      {is_no_letter, '\'', is_no_letter, " ' "},
      {is_neither, '\'', is_letter, " ' "},
      {is_letter, '\'', is_no_letter, " ' "},
      {is_letter, '\'', is_letter, " '"},
      {is_digit, '\'', is_s, " '"},
      {0},
};

static void put(struct characters *out, int32_t c)
{
    out->items[out->count++] = c;
}

static void put_text(struct characters *out, const char *text)
{
    while (*text)
        put(out, *text++);
}

/* Room for `times` as many characters as text has. */
static bool begin(struct characters *out, struct arena *arena, const struct characters *text, size_t times)
{
    *out = (struct characters){arena_alloc(arena, (times * text->count + 1) * sizeof *out->items), 0};
    return out->items;
}

static bool fits(const struct rule *rule, const struct characters *text, size_t i)
{
    return i + 2 < text->count && rule->left(text->items[i]) && text->items[i + 1] == rule->middle &&
           rule->right(text->items[i + 2]);
}

static bool apply(struct characters *text, struct arena *arena, const struct rule *rule)
{
    for (; rule->left; rule++) {
        struct characters out;
        if (!begin(&out, arena, text, 2))
            return false;
        for (size_t i = 0; i < text->count; i++) {
            put(&out, text->items[i]);
            if (fits(rule, text, i)) {
                put_text(&out, rule->with);
                put(&out, text->items[i + 2]);
                i += 2;
            }
        }
        *text = out;
    }
    return true;
}

/* Blanks at both ends, around signs, and around two dots and more, which become one word. */
static bool part_signs(struct characters *text, struct arena *arena)
{
    struct characters out;
    if (!begin(&out, arena, text, 3))
        return false;
    for (size_t i = 0; i < text->count;) {
        size_t dots = 0;
        while (i + dots < text->count && text->items[i + dots] == '.')
            dots++;
        const bool apart = dots > 1 || is_sign(text->items[i]);
        if (apart)
            put(&out, ' ');
        for (size_t d = 0; d < dots; d++)
            put(&out, dots > 1 ? DOT : '.');
        if (!dots)
            put(&out, text->items[i]);
        if (apart)
            put(&out, ' ');
        i += dots ? dots : 1;
    }
    *text = out;
    return true;
}

/* Single quotes become apostrophes, and two of those or a double quote a word; an en dash or two hyphens one hyphen. */
static bool plain_quotes(struct characters *text, struct arena *arena)
{
    struct characters out;
    for (size_t i = 0; i < text->count; i++) {
        const int32_t c = text->items[i];
        text->items[i] = c == '`' || c == 0x2018 || c == 0x2019 ? '\'' : c == 0x2013 ? '-' : c;
    }
    if (!begin(&out, arena, text, 3))
        return false;
    for (size_t i = 0; i < text->count; i++) {
        const int32_t c = text->items[i];
        const bool two = i + 1 < text->count && text->items[i + 1] == c;
        if (c == 0x201c || c == 0x201d || (c == '\'' && two))
            put_text(&out, " \" ");
        else
            put(&out, c);
        i += (c == '\'' || c == '-') && two;
    }
    *text = out;
    return true;
}

/* ---- words with a dot at their end --------------------------------------------------------------------- */

static bool is_abbreviation(const int32_t *word, size_t length)
{
    static const char *const known[] = {"v", "vs", "rev"};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        size_t i = 0;
        while (i < length && known[k][i] && word[i] == known[k][i])
            i++;
        if (i == length && !known[k][i])
            return true;
    }
    return false;
}

/* Whether it is like "u.s", which loses all its dots. */
static bool is_acronym(const int32_t *word, size_t length)
{
    bool dot = false, letter = false;
    for (size_t i = 0; i < length; i++) {
        dot |= word[i] == '.';
        letter |= is_letter(word[i]);
    }
    return dot && letter;
}

/* A word that ends in a dot; `next` is what the word behind it begins with, or 0. */
static void put_dotted(struct characters *out, const int32_t *word, size_t length, int32_t next)
{
    const size_t before = length - 1;
    const bool acronym = is_acronym(word, before);
    for (size_t i = 0; i < before; i++)
        if (!acronym || word[i] != '.')
            put(out, word[i]);
    if (!acronym)
        put_text(out, is_abbreviation(word, before) || is_lower(next) ? "." : " .");
}

static size_t word_length(const struct characters *text, size_t at)
{
    size_t length = 0;
    while (at + length < text->count && !is_blank(text->items[at + length]))
        length++;
    return length;
}

static size_t skip_blanks(const struct characters *text, size_t at)
{
    while (at < text->count && is_blank(text->items[at]))
        at++;
    return at;
}

static bool part_dots(struct characters *text, struct arena *arena)
{
    struct characters out;
    if (!begin(&out, arena, text, 3))
        return false;
    for (size_t at = skip_blanks(text, 0); at < text->count;) {
        const int32_t *word = text->items + at;
        const size_t length = word_length(text, at);
        at = skip_blanks(text, at + length);
        if (length > 1 && word[length - 1] == '.')
            put_dotted(&out, word, length, at < text->count ? text->items[at] : 0);
        else
            for (size_t i = 0; i < length; i++)
                put(&out, word[i]);
        put(&out, ' ');
    }
    *text = out;
    return true;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static char *words_of(const struct characters *text, struct arena *arena)
{
    char *words = arena_alloc(arena, 4 * text->count + 1), *out = words;
    bool blank = false;
    for (size_t i = 0; words && i < text->count; i++) {
        const int32_t c = text->items[i];
        const bool gap = is_blank(c) || is_wide_blank(c);
        if (!gap && blank && out > words)
            *out++ = ' ';
        if (!gap)
            out += unicode_write(out, c == DOT ? '.' : c);
        blank = gap;
    }
    return words;
}

char *meteor_normalise(struct arena *arena, struct span text)
{
    struct characters line = {arena_alloc(arena, (text.length + 2) * sizeof(int32_t)), 0};
    if (!line.items)
        return NULL;
    put(&line, ' ');
    for (size_t width; text.length; text = span_from(text, width))
        put(&line, unicode_read(text, &width));
    put(&line, ' ');
    const bool done = part_signs(&line, arena) && apply(&line, arena, commas) && plain_quotes(&line, arena) &&
                      apply(&line, arena, hyphens_and_apostrophes) && part_dots(&line, arena);
    return done ? words_of(&line, arena) : NULL;
}
