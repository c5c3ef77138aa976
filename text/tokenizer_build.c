// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <string.h>

static const struct span nothing = {"", 0};

int tokenizer_add_token(
    struct tokenizer *tokenizer, struct vocab *vocab, struct added_token token, struct err *err)
{
    if (!token.text.length)
        return err_set(err, ERR_FORMAT, "an added token is empty");
    char *text = arena_copy(&tokenizer->arena, token.text.data, token.text.length);
    if (!text)
        return err_memory(err, token.text.length);
    token.text.data = text;

    const int32_t known = vocab_find(vocab, token.text, nothing);
    if (known >= 0 && known != token.id)
        return err_set(err, ERR_FORMAT, "added token '%.40s' has id %d, but %d in the vocabulary", text,
            (int)token.id, (int)known);
    int rc = known >= 0 ? 0 : vocab_add(vocab, token.text, token.id, err);
    if (!rc && token.normalised)
        rc = tokenizer->kind->normalise(&token.text, tokenizer, &tokenizer->arena, token.text, err);
    if (!rc)
        tokenizer->added[tokenizer->added_count++] = token;
    return rc;
}

int tokenizer_set_clip(struct tokenizer *tokenizer, size_t added, struct err *err)
{
    size_t bytes;
    tokenizer->clip.steps = NORMAL_NFC | NORMAL_LOWER;
    if (!size_add(&bytes, added, 2) || !size_mul(&bytes, bytes, sizeof *tokenizer->added))
        return err_set(err, ERR_LIMIT, "%zu added tokens are too many", added);
    tokenizer->added = arena_alloc(&tokenizer->arena, bytes);
    return tokenizer->added ? 0 : err_memory(err, bytes);
}

static bool is_added(const struct tokenizer *tokenizer, int32_t id)
{
    for (size_t i = 0; i < tokenizer->added_count; i++)
        if (tokenizer->added[i].id == id)
            return true;
    return false;
}

int tokenizer_add_specials(struct tokenizer *tokenizer, struct vocab *vocab, struct err *err)
{
    const char *const texts[] = {START_TEXT, END_TEXT};
    int32_t *const ids[] = {&tokenizer->start, &tokenizer->end};
    for (size_t i = 0; i < 2; i++) {
        *ids[i] = vocab_find(vocab, span_of(texts[i]), nothing);
        if (*ids[i] < 0)
            return err_set(err, ERR_FORMAT, "the vocabulary has no '%s'", texts[i]);
        if (is_added(tokenizer, *ids[i]))
            continue;
        const struct added_token token = {.text = span_of(texts[i]), .id = *ids[i]};
        int rc = tokenizer_add_token(tokenizer, vocab, token, err);
        if (rc)
            return rc;
    }
    tokenizer->prefix[tokenizer->prefix_count++] = tokenizer->start;
    tokenizer->suffix[tokenizer->suffix_count++] = tokenizer->end;
    tokenizer->pad = tokenizer->end;
    tokenizer->sep = -1;
    return 0;
}

int tokenizer_read_vocab(struct vocab *vocab, struct json_t *object, size_t extra, struct err *err)
{
    const char *text;
    json_t *id;
    int rc = vocab_init(vocab, json_object_size(object) + extra, err);
    json_object_foreach(object, text, id)
    {
        if (rc)
            break;
        if (json_is_integer(id))
            rc = vocab_add(vocab, span_of(text), json_integer_value(id), err);
        else
            rc = err_set(err, ERR_FORMAT, "token '%.40s' has no integer id", text);
    }
    return rc;
}

bool tokenizer_split_merge(struct span *left, struct span *right, struct span line)
{
    const char *blank = line.length ? memchr(line.data, ' ', line.length) : NULL;
    if (!blank)
        return false;
    *left = (struct span){line.data, (size_t)(blank - line.data)};
    *right = span_from(line, left->length + 1);
    return true;
}

int tokenizer_add_merge(struct tokenizer *tokenizer, const struct vocab *vocab, struct span left,
    struct span right, struct err *err)
{
    const struct span texts[3][2] = {{left, nothing}, {right, nothing}, {left, right}};
    int32_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        const struct span a = texts[i][0], b = texts[i][1];
        ids[i] = vocab_find(vocab, a, b);
        if (ids[i] < 0)
            return err_set(err, ERR_FORMAT, "the vocabulary has no '%.*s%.*s'", (int)a.length, a.data,
                (int)b.length, b.data);
    }
    struct bpe *bpe = &tokenizer->clip.bpe;
    bpe_add(bpe, (struct bpe_merge){ids[0], ids[1], ids[2], (uint32_t)bpe->count});
    return 0;
}

int tokenizer_finish(struct tokenizer *tokenizer, const struct vocab *vocab, int32_t unknown, struct err *err)
{
    const struct span ends[] = {nothing, span_of(WORD_END)};
    int32_t *const ids[] = {tokenizer->clip.byte_ids, tokenizer->clip.last_ids};
    struct byte_symbol symbols[256];

    vocab_alphabet(symbols);
    for (size_t i = 0; i < 256; i++) {
        const struct span text = {symbols[i].text, symbols[i].length};
        for (size_t last = 0; last < 2; last++) {
            const int32_t id = vocab_find(vocab, text, ends[last]);
            if (id < 0 && unknown < 0)
                return err_set(err, ERR_FORMAT, "the vocabulary has no '%.*s%s' for byte 0x%02x",
                    (int)text.length, text.data, ends[last].data, symbols[i].byte);
            ids[last][symbols[i].byte] = id < 0 ? unknown : id;
        }
    }
    tokenizer->vocab = (size_t)vocab->limit;
    return 0;
}
