// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#ifndef DIPTYCH_INDEX_MPI_INTERNAL_H
#define DIPTYCH_INDEX_MPI_INTERNAL_H

#include "compute/compute.h"
#include "index/mpi/mpi.h"
#include "index/near_groups.h"
#include "index/search.h"

struct shard {
    const char *path;
    int rank; /* whose it is; the rest but for rows is known to that one alone */
    int64_t rows;
    int64_t rows_before, ids_before; /* of the shards before it, known to all */
    struct index *index;
    struct index_rows chosen, kinds[INDEX_TEXT + 1];
    struct index_searcher searcher;    /* with the scanner of all */
    struct index_rows contents;        /* identical_together's, CONTENT_SIZE bytes each */
    const struct index_rows *compared; /* whose bytes firsts_together compares: chosen, or contents */
    int64_t *first;                    // (chosen.count): firsts_together's
    struct index_rows distinct;        /* the chosen rows that are first; with a mask of its own */
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
    size_t compared;     /* rows that pairs_together has asked with */
    bool ready;          /* the others wait for orders */
    struct arena arena;
};

/* Puts the rank and its host, and a shard of it, before the message of an error; returns rc. */
int wrap_rank(int rc, struct err *err);
int wrap_shard(const struct ranks *ranks, const struct shard *shard, int rc, struct err *err);

/* What the first rank wants of all. */
struct order {
    enum order_kind {
        ORDER_END,
        ORDER_SEARCH,
        ORDER_FETCH,
        ORDER_PAIRS,
        ORDER_NEAR,
        ORDER_SCORES,
        ORDER_IDENTICAL
    } what;
    size_t count, k[INDEX_TEXT + 1]; /* queries, and ranks_search's; or rows; or members of groups */
    double least;                    /* of what is near */
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

/* ---- rows that all see --------------------------------------------------------------------------------- */

enum { ROWS_SHOWN = NEAR_AT_ONCE /* together, at most */ };

/* Rows that are known to all, whoever has them. Zero-initialise; release it also after an error. */
struct shown {
    size_t count;
    int64_t rows[ROWS_SHOWN];
    size_t stride;
    uint8_t *bytes; // (count, stride): what is compared
    enum index_storage storage;
    float *vectors; // (count, E)
};
int shown_init(struct shown *shown, const struct ranks *ranks, struct err *err);
void shown_release(struct shown *shown);

/* For all together: the bytes of the next of a shard's rows that are first, from *at on, which is 0 before. Returns whether there
 * are any. shown_decode makes vectors of the bytes, where these are such. */
bool show_next(struct shown *shown, const struct shard *shard, int64_t *at);
void shown_decode(struct shown *shown, const struct ranks *ranks);

/* For all together: the vectors of rows (count), ROWS_SHOWN at most, which the first rank knows. */
void show_vectors(struct shown *shown, const struct ranks *ranks, const int64_t *rows, size_t count);

/* ---- rows that are alike ------------------------------------------------------------------------------- */

/* All ranks' part in ranks_duplicates. What the first alone takes is NULL on the others. */

/* The pairs, and before them the twins, with the first rank's `finding` of duplicates.c. */
struct finding;
int duplicates_together(struct ranks *ranks, double least, struct finding *finding, struct err *err);

/* Which of the compared rows of all have the same bytes: fills in `first` of every shard of the rank. distinct_together compares
 * vectors, and fills in `distinct` too. */
int firsts_together(struct ranks *ranks, struct err *err);
int distinct_together(struct ranks *ranks, struct err *err);

/* For the first rank: a row, and the first one with the same bytes. */
typedef int twin_visit(void *context, int64_t first, int64_t row, struct err *err);
int twins_together(struct ranks *ranks, twin_visit *visit, void *context, struct err *err);

/* All ranks' part in ranks_identical, with what the first rank has found. */
enum { CONTENT_SIZE = HASH_SIZE };
struct identical;
int identical_together(struct ranks *ranks, struct identical *found, struct err *err);

/* For the first rank: the distinct row `row` scores so much with the query, which is row `from`. Queries come in their order, and the
 * rows of one in theirs. */
struct near_hit {
    int64_t row;
    float score;
    uint32_t query;
};
typedef int near_hit_visit(void *context, const struct near_hit *hit, int64_t from, struct err *err);

/* Visits all pairs of distinct rows that score at least so much, of which the first is the query. */
int pairs_together(struct ranks *ranks, double least, near_hit_visit *visit, void *context, struct err *err);

/* Visits all distinct rows that score at least so much with rows (count), ROWS_SHOWN at most. */
int near_together(struct ranks *ranks, const int64_t *rows, size_t count, double least, near_hit_visit *visit,
    void *context, struct err *err);

/* A distinct row in a group. */
struct in_group {
    int64_t group, row; /* group: its first row */
    bool twin;          /* other rows have the same vector */
};

/* scores (count): the highest score of each with another of its group, or with its twins. members (count): by group, then row. */
int scores_together(
    struct ranks *ranks, double *scores, const struct in_group *members, size_t count, struct err *err);

/* ranks_duplicates with no more than `most` pairs in memory. */
int ranks_duplicates_of(
    struct index_groups *out, struct ranks *ranks, double threshold, size_t most, struct err *err);

#endif
