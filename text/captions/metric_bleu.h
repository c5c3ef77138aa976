// SPDX-License-Identifier: Apache-2.0
/* bleu: what BLEU counts, which is the same in each of its implementations, and sacreBLEU's words. */
#ifndef DIPTYCH_TEXT_CAPTIONS_METRIC_BLEU_H
#define DIPTYCH_TEXT_CAPTIONS_METRIC_BLEU_H

#include "text/captions/metric_mecab.h"
#include "text/captions/metric_ngrams.h"

/* ERR_MEMORY or ERR_LIMIT, without a message. */
int bleu_count(struct bleu_stats *stats, const struct caption_pair *pair);
void bleu_stats_add(struct bleu_stats *sum, const struct bleu_stats *stats);

/* Everything else from .stats (and sacreBLEU's from .options): of an image, or of a corpus from the sum. With
 * effective order n goes no further than the text has n-grams; without, a missing one makes 0. */
void bleu_score(struct bleu *bleu);
void sacrebleu_score(struct sacrebleu *bleu, const struct sacrebleu_options *options, bool effective_order);

/* What cuts captions into words; immutable, for any number of threads. */
struct bleu_cutter {
    enum bleu_tokeniser tokeniser;
    struct morphemes *morphemes; /* of the tokenizers that take a dictionary */
};

/* Errors are those of the dictionary. */
int bleu_cutter_init(struct bleu_cutter *out, const struct sacrebleu_options *options, struct err *err);
void bleu_cutter_release(struct bleu_cutter *cutter);

/* Text, without white space at its end, cut into words with a blank between them, in the arena. NULL when out of
 * memory. */
char *bleu_words(struct arena *arena, const struct bleu_cutter *cutter, struct span text);

#endif
