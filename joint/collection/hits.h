// SPDX-License-Identifier: Apache-2.0
/* What hits.c, ranking.c, best.c and near_copies.c know together. */
#ifndef DIPTYCH_COLLECTION_HITS_H
#define DIPTYCH_COLLECTION_HITS_H

#include "joint/collection/collection.h"

/* The rows of a query in the order that is wanted, down to the least score: as many of the first as are asked for. */
struct ranking {
    struct index *index;
    struct index_searcher *searcher;
    const struct index_rows *rows;
    const struct rows_elsewhere *elsewhere; /* NULL: rows of the index */
    const struct hits_query *query;
    bool from_first; /* those up to wanted.after are in it too, as with skip they always are */
    const struct job *job;

    struct index_hit *hits; // (count)
    size_t count, room;
    size_t before; /* so many of them are passed over */
    bool whole;    /* there are no more */
};

/* Brings it to `wanted` hits behind those that are passed over, or to all there are. */
int ranking_extend(struct ranking *ranking, size_t wanted, struct err *err);

/* The same for rankings (count) of the same rows by score, up to their first k hits in all, with one scan. */
int rankings_search(struct ranking *rankings, size_t count, size_t k, struct err *err);
void ranking_release(struct ranking *ranking);

/* The hits that are shown. */
struct hits_page {
    struct page_hit {
        size_t hit;               /* of a ranking */
        struct hit_copies copies; /* ids in the query's arena */
    } * hits;                     // (count), free() releases them
    size_t count, room;
    bool more;
};

/* Picks the first `top` hits of a ranking that are no copies of one before, without those that are passed over. The ranking
 * must be from_first. ERR_LIMIT: see hits_find. */
int near_copies_hide(struct hits_page *page, struct ranking *ranking, const struct search_rows *rows,
    size_t top, struct err *err);

#endif
