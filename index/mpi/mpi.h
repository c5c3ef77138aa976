// SPDX-License-Identifier: Apache-2.0
/*
 * index/mpi: one search by many processes, the ranks of MPI, each over its own of the shards that an index was made in, or of
 * several indexes. Found is what a search of the joined index finds: the same rows with the same scores in the same order,
 * for any number of ranks, as scores do not depend on the rows beside (scan.h) and ties go to the lower row.
 *
 *   ranks_begin -> ranks_open -> ranks_search, ranks_fetch ... -> ranks_close -> ranks_end    the first rank
 *   ranks_begin -> ranks_open -> ranks_serve                   -> ranks_close -> ranks_end    each of the others
 *
 * What holds:
 *
 *   - The first rank is the only one that anybody talks to: it gives orders, which the others wait for.
 *   - Whatever goes wrong on one rank, all of them learn before they wait for each other again, and the functions that all
 *     call return one error on all: that of the lowest rank, naming it, its host and its shard. A rank that is killed is the
 *     launcher's to see, which ends the rest.
 *   - What MPI itself cannot do ends the run, by MPI's own error handler. Ranks are of one kind of machine.
 *
 * Row numbers are those of the joined index, and so are ids: index_merge's. Whole indexes count on, in their order, as parts.
 */
#ifndef DIPTYCH_INDEX_MPI_H
#define DIPTYCH_INDEX_MPI_H

#include "index/index.h"

/* Call them first and last, once a process. */
void ranks_begin(int *argc, char ***argv);
void ranks_end(void);

int ranks_number(void); /* of this rank, from 0 */
int ranks_count(void);

/* For all ranks together: 0 where each says 0, else on all the code and message of the lowest rank that has one. err is not NULL. */
int ranks_agree(int rc, struct err *err);

/* For all together: bytes that the first has, for all; numbers, each made the sum of all ranks'. */
void ranks_tell(void *bytes, size_t size);
void ranks_sum(size_t *numbers, size_t count);

/* The open shards of this rank, and what all have of the others'. */
struct ranks;

struct ranks_options {
    struct index_filter filter;
    const struct device_options *device; /* to search on */
    struct job job;                      /* of this rank's work; its step is called on the first alone */
};

/* For all together. The path is that of an index, "laion.dip", of which there may be shards beside it in its place; or several as
 * braces_expand has them, "laion-{00000..00007}-of-00008.dip", "{paris,rome}.dip": all shards of one index, or indexes that are
 * none. Shards go to ranks by their numbers of rows alone, the largest first to the rank that has the fewest rows: a
 * rank may have none. Sizes of files are checked, their contents are index_verify's. Only the first rank's path counts. Codes are
 * those of index_merge, index_open and index_rows. */
int ranks_open(struct ranks **out, const char *path, const struct ranks_options *options, struct err *err);

/* The first rank's tells the others to come to theirs, who return from ranks_serve. Takes NULL where ranks_open failed. */
void ranks_close(struct ranks *ranks);

/* Of all ranks. */
struct ranks_info {
    const char *first; /* path of the first shard, which stands for all where one asks for the model */
    size_t shards, width;
    int64_t rows, chosen[INDEX_TEXT + 1]; /* chosen: of each kind, by the filter */
};
struct ranks_info ranks_info(const struct ranks *ranks);

/* The shards of a rank, and their rows. */
void ranks_share(size_t *shards, int64_t *rows, const struct ranks *ranks, int rank);

/* What ranks do together with their shards without an order of the first: the index of a shard that is this rank's, NULL for others,
 * with the rows of all shards before it; and the device. ranks_blame puts the rank and its host before the message of an error, and
 * the shard where it is about one, not SIZE_MAX; it returns rc. */
struct index *ranks_shard(int64_t *rows_before, const struct ranks *ranks, size_t shard);
struct device *ranks_device(const struct ranks *ranks);
int ranks_blame(const struct ranks *ranks, size_t shard, int rc, struct err *err);

/* Does what the first rank orders, up to its ranks_close. What fails is the first rank's to report. */
void ranks_serve(struct ranks *ranks);

/* For the first rank: as index_search, of pictures and of texts at once. hits[kind] (Q, k[kind]), counts[kind] (Q) for the kinds
 * INDEX_IMAGE and INDEX_TEXT; k[kind] 0: none are asked for. One reduction. */
int ranks_search(struct ranks *ranks, struct index_hit *const *hits, size_t *const *counts,
    const float *queries, size_t query_count, const size_t *k, struct err *err);

/* For the first rank: as index_duplicates, of the rows that the filter chooses. Vectors stay where they are, but for those that all see for a
 * moment; of rows in groups and those near to any the first rank keeps some 60 bytes each, of all others one bit, and each rank 17
 * bytes of each of its own. ERR_LIMIT also where there are more than four thousand million rows. */
int ranks_duplicates(struct index_groups *out, struct ranks *ranks, double threshold, struct err *err);

/* For the first rank: as index_identical, of the rows that the filter chooses. Each rank keeps 81 bytes of each of its own, the first
 * a bit of each row and 24 bytes of each in a group. */
int ranks_identical(struct index_groups *out, struct ranks *ranks, struct err *err);

/* For the first rank: as index_fetch, from whoever has the rows. */
int ranks_fetch(struct ranks *ranks, struct index_item *items, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err);

#endif
