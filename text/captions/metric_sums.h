// SPDX-License-Identifier: Apache-2.0
/* sums: what chrF and TER of a corpus are made of, for them and for the bootstrap that draws images again. */
#ifndef DIPTYCH_TEXT_CAPTIONS_METRIC_SUMS_H
#define DIPTYCH_TEXT_CAPTIONS_METRIC_SUMS_H

#include "text/captions/metric_ngrams.h"

double chrf_score(const struct chrf_stats *stats, const struct chrf_options *options);
void chrf_stats_add(struct chrf_stats *sum, const struct chrf_stats *stats, size_t times);

double ter_score(const struct ter_stats *stats);
void ter_stats_add(struct ter_stats *sum, const struct ter_stats *stats, size_t times);

/* The fewest edits that turn hypothesis into reference, both words by their numbers: insertions, deletions,
 * substitutions and shifts, as tercom searches for them: metric_ter_shifts.c. False when out of memory. */
bool ter_edits(size_t *edits, const uint32_t *hypothesis, size_t hypothesis_count, const uint32_t *reference,
    size_t reference_count);

/* The pair in lower case, in the arena; false when out of memory. */
bool pair_lower(struct caption_pair *pair, struct arena *arena);

/* The number of references of each image as sacreBLEU's signatures have it: "5", or "var" where they differ. */
void references_sign(char out[32], const struct caption_pair *pairs, size_t count);

#endif
