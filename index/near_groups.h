// SPDX-License-Identifier: Apache-2.0
/*
 * Groups of rows any two of which are near: the near pairs are found and joined by complete linkage (linkage.h). Where there
 * are too many pairs to hold, the closest are joined first, and then there are fewer groups to have pairs.
 *
 *   near_groups_init -> near_groups_find -> what is in it -> near_groups_release
 */
#ifndef DIPTYCH_INDEX_NEAR_GROUPS_H
#define DIPTYCH_INDEX_NEAR_GROUPS_H

#include "index/linkage.h"

enum {
    NEAR_AT_ONCE = 128,      /* rows that are asked with, at most */
    NEAR_PAIRS_MAX = 1 << 23 /* pairs in memory, 12 bytes each, and 16 while they are joined */
};

/* Row `number` scores so much with the query of that place. */
typedef int near_visit(void *visitor, size_t query, uint32_t number, float score, struct err *err);

/* Rows with different vectors, by numbers 0 to count - 1 that rise with them, wherever their vectors are. */
struct near_rows {
    size_t count;
    /* Visits all that score at least `least` with each of members (count), query after query. */
    int (*find)(void *context, const uint32_t *members, size_t count, double least, near_visit *visit,
        void *visitor, const struct job *job, struct err *err);
    void *context;
};

struct near_groups {
    struct near_rows rows;
    double threshold;
    struct near_pairs pairs; /* of groups */
    bool found;              /* the first pairs, of rows, are there before near_groups_find */
    const struct job *job;

    uint32_t *group; // (count): the lowest member of the group of each
    uint32_t *sizes; // (count): members of the group with that lowest member
    size_t *begins;  // (count): where they begin in the order
    uint32_t *order; // (count): group after group, the members of each in theirs

    uint32_t *near; // (near_count): groups that the one that is looked at has near pairs with
    size_t near_count;
    uint64_t *counts; // (count): near pairs of it with each group
    float *worst;     // (count): the lowest score of these
    size_t done, at;  /* of the order: members asked with, and before that whose answers are complete */
};

/* Zero-initialise; release it also after an error. */
int near_groups_init(
    struct near_groups *groups, const struct near_rows *rows, double threshold, size_t most, struct err *err);
int near_groups_find(struct near_groups *groups, const struct job *job, struct err *err);
void near_groups_release(struct near_groups *groups);

#endif
