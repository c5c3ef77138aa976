// SPDX-License-Identifier: Apache-2.0
/* The steps before the model, of a tokenizer.json or of a class of transformers. */
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is(const json_t *object, const char *key, const char *text)
{
    return !strcmp(text_of(object, key), text);
}

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* The items of a Sequence, or the one that is none; calls read for each. */
typedef int read_item(struct subword *subword, const json_t *item, struct err *err);

static int read_each(
    struct subword *subword, const json_t *root, const char *list_key, read_item *read, struct err *err)
{
    int rc = 0;
    if (!root || json_is_null(root))
        return 0;
    if (!is(root, "type", "Sequence"))
        return read(subword, root, err);
    const json_t *list = json_object_get(root, list_key);
    for (size_t i = 0; !rc && i < json_array_size(list); i++)
        rc = read(subword, json_array_get(list, i), err);
    return rc;
}

/* ---- normalizer ---------------------------------------------------------------------------------------- */

static int read_charsmap(struct subword *subword, const json_t *item, struct err *err)
{
    const char *blob = text_of(item, "precompiled_charsmap");
    if (!*blob)
        return 0;
    if (subword->charsmap.count || subword->lower || subword->squeeze || subword->underline)
        return err_set(err, ERR_UNSUPPORTED, "normalizer 'Precompiled' is not the first");
    return charsmap_init_base64(&subword->charsmap, span_of(blob), err);
}

/* Blanks to low lines, and many to one. */
static bool read_replace(struct subword *subword, const json_t *item)
{
    const json_t *pattern = json_object_get(item, "pattern");
    const bool low = is(item, "content", LOW_LINE);
    if (is(pattern, "String", " ") && low) {
        subword->underline = true;
        return true;
    }
    if (!is(pattern, "Regex", " {2,}") || !(low || is(item, "content", " ")))
        return false;
    subword->squeeze = true; /* the one is a low line in the end, whichever it is here */
    return true;
}

/* Strip at the right has nothing to do where words end in blanks that a low line begins the next with. */
static int read_normal(struct subword *subword, const json_t *item, struct err *err)
{
    if (is(item, "type", "Precompiled"))
        return read_charsmap(subword, item, err);
    if (is(item, "type", "Replace") && read_replace(subword, item))
        return 0;
    if (is(item, "type", "Lowercase") && !subword->underline && !subword->squeeze) {
        subword->lower = true;
        return 0;
    }
    if (is(item, "type", "Strip") && !flag(item, "strip_left") && flag(item, "strip_right")) {
        subword->strip_right = true;
        return 0;
    }
    return err_set(err, ERR_UNSUPPORTED, "normalizer '%.40s' is none that we do, or not in that place",
        text_of(item, "type"));
}

/* Of a class, only the charsmap. */
static int read_normal_of_class(struct subword *subword, const json_t *item, struct err *err)
{
    return is(item, "type", "Precompiled") ? read_charsmap(subword, item, err) : 0;
}

int subword_read_normalizer(
    struct subword *subword, const json_t *root, enum tokenizer_class class, struct err *err)
{
    return read_each(
        subword, root, "normalizers", class == CLASS_OTHER ? read_normal : read_normal_of_class, err);
}

/* ---- pre_tokenizer ------------------------------------------------------------------------------------- */

static int read_metaspace(struct subword *subword, const json_t *item, struct err *err)
{
    const json_t *scheme = json_object_get(item, "prepend_scheme"), *split = json_object_get(item, "split");
    const bool always = scheme ? is(item, "prepend_scheme", "always") : flag(item, "add_prefix_space");
    if (!is(item, "replacement", LOW_LINE) || !always)
        return err_set(err, ERR_UNSUPPORTED, "Metaspace puts no low line before each word");
    subword->metaspace = true;
    subword->split_low_lines = !json_is_false(split);
    return 0;
}

static int read_word(struct subword *subword, const json_t *item, struct err *err)
{
    if (is(item, "type", "WhitespaceSplit")) {
        subword->split_white = true;
        return 0;
    }
    if (is(item, "type", "Metaspace"))
        return read_metaspace(subword, item, err);
    /* Gemma's finds no blank: the normalizer has made all of them low lines. */
    if (is(item, "type", "Split") && is(json_object_get(item, "pattern"), "String", " ") &&
        subword->underline)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "pre_tokenizer '%.40s' is none that we do", text_of(item, "type"));
}

int subword_read_words(struct subword *subword, const json_t *root, struct err *err)
{
    int rc = read_each(subword, root, "pretokenizers", read_word, err);
    if (rc || subword->metaspace || subword->underline)
        return rc;
    return err_set(err, ERR_UNSUPPORTED, "neither normalizer nor pre_tokenizer makes blanks low lines");
}

/* ---- classes ------------------------------------------------------------------------------------------- */

/* As each class builds them; but that SigLIP 2 was trained on lower case is known to Siglip2Tokenizer alone, and its
 * repositories name GemmaTokenizer, whose do_lower_case does nothing. */
void subword_set_class(struct subword *subword, const struct tokenizer_settings *settings)
{
    switch (settings->class) {
    case CLASS_GEMMA:
        subword->lower = settings->lower != SAYS_NO;
        subword->underline = true;
        break;
    case CLASS_NLLB:
        subword->squeeze = subword->charsmap.count > 0;
        subword->metaspace = subword->split_low_lines = true;
        break;
    case CLASS_SIGLIP: /* whose tokenizer.json transformers does not read, but others write */
        subword->canonical = true;
        subword->lower = settings->lower != SAYS_NO;
        subword->split_white = subword->metaspace = subword->split_low_lines = true;
        break;
    default:
        subword->split_white = subword->metaspace = subword->split_low_lines = true;
    }
}
