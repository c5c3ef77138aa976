// SPDX-License-Identifier: Apache-2.0
/*
 * Document frequencies out of pickles. The values here are those that dictionaries of counts are made of:
 * whole numbers, words, n-grams, and dictionaries, which are names only: an item that is set goes straight to
 * the frequencies.
 */
#include "base/pickle.h"
#include "text/captions/metric_df.h"

#include <inttypes.h>

enum kind {
    NUMBER = PICKLE_KINDS, /* whole, its value */
    WORD,                  /* its number, NGRAM_NONE for text that is no word */
    NGRAM,                 /* its number, NGRAM_NONE for one with such text */
    DICTIONARY,            /* which one */
    NUMBER_TYPE,           /* int or float */
    DEFAULTDICT,           /* the type */
    ARGUMENTS,             /* what a defaultdict is made with: () or a number type */
};

struct counts {
    struct document_frequency *df;
    uint32_t dictionaries;                           /* how many there are */
    struct pickle_value counted;                     /* the one with n-grams for keys, */
    struct pickle_value outer, frequencies, ref_len; /* and the one with names, and what it has by them */
};

static int is(struct pickle_value *out, uint32_t kind, uint32_t number)
{
    *out = (struct pickle_value){kind, number};
    return 0;
}

/* ---- words and numbers --------------------------------------------------------------------------------- */

static int read_text(struct pickle_value *out, struct pickle *p, struct span text)
{
    struct counts *counts = p->context;
    uint32_t word;
    const int rc = document_frequency_word(&word, counts->df, text, p->err);
    if (rc) {
        err_wrap(p->err, "string at byte %zu", p->offset);
        return rc;
    }
    return is(out, WORD, word);
}

static int fail_number(struct pickle *p)
{
    return err_set(p->err, ERR_FORMAT, "number at byte %zu is not whole, or not from 0 to %" PRIu32,
        p->offset, UINT32_MAX);
}

/* 17, 17L or 17.0. Booleans are 00 and 01, which span_take_number refuses. */
static int read_digits(struct pickle_value *out, struct pickle *p, struct span line)
{
    uint32_t number;
    if (!span_take_number(&number, &line))
        return fail_number(p);
    if (!span_take(&line, "L"))
        span_take(&line, ".0");
    return line.length ? fail_number(p) : is(out, NUMBER, number);
}

static int read_integer(struct pickle_value *out, struct pickle *p, int64_t value)
{
    return value < 0 || value > UINT32_MAX ? fail_number(p) : is(out, NUMBER, (uint32_t)value);
}

static int read_real(struct pickle_value *out, struct pickle *p, double value)
{
    if (!(value >= 0 && value <= UINT32_MAX) || value != (double)(uint32_t)value)
        return fail_number(p);
    return is(out, NUMBER, (uint32_t)value);
}

/* ---- n-grams ------------------------------------------------------------------------------------------- */

static int word_of(uint32_t *out, struct pickle *p, struct pickle_value value)
{
    struct counts *counts = p->context;
    char digits[16];
    *out = value.number;
    if (value.kind == WORD)
        return 0;
    if (value.kind != NUMBER)
        return err_set(p->err, ERR_FORMAT, "tuple at byte %zu is not of words", p->offset);
    snprintf(digits, sizeof digits, "%" PRIu32, value.number);
    return document_frequency_word(out, counts->df, span_of(digits), p->err);
}

static int read_tuple(
    struct pickle_value *out, struct pickle *p, const struct pickle_value *values, size_t count)
{
    struct counts *counts = p->context;
    uint32_t words[NGRAM_ORDERS], ngram;
    int rc = 0;
    if (count == 0 || (count == 1 && values[0].kind == NUMBER_TYPE))
        return is(out, ARGUMENTS, 0);
    if (count > NGRAM_ORDERS)
        return err_set(p->err, ERR_FORMAT, "tuple of %zu at byte %zu: n-grams have 1 to %d words", count,
            p->offset, NGRAM_ORDERS);
    for (size_t i = 0; i < count && !rc; i++)
        rc = word_of(&words[i], p, values[i]);
    if (!rc)
        rc = document_frequency_ngram(&ngram, counts->df, words, count, p->err);
    return rc ? rc : is(out, NGRAM, ngram);
}

/* ---- dictionaries -------------------------------------------------------------------------------------- */

static int read_dictionary(struct pickle_value *out, struct pickle *p)
{
    struct counts *counts = p->context;
    return is(out, DICTIONARY, counts->dictionaries++);
}

/* *which is the dictionary that has keys of some kind, or nothing yet: then it becomes `dictionary`. False
 * where it is another. */
static bool is_or_becomes(struct pickle_value *which, struct pickle_value dictionary)
{
    if (which->kind == PICKLE_NOTHING)
        *which = dictionary;
    return which->number == dictionary.number;
}

static bool is_name(const struct counts *counts, struct pickle_value key, const char *name)
{
    return key.kind == WORD && key.number != NGRAM_NONE &&
           span_equal(counts->df->ngrams.words[key.number], span_of(name));
}

static int set_item(
    struct pickle *p, struct pickle_value dictionary, struct pickle_value key, struct pickle_value value)
{
    struct counts *counts = p->context;
    struct pickle_value *which = key.kind == NGRAM ? &counts->counted : &counts->outer;
    struct pickle_value *named = is_name(counts, key, "document_frequency") ? &counts->frequencies
                                 : is_name(counts, key, "ref_len")          ? &counts->ref_len
                                                                            : NULL;
    if (key.kind != NGRAM && !named)
        return err_set(p->err, ERR_FORMAT,
            "key at byte %zu is neither an n-gram nor 'document_frequency' nor 'ref_len'", p->offset);
    if (!is_or_becomes(which, dictionary))
        return err_set(p->err, ERR_FORMAT, "a second dictionary of that kind at byte %zu", p->offset);
    if (named)
        *named = value;
    else if (value.kind != NUMBER)
        return err_set(p->err, ERR_FORMAT, "count of an n-gram at byte %zu is not a number", p->offset);
    else if (key.number != NGRAM_NONE)
        counts->df->images[key.number] = value.number;
    return 0;
}

static int set_items(
    struct pickle *p, struct pickle_value dictionary, const struct pickle_value *values, size_t count)
{
    if (dictionary.kind != DICTIONARY || count % 2)
        return err_set(
            p->err, ERR_FORMAT, "no dictionary, or no pairs to put into it, at byte %zu", p->offset);
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i += 2)
        rc = set_item(p, dictionary, values[i], values[i + 1]);
    return rc;
}

/* ---- what other pickles call --------------------------------------------------------------------------- */

static const struct {
    const char *module, *name;
    enum kind kind;
} known[] = {
    {"collections", "defaultdict", DEFAULTDICT},
    {"__builtin__", "int", NUMBER_TYPE},  /* Python 2 */
    {"__builtin__", "long", NUMBER_TYPE}, /* also int of Python 3 where Python 2 could read it */
    {"__builtin__", "float", NUMBER_TYPE},
    {"builtins", "int", NUMBER_TYPE}, /* Python 3 */
    {"builtins", "float", NUMBER_TYPE},
};

static int read_global(struct pickle_value *out, struct pickle *p, struct span module, struct span name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (span_equal(module, span_of(known[i].module)) && span_equal(name, span_of(known[i].name)))
            return is(out, known[i].kind, 0);
    return pickle_refuse(p, module, name);
}

static struct span text_of(const struct pickle *p, struct pickle_value value)
{
    const struct counts *counts = p->context;
    return value.kind == WORD && value.number != NGRAM_NONE ? counts->df->ngrams.words[value.number]
                                                            : span_of("?");
}

static int reduce(
    struct pickle_value *out, struct pickle *p, struct pickle_value callable, struct pickle_value arguments)
{
    if (callable.kind != DEFAULTDICT || arguments.kind != ARGUMENTS)
        return err_set(p->err, ERR_UNSUPPORTED,
            "it would call something else than defaultdict at byte %zu; only %s are read", p->offset,
            p->reader->purpose);
    return read_dictionary(out, p);
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

/* Whether root is { 'document_frequency': counted, 'ref_len': N }, or just counted; sets N. */
static int finish(struct pickle *p, struct pickle_value root)
{
    struct counts *counts = p->context;
    if (root.kind == DICTIONARY && counts->outer.kind == PICKLE_NOTHING &&
        is_or_becomes(&counts->counted, root)) {
        counts->df->count = 40504; /* the images of COCO's val2014 */
        return 0;
    }
    if (root.kind != DICTIONARY || root.number != counts->outer.number ||
        counts->frequencies.kind != DICTIONARY || !is_or_becomes(&counts->counted, counts->frequencies))
        return err_set(p->err, ERR_FORMAT, "it holds something other than document frequencies");
    if (counts->ref_len.kind != NUMBER || counts->ref_len.number == 0)
        return err_set(p->err, ERR_FORMAT, "'ref_len' is not there, or is not a number of images");
    counts->df->count = counts->ref_len.number;
    return 0;
}

static const struct pickle_reader reader = {
    .purpose = "dictionaries of counts",
    .text = read_text,
    .digits = read_digits,
    .integer = read_integer,
    .real = read_real,
    .tuple = read_tuple,
    .dictionary = read_dictionary,
    .set_items = set_items,
    .global = read_global,
    .text_of = text_of,
    .reduce = reduce,
    .finish = finish,
};

int document_frequency_pickle(struct document_frequency *df, struct span bytes, struct err *err)
{
    struct counts counts = {.df = df};
    return pickle_run(&reader, &counts, bytes, err);
}
