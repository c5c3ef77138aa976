// SPDX-License-Identifier: Apache-2.0
/*
 * ngrams: the words and n-grams of some captions as small numbers, so that the metrics count in plain arrays.
 *
 * A word is numbered by its text. An n-gram is a number too: that of its first n-1 words (its prefix, the
 * root where n is 1) followed by one word, as in a trie. Two hash tables hold the two steps, with exact
 * comparison: equal numbers mean equal n-grams.
 */
#ifndef DIPTYCH_TEXT_CAPTIONS_METRIC_NGRAMS_H
#define DIPTYCH_TEXT_CAPTIONS_METRIC_NGRAMS_H

#include "text/captions/captions.h"
#include "text/unicode.h"

/* Take the next word off the front of *rest; false at the end. The first is Python's split(): runs of white
 * space separate. The second is split(" "): every blank separates, so that words may be empty and "" has one;
 * it begins with rest->data set and ends with it NULL. */
bool split_words(struct span *word, struct span *rest);
bool split_blanks(struct span *word, struct span *rest);

size_t count_words(struct span text); /* as split_words gives them */

/* The bytes of the character at the front of text, which is not empty, and whether it is white space to Python. */
size_t character_width(struct span text, bool *space);

enum { NGRAM_ROOT = 0 };
#define NGRAM_NONE UINT32_MAX /* a word or n-gram that is not in the table */

struct ngrams {
    struct span *words;              /* the text of each; borrowed */
    uint64_t *keys;                  /* of each n-gram: prefix << 32 | word; the root has none */
    size_t word_count, count;        /* of words, and of n-grams with the root */
    uint32_t *word_slots, *slots;    /* open addressing: number + 1, or 0 */
    unsigned word_shift, slot_shift; /* 64 - log2 of the number of slots */
};

/* Room for captions of that many words in all, and for their n-grams of n = 1 to `orders`. ERR_LIMIT, ERR_MEMORY. */
int ngrams_init(struct ngrams *ngrams, size_t words, size_t orders, struct err *err);
void ngrams_release(struct ngrams *ngrams);

/* The number, or NGRAM_NONE; the second pair adds what is not there yet. A prefix or word that is NGRAM_NONE
 * makes an n-gram that is not there. */
uint32_t ngrams_find_word(const struct ngrams *ngrams, struct span word);
uint32_t ngrams_find(const struct ngrams *ngrams, uint32_t prefix, uint32_t word);
uint32_t ngrams_add_word(struct ngrams *ngrams, struct span word);
uint32_t ngrams_add(struct ngrams *ngrams, uint32_t prefix, uint32_t word);

struct caption_ngrams {
    size_t words;
    uint32_t
        *ids; // (NGRAM_ORDERS, words): [n - 1][i] is the n-gram that begins at word i, for i + n <= words
};

/* How many n-grams a caption has, repetitions counted, and where those of one n begin. */
size_t caption_ngram_count(const struct caption_ngrams *caption, size_t n);
const uint32_t *caption_ngram_ids(const struct caption_ngrams *caption, size_t n);

/* One image's captions. The references come first in the table: n-grams below reference_ngrams are theirs. */
struct image_ngrams {
    struct ngrams table;
    struct caption_ngrams candidate, *references;
    size_t reference_count, reference_ngrams;
    uint32_t *ids; /* of all captions */
};

/* ERR_LIMIT, ERR_MEMORY. */
int image_ngrams_init(struct image_ngrams *image, const struct caption_pair *pair, struct err *err);
void image_ngrams_release(struct image_ngrams *image);

/* Takes over the scores of count images, and makes the corpus' score their mean. */
void metric_scores_init(struct metric_scores *out, double *images, size_t count);

/* ERR_ARGUMENT or ERR_FORMAT, with the image, where a metric cannot be computed of pairs. */
int caption_pairs_check(const struct caption_pair *pairs, size_t count, struct err *err);

#endif
