// SPDX-License-Identifier: Apache-2.0
/* The rows that may still be among the k best of one query, and the score they have to reach. */
#ifndef DIPTYCH_INDEX_SCAN_BEST_H
#define DIPTYCH_INDEX_SCAN_BEST_H

#include "index/scan.h"

/* lower <= score <= upper; once it is scored, the three are one. */
struct candidate {
    int64_t row;
    double lower, upper;
    bool scored;
};

struct best {
    const struct index_rows *rows;
    const float *query; // (E)
    size_t k;
    size_t count, room, held; /* held: what there is memory for */
    struct candidate *items;  // (room)
    double *scratch;          // (room)
    double threshold;         /* k rows score at least this; -INFINITY until k rows are there */
};

/* Candidates it has room for. A multiple of k, so that making room is rare. */
size_t best_room(size_t k, int64_t rows);

/* Takes a zeroed one, or one of an earlier query, whose memory it keeps where that is enough. */
int best_init(
    struct best *best, const struct index_rows *rows, const float *query, size_t k, struct err *err);
void best_release(struct best *best);

/* Takes a row in, unless k others are better for sure. Each row once. */
void best_add(struct best *best, struct candidate candidate);

/* Raises the threshold to what k rows score more than, by lower bounds (count), in `unit`s, of rows that are still to be
 * added; count is at most room. */
void best_foresee(struct best *best, const float *lowers, size_t count, double unit);

/* Raises the threshold to the k-th largest lower bound and drops who cannot reach it. */
void best_tighten(struct best *best);

/* Moves those without a score, whose lower bound is at least so much, to the front. Returns how many. */
size_t best_front(struct best *best, double least);

/* Takes the score of candidate i. Different i may run side by side. */
void best_score(struct best *best, size_t i, double score);

/* Scores those whose score is not there, and leaves the k best, best first. */
void best_settle(struct best *best);

#endif
