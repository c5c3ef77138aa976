// SPDX-License-Identifier: Apache-2.0
/* Inside the scan: the last part, when all rows have gone by. */
#ifndef DIPTYCH_INDEX_SCAN_RANK_H
#define DIPTYCH_INDEX_SCAN_RANK_H

#include "index/scan_best.h"

/* Scores the candidates of bests (Q), all of the same rows and k. hits (Q, k), counts (Q): the counts[i] best of each, best
 * first. */
int bests_rank(struct best *bests, size_t queries, struct index_hit *hits, size_t *counts,
    const struct job *job, struct err *err);

#endif
