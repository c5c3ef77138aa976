// SPDX-License-Identifier: Apache-2.0
/* CLIP's kind of tokenizer in a tokenizer.json: all that it says must be as CLIP has it. */
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <string.h>

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && !strcmp(json_string_value(value), text);
}

/* ---- normalizer ---------------------------------------------------------------------------------------- */

/* Replacing \s+ by a blank needs no step: to the words that follow, all white space is the same. */
static const struct {
    const char *type;
    unsigned step;
} normalizers[] = {{"NFC", NORMAL_NFC}, {"Replace", 0}, {"Lowercase", NORMAL_LOWER}};

static bool joins_blanks(const json_t *value)
{
    return is_text(json_object_get(json_object_get(value, "pattern"), "Regex"), "\\s+") &&
           is_text(json_object_get(value, "content"), " ");
}

static int read_one_normalizer(struct tokenizer *tokenizer, const json_t *value, struct err *err)
{
    const json_t *type = json_object_get(value, "type");
    for (size_t i = 0; i < sizeof normalizers / sizeof normalizers[0]; i++) {
        const unsigned step = normalizers[i].step;
        if (!is_text(type, normalizers[i].type) || (step == 0 && !joins_blanks(value)))
            continue;
        if (step && step <= tokenizer->clip.steps)
            return err_set(err, ERR_UNSUPPORTED, "normalizer '%s' comes in another order than CLIP's",
                normalizers[i].type);
        tokenizer->clip.steps |= step;
        return 0;
    }
    return err_set(err, ERR_UNSUPPORTED, "normalizer '%.40s' is not one of CLIP's",
        json_is_string(type) ? json_string_value(type) : "");
}

static int read_normalizer(struct tokenizer *tokenizer, const json_t *value, struct err *err)
{
    size_t i;
    json_t *part;
    int rc = 0;

    if (!value || json_is_null(value))
        return 0;
    if (!is_text(json_object_get(value, "type"), "Sequence"))
        return read_one_normalizer(tokenizer, value, err);
    json_array_foreach(json_object_get(value, "normalizers"), i, part)
    {
        rc = read_one_normalizer(tokenizer, part, err);
        if (rc)
            break;
    }
    return rc;
}

/* ---- pre-tokenizer ------------------------------------------------------------------------------------- */

#define CLIP_PATTERN "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"

static int read_pre_tokenizer(struct tokenizer *tokenizer, json_t *value, struct err *err)
{
    const char *types[3] = {""}, *pattern = "", *behavior = "";
    int invert = 0, prefix_blank = 1, pattern_of_bytes = 1;

    if (json_unpack(value, "{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, {s:s, s:b, s?b} !]}", "type", &types[0],
            "pretokenizers", "type", &types[1], "pattern", "Regex", &pattern, "behavior", &behavior, "invert",
            &invert, "type", &types[2], "add_prefix_space", &prefix_blank, "use_regex", &pattern_of_bytes) ||
        strcmp(types[0], "Sequence") || strcmp(types[1], "Split") || strcmp(types[2], "ByteLevel") ||
        strcmp(behavior, "Removed") || !invert || prefix_blank || !pattern_of_bytes)
        return err_set(err, ERR_UNSUPPORTED, "the pre_tokenizer is not CLIP's");

    tokenizer->clip.cuts_specials = !strcmp(pattern, "<\\|startoftext\\|>|<\\|endoftext\\|>|" CLIP_PATTERN);
    if (!tokenizer->clip.cuts_specials && strcmp(pattern, CLIP_PATTERN))
        return err_set(err, ERR_UNSUPPORTED, "the pattern '%.80s' is not CLIP's", pattern);
    return 0;
}

/* ---- added tokens, start and end ----------------------------------------------------------------------- */

static int read_added_token(struct tokenizer *tokenizer, struct vocab *vocab, json_t *value, struct err *err)
{
    const char *text;
    json_int_t id;
    int normalised, alone = 0, left = 0, right = 0;

    if (json_unpack(value, "{s:s, s:I, s:b, s?b, s?b, s?b}", "content", &text, "id", &id, "normalized",
            &normalised, "single_word", &alone, "lstrip", &left, "rstrip", &right) ||
        id < 0 || id > INT32_MAX)
        return err_set(err, ERR_FORMAT, "an added token needs a content, an id and whether it is normalized");
    if (alone || left || right)
        return err_set(err, ERR_UNSUPPORTED, "added token '%.40s' has single_word, lstrip or rstrip", text);
    const struct added_token token = {span_of(text), (int32_t)id, normalised};
    return tokenizer_add_token(tokenizer, vocab, token, err);
}

static int read_added_tokens(struct tokenizer *tokenizer, struct vocab *vocab, json_t *list, struct err *err)
{
    const size_t count = json_array_size(list);
    tokenizer->added = arena_alloc(&tokenizer->arena, count * sizeof *tokenizer->added);
    if (!tokenizer->added)
        return err_memory(err, count * sizeof *tokenizer->added);
    for (size_t i = 0; i < count; i++) {
        int rc = read_added_token(tokenizer, vocab, json_array_get(list, i), err);
        if (rc) {
            err_wrap(err, "added_tokens[%zu]", i);
            return rc;
        }
    }
    return 0;
}

/* Two ways to say "start, text, end". */
static bool unpack_roberta(const char *texts[2], json_int_t ids[2], json_t *value)
{
    return !json_unpack(value, "{s:[s,I], s:[s,I]}", "cls", &texts[0], &ids[0], "sep", &texts[1], &ids[1]);
}

static bool unpack_template(const char *texts[2], json_int_t ids[2], json_t *value)
{
    const char *sequence;
    return !json_unpack(value, "{s:[{s:{s:s}}, {s:{s:s}}, {s:{s:s}} !]}", "single", "SpecialToken", "id",
               &texts[0], "Sequence", "id", &sequence, "SpecialToken", "id", &texts[1]) &&
           !json_unpack(value, "{s:{s:{s:[I!]}}}", "special_tokens", texts[0], "ids", &ids[0]) &&
           !json_unpack(value, "{s:{s:{s:[I!]}}}", "special_tokens", texts[1], "ids", &ids[1]);
}

static int read_post_processor(
    struct tokenizer *tokenizer, const struct vocab *vocab, json_t *value, struct err *err)
{
    const char *texts[2];
    json_int_t ids[2];
    if (!unpack_roberta(texts, ids, value) && !unpack_template(texts, ids, value))
        return err_set(
            err, ERR_UNSUPPORTED, "the post_processor does not put a start and an end around text");
    for (size_t i = 0; i < 2; i++)
        if (ids[i] < 0 || vocab_find(vocab, span_of(texts[i]), span_of("")) != ids[i])
            return err_set(err, ERR_FORMAT,
                "the post_processor gives '%.40s' the id %lld, the vocabulary does not", texts[i],
                (long long)ids[i]);
    tokenizer->start = (int32_t)ids[0];
    tokenizer->end = (int32_t)ids[1];
    return 0;
}

/* ---- model --------------------------------------------------------------------------------------------- */

/* What the model must say; NULL is off: absent, null, false or "". */
static const struct {
    const char *key, *value;
} model_fields[] = {
    {"end_of_word_suffix", WORD_END},
    {"continuing_subword_prefix", NULL},
    {"dropout", NULL},
    {"fuse_unk", NULL},
    {"byte_fallback", NULL},
    {"ignore_merges", NULL},
};

static bool is_off(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value) || is_text(value, "");
}

static int check_model(const json_t *model, struct err *err)
{
    if (!json_is_object(json_object_get(model, "vocab")) || !json_is_array(json_object_get(model, "merges")))
        return err_set(err, ERR_UNSUPPORTED, "the model is not CLIP's BPE: it needs a vocab and merges");
    for (size_t i = 0; i < sizeof model_fields / sizeof model_fields[0]; i++) {
        const char *key = model_fields[i].key, *expected = model_fields[i].value;
        const json_t *value = json_object_get(model, key);
        if (expected ? !is_text(value, expected) : !is_off(value))
            return err_set(err, ERR_UNSUPPORTED, "the model is not CLIP's BPE: its %s is not %s", key,
                expected ? expected : "off");
    }
    return 0;
}

/* A merge is "a b", or ["a", "b"] since version 0.20 of the reference. */
static int read_merge(struct tokenizer *tokenizer, const struct vocab *vocab, json_t *value, struct err *err)
{
    const char *texts[2];
    struct span left, right;
    if (!json_unpack(value, "[s,s!]", &texts[0], &texts[1])) {
        left = span_of(texts[0]);
        right = span_of(texts[1]);
    } else if (!json_is_string(value) ||
               !tokenizer_split_merge(&left, &right, span_of(json_string_value(value)))) {
        return err_set(err, ERR_FORMAT, "a merge is two tokens");
    }
    return tokenizer_add_merge(tokenizer, vocab, left, right, err);
}

static int read_merges(struct tokenizer *tokenizer, const struct vocab *vocab, json_t *list, struct err *err)
{
    const size_t count = json_array_size(list);
    int rc = bpe_init(&tokenizer->clip.bpe, count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        rc = read_merge(tokenizer, vocab, json_array_get(list, i), err);
        if (rc)
            err_wrap(err, "model.merges[%zu]", i);
    }
    return rc;
}

static int read_unknown(int32_t *unknown, const struct vocab *vocab, const json_t *value, struct err *err)
{
    *unknown = -1;
    if (!json_is_string(value))
        return 0;
    *unknown = vocab_find(vocab, span_of(json_string_value(value)), span_of(""));
    if (*unknown >= 0)
        return 0;
    return err_set(err, ERR_FORMAT, "the vocabulary has no '%.40s', the unk_token", json_string_value(value));
}

static int read_parts(struct tokenizer *tokenizer, struct vocab *vocab, json_t *root, struct err *err)
{
    json_t *model = json_object_get(root, "model"), *added = json_object_get(root, "added_tokens");
    int32_t unknown;
    int rc = check_model(model, err);

    if (!rc)
        rc = read_normalizer(tokenizer, json_object_get(root, "normalizer"), err);
    if (!rc)
        rc = read_pre_tokenizer(tokenizer, json_object_get(root, "pre_tokenizer"), err);
    if (!rc)
        rc = tokenizer_read_vocab(vocab, json_object_get(model, "vocab"), json_array_size(added), err);
    if (!rc)
        rc = read_added_tokens(tokenizer, vocab, added, err);
    if (!rc)
        rc = read_post_processor(tokenizer, vocab, json_object_get(root, "post_processor"), err);
    if (!rc)
        rc = read_merges(tokenizer, vocab, json_object_get(model, "merges"), err);
    if (!rc)
        rc = read_unknown(&unknown, vocab, json_object_get(model, "unk_token"), err);
    if (!rc)
        rc = tokenizer_finish(tokenizer, vocab, unknown, err);
    return rc;
}

int clip_read_json(struct tokenizer *tokenizer, struct json_t *root, struct err *err)
{
    struct vocab vocab = {0};
    tokenizer->kind = &clip_kind;
    const int rc = read_parts(tokenizer, &vocab, root, err);
    vocab_release(&vocab);
    return rc;
}
