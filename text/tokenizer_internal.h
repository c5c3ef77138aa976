// SPDX-License-Identifier: Apache-2.0
/* What the tokenizer's own files share: the struct, its kinds, and how the formats of files fill it. */
#ifndef DIPTYCH_TEXT_TOKENIZER_INTERNAL_H
#define DIPTYCH_TEXT_TOKENIZER_INTERNAL_H

#include "text/bpe.h"
#include "text/subword.h"
#include "text/text.h"
#include "text/vocab.h"
#include "text/wordpiece.h"
#include "text/words.h"

#include <stdio.h>

/* A token that is looked for in the text itself, before it is cut into words. */
struct added_token {
    struct span text;
    int32_t id;
    bool normalised;  /* looked for after the text is normalised, else before */
    bool left, right; /* takes the white space before it, and after it */
};

/* ---- tokenizer_config.c: what stands beside a vocabulary ----------------------------------------------- */

/* transformers' classes, by what they do to a text: tokenizer_config.c has their names. */
enum tokenizer_class {
    CLASS_OTHER,
    CLASS_SIGLIP,
    CLASS_GEMMA,
    CLASS_T5,
    CLASS_XLM_R,
    CLASS_NLLB,
    CLASS_BERT,
    CLASS_ROBERTA
};

enum token_role { ROLE_BOS, ROLE_EOS, ROLE_UNK, ROLE_SEP, ROLE_PAD, ROLE_CLS, ROLE_MASK, ROLES };

/* tokenizer_config.json, and of special_tokens_map.json what that does not say. */
struct tokenizer_settings {
    enum tokenizer_class class;
    size_t context; /* model_max_length, SIZE_MAX where it says nothing */
    bool pad_left;
    enum { SAYS_NOTHING, SAYS_NO, SAYS_YES } lower, add_bos, add_eos, split_chinese, strip_accents, add_blank;
    const char *roles[ROLES]; /* the tokens; of the class where the file says none, or NULL */
    const char *language;     /* of NLLB */
    struct arena arena;
};

/* The file's settings, or the defaults where there is none. ERR_FORMAT, ERR_IO, ERR_MEMORY. */
int tokenizer_settings_read(struct tokenizer_settings *settings, const char *directory, struct err *err);
void tokenizer_settings_default(struct tokenizer_settings *settings, enum tokenizer_class class);

/* What they say, as numbers and texts; `context` is what they come to. */
void tokenizer_settings_put(FILE *out, const struct tokenizer_settings *settings);

/* Of files that tell their class by themselves. */
void tokenizer_settings_set_class(struct tokenizer_settings *settings, enum tokenizer_class class);
void tokenizer_settings_release(struct tokenizer_settings *settings);

/* CLIP's kind: see clip.c. */
struct clip {
    struct bpe bpe;
    int32_t byte_ids[256], last_ids[256]; /* the symbol of each byte, and of each as the last of a word */
    unsigned steps;                       /* NORMAL_* */
};

/* What kinds share; what a kind has of its own stands in a struct of its name. */
struct tokenizer {
    const struct tokenizer_kind *kind;
    struct tokenizer_rule rule;
    size_t context; /* tokenizer_context */
    struct clip clip;
    struct subword subword;
    struct wordpiece wordpiece;
    struct added_token *added;
    size_t added_count;
    bool added_begins[2][256]; /* [normalised]: some begin with that byte */
    size_t vocab;
    int32_t start, end;           /* -1: a text has none */
    int32_t prefix[2], suffix[2]; /* put around the ids of a text */
    size_t prefix_count, suffix_count;
    bool suffix_once; /* none behind ids that end with it */
    int32_t pad, sep; /* -1: there is none */
    bool pad_left;
    struct arena arena; /* the added tokens */
};

/* One text on its way to ids. */
struct encoding {
    const struct tokenizer *tokenizer;
    int32_t *ids;
    size_t room, count;   /* count > room: the text is cut */
    struct bpe_work work; /* of kinds that merge */
    struct unigram_work unigram_work;
    struct arena arena;
    struct err *err;
};

/* How a kind turns text into ids. Another kind is a file with these functions, and a row in
 * tokenizer_json.c or tokenizer_load.c. */
struct tokenizer_kind {
    const char *name; /* tokenizer_kind_name */
    /* The form of a text whose words are encoded; it lies in the arena, or is the text. */
    int (*normalise)(struct span *out, const struct tokenizer *tokenizer, struct arena *arena,
        struct span text, struct err *err);
    /* Adds the ids of normalised text that has no added token in it; may stop once count > room. */
    int (*encode)(struct encoding *encoding, struct span text);
    void (*release)(struct tokenizer *tokenizer); /* what is the kind's own */
    /* NULL, or what is done to a whole text before added tokens are looked for. */
    int (*prepare)(struct span *out, const struct tokenizer *tokenizer, struct arena *arena, struct span text,
        struct err *err);
};

extern const struct tokenizer_kind clip_kind, unigram_kind, bpe_kind, byte_level_kind, wordpiece_kind;

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

enum tokenizer_format {
    TOKENIZER_JSON,
    TOKENIZER_VOCAB_MERGES,
    TOKENIZER_OPENAI,
    TOKENIZER_SPIECE,        /* spiece.model */
    TOKENIZER_SENTENCEPIECE, /* sentencepiece.bpe.model */
    TOKENIZER_GEMMA,         /* tokenizer.model */
    TOKENIZER_WORDPIECE,     /* vocab.txt */
    TOKENIZER_FORMATS,
};
enum { TOKENIZER_FILES_MAX = 2 };

/* Loads from the files of a format as they are in memory, in the order that tokenizer_load.c names them. */
int tokenizer_parse(struct tokenizer **out, enum tokenizer_format format, const struct text_file *files,
    const struct tokenizer_settings *settings, struct tokenizer_rule rule, struct err *err);

/* What a format's parser is: fills a tokenizer that is zeroed but for its arena, its kind first, which the caller
 * frees on failure too. */
typedef int tokenizer_parser(struct tokenizer *tokenizer, const struct text_file *files,
    const struct tokenizer_settings *settings, struct err *err);
tokenizer_parser tokenizer_parse_json, tokenizer_parse_vocab_merges, tokenizer_parse_openai,
    tokenizer_parse_spiece, tokenizer_parse_sentencepiece, tokenizer_parse_gemma, tokenizer_parse_wordpiece;

/* tokenizer_json.c: whether a tokenizer.json is of CLIP's kind. */
int tokenizer_json_is_clip(bool *out, const struct text_file *file, struct err *err);

/* ---- tokenizer_special.c: the ids around a text -------------------------------------------------------- */

/* Sets prefix, suffix, pad and the rest, of the post_processor of a tokenizer.json (NULL: the class's own). */
int tokenizer_set_specials(struct tokenizer *tokenizer, const struct pieces *pieces,
    const struct tokenizer_settings *settings, const struct json_t *post_processor, struct err *err);

/* Literals in a text of the tokens that have a role are those tokens; after pieces_index. */
int tokenizer_add_roles(struct tokenizer *tokenizer, const struct pieces *pieces,
    const struct tokenizer_settings *settings, struct err *err);

/* Reads the added tokens of a tokenizer.json, for kinds with pieces; before pieces_index. */
int tokenizer_read_added(
    struct tokenizer *tokenizer, struct pieces *pieces, const struct json_t *list, struct err *err);

/* ---- kinds in a tokenizer.json ------------------------------------------------------------------------- */

/* A tokenizer.json: its two long lists as they stand there, {} where there is none, and a tree of the rest. */
struct tokenizer_tree {
    const struct text_file *file;
    struct span vocab, merges;
    size_t vocab_offset, merges_offset;
    struct json_t *root; /* with null for both */
};

typedef int tokenizer_reader(struct tokenizer *tokenizer, const struct tokenizer_tree *tree,
    const struct tokenizer_settings *settings, struct err *err);
tokenizer_reader clip_read_json, subword_read_json, wordpiece_read_json;

/* subword_json.c: a vocabulary and its merges, of a kind that has none for bytes but by name. */
int subword_add_merge(struct subword *subword, struct span left, struct span right, struct err *err);

/* byte_level.c: after the pieces are in, finds that of each byte. ERR_FORMAT where there is none; pieces_index's. */
int byte_level_index(struct subword *subword, struct err *err);

/* subword_steps.c: the steps before the model as the file has them; of a class only its charsmap is in the file, and
 * the rest the class's. */
int subword_read_normalizer(
    struct subword *subword, const struct json_t *root, enum tokenizer_class class, struct err *err);
int subword_read_words(struct subword *subword, const struct json_t *root, struct err *err);
void subword_set_class(struct subword *subword, const struct tokenizer_settings *settings);

#endif
