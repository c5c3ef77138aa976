// SPDX-License-Identifier: Apache-2.0
#include "text/clean.h"
#include "text/tokenizer_internal.h"

#include <stdlib.h>

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
    const struct added_token *found = NULL;
    for (*offset = 0; *offset < text.length; (*offset)++) {
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

typedef int encode_piece(struct encoding *encoding, struct span text);

static int split_at_added(struct encoding *encoding, struct span text, bool normalised, encode_piece *encode)
{
    while (text.length && encoding->count <= encoding->room) {
        size_t offset;
        const struct added_token *token = find_added(&offset, encoding->tokenizer, text, normalised);
        int rc = encode(encoding, (struct span){text.data, offset});
        if (rc)
            return rc;
        if (token)
            encoding_put(encoding, token->id);
        text = span_from(text, offset + (token ? token->text.length : 0));
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
    if (context < 2)
        return err_set(err, ERR_ARGUMENT, "a context of %zu ids has no room for start and end", context);
    if (length > TEXT_LIMIT)
        return err_set(err, ERR_LIMIT, "text of %zu bytes is longer than %d", length, TEXT_LIMIT);
    int rc = unicode_check(whole, err);
    if (rc)
        return rc;

    struct encoding encoding = {.tokenizer = tokenizer, .ids = ids, .room = context - 1, .err = err};
    encoding_put(&encoding, tokenizer->start);
    rc = text_clean(&whole, &encoding.arena, whole, tokenizer->rule.cleaning, err);
    if (!rc)
        rc = split_at_added(&encoding, whole, false, encode_raw);
    arena_release(&encoding.arena);
    if (rc)
        return rc;

    const bool cut = encoding.count > encoding.room;
    *count = cut ? context : encoding.count + 1;
    ids[*count - 1] = tokenizer->end;
    if (truncated)
        *truncated = cut;
    return 0;
}
