// SPDX-License-Identifier: Apache-2.0
/*
 * Which hits are leaders and which are copies: near_copies.c's.
 *
 * In the order of the hits, a picture is a leader unless a leader before it is near; the others are copies. That is the
 * first maximal independent set of the graph whose edges join near pictures, and whether a picture is in it follows from
 * those near it that come before it, and from those near these (local computation: Rubinfeld et al. 2011; to ask in
 * order: Nguyen and Onak 2008). So no hits need be decided but a page's own and those that near copies lead to, and what
 * a page takes does not grow with how deep it lies.
 *
 * What is near a picture is looked up by a search, for many in one pass over the rows. All that are near a leader are
 * copies from then on. Only a chain, each picture a near copy of the one before it and of none further off, as the frames
 * of a film in order of time, takes a pass for each of its links: these have a limit.
 */
#ifndef DIPTYCH_COLLECTION_LEADERS_H
#define DIPTYCH_COLLECTION_LEADERS_H

#include "joint/collection/hits.h"

enum hit_state { HIT_UNKNOWN, HIT_LOOKED_UP, HIT_LEADER, HIT_COPY }; /* HIT_LOOKED_UP: but not decided */

/* A picture and what is near it. */
struct lookup {
    int64_t row;
    size_t rank;
    const struct index_hit *near; // (count), the nearest first, itself among them
    size_t count;
};

struct leaders {
    const struct ranking *ranking;
    const struct index_rows *pictures;

    size_t *ranks;   // (rows): from 1 on; 0: it is no hit, or none yet
    uint8_t *states; // (rows): enum hit_state; of pictures
    size_t ranked;   /* hits of the ranking that have a rank */
    size_t known;    /* rows that have a rank or are copies */

    struct lookup *lookups; // (lookup_count), by rank
    size_t lookup_count, lookup_room;
    struct index_neighbours *passes; // (pass_count): what lookups point into
    size_t pass_count, pass_room;
    size_t followed; /* rows that were passed to follow chains */
    float *vectors;  // (ROW_LIST_MAX, E)
};

enum { ROW_LIST_MAX = 128 }; /* looked up in one pass */
struct row_list {
    int64_t rows[ROW_LIST_MAX]; // (count)
    size_t count;
};

/* Of pictures among the hits of a ranking, which must be from_first. Release it also after an error. ERR_MEMORY. */
int leaders_init(struct leaders *leaders, const struct ranking *ranking, const struct index_rows *pictures,
    struct err *err);
void leaders_release(struct leaders *leaders);

/* Takes in hits that the ranking has had since. */
void leaders_rank(struct leaders *leaders);

/* Makes each of targets, pictures among the hits in their order, a leader or a copy. ERR_LIMIT: see hits_find. */
int leaders_decide(struct leaders *leaders, const struct row_list *targets, struct err *err);

/* A leader's, by its rank. */
const struct lookup *leaders_lookup(const struct leaders *leaders, size_t rank);

#endif
