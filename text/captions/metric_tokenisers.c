// SPDX-License-Identifier: Apache-2.0
/* The words of sacreBLEU's tokenizers. Each puts blanks into a text; words are what then stands between them. */
#include "text/captions/metric_bleu.h"

#include <stdlib.h>
#include <string.h>

/* What mteval-v13a does first, in the order of this table, each where those before it leave the text, so that
 * "&amp;lt;" ends as "<". */
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

/* ---- rules --------------------------------------------------------------------------------------------- */

static bool is_digit(int32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_other(int32_t c)
{
    return !is_digit(c);
}

static bool is_stop(int32_t c)
{
    return c == '.' || c == ',';
}

static bool is_hyphen(int32_t c)
{
    return c == '-';
}

/* ASCII's signs but the apostrophe, the hyphen and the stops. */
static bool is_sign(int32_t c)
{
    return c > 0 && c < 0x80 && strchr("!\"#$%&()*+/:;<=>?@[\\]^_`{|}~", c);
}

static bool is_number(int32_t c)
{
    return unicode_category(c) == 'N';
}

static bool is_no_number(int32_t c)
{
    return !is_number(c);
}

static bool is_punctuation(int32_t c)
{
    return unicode_category(c) == 'P';
}

static bool is_symbol(int32_t c)
{
    return unicode_category(c) == 'S';
}

static bool is_any(int32_t c)
{
    (void)c;
    return true;
}

/* What "zh" takes for Chinese: sacreBLEU means the ideographs of all planes, but two of its ranges came out as
 * U+2001 to U+2A6D and U+2F81 to U+2FA1 (findings/sacrebleu-zh-ranges.sh). */
static bool is_chinese(int32_t c)
{
    static const int32_t ranges[][2] = {{0x2001, 0x2a6d}, {0x2e80, 0x2fdf}, {0x2ff0, 0x303f},
        {0x3100, 0x312f}, {0x31a0, 0x31bf}, {0x31c0, 0x31ef}, {0x3200, 0x4db5}, {0x4e00, 0x9fbb},
        {0xf900, 0xfa2d}, {0xfa30, 0xfa6a}, {0xfa70, 0xfad9}, {0xfe10, 0xfe1f}, {0xfe30, 0xfe4f},
        {0xff00, 0xffef}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

/* Puts a character of that kind between blanks; or, with a second kind, parts two that stand side by side, and puts
 * another blank before or after both. The second of them is not the first of another pair. */
struct rule {
    bool (*first)(int32_t), (*second)(int32_t);
    bool before; /* the blank; else after */
};

static const struct rule rules_13a[] = {
    {is_sign, NULL, false},
    {is_other, is_stop, false}, /* a stop stays with a digit on its left, */
    {is_stop, is_other, true},  /* and with one on its right */
    {is_digit, is_hyphen, false},
    {NULL, NULL, false},
};

/* mteval-v14's international words. */
static const struct rule rules_intl[] = {
    {is_no_number, is_punctuation, false},
    {is_punctuation, is_no_number, true},
    {is_symbol, NULL, false},
    {NULL, NULL, false},
};

static const struct rule rules_zh[] = {{is_chinese, NULL, false}, {NULL, NULL, false}};
static const struct rule rules_char[] = {{is_any, NULL, false}, {NULL, NULL, false}};

/* ---- applying them ------------------------------------------------------------------------------------- */

static char *copy_character(char *out, struct span *rest)
{
    size_t width;
    unicode_read(*rest, &width);
    memcpy(out, rest->data, width);
    *rest = span_from(*rest, width);
    return out + width;
}

static bool fits(const struct rule *rule, struct span rest)
{
    size_t width;
    if (!rule->first(unicode_read(rest, &width)))
        return false;
    rest = span_from(rest, width);
    return !rule->second || (rest.length && rule->second(unicode_read(rest, &width)));
}

/* In the arena; NULL when out of memory. No rule makes more than two blanks a character. */
static char *apply(struct arena *arena, const char *text, const struct rule *rule)
{
    struct span rest = span_of(text);
    char *parted = arena_alloc(arena, 3 * rest.length + 1), *out = parted;
    while (parted && rest.length) {
        if (!fits(rule, rest)) {
            out = copy_character(out, &rest);
            continue;
        }
        if (rule->before || !rule->second)
            *out++ = ' ';
        out = copy_character(out, &rest);
        *out++ = ' ';
        if (rule->second)
            out = copy_character(out, &rest);
        if (rule->second && !rule->before)
            *out++ = ' ';
    }
    return parted;
}

static char *apply_all(struct arena *arena, char *text, const struct rule *rules)
{
    for (; text && rules->first; rules++)
        text = apply(arena, text, rules);
    return text;
}

/* Words with one blank between, in place. */
static char *join_words(char *text)
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
    return text;
}

/* ---- the tokenizers ------------------------------------------------------------------------------------ */

/* With a blank at either end, so that a stop there has a neighbour. */
static char *cut_13a(struct arena *arena, struct span text)
{
    char *copy = arena_alloc(arena, text.length + 3);
    if (!copy)
        return NULL;
    *copy = ' ';
    memcpy(copy + 1, text.data, text.length);
    for (size_t i = 0; i < sizeof replacements / sizeof replacements[0]; i++)
        replace_all(copy + 1, replacements[i].from, replacements[i].to);
    memcpy(copy + strlen(copy), " ", 2);
    return apply_all(arena, copy, rules_13a);
}

static char *cut_none(struct arena *arena, struct span text)
{
    return arena_copy(arena, text.data, text.length);
}

static struct span without_blanks_before(struct span text)
{
    bool space;
    for (size_t width; text.length && (width = character_width(text, &space), space);)
        text = span_from(text, width);
    return text;
}

/* Chinese characters are words, and what is between them is cut by the rules of 13a without its replacements. A stop at
 * the front has no neighbour. */
static char *cut_zh(struct arena *arena, struct span text)
{
    text = without_blanks_before(text);
    return apply_all(arena, apply_all(arena, cut_none(arena, text), rules_zh), rules_13a);
}

static char *cut_char(struct arena *arena, struct span text)
{
    return apply_all(arena, cut_none(arena, text), rules_char);
}

static char *cut_intl(struct arena *arena, struct span text)
{
    return apply_all(arena, cut_none(arena, text), rules_intl);
}

const char *const bleu_tokenisers[] = {[TOKENISE_13A] = "13a",
    [TOKENISE_NONE] = "none",
    [TOKENISE_ZH] = "zh",
    [TOKENISE_CHAR] = "char",
    [TOKENISE_INTL] = "intl",
    [TOKENISE_JA_MECAB] = "ja-mecab",
    [TOKENISE_KO_MECAB] = "ko-mecab",
    NULL};

/* Of those that need no dictionary. */
static char *(*const cutters[])(struct arena *arena, struct span text) = {[TOKENISE_13A] = cut_13a,
    [TOKENISE_NONE] = cut_none,
    [TOKENISE_ZH] = cut_zh,
    [TOKENISE_CHAR] = cut_char,
    [TOKENISE_INTL] = cut_intl};

int bleu_cutter_init(struct bleu_cutter *out, const struct sacrebleu_options *options, struct err *err)
{
    *out = (struct bleu_cutter){.tokeniser = options->tokeniser};
    if (options->tokeniser < sizeof cutters / sizeof *cutters)
        return 0;
    int rc = morphemes_open(&out->morphemes, options->tokeniser, options->mecab_dictionary, err);
    if (!rc)
        rc = morphemes_check(out->morphemes, err);
    if (rc)
        bleu_cutter_release(out);
    return rc;
}

void bleu_cutter_release(struct bleu_cutter *cutter)
{
    morphemes_free(cutter->morphemes);
    *cutter = (struct bleu_cutter){0};
}

char *bleu_words(struct arena *arena, const struct bleu_cutter *cutter, struct span text)
{
    char *words = cutter->morphemes ? morphemes_cut(arena, cutter->morphemes, without_blanks_before(text))
                                    : cutters[cutter->tokeniser](arena, text);
    return words ? join_words(words) : NULL;
}
