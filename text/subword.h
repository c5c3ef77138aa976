// SPDX-License-Identifier: Apache-2.0
/*
 * subword: tokenizers whose vocabulary is pieces of text that begin words with U+2581, the low line that stands for a
 * blank: SentencePiece's, and what the tokenizers library makes of them. Two kinds, by how a text is cut into pieces:
 *
 *   unigram   the cut whose pieces have the largest sum of scores (Viterbi): SigLIP, XLM-R, XLM-V, mT5
 *   bpe       characters that are merged by rank: Gemma (SigLIP 2), NLLB
 *
 * A text goes through three steps, each with choices that struct subword holds: it is normalised, cut into words, and
 * each word into pieces. SentencePiece itself does not cut words.
 */
#ifndef DIPTYCH_TEXT_SUBWORD_H
#define DIPTYCH_TEXT_SUBWORD_H

#include "text/bpe.h"
#include "text/charsmap.h"
#include "text/pieces.h"

#define LOW_LINE "\xe2\x96\x81" /* U+2581 */

/* Whose steps a text goes through before it is cut.
 *
 *   NORMAL_TOKENIZERS     of the tokenizers library: charsmap, squeeze, lower, underline
 *   NORMAL_SENTENCEPIECE  lower; then SentencePiece's own: charsmap, squeeze (blanks at the ends go too), prefix, and
 *                         blanks as low lines
 *   NORMAL_SIGLIP         of transformers' SiglipTokenizer: lower case as Python has it, no ASCII punctuation, white
 *                         space as one blank; then "<unk>" before it, whose pieces are taken off again, and the same */
enum normal_form { NORMAL_TOKENIZERS, NORMAL_SENTENCEPIECE, NORMAL_SIGLIP };

struct subword {
    /* normal form */
    enum normal_form form;
    bool canonical; /* NORMAL_TOKENIZERS: what NORMAL_SIGLIP does before "<unk>" comes first */
    struct charsmap charsmap;
    bool strip_right;      /* no white space at the end */
    bool squeeze;          /* blanks in a row are one */
    bool lower;            /* letter by letter, but for NORMAL_SIGLIP */
    bool underline;        /* blanks become low lines */
    bool prefix;           /* NORMAL_SENTENCEPIECE: a low line before the text */
    size_t unknown_pieces; /* NORMAL_SIGLIP: how many pieces "<unk>" is */

    /* words */
    bool split_white;     /* at Unicode's white space, which goes */
    bool metaspace;       /* blanks become low lines, and one is put before a word that begins with none */
    bool split_low_lines; /* before each low line */
    bool split_runs;      /* before each run of low lines: no merge crosses it, so that it only saves time */
    bool blank_before;    /* byte-level: one is put before a text that begins with none */

    /* pieces */
    struct pieces pieces;
    struct bpe bpe;
    bool is_unigram;
    bool single;           /* sums of scores are float32, as SentencePiece has them */
    double unknown_score;  /* of a character without a piece */
    int32_t unknown;       /* -1: such a character gives nothing */
    bool fuse_unknown;     /* such characters in a row give one id */
    bool byte_fallback;    /* they give their bytes instead */
    int32_t byte_ids[256]; /* all there where byte_fallback is */
    size_t longest_user;   /* PIECE_USER, in bytes */
    bool user_begins[256]; /* with that byte */
};

/* Working memory of unigram; zero-initialise, it grows in the arena. */
struct unigram_work {
    struct best *best; // (room + 1)
    int32_t *ids;      // (room)
    size_t room;
};

/* After the pieces are in: finds their bytes, and their user-defined ones. Errors are pieces_index's. */
int subword_index(struct subword *subword, struct err *err);
void subword_release(struct subword *subword);

/* Makes the merges of a vocabulary that has scores instead: SentencePiece's, where all that make one piece have one
 * rank, or transformers', which ranks the pieces by id and the halves of each by their lengths. ERR_UNSUPPORTED,
 * ERR_MEMORY. */
int subword_make_merges(struct subword *subword, bool ranks_halves, struct err *err);

/* After the merges are in: sets split_runs. */
void subword_finish_merges(struct subword *subword);

/* After the scores are in: sets unknown_score. */
void subword_set_unknown_score(struct subword *subword);

/* Length of the longest user-defined piece that text begins with, and its id; or 0. */
size_t subword_user(int32_t *id, const struct subword *subword, struct span text);

/* unigram.c: *ids, in work, of a word of at least a byte. */
int unigram_encode(const int32_t **ids, size_t *count, const struct subword *subword, struct span word,
    struct unigram_work *work, struct arena *arena, struct err *err);

/* subword_normal.c */
int subword_normalise(
    struct span *out, const struct subword *subword, struct arena *arena, struct span text, struct err *err);

#endif
