// SPDX-License-Identifier: Apache-2.0
/* document_frequency: for every n-gram of some reference captions, how many images have it in any of them. */
#ifndef DIPTYCH_TEXT_CAPTIONS_METRIC_DF_H
#define DIPTYCH_TEXT_CAPTIONS_METRIC_DF_H

#include "text/captions/metric_ngrams.h"

#include <stdio.h>

struct document_frequency {
    struct ngrams ngrams;
    size_t room;      /* of words; there is room for NGRAM_ORDERS n-grams a word */
    uint32_t *images; /* of each n-gram; 0 for a prefix that is in no image by itself */
    size_t count;     /* N, the number of images */
    struct arena arena;
};

/* out[g] = the number of images that have n-gram g of the table, for all that are in it. words and map are
 * working memory for the table's words and n-grams. */
void document_frequency_lookup(uint32_t *out, const struct document_frequency *df, const struct ngrams *table,
    uint32_t *words, uint32_t *map);

/* An empty one, N = 0, that readers of files fill. */
int document_frequency_begin(struct document_frequency **out, struct err *err);

/* The number of a word and that of an n-gram of 1 to NGRAM_ORDERS words, added where they are new. Text that
 * cannot be a word of a caption - it is empty, or has white space or a NUL inside - has the number
 * NGRAM_NONE, and so has an n-gram with such a word. Text that is not UTF-8 is ERR_FORMAT. */
int document_frequency_word(uint32_t *out, struct document_frequency *df, struct span text, struct err *err);
int document_frequency_ngram(
    uint32_t *out, struct document_frequency *df, const uint32_t *words, size_t n, struct err *err);

/* Fills df, which is empty, with what Python 2 or 3 pickled by any protocol, 0 to 5:
 *
 *     {'document_frequency': {('a', 'cat'): 17, ...}, 'ref_len': 5000}      ruotianluo/cider
 *     {('a', 'cat'): 17.0, ...}                                             vrama91/cider, N = 40504
 *
 * Dictionaries may be defaultdicts of int or float. Words are str, unicode or bytes in UTF-8, or whole
 * numbers, which stand for their digits. An n-gram with a word that no caption can have (white space inside)
 * is left out. Errors are pickle_run's; ERR_UNSUPPORTED too for what is no dictionary of counts, ERR_FORMAT
 * where one is not what it should be. */
int document_frequency_pickle(struct document_frequency *df, struct span bytes, struct err *err);

/* The bytes of a file of any format that document_frequency_load reads, inflated, and the format that
 * document_frequency_save writes; whether file took it all is for the caller to ask. */
int document_frequency_parse(
    struct document_frequency **out, const char *bytes, size_t size, struct err *err);
int document_frequency_write(const struct document_frequency *df, FILE *file, struct err *err);

#endif
