// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <string.h>

/* ---- lines of merges ----------------------------------------------------------------------------------- */

static size_t count_lines(struct span text)
{
    size_t count = 0;
    for (struct lines lines = {.rest = text}; lines_next(&lines);)
        count++;
    return count;
}

/* Adds one line's merge, after its token where that has an id yet to be given (-1: the vocabulary has it). */
static int add_line(
    struct tokenizer *tokenizer, struct vocab *vocab, struct span line, int64_t new_id, struct err *err)
{
    struct span left, right;
    if (!tokenizer_split_merge(&left, &right, line))
        return err_set(err, ERR_FORMAT, "a merge is two tokens with a blank between");
    if (new_id >= 0) {
        char *text = arena_copy(&vocab->arena, line.data, line.length);
        if (!text)
            return err_memory(err, line.length);
        memmove(text + left.length, text + left.length + 1, right.length);
        int rc = vocab_add(vocab, (struct span){text, left.length + right.length}, new_id, err);
        if (rc)
            return rc;
    }
    return tokenizer_add_merge(tokenizer, vocab, left, right, err);
}

/* ---- vocab.json with merges.txt ------------------------------------------------------------------------ */

static int read_merges(
    struct tokenizer *tokenizer, struct vocab *vocab, const struct text_file *file, struct err *err)
{
    struct lines lines = {.rest = file->bytes};
    int rc = bpe_init(&tokenizer->clip.bpe, count_lines(file->bytes), err);
    while (!rc && lines_next(&lines)) {
        if (lines.number == 1 && span_begins(lines.line, span_of("#version")))
            continue;
        rc = add_line(tokenizer, vocab, lines.line, -1, err);
        if (rc)
            err_wrap(err, "unable to load '%s': line %zu", file->name, lines.number);
    }
    return rc;
}

/* Of RoBERTa, the same files in GPT-2's kind. */
static int read_byte_level(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    struct subword *subword = &tokenizer->subword;
    tokenizer->kind = &byte_level_kind;
    subword->blank_before = settings->add_blank == SAYS_YES;
    int rc = pieces_read_json(&subword->pieces, files[0].bytes, err);
    if (!rc)
        rc = byte_level_index(subword, err);
    if (!rc)
        rc = tokenizer_add_roles(tokenizer, &subword->pieces, settings, err);
    if (!rc)
        rc = tokenizer_set_specials(tokenizer, &subword->pieces, settings, NULL, err);
    if (!rc)
        rc = bpe_init(&subword->bpe, count_lines(files[1].bytes), err);
    if (rc)
        err_wrap(err, "unable to load '%s'", files[0].name);
    for (struct lines lines = {.rest = files[1].bytes}; !rc && lines_next(&lines);) {
        struct span left, right;
        if (lines.number == 1 && span_begins(lines.line, span_of("#version")))
            continue;
        rc = tokenizer_split_merge(&left, &right, lines.line)
                 ? subword_add_merge(subword, left, right, err)
                 : err_set(err, ERR_FORMAT, "a merge is two tokens with a blank between");
        if (rc)
            err_wrap(err, "unable to load '%s': line %zu", files[1].name, lines.number);
    }
    return rc;
}

int tokenizer_parse_vocab_merges(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    struct vocab vocab = {0};
    json_t *root = NULL;
    if (settings->class == CLASS_ROBERTA)
        return read_byte_level(tokenizer, files, settings, err);
    tokenizer->kind = &clip_kind;
    int rc = json_parse(&root, files[0].bytes.data, files[0].bytes.length, files[0].name, err);
    if (rc)
        return rc;

    rc = tokenizer_read_vocab(&vocab, root, 0, err);
    if (!rc)
        rc = tokenizer_set_clip(tokenizer, 0, err);
    if (!rc)
        rc = tokenizer_add_specials(tokenizer, &vocab, err);
    if (!rc)
        rc = tokenizer_finish(tokenizer, &vocab, tokenizer->end, err);
    if (rc)
        err_wrap(err, "unable to load '%s'", files[0].name);
    else
        rc = read_merges(tokenizer, &vocab, &files[1], err);
    vocab_release(&vocab);
    json_decref(root);
    return rc;
}

/* ---- OpenAI's bpe_simple_vocab_16e6.txt.gz ------------------------------------------------------------- */

/* The file lists 262,144 merges below a line of header; CLIP uses the first 48,894. Its vocabulary follows
 * from them: the byte alphabet, the alphabet again as ends of words, what each merge makes, start, end. */
enum { OPENAI_MERGES = 48894, OPENAI_SYMBOLS = 2 * 256, OPENAI_TOKENS = OPENAI_SYMBOLS + OPENAI_MERGES + 2 };

static int add_alphabet(struct vocab *vocab, struct err *err)
{
    const struct span ends[] = {span_of(""), span_of(WORD_END)};
    struct byte_symbol symbols[256];
    int rc = 0;

    vocab_alphabet(symbols);
    for (size_t i = 0; !rc && i < OPENAI_SYMBOLS; i++) {
        const struct byte_symbol *symbol = &symbols[i % 256];
        const struct span end = ends[i / 256];
        char *text = arena_alloc(&vocab->arena, symbol->length + end.length + 1);
        if (!text)
            return err_memory(err, symbol->length + end.length + 1);
        memcpy(text, symbol->text, symbol->length);
        memcpy(text + symbol->length, end.data, end.length);
        rc = vocab_add(vocab, span_of(text), (int64_t)i, err);
    }
    return rc;
}

static int add_openai_merges(
    struct tokenizer *tokenizer, struct vocab *vocab, const struct text_file *file, struct err *err)
{
    struct lines lines = {.rest = file->bytes};
    int rc = bpe_init(&tokenizer->clip.bpe, OPENAI_MERGES, err);
    if (rc)
        return rc;
    lines_next(&lines); /* the header */
    for (size_t i = 0; i < OPENAI_MERGES; i++) {
        if (!lines_next(&lines))
            return err_set(err, ERR_FORMAT, "unable to load '%s': %zu merges, expected %d", file->name, i,
                OPENAI_MERGES);
        rc = add_line(tokenizer, vocab, lines.line, (int64_t)(OPENAI_SYMBOLS + i), err);
        if (rc) {
            err_wrap(err, "unable to load '%s': line %zu", file->name, lines.number);
            return rc;
        }
    }
    return 0;
}

int tokenizer_parse_openai(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err)
{
    struct vocab vocab;
    (void)settings;
    tokenizer->kind = &clip_kind;
    int rc = vocab_init(&vocab, OPENAI_TOKENS, err);
    if (!rc)
        rc = add_alphabet(&vocab, err);
    if (!rc)
        rc = add_openai_merges(tokenizer, &vocab, &files[0], err);
    if (!rc)
        rc = vocab_add(&vocab, span_of(START_TEXT), OPENAI_TOKENS - 2, err);
    if (!rc)
        rc = vocab_add(&vocab, span_of(END_TEXT), OPENAI_TOKENS - 1, err);
    if (!rc)
        rc = tokenizer_set_clip(tokenizer, 0, err);
    if (!rc)
        rc = tokenizer_add_specials(tokenizer, &vocab, err);
    if (!rc)
        rc = tokenizer_finish(tokenizer, &vocab, -1, err);
    vocab_release(&vocab);
    return rc;
}
