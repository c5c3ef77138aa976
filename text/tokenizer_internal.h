// SPDX-License-Identifier: Apache-2.0
/* What the tokenizer's own files share: the struct, its kinds, and how the three formats of files fill it. */
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

/* CLIP's kind: see clip.c. */
struct clip {
    struct bpe bpe;
    unsigned steps; /* NORMAL_* */
};

/* What kinds share; what a kind has of its own stands in a struct of its name. */
struct tokenizer {
    const struct tokenizer_kind *kind;
    struct tokenizer_rule rule;
    size_t context; /* tokenizer_context */
    struct clip clip;
    struct added_token *added;
    size_t added_count;
    size_t vocab;
    int32_t start, end;
    struct arena arena; /* the added tokens */
};

/* One text on its way to ids. */
struct encoding {
    const struct tokenizer *tokenizer;
    int32_t *ids;
    size_t room, count;   /* count > room: the text is cut */
    struct bpe_work work; /* of kinds that merge */
    struct arena arena;
    struct err *err;
};

/* How a kind turns text into ids. Another kind is a file with these functions, and a row in
 * tokenizer_json.c. */
struct tokenizer_kind {
    /* The form of a text whose words are encoded; it lies in the arena, or is the text. */
    int (*normalise)(struct span *out, const struct tokenizer *tokenizer, struct arena *arena,
        struct span text, struct err *err);
    /* Adds the ids of normalised text that has no added token in it; may stop once count > room. */
    int (*encode)(struct encoding *encoding, struct span text);
    void (*release)(struct tokenizer *tokenizer); /* what is the kind's own */
};

extern const struct tokenizer_kind clip_kind;

void encoding_put(struct encoding *encoding, int32_t id); /* adds an id, where there is room for it */

/* ---- tokenizer_build.c: the steps that all formats share ----------------------------------------------- */

/* Adds a token to those that are looked for in text, and to the vocabulary where it is not there yet; an id
 * that differs from the vocabulary's is ERR_FORMAT. The caller has made room in tokenizer->added, and the
 * kind can normalise already. */
int tokenizer_add_token(
    struct tokenizer *tokenizer, struct vocab *vocab, struct added_token token, struct err *err);

/* CLIP's own reading of text, with room for that many added tokens and the specials. */
int tokenizer_set_clip(struct tokenizer *tokenizer, size_t added, struct err *err);

/* Start and end, which the vocabulary must have, as added tokens where they are none yet. */
int tokenizer_add_specials(struct tokenizer *tokenizer, struct vocab *vocab, struct err *err);

/* The tokens of a JSON object {text: id}, with room for `extra` more; the object outlives the vocabulary. */
int tokenizer_read_vocab(struct vocab *vocab, struct json_t *object, size_t extra, struct err *err);

/* "a b" -> a, b */
bool tokenizer_split_merge(struct span *left, struct span *right, struct span line);

/* The next merge by rank. */
int tokenizer_add_merge(struct tokenizer *tokenizer, const struct vocab *vocab, struct span left,
    struct span right, struct err *err);

/* Sets the symbol of every byte, to the id `unknown` where the vocabulary lacks one (-1: that is ERR_FORMAT),
 * and the size of the vocabulary. */
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
int tokenizer_parse(struct tokenizer **out, enum tokenizer_format format, const struct text_file *files,
    struct tokenizer_rule rule, struct err *err);

/* tokenizer_config.c: what the file of that name says, where there is one. */
int tokenizer_read_config(struct tokenizer *tokenizer, const char *directory, struct err *err);

/* tokenizer_json.c and tokenizer_merges.c: fill a zeroed tokenizer, its kind first, which the caller frees on
 * failure too. */
int tokenizer_parse_json(struct tokenizer *tokenizer, const struct text_file *files, struct err *err);
int tokenizer_parse_vocab_merges(struct tokenizer *tokenizer, const struct text_file *files, struct err *err);
int tokenizer_parse_openai(struct tokenizer *tokenizer, const struct text_file *files, struct err *err);

/* ---- kinds in a tokenizer.json ------------------------------------------------------------------------- */

/* clip_json.c */
int clip_read_json(struct tokenizer *tokenizer, struct json_t *root, struct err *err);

#endif
