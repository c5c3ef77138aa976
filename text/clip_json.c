// SPDX-License-Identifier: Apache-2.0
/* CLIP's kind of tokenizer in a tokenizer.json. Of that transformers' CLIPTokenizer takes the vocabulary, the merges
 * and the added tokens, and nothing of how a text is normalised, cut, or put between a start and an end. */
#include "text/tokenizer_internal.h"

#include <jansson.h>

/* ---- added tokens -------------------------------------------------------------------------------------- */

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
    const struct added_token token = {.text = span_of(text), .id = (int32_t)id, .normalised = normalised};
    return tokenizer_add_token(tokenizer, vocab, token, err);
}

static int read_added_tokens(struct tokenizer *tokenizer, struct vocab *vocab, json_t *list, struct err *err)
{
    size_t i;
    json_t *value;
    json_array_foreach(list, i, value)
    {
        int rc = read_added_token(tokenizer, vocab, value, err);
        if (rc) {
            err_wrap(err, "added_tokens[%zu]", i);
            return rc;
        }
    }
    return 0;
}

/* ---- model --------------------------------------------------------------------------------------------- */

static int check_model(const json_t *model, struct err *err)
{
    if (json_is_object(json_object_get(model, "vocab")) && json_is_array(json_object_get(model, "merges")))
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "the model is not CLIP's BPE: it needs a vocab and merges");
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

static int read_parts(struct tokenizer *tokenizer, struct vocab *vocab, json_t *root, struct err *err)
{
    json_t *model = json_object_get(root, "model"), *added = json_object_get(root, "added_tokens");
    const size_t count = json_array_size(added);
    int rc = check_model(model, err);

    if (!rc)
        rc = tokenizer_read_vocab(vocab, json_object_get(model, "vocab"), count, err);
    if (!rc)
        rc = tokenizer_set_clip(tokenizer, count, err);
    if (!rc)
        rc = read_added_tokens(tokenizer, vocab, added, err);
    if (!rc)
        rc = tokenizer_add_specials(tokenizer, vocab, err);
    if (!rc)
        rc = read_merges(tokenizer, vocab, json_object_get(model, "merges"), err);
    if (!rc)
        rc = tokenizer_finish(tokenizer, vocab, tokenizer->end, err);
    return rc;
}

int clip_read_json(struct tokenizer *tokenizer, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err)
{
    const struct text_file *file = tree->file;
    struct vocab vocab = {0};
    json_t *root; /* the whole file, with its lists */
    (void)settings;
    tokenizer->kind = &clip_kind;
    int rc = json_parse(&root, file->bytes.data, file->bytes.length, file->name, err);
    if (rc)
        return rc;
    rc = read_parts(tokenizer, &vocab, root, err);
    vocab_release(&vocab);
    json_decref(root);
    return rc;
}
