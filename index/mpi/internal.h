// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#ifndef DIPTYCH_INDEX_MPI_INTERNAL_H
#define DIPTYCH_INDEX_MPI_INTERNAL_H

#include "compute/compute.h"
#include "index/mpi/mpi.h"
#include "index/search.h"

struct shard {
    const char *path;
    int rank; /* whose it is; the rest but for rows is known to that one alone */
    int64_t rows;
    int64_t rows_before, ids_before; /* of the shards before it, known to all */
    struct index *index;
    struct index_rows chosen, kinds[INDEX_TEXT + 1];
    struct index_searcher searcher; /* with the scanner of all */
};

struct ranks {
    struct ranks_options options;
    bool parts; /* of one index; else they are indexes of their own */
    const char *fingerprint;
    size_t width;
    struct shard *shards; // (count): in the order of their rows
    size_t count;
    int64_t chosen[INDEX_TEXT + 1];
    struct device *device;
    struct scanner *scanner;
    int *sizes, *begins; // (ranks): the first rank's, of what it is sent
    bool ready;          /* the others wait for orders */
    struct arena arena;
};

/* Puts the rank and its host, and a shard of it, before the message of an error; returns rc. */
int wrap_rank(int rc, struct err *err);
int wrap_shard(const struct ranks *ranks, const struct shard *shard, int rc, struct err *err);

/* What the first rank wants of all. */
struct order {
    enum { ORDER_END, ORDER_SEARCH, ORDER_FETCH } what;
    size_t count, k[INDEX_TEXT + 1]; /* queries, and ranks_search's; or rows, ROWS_AT_ONCE at most */
};
enum { ROWS_AT_ONCE = 256 }; /* so that what comes in one message is small */

/* Tells it, or waits for it, without keeping a CPU busy. */
void order_share(struct order *order);

/* All ranks' part in ranks_search and ranks_fetch, the first one's included: queries (count, E); rows (count). What the first
 * rank alone takes or gets is NULL on the others. */
int search_together(struct ranks *ranks, const struct order *order, const float *queries,
    struct index_hit *const *hits, size_t *const *counts, struct err *err);
int fetch_together(struct ranks *ranks, const struct order *order, const int64_t *rows,
    struct index_item *items, struct arena *arena, struct err *err);

/* The shard that has a row. */
struct shard *shard_of_row(const struct ranks *ranks, int64_t row);

#endif
