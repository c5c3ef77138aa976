// SPDX-License-Identifier: Apache-2.0
#include "index/mpi/internal.h"

#include <assert.h>
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <time.h>

void ranks_begin(int *argc, char ***argv)
{
    int level; /* other threads than this one never call MPI */
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
}

void ranks_end(void)
{
    MPI_Finalize();
}

int ranks_number(void)
{
    int number;
    MPI_Comm_rank(MPI_COMM_WORLD, &number);
    return number;
}

int ranks_count(void)
{
    int count;
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    return count;
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* MPI waits by asking without a pause, which takes a CPU from whoever is waited for where there are more ranks than CPUs, or other
 * programs. Here the pauses grow up to so many nanoseconds: between two questions of a user there may be hours, between the ends of two
 * scans a part of them. */
enum { WAIT_SHORT = 50000, WAIT_LONG = 1000000 };

static void wait_for(MPI_Request *request, long longest)
{
    struct timespec pause = {.tv_nsec = 1000};
    int done = 0;
    for (MPI_Test(request, &done, MPI_STATUS_IGNORE); !done; MPI_Test(request, &done, MPI_STATUS_IGNORE)) {
        nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec < longest / 2 ? 2 * pause.tv_nsec : longest;
    }
}

/* ---- agreement ----------------------------------------------------------------------------------------- */

int ranks_agree(int rc, struct err *err)
{
    const int mine = rc ? ranks_number() : INT_MAX;
    int first;
    MPI_Request request;
    MPI_Iallreduce(&mine, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request);
    wait_for(&request, WAIT_SHORT);
    if (first == INT_MAX)
        return 0;
    MPI_Bcast(err, sizeof *err, MPI_BYTE, first, MPI_COMM_WORLD);
    return err->code;
}

int wrap_rank(int rc, struct err *err)
{
    char host[MPI_MAX_PROCESSOR_NAME];
    int length;
    if (!rc)
        return 0;
    MPI_Get_processor_name(host, &length);
    err_wrap(err, "rank %d on %s", ranks_number(), host);
    return rc;
}

int wrap_shard(const struct ranks *ranks, const struct shard *shard, int rc, struct err *err)
{
    if (!rc)
        return 0;
    err_wrap(err, "shard %zu of %zu", (size_t)(shard - ranks->shards), ranks->count);
    return wrap_rank(rc, err);
}

/* ---- what all learn ------------------------------------------------------------------------------------ */

enum { AT_ONCE = 1 << 28 /* bytes or numbers of one message, whose count is an int */ };

void ranks_tell(void *bytes, size_t size)
{
    for (size_t done = 0; done < size; done += AT_ONCE) {
        const size_t left = size - done;
        MPI_Request request;
        MPI_Ibcast((char *)bytes + done, left < AT_ONCE ? (int)left : AT_ONCE, MPI_BYTE, 0, MPI_COMM_WORLD,
            &request);
        wait_for(&request, WAIT_SHORT);
    }
}

void ranks_sum(size_t *numbers, size_t count)
{
    _Static_assert(sizeof *numbers == sizeof(unsigned long), "MPI knows size_t by another name");
    for (size_t done = 0; done < count; done += AT_ONCE) {
        const size_t left = count - done;
        MPI_Request request;
        MPI_Iallreduce(MPI_IN_PLACE, numbers + done, left < AT_ONCE ? (int)left : AT_ONCE, MPI_UNSIGNED_LONG,
            MPI_SUM, MPI_COMM_WORLD, &request);
        wait_for(&request, WAIT_SHORT);
    }
}

/* ---- shards -------------------------------------------------------------------------------------------- */

struct index *ranks_shard(int64_t *rows_before, const struct ranks *ranks, size_t shard)
{
    *rows_before = ranks->shards[shard].rows_before;
    return ranks->shards[shard].index;
}

struct device *ranks_device(const struct ranks *ranks)
{
    return ranks->device;
}

int ranks_blame(const struct ranks *ranks, size_t shard, int rc, struct err *err)
{
    return shard < ranks->count ? wrap_shard(ranks, &ranks->shards[shard], rc, err) : wrap_rank(rc, err);
}

/* ---- orders -------------------------------------------------------------------------------------------- */

void order_share(struct order *order)
{
    MPI_Request request;
    MPI_Ibcast(order, sizeof *order, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    wait_for(&request, WAIT_LONG);
}

static void obey(struct ranks *ranks, const struct order *order)
{
    struct err err; /* is the first rank's to report */
    switch (order->what) {
    case ORDER_SEARCH:
        search_together(ranks, order, NULL, NULL, NULL, &err);
        break;
    case ORDER_FETCH:
        fetch_together(ranks, order, NULL, NULL, NULL, &err);
        break;
    case ORDER_PAIRS:
        duplicates_together(ranks, order->least, NULL, &err);
        break;
    case ORDER_NEAR:
        near_together(ranks, NULL, order->count, order->least, NULL, NULL, &err);
        break;
    case ORDER_SCORES:
        scores_together(ranks, NULL, NULL, order->count, &err);
        break;
    case ORDER_IDENTICAL:
        identical_together(ranks, NULL, &err);
        break;
    case ORDER_END:
        break;
    }
}

void ranks_serve(struct ranks *ranks)
{
    struct order order;
    assert(ranks_number());
    for (order_share(&order); order.what != ORDER_END; order_share(&order))
        obey(ranks, &order);
    ranks->ready = false;
}

int ranks_search(struct ranks *ranks, struct index_hit *const *hits, size_t *const *counts,
    const float *queries, size_t query_count, const size_t *k, struct err *err)
{
    struct order order = {
        .what = ORDER_SEARCH, .count = query_count, .k = {0, k[INDEX_IMAGE], k[INDEX_TEXT]}};
    if (!k[INDEX_IMAGE] && !k[INDEX_TEXT])
        return 0;
    order_share(&order);
    return search_together(ranks, &order, queries, hits, counts, err);
}

int ranks_fetch(struct ranks *ranks, struct index_item *items, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err)
{
    int rc = 0;
    for (size_t first = 0; first < count && !rc; first += ROWS_AT_ONCE) {
        struct order order = {
            .what = ORDER_FETCH, .count = count - first < ROWS_AT_ONCE ? count - first : ROWS_AT_ONCE};
        order_share(&order);
        rc = fetch_together(ranks, &order, rows + first, items + first, arena, err);
    }
    return rc;
}
