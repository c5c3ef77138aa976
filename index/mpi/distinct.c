// SPDX-License-Identifier: Apache-2.0
/*
 * Rows with the same bytes, wherever they are: every rank sorts its own by their bytes, and looks up what the others show. Shards are
 * shown in the order of their rows, and of each only those rows that none before has been like, so that all rows learn the first one
 * that they are like.
 */
#include "index/distinct.h"
#include "index/mpi/internal.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

/* ---- sorting ------------------------------------------------------------------------------------------- */

static int sort_shard(int64_t **order, struct shard *shard, struct err *err)
{
    const struct index_rows *rows = shard->compared;
    free(shard->first);
    shard->first = mem_new((size_t)rows->count + 1, sizeof *shard->first);
    int rc = shard->first ? 0 : err_memory(err, (size_t)rows->count * sizeof *shard->first);
    if (!rc)
        rc = rows_by_bytes(order, rows, err);
    if (rc)
        return rc;
    rows_first(shard->first, *order, rows);
    for (int64_t row = 0; row < rows->count; row++)
        shard->first[row] += shard->first[row] < 0 ? 0 : shard->rows_before;
    return 0;
}

static int sort_own(int64_t **orders, struct ranks *ranks, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < ranks->count && !rc; i++)
        if (ranks->shards[i].index)
            rc = wrap_shard(ranks, &ranks->shards[i], sort_shard(&orders[i], &ranks->shards[i], err), err);
    return rc;
}

/* ---- looking up ---------------------------------------------------------------------------------------- */

/* `row` is before all of the shard's. */
static void look_up(struct shard *shard, const int64_t *order, const uint8_t *bytes, int64_t row)
{
    const struct index_rows *rows = shard->compared;
    int64_t low = 0, high = rows->chosen; /* the first that is not before the bytes is in [low, high] */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (memcmp(rows_bytes(rows, order[middle]), bytes, rows->stride) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < rows->chosen && !memcmp(rows_bytes(rows, order[low]), bytes, rows->stride); low++)
        shard->first[order[low]] = row;
}

static void look_up_all(
    struct ranks *ranks, int64_t *const *orders, const struct shown *shown, const struct shard *from)
{
    for (size_t i = (size_t)(from - ranks->shards) + 1; i < ranks->count; i++) {
        struct shard *shard = &ranks->shards[i];
        for (size_t r = 0; r < shown->count && shard->index; r++)
            look_up(shard, orders[i], shown->bytes + r * shown->stride, shown->rows[r]);
    }
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static int choose_distinct(struct shard *shard, struct err *err)
{
    struct index_rows *distinct = &shard->distinct;
    index_rows_release(distinct);
    *distinct = shard->chosen;
    distinct->chosen = 0;
    distinct->mask = distinct->owned = mem_new((size_t)distinct->count / 64 + 1, sizeof *distinct->owned);
    if (!distinct->owned)
        return err_memory(err, (size_t)distinct->count / 8);
    for (int64_t row = 0; row < distinct->count; row++)
        if (shard->first[row] == row + shard->rows_before) {
            distinct->owned[row / 64] |= UINT64_C(1) << row % 64;
            distinct->chosen++;
        }
    return 0;
}

int firsts_together(struct ranks *ranks, struct err *err)
{
    int64_t **orders = mem_new(ranks->count, sizeof(int64_t *));
    struct shown shown = {0};
    int rc = wrap_rank(orders ? 0 : err_memory(err, ranks->count * sizeof(int64_t *)), err);
    if (!rc)
        rc = shown_init(&shown, ranks, err);
    if (!rc)
        rc = sort_own(orders, ranks, err);
    rc = ranks_agree(rc, err);
    for (size_t i = 0; i < ranks->count && !rc; i++) {
        int64_t at = 0;
        while (show_next(&shown, &ranks->shards[i], &at))
            look_up_all(ranks, orders, &shown, &ranks->shards[i]);
    }
    for (size_t i = 0; i < ranks->count && orders; i++)
        free(orders[i]);
    free(orders);
    shown_release(&shown);
    return rc;
}

int distinct_together(struct ranks *ranks, struct err *err)
{
    for (size_t i = 0; i < ranks->count; i++)
        ranks->shards[i].compared = &ranks->shards[i].chosen;
    int rc = firsts_together(ranks, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < ranks->count && !rc; i++)
        if (ranks->shards[i].index)
            rc = wrap_shard(ranks, &ranks->shards[i], choose_distinct(&ranks->shards[i], err), err);
    return ranks_agree(rc, err);
}

/* ---- telling ------------------------------------------------------------------------------------------- */

struct twins {
    int64_t count;
    struct {
        int64_t first, row;
    } pairs[4096];
};

static void next_twins(struct twins *twins, const struct shard *shard, int64_t *at)
{
    enum { MOST = sizeof twins->pairs / sizeof *twins->pairs };
    for (; *at < shard->chosen.count && twins->count < MOST; ++*at) {
        const int64_t first = shard->first[*at], row = shard->rows_before + *at;
        if (first < 0 || first == row)
            continue;
        twins->pairs[twins->count].first = first;
        twins->pairs[twins->count++].row = row;
    }
}

int twins_together(struct ranks *ranks, twin_visit *visit, void *context, struct err *err)
{
    struct twins *twins = mem_new(1, sizeof *twins);
    int rc = ranks_agree(wrap_rank(twins ? 0 : err_memory(err, sizeof *twins), err), err);
    for (size_t i = 0; i < ranks->count && !rc; i++) {
        const struct shard *shard = &ranks->shards[i];
        int64_t at = 0;
        do {
            twins->count = 0;
            if (shard->index)
                next_twins(twins, shard, &at);
            MPI_Bcast(twins, sizeof *twins, MPI_BYTE, shard->rank, MPI_COMM_WORLD);
            for (int64_t t = 0; t < twins->count && visit && !rc; t++)
                rc = visit(context, twins->pairs[t].first, twins->pairs[t].row, err);
            rc = ranks_agree(rc, err);
        } while (twins->count && !rc);
    }
    free(twins);
    return rc;
}
