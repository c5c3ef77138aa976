// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_bleu.h"

#include <stdlib.h>
#include <string.h>

/* mteval-v13a's words in two steps: text is replaced in the order of this table, each rule where those before
 * it leave it, so that "&amp;lt;" ends as "<"; then blanks are put around signs. No rule knows of characters
 * beyond ASCII, so bytes do. */
static const struct {
    const char *from, *to; /* never longer */
} replacements[] = {{"<skipped>", ""}, {"-\n", ""}, {"\n", " "}, {"&quot;", "\""}, {"&amp;", "&"},
    {"&lt;", "<"}, {"&gt;", ">"}};

static void replace_all(char *text, const char *from, const char *to)
{
    const size_t from_length = strlen(from), to_length = strlen(to);
    char *out = text;
    for (const char *found; (found = strstr(text, from)); text = (char *)found + from_length) {
        memmove(out, text, (size_t)(found - text));
        out += found - text;
        memcpy(out, to, to_length);
        out += to_length;
    }
    memmove(out, text, strlen(text) + 1);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_other(char c)
{
    return !is_digit(c);
}

static bool is_stop(char c)
{
    return c == '.' || c == ',';
}

static bool is_hyphen(char c)
{
    return c == '-';
}

/* ASCII's signs but the apostrophe, the hyphen and the stops. */
static bool is_sign(char c)
{
    return c && strchr("!\"#$%&()*+/:;<=>?@[\\]^_`{|}~", c);
}

/* Where two such characters stand side by side they are parted, and a blank comes before or after both. The
 * second of them is not the first of another pair. */
struct part_rule {
    bool (*first)(char), (*second)(char);
    bool before; /* the blank; else after */
};

static const struct part_rule part_rules[] = {
    {is_other, is_stop, false}, /* a stop stays with a digit on its left, */
    {is_stop, is_other, true},  /* and with one on its right */
    {is_digit, is_hyphen, false},
};

/* Each sign between blanks, and the whole between blanks; in the arena, NULL when out of memory. */
static char *part_signs(struct arena *arena, const char *text)
{
    char *parted = arena_alloc(arena, 3 * strlen(text) + 3), *out = parted;
    if (!parted)
        return NULL;
    *out++ = ' ';
    for (; *text; text++) {
        const bool sign = is_sign(*text);
        if (sign)
            *out++ = ' ';
        *out++ = *text;
        if (sign)
            *out++ = ' ';
    }
    *out = ' '; /* and the arena's zero after it */
    return parted;
}

static char *part_pairs(struct arena *arena, const char *text, const struct part_rule *rule)
{
    char *parted = arena_alloc(arena, 2 * strlen(text) + 1), *out = parted;
    if (!parted)
        return NULL;
    while (*text) {
        if (!text[1] || !rule->first(text[0]) || !rule->second(text[1])) {
            *out++ = *text++;
            continue;
        }
        if (rule->before)
            *out++ = ' ';
        *out++ = *text++;
        *out++ = ' ';
        *out++ = *text++;
        if (!rule->before)
            *out++ = ' ';
    }
    return parted;
}

/* Words with one blank between, in place. */
static void join_words(char *text)
{
    struct span rest = span_of(text), word;
    char *out = text;
    while (split_words(&word, &rest)) {
        if (out > text)
            *out++ = ' ';
        memmove(out, word.data, word.length);
        out += word.length;
    }
    *out = '\0';
}

char *words_13a(struct arena *arena, const char *text, size_t length)
{
    char *words = arena_copy(arena, text, length);
    if (!words)
        return NULL;
    for (size_t i = 0; i < sizeof replacements / sizeof replacements[0]; i++)
        replace_all(words, replacements[i].from, replacements[i].to);
    words = part_signs(arena, words);
    for (size_t i = 0; words && i < sizeof part_rules / sizeof part_rules[0]; i++)
        words = part_pairs(arena, words, &part_rules[i]);
    if (words)
        join_words(words);
    return words;
}
