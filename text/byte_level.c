// SPDX-License-Identifier: Apache-2.0
/* GPT-2's kind of tokenizer, which is RoBERTa's: GPT-2's pattern cuts words, which keep the blank before them, and the bytes
 * of each are merged by rank. Facts: byte_level.rs in pre_tokenizers of the tokenizers library 0.23. */
#include "text/builder.h"
#include "text/tokenizer_internal.h"

static const struct span blank = {" ", 1};

/* ---- words --------------------------------------------------------------------------------------------- */

/* Bytes of the characters of one class that text begins with, and of the last of them. */
static size_t run_length(size_t *last, struct span text, enum char_class class)
{
    size_t length = 0, width;
    *last = 0;
    while (length < text.length && unicode_class(span_from(text, length), &width) == class) {
        length += width;
        *last = width;
    }
    return length;
}

static size_t contraction_length(struct span text)
{
    static const char *const contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof contractions / sizeof *contractions; i++)
        if (span_begins(text, span_of(contractions[i])))
            return span_of(contractions[i]).length;
    return 0;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ : the first alternative that matches wins. So
 * white space before a word is one by itself, but for its last character: that stays for what comes next, whose first it
 * is if it is a blank. */
static size_t word_length(struct span text)
{
    size_t width, last;
    const size_t contraction = contraction_length(text), before = span_begins(text, blank);
    const struct span rest = span_from(text, before);
    const enum char_class class = rest.length ? unicode_class(rest, &width) : CHAR_SPACE;
    if (contraction)
        return contraction;
    if (class != CHAR_SPACE)
        return before + run_length(&last, rest, class);
    const size_t length = run_length(&last, text, CHAR_SPACE);
    return length == text.length || length == last ? length : length - last;
}

/* ---- the kind ------------------------------------------------------------------------------------------ */

static int encode_word(struct encoding *encoding, const struct subword *subword, struct span word)
{
    int rc = bpe_reserve(&encoding->work, word.length, &encoding->arena, encoding->err);
    if (rc)
        return rc;
    for (size_t i = 0; i < word.length; i++)
        encoding->work.symbols[i].id = subword->byte_ids[(uint8_t)word.data[i]];
    encoding->count += bpe_encode(&subword->bpe, &encoding->work, word.length,
        encoding->ids + encoding->count, encoding->room - encoding->count);
    return 0;
}

static int add_blank(struct span *text, struct arena *arena, struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    builder_add(&builder, blank);
    builder_add(&builder, *text);
    return builder_end(text, &builder);
}

static int encode(struct encoding *encoding, struct span text)
{
    const struct subword *subword = &encoding->tokenizer->subword;
    int rc = 0;
    if (subword->blank_before && text.length && !span_begins(text, blank))
        rc = add_blank(&text, &encoding->arena, encoding->err);
    for (size_t length; !rc && text.length && encoding->count <= encoding->room;
         text = span_from(text, length)) {
        length = word_length(text);
        rc = encode_word(encoding, subword, (struct span){text.data, length});
    }
    return rc;
}

static int normalise(struct span *out, const struct tokenizer *tokenizer, struct arena *arena,
    struct span text, struct err *err)
{
    (void)tokenizer, (void)arena, (void)err;
    *out = text;
    return 0;
}

static void release(struct tokenizer *tokenizer)
{
    subword_release(&tokenizer->subword);
}

const struct tokenizer_kind byte_level_kind = {"byte-level bpe", normalise, encode, release, NULL};

/* ---- after loading ------------------------------------------------------------------------------------- */

int byte_level_index(struct subword *subword, struct err *err)
{
    struct byte_symbol symbols[256];
    int rc = pieces_index(&subword->pieces, err);
    vocab_alphabet(symbols);
    for (size_t i = 0; !rc && i < 256; i++) {
        const struct span text = {symbols[i].text, symbols[i].length};
        const int32_t id = pieces_find(&subword->pieces, text, (struct span){"", 0});
        if (id < 0)
            rc = err_set(err, ERR_FORMAT, "the vocabulary has no '%.*s' for byte 0x%02x", (int)text.length,
                text.data, symbols[i].byte);
        subword->byte_ids[symbols[i].byte] = id;
    }
    return rc;
}
