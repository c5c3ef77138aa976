// SPDX-License-Identifier: Apache-2.0
/* The tokens that are no text: those around it, padding, and those that are looked for in it. */
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <string.h>

static const struct span nothing = {"", 0};

static int32_t role_id(const struct pieces *pieces, const char *text)
{
    return text ? pieces_find(pieces, span_of(text), nothing) : -1;
}

/* ---- added tokens -------------------------------------------------------------------------------------- */

static int read_added(struct added_token *out, struct arena *arena, json_t *value, struct err *err)
{
    const char *text;
    json_int_t id;
    int normalised, alone = 0, left = 0, right = 0;
    if (json_unpack(value, "{s:s, s:I, s:b, s?b, s?b, s?b}", "content", &text, "id", &id, "normalized",
            &normalised, "single_word", &alone, "lstrip", &left, "rstrip", &right) ||
        id < 0 || id > INT32_MAX || !*text)
        return err_set(err, ERR_FORMAT, "an added token needs a content, an id and whether it is normalized");
    if (alone)
        return err_set(err, ERR_UNSUPPORTED, "added token '%.40s' has single_word", text);
    const char *copy = arena_copy(arena, text, strlen(text));
    *out = (struct added_token){span_of(copy ? copy : ""), (int32_t)id, normalised, left, right};
    return copy ? 0 : err_memory(err, strlen(text));
}

/* Into the vocabulary where it is not there yet; the same text with another id shows when that is indexed. */
static int put_added(struct pieces *pieces, const struct added_token *token, struct err *err)
{
    if ((size_t)token->id >= pieces->count || !pieces->items[token->id].length)
        return pieces_put(pieces, token->id, token->text, 0, PIECE_CONTROL, err);
    const struct span known = pieces_text(pieces, token->id);
    if (span_equal(known, token->text))
        return 0;
    return err_set(err, ERR_FORMAT, "added token '%.*s' has id %d, which is '%.*s' in the vocabulary",
        (int)token->text.length, token->text.data, (int)token->id, (int)known.length, known.data);
}

int tokenizer_read_added(
    struct tokenizer *tokenizer, struct pieces *pieces, const struct json_t *list, struct err *err)
{
    const size_t count = json_array_size(list);
    size_t bytes;
    if (!size_mul(&bytes, count, sizeof *tokenizer->added))
        return err_set(err, ERR_LIMIT, "%zu added tokens are too many", count);
    tokenizer->added = arena_alloc(&tokenizer->arena, bytes);
    if (!tokenizer->added)
        return err_memory(err, bytes);
    for (size_t i = 0; i < count; i++) {
        struct added_token *token = &tokenizer->added[i];
        int rc = read_added(token, &tokenizer->arena, json_array_get(list, i), err);
        if (!rc)
            rc = put_added(pieces, token, err);
        if (!rc && token->normalised)
            rc = tokenizer->kind->normalise(&token->text, tokenizer, &tokenizer->arena, token->text, err);
        if (rc) {
            err_wrap(err, "added_tokens[%zu]", i);
            return rc;
        }
        tokenizer->added_count++;
    }
    return 0;
}

/* SiglipTokenizer's take the white space around them. */
int tokenizer_add_roles(struct tokenizer *tokenizer, const struct pieces *pieces,
    const struct tokenizer_settings *settings, struct err *err)
{
    const bool strip = settings->class == CLASS_SIGLIP;
    tokenizer->added = arena_alloc(&tokenizer->arena, ROLES * sizeof *tokenizer->added);
    if (!tokenizer->added)
        return err_memory(err, ROLES * sizeof *tokenizer->added);
    for (size_t role = 0; role < ROLES; role++) {
        const int32_t id = role_id(pieces, settings->roles[role]);
        if (id >= 0)
            tokenizer->added[tokenizer->added_count++] =
                (struct added_token){pieces_text(pieces, id), id, false, strip, strip};
    }
    return 0;
}

/* ---- before and after a text --------------------------------------------------------------------------- */

static int find(int32_t *out, const struct pieces *pieces, const char *text, struct err *err)
{
    *out = pieces_find(pieces, span_of(text), nothing);
    return *out >= 0 ? 0 : err_set(err, ERR_FORMAT, "the vocabulary has no '%.40s'", text);
}

static int add_affix(struct tokenizer *tokenizer, bool before, int32_t id, struct err *err)
{
    int32_t *ids = before ? tokenizer->prefix : tokenizer->suffix;
    size_t *count = before ? &tokenizer->prefix_count : &tokenizer->suffix_count;
    if (*count == sizeof tokenizer->prefix / sizeof *tokenizer->prefix)
        return err_set(err, ERR_UNSUPPORTED, "more than %zu tokens are put around a text",
            sizeof tokenizer->prefix / sizeof *tokenizer->prefix);
    ids[(*count)++] = id;
    return 0;
}

static int add_named(
    struct tokenizer *tokenizer, bool before, const struct pieces *pieces, const char *text, struct err *err)
{
    int32_t id;
    int rc = find(&id, pieces, text, err);
    return rc ? rc : add_affix(tokenizer, before, id, err);
}

/* {"single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, ...]} */
static int read_template(
    struct tokenizer *tokenizer, const struct pieces *pieces, const json_t *list, struct err *err)
{
    bool before = true;
    int rc = 0;
    for (size_t i = 0; !rc && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *text = json_string_value(json_object_get(json_object_get(item, "SpecialToken"), "id"));
        if (text)
            rc = add_named(tokenizer, before, pieces, text, err);
        else if (json_is_object(json_object_get(item, "Sequence")))
            before = false;
        else
            rc = err_set(err, ERR_FORMAT, "post_processor.single[%zu] is neither a token nor the text", i);
    }
    return rc;
}

/* {"cls": ["<s>", 0], "sep": ["</s>", 2]} */
static int read_pair(
    struct tokenizer *tokenizer, const struct pieces *pieces, const json_t *processor, struct err *err)
{
    const char *texts[2];
    if (json_unpack((json_t *)processor, "{s:[s], s:[s]}", "cls", &texts[0], "sep", &texts[1]))
        return err_set(err, ERR_FORMAT, "post_processor has no cls and sep");
    int rc = add_named(tokenizer, true, pieces, texts[0], err);
    return rc ? rc : add_named(tokenizer, false, pieces, texts[1], err);
}

static int read_processor(
    struct tokenizer *tokenizer, const struct pieces *pieces, const json_t *processor, struct err *err)
{
    const char *type = json_string_value(json_object_get(processor, "type"));
    const json_t *list = json_object_get(processor, "processors");
    int rc = 0;
    if (!type)
        return err_set(err, ERR_FORMAT, "post_processor has no type");
    if (!strcmp(type, "TemplateProcessing"))
        return read_template(tokenizer, pieces, json_object_get(processor, "single"), err);
    if (!strcmp(type, "BertProcessing") || !strcmp(type, "RobertaProcessing"))
        return read_pair(tokenizer, pieces, processor, err);
    if (strcmp(type, "Sequence"))
        return err_set(err, ERR_UNSUPPORTED, "post_processor '%.40s' is none that we know", type);
    for (size_t i = 0; !rc && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *inner = json_string_value(json_object_get(item, "type"));
        if (!inner || strcmp(inner, "Sequence")) /* none within another */
            rc = read_processor(tokenizer, pieces, item, err);
        else
            rc = err_set(err, ERR_UNSUPPORTED, "post_processor has sequences within one another");
    }
    return rc;
}

/* What the class puts around a text by itself, whatever the file says. */
static int add_by_class(struct tokenizer *tokenizer, const struct pieces *pieces,
    const struct tokenizer_settings *settings, struct err *err)
{
    const char *const *roles = settings->roles;
    const char *before = NULL, *after = roles[ROLE_EOS];
    switch (settings->class) {
    case CLASS_GEMMA:
        before = settings->add_bos == SAYS_YES ? roles[ROLE_BOS] : NULL;
        if (settings->add_eos != SAYS_YES && (settings->add_eos || settings->add_bos))
            after = NULL;
        break;
    case CLASS_XLM_R:
        before = roles[ROLE_BOS];
        break;
    case CLASS_NLLB:
        before = settings->language;
        break;
    case CLASS_ROBERTA:
    case CLASS_BERT:
        before = roles[ROLE_CLS];
        after = roles[ROLE_SEP];
        break;
    default:
        break;
    }
    int rc = before ? add_named(tokenizer, true, pieces, before, err) : 0;
    return rc || !after ? rc : add_named(tokenizer, false, pieces, after, err);
}

int tokenizer_set_specials(struct tokenizer *tokenizer, const struct pieces *pieces,
    const struct tokenizer_settings *settings, const struct json_t *post_processor, struct err *err)
{
    const bool said = settings->class == CLASS_GEMMA &&
                      (settings->add_bos != SAYS_NOTHING || settings->add_eos != SAYS_NOTHING);
    int rc;
    if (post_processor && !json_is_null(post_processor) && settings->class != CLASS_NLLB &&
        settings->class != CLASS_ROBERTA && !said)
        rc = read_processor(tokenizer, pieces, post_processor, err);
    else
        rc = add_by_class(tokenizer, pieces, settings, err);
    tokenizer->pad = role_id(pieces, settings->roles[ROLE_PAD]);
    tokenizer->sep = role_id(pieces, settings->roles[ROLE_SEP]);
    tokenizer->pad_left = settings->pad_left;
    tokenizer->start = tokenizer->prefix_count ? tokenizer->prefix[0] : -1;
    tokenizer->end = tokenizer->suffix_count ? tokenizer->suffix[0] : -1;
    tokenizer->suffix_once = settings->class == CLASS_SIGLIP;
    tokenizer->vocab = pieces->count;
    return rc;
}

/* ---- fewer rows than tokens ---------------------------------------------------------------------------- */

/* T5's sentinels, which are no user-defined pieces where a tokenizer.json has them. */
static bool is_sentinel(struct span text)
{
    if (span_begins(text, span_of(LOW_LINE)))
        text = span_from(text, sizeof LOW_LINE - 1);
    return span_begins(text, span_of("<extra_id_"));
}

static void drop_added(struct tokenizer *tokenizer, size_t rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < tokenizer->added_count; i++)
        if ((size_t)tokenizer->added[i].id < rows)
            tokenizer->added[kept++] = tokenizer->added[i];
    tokenizer->added_count = kept;
}

static int32_t larger(int32_t most, const int32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        most = ids[i] > most ? ids[i] : most;
    return most;
}

/* The largest id that texts get though its piece is left out: around them, of a merge, or for what has no piece. */
static int32_t largest_kept(const struct tokenizer *tokenizer)
{
    const struct subword *subword = &tokenizer->subword;
    const bool gives_bytes = subword->byte_fallback || tokenizer->kind == &byte_level_kind;
    int32_t most = larger(-1, tokenizer->prefix, tokenizer->prefix_count);
    most = larger(most, tokenizer->suffix, tokenizer->suffix_count);
    most = gives_bytes ? larger(most, subword->byte_ids, 256) : larger(most, &subword->unknown, 1);
    for (size_t i = 0; i < subword->bpe.count; i++)
        most = larger(most, &subword->bpe.merges[i].merged, 1);
    return most;
}

int tokenizer_fit(struct tokenizer *tokenizer, size_t rows, struct err *err)
{
    struct pieces *pieces = &tokenizer->subword.pieces;
    size_t beyond = rows < tokenizer->vocab ? rows : tokenizer->vocab;
    while (beyond < pieces->count &&
           (pieces->items[beyond].type == PIECE_USER || pieces->items[beyond].type == PIECE_CONTROL ||
               !pieces->items[beyond].length || is_sentinel(pieces_text(pieces, (int32_t)beyond))))
        beyond++;
    if (beyond < tokenizer->vocab)
        return err_set(err, ERR_FORMAT, "the tokenizer has %zu ids but the model only %zu (vocab_size)",
            tokenizer->vocab, rows);
    const int32_t most = largest_kept(tokenizer);
    if (most >= 0 && (size_t)most >= rows)
        return err_set(err, ERR_FORMAT, "the tokenizer gives id %d but the model has only %zu (vocab_size)",
            (int)most, rows);
    for (size_t id = rows; id < pieces->count; id++)
        pieces->items[id].type = PIECE_UNUSED;
    if (rows < tokenizer->vocab)
        tokenizer->vocab = rows;
    drop_added(tokenizer, rows);
    if (tokenizer->pad >= 0 && (size_t)tokenizer->pad >= rows)
        tokenizer->pad = -1;
    return 0;
}
