// SPDX-License-Identifier: Apache-2.0
/* Facts: bert.rs of normalizers and pre_tokenizers, and wordpiece/mod.rs of the tokenizers library 0.23. */
#include "text/builder.h"
#include "text/tokenizer_internal.h"

#include <string.h>

static const struct span nothing = {"", 0}, blank = {" ", 1}, joint = {"##", 2};

/* ---- normal form --------------------------------------------------------------------------------------- */

/* CJK's blocks of ideographs, as BERT lists them. */
static bool is_chinese(int32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) ||
           (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

static bool is_dropped(int32_t c)
{
    return c == 0 || c == 0xfffd || (unicode_is_control(c) && c != '\t' && c != '\n' && c != '\r');
}

static int clean(struct span *text, const struct wordpiece *wordpiece, struct arena *arena, struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    for (size_t width; text->length && !builder.rc; *text = span_from(*text, width)) {
        const int32_t c = unicode_read(*text, &width);
        const struct span character = {text->data, width};
        if (wordpiece->clean && is_dropped(c))
            continue;
        const bool white = wordpiece->clean && unicode_class(*text, &width) == CHAR_SPACE;
        const bool apart = wordpiece->split_chinese && is_chinese(c);
        builder_add(&builder, apart ? blank : nothing);
        builder_add(&builder, white ? blank : character);
        builder_add(&builder, apart ? blank : nothing);
    }
    return builder_end(text, &builder);
}

static int normalise(struct span *out, const struct tokenizer *tokenizer, struct arena *arena,
    struct span text, struct err *err)
{
    const struct wordpiece *wordpiece = &tokenizer->wordpiece;
    int rc = clean(&text, wordpiece, arena, err);
    const unsigned steps =
        (wordpiece->strip_accents ? NORMAL_NFD | NORMAL_NO_MARKS : 0) | (wordpiece->lower ? NORMAL_LOWER : 0);
    return rc ? rc : unicode_normalise(out, arena, text, steps, err);
}

/* ---- pieces -------------------------------------------------------------------------------------------- */

/* The longest piece at the front of word, which begins a word or not; -1: there is none. */
static int32_t longest_piece(size_t *length, const struct pieces *pieces, struct span word, bool begins)
{
    for (*length = word.length; *length; --*length) {
        const bool inside = *length < word.length && ((uint8_t)word.data[*length] & 0xc0) == 0x80;
        const int32_t id =
            inside ? -1 : pieces_find(pieces, begins ? nothing : joint, (struct span){word.data, *length});
        if (id >= 0)
            return id;
    }
    return -1;
}

static size_t count_characters(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += ((uint8_t)text.data[i] & 0xc0) != 0x80;
    return count;
}

static void encode_word(struct encoding *encoding, const struct wordpiece *wordpiece, struct span word)
{
    const size_t before = encoding->count, characters = count_characters(word);
    size_t length;
    int32_t id = characters > wordpiece->longest ? -1 : 0;
    for (struct span rest = word; id >= 0 && rest.length; rest = span_from(rest, length)) {
        id = longest_piece(&length, &wordpiece->pieces, rest, rest.data == word.data);
        encoding_put(encoding, id);
    }
    if (id >= 0)
        return;
    encoding->count = before;
    encoding_put(encoding, wordpiece->unknown);
}

static size_t word_length(struct span text)
{
    size_t length = 0, width;
    while (length < text.length) {
        const struct span rest = span_from(text, length);
        if (unicode_class(rest, &width) == CHAR_SPACE || unicode_is_punctuation(unicode_read(rest, &width)))
            return length ? length : width;
        length += width;
    }
    return length;
}

static int encode(struct encoding *encoding, struct span text)
{
    const struct wordpiece *wordpiece = &encoding->tokenizer->wordpiece;
    for (size_t length, width; text.length && encoding->count <= encoding->room;
         text = span_from(text, length)) {
        length = word_length(text);
        if (unicode_class(text, &width) != CHAR_SPACE)
            encode_word(encoding, wordpiece, (struct span){text.data, length});
    }
    return 0;
}

static void release(struct tokenizer *tokenizer)
{
    pieces_release(&tokenizer->wordpiece.pieces);
}

const struct tokenizer_kind wordpiece_kind = {"wordpiece", normalise, encode, release, NULL};
