// SPDX-License-Identifier: Apache-2.0
/*
 * meteor: the parts of METEOR 1.5 (Denkowski and Lavie 2014), by what meteor-1.5.jar does:
 *
 *     words of a caption -> meteor_normalise -> meteor_words_add ... -> meteor_words_look_up
 *     two captions -> meteor_match -> meteor_align -> meteor_stats -> meteor_score
 *
 * The jar calls the candidate "line 1" or "test", and a reference "line 2".
 */
#ifndef DIPTYCH_TEXT_CAPTIONS_METRIC_METEOR_H
#define DIPTYCH_TEXT_CAPTIONS_METRIC_METEOR_H

#include "text/captions/metric_ngrams.h"

/* ---- words --------------------------------------------------------------------------------------------- */

/* A caption in PTB words as METEOR cuts it again (-norm): words with one blank between, in the arena. NULL when out of
 * memory. */
char *meteor_normalise(struct arena *arena, struct span text);

/* WordNet's index and its irregular forms, mapped and searched where they lie. */
enum { WORDNET_PARTS = 4 };

struct wordnet_file {
    struct span lines; /* sorted by their first word, without the licence that the file begins with */
    const char *name;
    struct file_map map;
};

struct wordnet {
    struct wordnet_file index[WORDNET_PARTS], exceptions[WORDNET_PARTS];
    bool shifted[WORDNET_PARTS]; /* it is Debian's: see meteor_wordnet.c */
    struct arena names;
};

/* Of a folder; NULL: WNSEARCHDIR, or METEOR_WORDNET. ERR_IO; ERR_UNSUPPORTED where it is not WordNet 3.0. */
int wordnet_open(struct wordnet *out, const char *folder, struct err *err);
void wordnet_release(struct wordnet *wordnet);
const char *wordnet_folder(const char *folder); /* where wordnet_open looks */

struct synsets {
    uint32_t *items; /* ascending, each once */
    size_t count, room;
};

/* Adds the sets of synonyms that METEOR finds a word in: its own, and those of its base forms. ERR_FORMAT where a line
 * of a file is not as it should be; ERR_MEMORY. */
int wordnet_synsets(struct synsets *out, const struct wordnet *wordnet, struct span word, struct err *err);

/* All words of the captions, by their numbers, and what METEOR knows of each. */
struct meteor_word {
    uint32_t stem; /* equal for words with equal stems */
    bool function;
    struct synsets synsets;
};

struct meteor_words {
    struct ngrams numbers;     /* words, which the captions own; no n-grams */
    struct meteor_word *known; // (numbers.word_count)
};

bool meteor_is_function_word(struct span word);

/* Looks all words up. ERR_UNSUPPORTED in builds without libstemmer; errors of wordnet_synsets. */
int meteor_words_look_up(struct meteor_words *words, const struct wordnet *wordnet, struct err *err);
void meteor_words_release(struct meteor_words *words);

/* ---- paraphrases --------------------------------------------------------------------------------------- */

/* Those whose words the captions have, in the order of the file. */
struct meteor_phrase {
    size_t first; /* in `words` */
    uint32_t length;
};

struct meteor_paraphrases {
    struct ngrams phrases;      /* a phrase is the n-gram of its words' numbers */
    size_t *firsts;             // (phrases.count + 1): where in `says` those of a phrase begin
    struct meteor_phrase *says; // (count)
    uint32_t *words;
    size_t count;
};

/* Reads what METEOR's paraphrase-en.gz has, inflated or not. ERR_IO, ERR_FORMAT with the line, ERR_CANCELLED, ERR_MEMORY. */
int meteor_paraphrases_read(struct meteor_paraphrases *out, const char *path, const struct ngrams *words,
    const struct job *job, struct err *err);
int meteor_paraphrases_parse(
    struct meteor_paraphrases *out, struct span bytes, const struct ngrams *words, struct err *err);
void meteor_paraphrases_release(struct meteor_paraphrases *paraphrases);

/* ---- alignment ----------------------------------------------------------------------------------------- */

enum meteor_module {
    METEOR_EXACT,
    METEOR_STEM,
    METEOR_SYNONYM,
    METEOR_PARAPHRASE,
};

/* The words of a caption, by number. */
struct meteor_text {
    const uint32_t *words; // (count)
    size_t count;
};

/* Words [candidate, candidate + candidate_length) say what those of the reference say. */
struct meteor_match {
    uint32_t candidate, candidate_length, reference, reference_length;
    enum meteor_module module;
};

struct meteor_matches {
    struct meteor_match *items; /* by `reference`, and in the order in which the jar finds them */
    size_t count, room;
    size_t *firsts; // (reference.count + 1): where those that begin at a word of the reference begin
};

/* All matches of two captions. paraphrases may be NULL. ERR_MEMORY. */
int meteor_match(struct meteor_matches *out, struct meteor_text candidate, struct meteor_text reference,
    const struct meteor_words *words, const struct meteor_paraphrases *paraphrases, struct err *err);
void meteor_matches_release(struct meteor_matches *matches);

/* Those of the best alignment that the beam finds, chosen[0 .. reference.count): the match that begins at a word of the
 * reference, or NULL. ERR_MEMORY. */
int meteor_align(const struct meteor_match **chosen, const struct meteor_matches *matches,
    struct meteor_text candidate, struct meteor_text reference, struct err *err);

/* ---- scores -------------------------------------------------------------------------------------------- */

double meteor_score(const struct meteor_stats *stats);
void meteor_stats_add(struct meteor_stats *sum, const struct meteor_stats *stats, size_t times);

#endif
