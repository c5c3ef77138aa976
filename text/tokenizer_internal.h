// SPDX-License-Identifier: Apache-2.0
/* What the tokenizer's own files share: the struct, and how the three formats fill it. */
#ifndef DIPTYCH_TEXT_TOKENIZER_INTERNAL_H
#define DIPTYCH_TEXT_TOKENIZER_INTERNAL_H

#include "text/bpe.h"
#include "text/text.h"
#include "text/vocab.h"
#include "text/words.h"

/* A token that is looked for in the text itself, before it is cut into words. */
struct added_token {
    struct span text;
    int32_t id;
    bool normalised; /* looked for after the text is normalised, else before */
};

struct tokenizer {
    struct bpe bpe;
    struct added_token *added;
    size_t added_count;
    unsigned steps;     /* NORMAL_* */
    bool cuts_specials; /* as struct words has it */
    size_t vocab;
    int32_t start, end;
    struct arena arena; /* the added tokens */
};

/* ---- tokenizer_build.c: the steps that all formats share ----------------------------------------------- */

/* Adds to the vocabulary what is not there yet; an id that differs from the vocabulary's is ERR_FORMAT. The
 * caller has made room in tokenizer->added. Later tokens may rely on tokenizer->steps, so those come first.
 */
int tokenizer_add_token(
    struct tokenizer *tokenizer, struct vocab *vocab, struct added_token token, struct err *err);

/* CLIP's own reading of text, and start and end as its added tokens: all that a vocabulary with no
 * tokenizer.json leaves unsaid. */
int tokenizer_set_clip(struct tokenizer *tokenizer, struct vocab *vocab, struct err *err);

/* The tokens of a JSON object {text: id}, with room for `extra` more; the object outlives the vocabulary. */
int tokenizer_read_vocab(struct vocab *vocab, struct json_t *object, size_t extra, struct err *err);

/* "a b" -> a, b */
bool tokenizer_split_merge(struct span *left, struct span *right, struct span line);

/* The next merge by rank. */
int tokenizer_add_merge(struct tokenizer *tokenizer, const struct vocab *vocab, struct span left,
    struct span right, struct err *err);

/* The symbols of bytes, where the vocabulary lacks one the id `unknown` (-1: none, an error), and the size.
 */
int tokenizer_finish(
    struct tokenizer *tokenizer, const struct vocab *vocab, int32_t unknown, struct err *err);

/* ---- tokenizer_load.c: the formats --------------------------------------------------------------------- */

struct text_file {
    const char *name; /* for messages */
    struct span bytes;
};

enum tokenizer_format { TOKENIZER_JSON, TOKENIZER_VOCAB_MERGES, TOKENIZER_OPENAI, TOKENIZER_FORMATS };
enum { TOKENIZER_FILES_MAX = 2 };

/* Loads from the files of a format as they are in memory, in the order that tokenizer_load.c names them. */
int tokenizer_parse(
    struct tokenizer **out, enum tokenizer_format format, const struct text_file *files, struct err *err);

/* tokenizer_json.c and tokenizer_merges.c: fill a zeroed tokenizer, which the caller frees on failure too. */
int tokenizer_parse_json(struct tokenizer *tokenizer, const struct text_file *files, struct err *err);
int tokenizer_parse_vocab_merges(struct tokenizer *tokenizer, const struct text_file *files, struct err *err);
int tokenizer_parse_openai(struct tokenizer *tokenizer, const struct text_file *files, struct err *err);

#endif
