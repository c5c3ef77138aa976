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
        int rc = bpe_reserve(&encoding->work, word.length, &encoding->arena, encoding->err);
        if (rc)
            return rc;
        for (size_t i = 0; i < word.length; i++) {
            const int32_t *ids_of = i + 1 < word.length ? clip->byte_ids : clip->last_ids;
            encoding->work.symbols[i].id = ids_of[(unsigned char)word.data[i]];
        }
        encoding->count += bpe_encode(&clip->bpe, &encoding->work, word.length,
            encoding->ids + encoding->count, encoding->room - encoding->count);
    }
    return 0;
}

static void release(struct tokenizer *tokenizer)
{
    bpe_release(&tokenizer->clip.bpe);
}

const struct tokenizer_kind clip_kind = {"clip", normalise, encode, release, NULL};
