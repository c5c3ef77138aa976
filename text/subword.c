// SPDX-License-Identifier: Apache-2.0
#include "text/subword.h"

#include "text/builder.h"
#include "text/tokenizer_internal.h"

#include <math.h>
#include <string.h>

static const struct span nothing = {"", 0}, low_line = {LOW_LINE, sizeof LOW_LINE - 1};

/* ---- after loading ------------------------------------------------------------------------------------- */

int subword_index(struct subword *subword, struct err *err)
{
    struct pieces *pieces = &subword->pieces;
    int rc = pieces_index(pieces, err);
    if (rc)
        return rc;
    pieces_bytes(subword->byte_ids, pieces);
    for (size_t id = 0; id < pieces->count; id++) {
        const struct span text = pieces_text(pieces, (int32_t)id);
        if (!text.length || pieces->items[id].type != PIECE_USER)
            continue;
        subword->user_begins[(uint8_t)*text.data] = true;
        if (subword->longest_user < text.length)
            subword->longest_user = text.length;
    }
    return 0;
}

void subword_release(struct subword *subword)
{
    pieces_release(&subword->pieces);
    charsmap_release(&subword->charsmap);
    bpe_release(&subword->bpe);
}

/* A character without a piece costs ten more than the worst piece. */
void subword_set_unknown_score(struct subword *subword)
{
    const struct pieces *pieces = &subword->pieces;
    double worst = INFINITY;
    for (size_t id = 0; id < pieces->count; id++)
        if (pieces->items[id].length && pieces->items[id].type == PIECE_NORMAL &&
            pieces->items[id].score < worst)
            worst = pieces->items[id].score;
    subword->unknown_score = worst - 10;
}

static bool begins_low(struct span text)
{
    return span_begins(text, low_line);
}

static bool ends_low(struct span text)
{
    return text.length >= low_line.length &&
           span_equal(span_from(text, text.length - low_line.length), low_line);
}

/* No piece has a low line behind another character where no merge puts one there. */
void subword_finish_merges(struct subword *subword)
{
    subword->split_runs = pieces_find(&subword->pieces, low_line, nothing) >= 0 && !subword->longest_user;
    for (size_t i = 0; subword->split_runs && i < subword->bpe.count; i++) {
        const struct bpe_merge *merge = &subword->bpe.merges[i];
        subword->split_runs = ends_low(pieces_text(&subword->pieces, merge->left)) ||
                              !begins_low(pieces_text(&subword->pieces, merge->right));
    }
}

/* ---- one word ------------------------------------------------------------------------------------------ */

size_t subword_user(int32_t *id, const struct subword *subword, struct span text)
{
    size_t found = 0, width;
    if (!subword->user_begins[(uint8_t)*text.data])
        return 0;
    uint64_t hash = PIECES_HASH_SEED;
    for (size_t end = 0; end < text.length && end < subword->longest_user;) {
        unicode_read(span_from(text, end), &width);
        hash = pieces_hash(hash, (struct span){text.data + end, width});
        end += width;
        const int32_t piece = pieces_find_hashed(&subword->pieces, (struct span){text.data, end}, hash);
        if (piece < 0 || subword->pieces.items[piece].type != PIECE_USER)
            continue;
        *id = piece;
        found = end;
    }
    return found;
}

/* What a word of bpe begins as: a symbol a character, or a byte of one. */
struct symbols {
    struct bpe_symbol *items;
    size_t count;
    bool was_unknown;
};

static void put_symbol(struct symbols *symbols, int32_t id)
{
    symbols->items[symbols->count++].id = id;
}

static void put_character(struct symbols *symbols, const struct subword *subword, struct span c)
{
    int32_t id = pieces_find(&subword->pieces, c, nothing);
    if (id >= 0 && subword->pieces.items[id].type == PIECE_UNUSED)
        id = -1; /* left out by tokenizer_fit */
    const bool fused = id < 0 && symbols->was_unknown && subword->fuse_unknown;
    symbols->was_unknown = id < 0 && !subword->byte_fallback;
    if (id >= 0)
        put_symbol(symbols, id);
    else if (subword->byte_fallback)
        for (size_t i = 0; i < c.length; i++)
            put_symbol(symbols, subword->byte_ids[(uint8_t)c.data[i]]);
    else if (subword->unknown >= 0 && !fused)
        put_symbol(symbols, subword->unknown);
}

static int encode_bpe(struct encoding *encoding, const struct subword *subword, struct span word)
{
    int rc = bpe_reserve(&encoding->work, word.length, &encoding->arena, encoding->err);
    if (rc)
        return rc;
    struct symbols symbols = {.items = encoding->work.symbols};
    for (size_t at = 0, width; at < word.length; at += width) {
        int32_t id;
        const struct span rest = span_from(word, at);
        width = subword_user(&id, subword, rest);
        if (width) {
            put_symbol(&symbols, id);
            symbols.was_unknown = false;
            continue;
        }
        unicode_read(rest, &width);
        put_character(&symbols, subword, (struct span){rest.data, width});
    }
    if (symbols.count)
        encoding->count += bpe_encode(&subword->bpe, &encoding->work, symbols.count,
            encoding->ids + encoding->count, encoding->room - encoding->count);
    return 0;
}

static int encode_unigram(struct encoding *encoding, const struct subword *subword, struct span word)
{
    const int32_t *ids;
    size_t count;
    int rc =
        unigram_encode(&ids, &count, subword, word, &encoding->unigram_work, &encoding->arena, encoding->err);
    if (rc)
        return rc;
    const size_t skipped = count < subword->unknown_pieces ? 0 : subword->unknown_pieces;
    for (size_t i = skipped; i < count; i++)
        encoding_put(encoding, ids[i]);
    return 0;
}

/* ---- words --------------------------------------------------------------------------------------------- */

/* Bytes of the word that text begins with. */
static size_t word_length(const struct subword *subword, struct span text)
{
    bool was_low = begins_low(text);
    if (!subword->split_low_lines && !subword->split_runs)
        return text.length;
    for (size_t at = was_low ? low_line.length : 1; at < text.length; at++) {
        const bool low = text.data[at] == *low_line.data && begins_low(span_from(text, at));
        if (low && (subword->split_low_lines || !was_low))
            return at;
        was_low = low;
        at += low ? low_line.length - 1 : 0;
    }
    return text.length;
}

static int encode_words(struct encoding *encoding, const struct subword *subword, struct span text)
{
    int rc = 0;
    for (size_t length; !rc && text.length && encoding->count <= encoding->room;
         text = span_from(text, length)) {
        length = word_length(subword, text);
        const struct span word = {text.data, length};
        rc = subword->is_unigram ? encode_unigram(encoding, subword, word)
                                 : encode_bpe(encoding, subword, word);
    }
    return rc;
}

/* The Metaspace of the tokenizers library. */
static int encode_metaspace(struct encoding *encoding, const struct subword *subword, struct span text)
{
    struct builder builder = {.arena = &encoding->arena, .err = encoding->err};
    if (!text.length || !subword->metaspace)
        return encode_words(encoding, subword, text);
    if (!begins_low(text) && *text.data != ' ')
        builder_add(&builder, low_line);
    for (size_t i = 0; i < text.length; i++)
        builder_add(&builder, text.data[i] == ' ' ? low_line : (struct span){text.data + i, 1});
    int rc = builder_end(&text, &builder);
    return rc ? rc : encode_words(encoding, subword, text);
}

/* The run of text, white space or not, that it begins with. */
static size_t run_length(bool *white, struct span text)
{
    size_t length = 0, width;
    *white = unicode_class(text, &width) == CHAR_SPACE;
    while (length < text.length && (unicode_class(span_from(text, length), &width) == CHAR_SPACE) == *white)
        length += width;
    return length;
}

static int encode(struct encoding *encoding, struct span text)
{
    const struct subword *subword = &encoding->tokenizer->subword;
    int rc = 0;
    if (!subword->split_white)
        return encode_metaspace(encoding, subword, text);
    for (size_t length; !rc && text.length && encoding->count <= encoding->room;
         text = span_from(text, length)) {
        bool white;
        length = run_length(&white, text);
        if (!white)
            rc = encode_metaspace(encoding, subword, (struct span){text.data, length});
    }
    return rc;
}

static int normalise(struct span *out, const struct tokenizer *tokenizer, struct arena *arena,
    struct span text, struct err *err)
{
    return subword_normalise(out, &tokenizer->subword, arena, text, err);
}

static void release(struct tokenizer *tokenizer)
{
    subword_release(&tokenizer->subword);
}

/* SiglipTokenizer puts a low line before the text, and blanks in the place of those in it. */
static int prepare(struct span *out, const struct tokenizer *tokenizer, struct arena *arena, struct span text,
    struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    *out = text;
    if (tokenizer->subword.form != NORMAL_SIGLIP)
        return 0;
    builder_add(&builder, low_line);
    while (text.length) {
        const bool low = begins_low(text);
        builder_add(&builder, low ? span_of(" ") : (struct span){text.data, 1});
        text = span_from(text, low ? low_line.length : 1);
    }
    return builder_end(out, &builder);
}

const struct tokenizer_kind unigram_kind = {"unigram", normalise, encode, release, prepare},
                            bpe_kind = {"bpe", normalise, encode, release, NULL};
