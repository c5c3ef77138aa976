// SPDX-License-Identifier: Apache-2.0
/* document_frequency: for every n-gram of some reference captions, how many images have it in any of them. */
#ifndef DIPTYCH_TEXT_METRIC_DF_H
#define DIPTYCH_TEXT_METRIC_DF_H

#include "text/metric_ngrams.h"

struct document_frequency {
    struct ngrams ngrams;
    uint32_t *images; /* of each n-gram */
    size_t count;     /* N, the number of images */
    struct arena arena;
};

/* out[g] = the number of images that have n-gram g of the table, for all that are in it. words and map are
 * working memory for the table's words and n-grams. */
void document_frequency_lookup(uint32_t *out, const struct document_frequency *df, const struct ngrams *table,
    uint32_t *words, uint32_t *map);

#endif
