// SPDX-License-Identifier: Apache-2.0
/*
 * Unigram and BPE in a tokenizer.json. Of the classes of transformers 5.23 that read such a file, GemmaTokenizer,
 * T5Tokenizer, XLMRobertaTokenizer, NllbTokenizer and RobertaTokenizer build the steps before the model themselves, and take from the file
 * the vocabulary, merges, charsmap, added tokens and what is put around a text. Of a file that names no class we know
 * all counts, as for the tokenizers library.
 */
#include "text/scan.h"
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct span nothing = {"", 0};

static bool is_type(const json_t *value, const char *type)
{
    const char *text = json_string_value(json_object_get(value, "type"));
    return text && !strcmp(text, type);
}

/* ---- merges -------------------------------------------------------------------------------------------- */

int subword_add_merge(struct subword *subword, struct span left, struct span right, struct err *err)
{
    const struct pieces *pieces = &subword->pieces;
    const struct span parts[3][2] = {{left, nothing}, {right, nothing}, {left, right}};
    int32_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        const struct span a = parts[i][0], b = parts[i][1];
        ids[i] = pieces_find(pieces, a, b);
        if (ids[i] < 0)
            return err_set(err, ERR_FORMAT, "the vocabulary has no '%.*s%.*s'",
                a.length < 40 ? (int)a.length : 40, a.data, b.length < 40 ? (int)b.length : 40, b.data);
    }
    struct bpe *bpe = &subword->bpe;
    bpe_add(bpe, (struct bpe_merge){ids[0], ids[1], ids[2], (uint32_t)bpe->count});
    return 0;
}

/* "a b", or ["a", "b"] since version 0.20 of the reference. The first half is copied: it may lie in the scan, where the
 * second goes. */
static int read_merge(struct subword *subword, struct scan *scan, struct err *err)
{
    enum { HALF_MAX = 512 };
    char half[HALF_MAX];
    struct span left, right;
    bool more;
    int rc;
    if (scan_at(scan, '"')) {
        if ((rc = scan_string(scan, &left, err)))
            return rc;
        if (!tokenizer_split_merge(&left, &right, left))
            return err_set(err, ERR_FORMAT, "a merge is two tokens");
        return subword_add_merge(subword, left, right, err);
    }
    if ((rc = scan_enter(scan, '[', err)) || (rc = scan_string(scan, &left, err)))
        return rc;
    if (left.length > sizeof half)
        return err_set(err, ERR_LIMIT, "a token of a merge has more than %d bytes", HALF_MAX);
    memcpy(half, left.data, left.length);
    if ((rc = scan_next(scan, &more, err)) || (rc = scan_string(scan, &right, err)) ||
        (rc = scan_next(scan, &more, err)))
        return rc;
    if (more)
        return err_set(err, ERR_FORMAT, "a merge is two tokens");
    return subword_add_merge(subword, (struct span){half, left.length}, right, err);
}

static int count_merges(size_t *count, struct span list, struct err *err)
{
    struct scan scan = {.text = list};
    struct span value;
    bool more;
    int rc = scan_enter(&scan, '[', err);
    for (*count = 0; !rc && !(rc = scan_next(&scan, &more, err)) && more; ++*count)
        rc = scan_value(&scan, &value, err);
    return rc;
}

static int read_merges(struct subword *subword, struct span list, struct err *err)
{
    struct scan scan = {.text = list};
    size_t count;
    bool more;
    if (!list.data)
        return err_set(err, ERR_FORMAT, "the model has no merges");
    int rc = count_merges(&count, list, err);
    if (!rc)
        rc = bpe_init(&subword->bpe, count, err);
    if (!rc)
        rc = scan_enter(&scan, '[', err);
    while (!rc && !(rc = scan_next(&scan, &more, err)) && more) {
        rc = read_merge(subword, &scan, err);
        if (rc)
            err_wrap(err, "model.merges[%zu]", subword->bpe.count);
    }
    free(scan.unescaped);
    return rc;
}

/* ---- model --------------------------------------------------------------------------------------------- */

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static int read_unigram(struct subword *subword, const json_t *model, struct err *err)
{
    const json_t *unknown = json_object_get(model, "unk_id");
    const struct pieces *pieces = &subword->pieces;
    const json_int_t id = json_integer_value(unknown);
    if (!json_is_integer(unknown) || id < 0 || (size_t)id >= pieces->count)
        return err_set(err, ERR_FORMAT, "model.unk_id is no id of the vocabulary");
    subword->unknown = (int32_t)id;
    subword->is_unigram = subword->fuse_unknown = true;
    subword_set_unknown_score(subword);
    return 0;
}

static int read_bpe(struct subword *subword, const json_t *model, struct span merges, struct err *err)
{
    static const char *const others[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const json_t *value = json_object_get(model, others[i]);
        if (value && !json_is_null(value) && json_string_length(value) + !json_is_string(value))
            return err_set(err, ERR_UNSUPPORTED, "model.%s is set", others[i]);
    }
    if (flag(model, "ignore_merges"))
        return err_set(err, ERR_UNSUPPORTED, "model.ignore_merges is set");
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    subword->unknown = unknown ? pieces_find(&subword->pieces, span_of(unknown), nothing) : -1;
    if (unknown && subword->unknown < 0)
        return err_set(err, ERR_FORMAT, "the vocabulary has no '%.40s', which is model.unk_token", unknown);
    subword->fuse_unknown = flag(model, "fuse_unk");
    int rc = read_merges(subword, merges, err);
    if (!rc)
        subword_finish_merges(subword);
    return rc;
}

/* Without all of its bytes a character is unknown; vocabularies have all or none. */
static int set_fallback(struct subword *subword, bool fallback, struct err *err)
{
    subword->byte_fallback = fallback;
    for (size_t byte = 0; fallback && byte < 256; byte++)
        if (subword->byte_ids[byte] < 0)
            return err_set(
                err, ERR_FORMAT, "model.byte_fallback is set, but the vocabulary has no '<0x%02zX>'", byte);
    return 0;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* GPT-2's own; what else there may be of ByteLevel has another pattern before it. */
static bool is_byte_level(const struct tokenizer_tree *tree, const struct tokenizer_settings *settings)
{
    const json_t *words = json_object_get(tree->root, "pre_tokenizer");
    return settings->class == CLASS_ROBERTA ||
           (settings->class == CLASS_OTHER && is_type(words, "ByteLevel"));
}

static int read_byte_level(struct subword *subword, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    const json_t *words = json_object_get(tree->root, "pre_tokenizer"),
                 *normalizer = json_object_get(tree->root, "normalizer");
    if (settings->class == CLASS_ROBERTA) {
        subword->blank_before = settings->add_blank == SAYS_YES;
        return 0;
    }
    if ((normalizer && !json_is_null(normalizer)) || json_is_false(json_object_get(words, "use_regex")))
        return err_set(err, ERR_UNSUPPORTED, "ByteLevel has a normalizer before it, or does not cut words");
    subword->blank_before = flag(words, "add_prefix_space");
    return 0;
}

static int read_steps(struct subword *subword, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    if (is_byte_level(tree, settings))
        return read_byte_level(subword, tree, settings, err);
    int rc =
        subword_read_normalizer(subword, json_object_get(tree->root, "normalizer"), settings->class, err);
    if (!rc && settings->class == CLASS_OTHER)
        return subword_read_words(subword, json_object_get(tree->root, "pre_tokenizer"), err);
    if (!rc)
        subword_set_class(subword, settings);
    return rc;
}

static int read_parts(struct tokenizer *tokenizer, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    struct subword *subword = &tokenizer->subword;
    const json_t *model = json_object_get(tree->root, "model");
    int rc = read_steps(subword, tree, settings, err);
    if (!rc)
        rc = pieces_read_json(&subword->pieces, tree->vocab, err);
    if (!rc)
        rc = tokenizer_read_added(
            tokenizer, &subword->pieces, json_object_get(tree->root, "added_tokens"), err);
    if (!rc)
        rc = is_byte_level(tree, settings) ? byte_level_index(subword, err) : subword_index(subword, err);
    if (!rc)
        rc = is_type(model, "Unigram") ? read_unigram(subword, model, err)
                                       : read_bpe(subword, model, tree->merges, err);
    if (!rc)
        rc = set_fallback(subword, flag(model, "byte_fallback"), err);
    if (!rc)
        rc = tokenizer_set_specials(
            tokenizer, &subword->pieces, settings, json_object_get(tree->root, "post_processor"), err);
    return rc;
}

int subword_read_json(struct tokenizer *tokenizer, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    const bool unigram = is_type(json_object_get(tree->root, "model"), "Unigram");
    tokenizer->kind = unigram ? &unigram_kind : is_byte_level(tree, settings) ? &byte_level_kind : &bpe_kind;
    return read_parts(tokenizer, tree, settings, err);
}
