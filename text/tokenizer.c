// SPDX-License-Identifier: Apache-2.0
#include "text/clean.h"
#include "text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

void tokenizer_free(struct tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    if (tokenizer->kind)
        tokenizer->kind->release(tokenizer);
    arena_release(&tokenizer->arena);
    free(tokenizer);
}

size_t tokenizer_vocab(const struct tokenizer *tokenizer)
{
    return tokenizer->vocab;
}

int32_t tokenizer_start(const struct tokenizer *tokenizer)
{
    return tokenizer->start;
}

int32_t tokenizer_end(const struct tokenizer *tokenizer)
{
    return tokenizer->end;
}

struct tokenizer_rule tokenizer_rule(const struct tokenizer *tokenizer)
{
    return tokenizer->rule;
}

const char *tokenizer_kind_name(const struct tokenizer *tokenizer)
{
    return tokenizer->kind->name;
}

int32_t tokenizer_pad_id(const struct tokenizer *tokenizer)
{
    return tokenizer->pad;
}

bool tokenizer_pads_left(const struct tokenizer *tokenizer)
{
    return tokenizer->pad_left;
}

const char *tokenizer_reading(const struct tokenizer *tokenizer)
{
    static const char *const readings[2][3] = {
        {"as it is", "no punctuation", "no accents"},
        {"lower case", "lower case, no punctuation", "lower case, no accents"},
    };
    const struct subword *subword = &tokenizer->subword;
    const struct wordpiece *wordpiece = &tokenizer->wordpiece;
    if (tokenizer->kind == &clip_kind)
        return readings[(tokenizer->clip.steps & NORMAL_LOWER) != 0][0];
    if (tokenizer->kind == &wordpiece_kind)
        return readings[wordpiece->lower][wordpiece->strip_accents ? 2 : 0];
    return readings[subword->lower][subword->canonical || subword->form == NORMAL_SIGLIP];
}

size_t tokenizer_context(const struct tokenizer *tokenizer)
{
    return tokenizer->context;
}

const char *tokenizer_reference_name(enum tokenizer_reference reference)
{
    static const char *const names[] = {"transformers", "open_clip"};
    return names[reference];
}

const char *text_cleaning_name(enum text_cleaning cleaning)
{
    static const char *const names[] = {"none", "whitespace", "lower", "canonicalize"};
    return names[cleaning];
}

/* ---- encoding ------------------------------------------------------------------------------------------ */

/* The text, cleaned by its rule, goes down three levels, each of which cuts it and passes on the pieces: raw
 * text at the added tokens that are looked for before normalising; the normalised pieces at those looked for
 * after; the rest as the kind does. All of it stops once there are more ids than room. */

enum { TEXT_LIMIT = 16 << 20 }; /* bytes; beyond any text and within the 32-bit indices of bpe */

void encoding_put(struct encoding *encoding, int32_t id)
{
    if (encoding->count < encoding->room)
        encoding->ids[encoding->count] = id;
    encoding->count++;
}

/* The leftmost added token in text, the longest of those that begin there; else NULL and the end of text. */
static const struct added_token *find_added(
    size_t *offset, const struct tokenizer *tokenizer, struct span text, bool normalised)
{
    const bool *begins = tokenizer->added_begins[normalised];
    const struct added_token *found = NULL;
    for (*offset = 0; *offset < text.length; (*offset)++) {
        if (!begins[(uint8_t)text.data[*offset]])
            continue;
        for (size_t i = 0; i < tokenizer->added_count; i++) {
            const struct added_token *token = &tokenizer->added[i];
            if (token->normalised == normalised && span_begins(span_from(text, *offset), token->text) &&
                (!found || found->text.length < token->text.length))
                found = token;
        }
        if (found)
            break;
    }
    return found;
}

static struct span without_white_after(struct span text)
{
    size_t kept = 0, width;
    for (size_t i = 0; i < text.length; i += width)
        if (unicode_class(span_from(text, i), &width) != CHAR_SPACE)
            kept = i + width;
    return (struct span){text.data, kept};
}

static struct span without_white_before(struct span text)
{
    size_t width;
    while (text.length && unicode_class(text, &width) == CHAR_SPACE)
        text = span_from(text, width);
    return text;
}

typedef int encode_piece(struct encoding *encoding, struct span text);

static int split_at_added(struct encoding *encoding, struct span text, bool normalised, encode_piece *encode)
{
    while (text.length && encoding->count <= encoding->room) {
        size_t offset;
        const struct added_token *token = find_added(&offset, encoding->tokenizer, text, normalised);
        const struct span piece = {text.data, offset};
        int rc = encode(encoding, token && token->left ? without_white_after(piece) : piece);
        if (rc)
            return rc;
        if (token)
            encoding_put(encoding, token->id);
        text = span_from(text, offset + (token ? token->text.length : 0));
        if (token && token->right)
            text = without_white_before(text);
    }
    return 0;
}

static int encode_raw(struct encoding *encoding, struct span text)
{
    const struct tokenizer_kind *kind = encoding->tokenizer->kind;
    struct span normal;
    int rc = kind->normalise(&normal, encoding->tokenizer, &encoding->arena, text, encoding->err);
    return rc ? rc : split_at_added(encoding, normal, true, kind->encode);
}

int tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length, int32_t *ids,
    size_t context, size_t *count, bool *truncated, struct err *err)
{
    struct span whole = {text, length};
    const size_t around = tokenizer->prefix_count + tokenizer->suffix_count;
    if (context < around)
        return err_set(err, ERR_ARGUMENT, "a context of %zu ids has no room for start and end", context);
    if (length > TEXT_LIMIT)
        return err_set(err, ERR_LIMIT, "text of %zu bytes is longer than %d", length, TEXT_LIMIT);
    int rc = unicode_check(whole, err);
    if (rc)
        return rc;

    struct encoding encoding = {.tokenizer = tokenizer, .ids = ids, .err = err};
    encoding.room = context - tokenizer->suffix_count;
    for (size_t i = 0; i < tokenizer->prefix_count; i++)
        encoding_put(&encoding, tokenizer->prefix[i]);
    rc = text_clean(&whole, &encoding.arena, whole, tokenizer->rule.cleaning, err);
    if (!rc && tokenizer->kind->prepare)
        rc = tokenizer->kind->prepare(&whole, tokenizer, &encoding.arena, whole, err);
    if (!rc)
        rc = split_at_added(&encoding, whole, false, encode_raw);
    arena_release(&encoding.arena);
    if (rc)
        return rc;

    const bool cut = encoding.count > encoding.room;
    *count = cut ? encoding.room : encoding.count;
    const bool has_suffix = tokenizer->suffix_once && *count && ids[*count - 1] == tokenizer->end;
    for (size_t i = 0; i < tokenizer->suffix_count && !has_suffix; i++)
        ids[(*count)++] = tokenizer->suffix[i];
    for (size_t i = 0; tokenizer->rule.strip_sep && i < *count; i++)
        if (ids[i] == tokenizer->sep)
            ids[i] = 0;
    if (truncated)
        *truncated = cut;
    return 0;
}

size_t tokenizer_pad(const struct tokenizer *tokenizer, int32_t *ids, size_t count, size_t context)
{
    const int32_t pad = tokenizer->pad < 0 ? 0 : tokenizer->pad;
    const size_t missing = count < context ? context - count : 0;
    if (tokenizer->pad_left && missing)
        memmove(ids + missing, ids, count * sizeof *ids);
    for (size_t i = 0; i < missing; i++)
        ids[tokenizer->pad_left ? i : count + i] = pad;
    return count + missing;
}
