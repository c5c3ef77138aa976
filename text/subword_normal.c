// SPDX-License-Identifier: Apache-2.0
/* The normal form of a text for subword.h's kinds. Facts: normalizer.cc of SentencePiece 0.2; precompiled.rs of the
 * tokenizers library 0.23; tokenization_siglip.py of transformers 5.23. */
#include "text/builder.h"
#include "text/clean.h"
#include "text/subword.h"

static const struct span blank = {" ", 1}, low_line = {LOW_LINE, sizeof LOW_LINE - 1};

/* ---- SentencePiece's ------------------------------------------------------------------------------------ */

/* What the text is replaced by at its front, and how many bytes that is for; user-defined pieces stay. */
static size_t front(struct span *out, const struct subword *subword, struct span text)
{
    int32_t id;
    size_t length = subword_user(&id, subword, text);
    if (!length && (length = charsmap_find(out, &subword->charsmap, text, true)))
        return length;
    if (!length)
        unicode_read(text, &length);
    *out = (struct span){text.data, length};
    return length;
}

static void add_underlined(struct builder *builder, struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        builder_add(builder, text.data[i] == ' ' ? low_line : (struct span){text.data + i, 1});
}

static struct span without_blanks_before(struct span text)
{
    while (span_begins(text, blank))
        text = span_from(text, 1);
    return text;
}

/* At the front only what is a single blank goes: what becomes two stays for the caller to shorten. */
static struct span trim_front(const struct subword *subword, struct span text)
{
    struct span out;
    size_t length;
    while (text.length && (length = front(&out, subword, text)) && span_equal(out, blank))
        text = span_from(text, length);
    return text;
}

static int of_sentencepiece(
    struct span *out, const struct subword *subword, struct arena *arena, struct span text, struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    bool was_blank = subword->squeeze;
    if (subword->squeeze)
        text = trim_front(subword, text);
    if (subword->prefix && text.length)
        builder_add(&builder, low_line);
    for (size_t length; text.length && !builder.rc; text = span_from(text, length)) {
        struct span piece;
        length = front(&piece, subword, text);
        if (was_blank)
            piece = without_blanks_before(piece);
        add_underlined(&builder, piece);
        if (piece.length)
            was_blank = subword->squeeze && piece.data[piece.length - 1] == ' ';
    }
    int rc = builder_end(out, &builder);
    while (subword->squeeze && out->length >= low_line.length &&
           span_equal(span_from(*out, out->length - low_line.length), low_line))
        out->length -= low_line.length;
    return rc;
}

/* ---- of the tokenizers library ------------------------------------------------------------------------- */

/* Rules for a grapheme cluster of less than six bytes as a whole, but the first rule that is for the front of it counts,
 * and takes the rest away; else for each of its characters. So the rules of the library, whose Precompiled says that it
 * seems broken and has to be so. */
static void add_mapped(struct builder *builder, const struct charsmap *map, struct span cluster)
{
    enum { WHOLE_MAX = 5 };
    struct span right;
    if (cluster.length <= WHOLE_MAX && charsmap_find(&right, map, cluster, false)) {
        builder_add(builder, right);
        return;
    }
    for (size_t width; cluster.length; cluster = span_from(cluster, width)) {
        unicode_read(cluster, &width);
        const struct span c = {cluster.data, width};
        builder_add(builder, charsmap_find(&right, map, c, false) ? right : c);
    }
}

static int map_characters(struct span *text, const struct charsmap *map, struct arena *arena, struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    for (size_t length; text->length && !builder.rc; *text = span_from(*text, length)) {
        length = unicode_cluster(*text);
        add_mapped(&builder, map, (struct span){text->data, length});
    }
    return builder_end(text, &builder);
}

static void strip_right(struct span *text)
{
    size_t kept = 0, width;
    for (size_t i = 0; i < text->length; i += width)
        if (unicode_class(span_from(*text, i), &width) != CHAR_SPACE)
            kept = i + width;
    text->length = kept;
}

static int change_blanks(
    struct span *text, const struct subword *subword, struct arena *arena, struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    for (size_t i = 0; i < text->length && !builder.rc; i++) {
        const struct span c = {text->data + i, 1};
        if (subword->squeeze && *c.data == ' ' && i > 0 && text->data[i - 1] == ' ')
            continue;
        builder_add(&builder, subword->underline && *c.data == ' ' ? low_line : c);
    }
    return builder_end(text, &builder);
}

static int of_tokenizers(
    struct span *out, const struct subword *subword, struct arena *arena, struct span text, struct err *err)
{
    int rc = subword->canonical ? text_canonicalise(&text, arena, text, subword->lower, err) : 0;
    if (!rc && subword->charsmap.count)
        rc = map_characters(&text, &subword->charsmap, arena, err);
    if (!rc && subword->lower && !subword->canonical)
        rc = unicode_normalise(&text, arena, text, NORMAL_LOWER, err);
    if (!rc && subword->strip_right)
        strip_right(&text);
    if (!rc && (subword->squeeze || subword->underline))
        rc = change_blanks(&text, subword, arena, err);
    *out = text;
    return rc;
}

/* ---- of transformers' SiglipTokenizer ------------------------------------------------------------------ */

static int of_siglip(
    struct span *out, const struct subword *subword, struct arena *arena, struct span text, struct err *err)
{
    struct builder builder = {.arena = arena, .err = err};
    int rc = text_canonicalise(&text, arena, text, subword->lower, err);
    if (rc)
        return rc;
    builder_add(&builder, span_of("<unk>"));
    builder_add(&builder, text);
    rc = builder_end(&text, &builder);
    return rc ? rc : of_sentencepiece(out, subword, arena, text, err);
}

int subword_normalise(
    struct span *out, const struct subword *subword, struct arena *arena, struct span text, struct err *err)
{
    int rc = 0;
    switch (subword->form) {
    case NORMAL_SIGLIP:
        return of_siglip(out, subword, arena, text, err);
    case NORMAL_SENTENCEPIECE:
        if (subword->lower)
            rc = unicode_normalise(&text, arena, text, NORMAL_LOWER, err);
        return rc ? rc : of_sentencepiece(out, subword, arena, text, err);
    default:
        return of_tokenizers(out, subword, arena, text, err);
    }
}
