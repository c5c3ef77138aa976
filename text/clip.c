// SPDX-License-Identifier: Apache-2.0
/* CLIP's kind of tokenizer: CLIP's pattern cuts words, byte-level BPE encodes each. */
#include "text/tokenizer_internal.h"

static int normalise(struct span *out, const struct tokenizer *tokenizer, struct arena *arena,
    struct span text, struct err *err)
{
    return unicode_normalise(out, arena, text, tokenizer->clip.steps, err);
}

static int encode(struct encoding *encoding, struct span text)
{
    const struct clip *clip = &encoding->tokenizer->clip;
    struct words words = {.rest = text, .cuts_specials = clip->cuts_specials};
    struct span word;
    while (encoding->count <= encoding->room && words_next(&word, &words)) {
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
