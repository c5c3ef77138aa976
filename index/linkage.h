// SPDX-License-Identifier: Apache-2.0
/*
 * Complete linkage, the closest pair first, for index_duplicates.
 *
 * Clusters are numbers, 0 to count - 1. The score of two clusters is that of their least similar members; joined, they
 * keep the lower number, and score with a third as the worse of the two did. Pairs with a higher score come first, and
 * of equal scores those with the lower numbers.
 *
 * Pairs that are not near do not exist here, so that work and memory are in proportion to those that are; and once a
 * pair is missing, what it becomes part of is missing too. A list of all pairs above some score leads to the very groups
 * that the list of all pairs has led to when it comes down to that score, so that one may begin with the closest pairs
 * and go on with those of the groups that they make.
 */
#ifndef DIPTYCH_INDEX_LINKAGE_H
#define DIPTYCH_INDEX_LINKAGE_H

#include "index/index.h"

struct near_pair {
    uint32_t a, b; /* a < b */
    float score;
};

/* The closest of many pairs: all, or those above a floor where there are more than `most`. */
struct near_pairs {
    struct near_pair *items; // (count): in the order in which they came
    size_t count, room, most;
    float floor; /* pairs up to this score have been left out; -INFINITY: none have */
};

/* Zero-initialise but for `most` and `floor`, free(items). */
int near_pairs_add(struct near_pairs *pairs, struct near_pair pair, struct err *err);

/* The last of the pairs is added: leaves no more than `most`. */
void near_pairs_finish(struct near_pairs *pairs);

/* into (count): the lowest cluster of what each becomes part of; itself where that is nothing. pairs (pair_count): rising
 * by a, then b. */
int linkage_join(uint32_t *into, size_t count, const struct near_pair *pairs, size_t pair_count,
    const struct job *job, struct err *err);

/* index_duplicates with no more than `most` pairs in memory. */
int duplicates_find(struct index_groups *out, struct index_searcher *searcher, const struct index_rows *rows,
    double threshold, size_t most, const struct job *job, struct err *err);

struct group_member {
    int64_t first, row; /* first: the first row of its group */
    double score;
};

/* Lists the groups of two rows or more, and leaves members (count) in another order. */
int groups_list(struct index_groups *out, struct group_member *members, size_t count, struct err *err);

#endif
