// SPDX-License-Identifier: Apache-2.0
/* CLIP's kind of tokenizer: CLIP's pattern cuts words, byte-level BPE encodes each. */
#include "text/tokenizer_internal.h"

static int normalise(struct span *out, const struct tokenizer *tokenizer, struct arena *arena,
    struct span text, struct err *err)
{
    return unicode_normalise(out, arena, text, tokenizer->clip.steps, err);
}

/* open_clip's specials are words, and ids only as they are written in its vocabulary. */
static int32_t special_id(const struct tokenizer *tokenizer, struct span word)
{
    if (tokenizer->rule.reference != TOKENIZER_OPEN_CLIP)
        return -1;
    if (span_equal(word, span_of(OPEN_CLIP_START_TEXT)))
        return tokenizer->start;
    return span_equal(word, span_of(OPEN_CLIP_END_TEXT)) ? tokenizer->end : -1;
}

static int encode(struct encoding *encoding, struct span text)
{
    const struct clip *clip = &encoding->tokenizer->clip;
    const bool open_clip = encoding->tokenizer->rule.reference == TOKENIZER_OPEN_CLIP;
    struct words words = {.rest = text, .open_clip = open_clip};
    struct span word;
    while (encoding->count <= encoding->room && words_next(&word, &words)) {
        const int32_t special = special_id(encoding->tokenizer, word);
        if (special >= 0) {
            encoding_put(encoding, special);
            continue;
        }
        size_t count;
        int rc = bpe_encode(&clip->bpe, word, encoding->ids + encoding->count,
            encoding->room - encoding->count, &count, &encoding->work, &encoding->arena, encoding->err);
        if (rc)
            return rc;
        encoding->count += count;
    }
    return 0;
}

static void release(struct tokenizer *tokenizer)
{
    bpe_release(&tokenizer->clip.bpe);
}

const struct tokenizer_kind clip_kind = {normalise, encode, release};
