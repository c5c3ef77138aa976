// SPDX-License-Identifier: Apache-2.0
/*
 * text: string -> token ids -> embedding.
 *
 * The tokenizer gives the ids of one of two references, byte for byte; which of them is a tokenizer_rule. It is
 * immutable after loading and safe on any number of threads.
 */
#ifndef DIPTYCH_TEXT_H
#define DIPTYCH_TEXT_H

#include "compute/compute.h"

#include <stdio.h>

/* ---- tokenizer ----------------------------------------------------------------------------------------- */

struct tokenizer;

/* Whose tokenizer.
 *
 *   TOKENIZER_HF         transformers' CLIPTokenizer (5.23): NFC, lower case letter by letter, whatever
 *                        do_lower_case or a tokenizer.json say. The literals "<|startoftext|>" and
 *                        "<|endoftext|>" in a text become those ids.
 *   TOKENIZER_OPEN_CLIP  open_clip's SimpleTokenizer (3.3): only the words, all else is its cleaning. The
 *                        literals that become ids are "<start_of_text>" and "<end_of_text>". openai/CLIP is the same
 *                        but for the literals, which are those of transformers. */
enum tokenizer_reference { TOKENIZER_HF, TOKENIZER_OPEN_CLIP };

/* What open_clip does to a text first, by the names of its `clean` setting.
 *
 *   CLEAN_NONE          nothing: transformers
 *   CLEAN_WHITESPACE    ftfy.fix_text (6.3), html.unescape twice
 *   CLEAN_LOWER         and lower case, where a capital sigma that ends a word becomes the final one
 *   CLEAN_CANONICALIZE  and '_' becomes a blank, and ASCII punctuation goes
 *
 * Of ftfy's fixes these are done: character references, terminal escapes, C1 controls as Windows-1252, ligatures,
 * full and half width, curly quotes, line breaks, control characters, NFC. Left out is fix_encoding, its repair of
 * mojibake: text such as "schÃ¶n", UTF-8 that was once read as something else, stays as it is. Its fix_surrogates
 * has nothing to do in UTF-8. */
enum text_cleaning { CLEAN_NONE, CLEAN_WHITESPACE, CLEAN_LOWER, CLEAN_CANONICALIZE };

struct tokenizer_rule {
    enum tokenizer_reference reference;
    enum text_cleaning cleaning;
    bool strip_sep; /* open_clip's strip_sep_token: [SEP] is written as the id 0 (CLIPA) */
};

const char *tokenizer_reference_name(enum tokenizer_reference reference); /* "transformers", "open_clip" */
const char *text_cleaning_name(enum text_cleaning cleaning);              /* "none", "whitespace", ... */

/* Reads a tokenizer from a model directory. Which files, and what is done with them, is what transformers' class does
 * that tokenizer_config.json names ("tokenizer_class", with or without "Fast"); where it names none, the first there is
 * of these decides, in this order:
 *
 *   tokenizer.json                    CLIP's BPE, another BPE, Unigram or WordPiece, by its model
 *   vocab.json with merges.txt        CLIPTokenizer; RobertaTokenizer where that is named
 *   bpe_simple_vocab_16e6.txt.gz      OpenAI's, the same
 *   spiece.model                      SiglipTokenizer, which takes it before tokenizer.json; T5Tokenizer
 *   sentencepiece.bpe.model           XLMRobertaTokenizer (XLM-R, XLM-V), NllbTokenizer
 *   tokenizer.model                   GemmaTokenizer, Siglip2Tokenizer
 *   vocab.txt                         BertTokenizer
 *
 * Of a tokenizer.json only vocabulary, merges and added tokens count, as for CLIPTokenizer; the tokenizers library would
 * also take its normaliser, pattern and template, which give other ids only where they are not the class's. Of other
 * kinds than CLIP's the charsmap and what is put around a text count too, and where no class is named all does. A byte
 * that CLIP's vocabulary lacks becomes <|endoftext|>.
 *
 * Of tokenizer_config.json these count: tokenizer_class, model_max_length, padding_side, do_lower_case, add_bos_token,
 * add_eos_token, add_prefix_space, tokenize_chinese_chars, strip_accents, src_lang and the special tokens, for which
 * special_tokens_map.json is asked next. SigLIP 2's text is lower-cased unless do_lower_case is false, though
 * GemmaTokenizer, which its repositories name, does not: Siglip2Tokenizer does, and so was it trained.
 *
 * A reference's own rarities that are kept: the tokenizers library lets a rule for a character replace all of a short
 * grapheme cluster that it begins; SiglipTokenizer leaves a low line before a text that begins with a blank; SentencePiece
 * sums scores as float32 over a whole text, the tokenizers library as float64 over a word.
 *
 * ERR_IO where there is none, or it cannot be read; ERR_FORMAT with the line or the entry where it is damaged, or
 * a vocabulary and merges disagree; ERR_UNSUPPORTED where it is of no kind above, or has a step that none of ours is;
 * ERR_LIMIT for a file of more than 256 MiB; ERR_MEMORY. */
int tokenizer_load(
    struct tokenizer **out, const char *directory, struct tokenizer_rule rule, struct err *err);
void tokenizer_free(struct tokenizer *tokenizer);

/* Writes what ids depend on beside the files above, without reading them: the rule, and what tokenizer_config.json and
 * special_tokens_map.json say, as it is in use. Nothing for CLIP's kind, whose ids are always made alike. Errors are
 * tokenizer_load's about these two files, and about a tokenizer.json that has to tell its kind. */
int tokenizer_put_settings(FILE *out, const char *directory, struct tokenizer_rule rule, struct err *err);

/* Makes sure that each id has one of the model's rows. Vocabularies may have more for sentinels and special tokens that no
 * text needs (mT5's "<extra_id_0>"; SigLIP i18n: 250,100 pieces, 250,000 rows; a "<mask>" that transformers adds): those are
 * left out, and a text that has one spells it; one for padding, which many towers never see, is none then. ERR_FORMAT where
 * another token is beyond, or one of these is put around texts, merged, or stands for what has no piece. */
int tokenizer_fit(struct tokenizer *tokenizer, size_t rows, struct err *err);

size_t tokenizer_vocab(const struct tokenizer *tokenizer);  /* ids are below this */
int32_t tokenizer_start(const struct tokenizer *tokenizer); /* first id of every text; -1: there is none */
int32_t tokenizer_end(const struct tokenizer *tokenizer);   /* id behind every text; -1: there is none */
const char *tokenizer_kind_name(
    const struct tokenizer *tokenizer); /* "clip", "unigram", "bpe", "byte-level bpe", "wordpiece" */

/* What the tokenizer itself does to the characters of a text, after its rule's cleaning, for people to read: "lower
 * case", "lower case, no punctuation", "as it is" ... */
const char *tokenizer_reading(const struct tokenizer *tokenizer);
struct tokenizer_rule tokenizer_rule(const struct tokenizer *tokenizer);

/* The most ids that transformers would let a text have: model_max_length of `tokenizer_config.json`, or SIZE_MAX
 * where there is none, or the rule is one of open_clip's. */
size_t tokenizer_context(const struct tokenizer *tokenizer);

/* Writes the ids of text and of what is put around it, start and end or end alone: at most `context` ids, the last of
 * them always end, the text cut where it is too long (*truncated says so; NULL allowed). *count is the number written,
 * without padding: see tokenizer_pad. Needs a context with room for what is put around a text.
 * ERR_FORMAT with the byte offset where text is not UTF-8; ERR_LIMIT for more than 16 MiB; ERR_ARGUMENT for a
 * smaller context; ERR_MEMORY. */
int tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length, int32_t *ids,
    size_t context, size_t *count, bool *truncated, struct err *err);

/* Fills a row of ids from count on to `context`, on the side and with the id that the checkpoint's files say, and returns
 * its length. For towers that see the padding as text (SigLIP, CLIPA, MobileCLIP2-L: every position takes part),
 * whose rows must be as long as in training; a causal tower needs none. The id is the tokenizer's alone: pad_token_id of
 * a config.json is often a default that means nothing (1 in SigLIP 2's, whose tokenizer pads with 0). tokenizer_pad_id:
 * -1 where the files name no token for it, and then 0 is put. */
size_t tokenizer_pad(const struct tokenizer *tokenizer, int32_t *ids, size_t count, size_t context);
int32_t tokenizer_pad_id(const struct tokenizer *tokenizer);
bool tokenizer_pads_left(const struct tokenizer *tokenizer);

/* ---- the text tower ------------------------------------------------------------------------------------ */

/* Which token's final state is the text's embedding. */
enum eot_rule {
    EOT_FIRST,  /* the first end-of-text id */
    EOT_ARGMAX, /* the largest id, first of equals: openai/CLIP, open_clip, HF where eos_token_id is 2 */
    EOT_LAST,   /* the last of the context, whatever it is: SigLIP */
    TEXT_START, /* the first, whatever it is: BERT's [CLS]; packed */
    TEXT_CLASS, /* a class token that comes behind all: CoCa; packed */
    TEXT_MEAN,  /* none: the mean of all; packed */
};
extern const char
    *const eot_rule_names[]; /* "first", "argmax", "last", "first token", "class token", "mean" */

/* What ids become before the first block: the row of each in the token table, and that of its place in a table of
 * positions. All zeros: CLIP's, whose table of positions is as long as the context. */
struct text_embedding {
    size_t positions; /* rows of a table that may be longer; 0: as many as the context */
    size_t
        first;  /* the place of a text's first token: RoBERTa's is behind that of padding, which is its id */
    bool waves; /* positions are no weights, but sines and cosines: M2M100SinusoidalPositionalEmbedding */
    size_t types; /* rows of a table of token types, the first of which is added to every token; 0: none */
    bool scaled;  /* rows of the token table times the root of their width */
    bool norm;    /* a layer norm of the sum */
};

struct text_config {
    struct transformer_config block;
    struct text_embedding embedding;
    size_t vocab, context; /* V ids, at most this many tokens a text */
    size_t embed_width;    /* E of the shared space */
    bool packed;           /* texts are rows one after the other, without what nothing sees (BERT, CoCa) */
    bool skips_padding;    /* packed: wherever its id is in a text, as open_clip masks */
    enum eot_rule eot_rule;
    int32_t eot_id;             /* for EOT_FIRST */
    int32_t pad_id;             /* for TEXT_CLASS, of which the blocks have one token unseen */
    enum projection projection; /* none: E is W */
    bool no_final_norm;         /* there is none before the projection: the last block's stands for it */
    size_t neck; /* width of one more layer, before the projection and behind the norm; 0: none */
    enum activation neck_activation;
    bool neck_bias;
};

struct text_tower;

/* ERR_FORMAT: a tensor is missing, of another shape, or not finite; ERR_UNSUPPORTED: the kernels do not fit
 * its sizes; ERR_DEVICE, ERR_MEMORY. Device and weights must outlive the tower. */
int text_tower_load(struct text_tower **out, const struct text_config *config, const struct weights *weights,
    struct device *device, struct err *err);
void text_tower_free(struct text_tower *tower);

/* params_save of all its tensors. */
int text_tower_save(const struct text_config *config, const struct weights *weights,
    struct weights_writer *writer, struct err *err);

/* Whether the tower sees padding, so that each text has to be filled up to the context by tokenizer_pad. */
bool text_shows_padding(const struct text_config *config);

/* How many tokens of one text of count ids, from 1 up to the context, take part: those up to the pooled one where a mask
 * hides the others from it, or as many as text_pack makes of it; without a mask the whole context. */
size_t text_tokens(const struct text_config *config, const int32_t *ids, size_t count);
size_t text_tokens_most(const struct text_config *config); /* of any text */

/* Which of these is pooled. */
size_t text_eot(const struct text_config *config, const int32_t *ids, size_t count);

/* embeddings (B, E) float32, not normalised, of ids (B, T) int32; eot (B) int32 is each text's text_eot. T is the most
 * text_tokens of the batch; with a mask a text that has less is filled up with any id. ERR_DEVICE; ERR_LIMIT: the batch is larger than the stream's memory was planned for. */
int text_tower_forward(const struct text_tower *tower, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor eot, struct err *err);

/* The same of texts that are packed: ids and places (R) int32, the rows of all sequences; eot (B) int32 counts them. */
int text_tower_forward_packed(const struct text_tower *tower, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor places, const struct sequences *sequences, struct tensor eot,
    struct err *err);

/* Rows for text_tower_forward_packed of the count ids of a text: of those that take part the ids, and their places. The id
 * V is the class token. Returns how many there are, which is text_tokens. */
size_t text_pack(
    int32_t *rows, int32_t *places, const struct text_config *config, const int32_t *ids, size_t count);

/* How many blocks weights have, and rows of the token table; of random weights 0. */
size_t text_layers(const struct weights *weights);
size_t text_vocab(const struct weights *weights);

size_t text_params(const struct text_config *config);
double text_flops(const struct text_config *config, size_t tokens); /* one text of that many tokens */

/* The tower for training, of such a part: see compute/train/train.h, whose parameters it adds its own to. ERR_UNSUPPORTED for towers that differ from
 * CLIP's in more than sizes, activation, mask and the token that is pooled. */
struct trained_text;
struct parameters;
struct tower_training;
int trained_text_new(struct trained_text **out, const struct text_config *config,
    struct parameters *parameters, const struct tower_training *training, struct err *err);
void trained_text_free(struct trained_text *text);

/* text_tower_forward, of ids (B, T) and eot (B) on the host. What it keeps stays in the stream's memory until
 * trained_text_backward is done, which adds the gradients of what is trained by those of the embeddings, dembeddings (B, E) float32. */
int trained_text_forward(struct trained_text *text, struct stream *stream, struct tensor embeddings,
    const int32_t *ids, const int32_t *eot, size_t batch, size_t tokens, struct err *err);
int trained_text_backward(
    struct trained_text *text, struct stream *stream, struct tensor dembeddings, struct err *err);

#endif
