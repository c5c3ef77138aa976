// SPDX-License-Identifier: Apache-2.0
/* Which distinct rows are near to rows that all see: every rank scans its own, and the first hears of what is found. */
#include "index/mpi/internal.h"

#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <stdlib.h>

enum { HITS_AT_ONCE = 1 << 20 /* that the first rank takes of all, unless one query has more */ };

struct near_hits {
    struct near_hit *items;
    size_t count, room;
};

/* ---- scanning ------------------------------------------------------------------------------------------ */

static int scan_shard(struct near_hits *hits, struct ranks *ranks, struct shard *shard,
    const struct shown *shown, double least, bool pairs, struct err *err)
{
    struct index_neighbours near;
    int rc = index_neighbours(&near, &shard->searcher, &shard->distinct, shown->vectors, shown->count, least,
        &ranks->options.job, err);
    if (!rc)
        rc = array_grow(hits->items, &hits->room, hits->count + near.ends[shown->count - 1] + 1, err);
    for (size_t q = 0, at = 0; q < shown->count && !rc; q++)
        for (; at < near.ends[q]; at++) {
            const int64_t row = near.hits[at].row + shard->rows_before;
            if (!pairs || row > shown->rows[q])
                hits->items[hits->count++] = (struct near_hit){row, (float)near.hits[at].score, (uint32_t)q};
        }
    index_neighbours_release(&near);
    return wrap_shard(ranks, shard, rc, err);
}

static int by_query(const void *a, const void *b)
{
    const struct near_hit *x = a, *y = b;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int scan_own(struct near_hits *hits, struct ranks *ranks, const struct shown *shown, size_t first,
    double least, bool pairs, struct err *err)
{
    int rc = 0;
    hits->count = 0;
    for (size_t i = first; i < ranks->count && !rc; i++)
        if (ranks->shards[i].index && ranks->shards[i].distinct.chosen)
            rc = scan_shard(hits, ranks, &ranks->shards[i], shown, least, pairs, err);
    if (hits->count)
        qsort(hits->items, hits->count, sizeof *hits->items, by_query);
    return rc;
}

/* ---- the first rank hears of it ------------------------------------------------------------------------ */

struct hearing {
    near_hit_visit *visit; /* NULL: this is not the first rank */
    void *context;
    struct near_hits own, all;
};

/* own (count) of all ranks, in their order. */
static int gather(
    struct hearing *h, struct ranks *ranks, const struct near_hit *own, size_t count, struct err *err)
{
    const int mine = (int)count;
    size_t all = 0;
    int rc = 0;
    MPI_Datatype hit;
    MPI_Gather(&mine, 1, MPI_INT, ranks->sizes, 1, MPI_INT, 0, MPI_COMM_WORLD);
    for (int i = 0; i < ranks_count() && h->visit; i++) {
        ranks->begins[i] = (int)all;
        all += (size_t)ranks->sizes[i];
    }
    if (h->visit)
        rc = wrap_rank(array_grow(h->all.items, &h->all.room, all + 1, err), err);
    rc = ranks_agree(rc, err);
    if (rc)
        return rc;
    MPI_Type_contiguous(sizeof *own, MPI_BYTE, &hit);
    MPI_Type_commit(&hit);
    MPI_Gatherv(own, mine, hit, h->all.items, ranks->sizes, ranks->begins, hit, 0, MPI_COMM_WORLD);
    MPI_Type_free(&hit);
    h->all.count = all;
    if (all)
        qsort(h->all.items, all, sizeof *h->all.items, by_query);
    return 0;
}

/* What all have found, of so many queries at a time that it stays little. */
static int hear(struct hearing *h, struct ranks *ranks, const struct shown *shown, struct err *err)
{
    int64_t found[ROWS_SHOWN] = {0};
    size_t at = 0;
    int rc = 0;
    for (size_t i = 0; i < h->own.count; i++)
        found[h->own.items[i].query]++;
    MPI_Allreduce(MPI_IN_PLACE, found, (int)shown->count, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    for (size_t query = 0; query < shown->count && !rc;) {
        const size_t begin = at;
        int64_t total = 0;
        do
            total += found[query++];
        while (query < shown->count && total + found[query] <= HITS_AT_ONCE);
        while (at < h->own.count && h->own.items[at].query < query)
            at++;
        if (!total)
            continue;
        if (total > INT_MAX)
            return err_set(err, ERR_LIMIT, "%lld rows near to one are too many", (long long)total);
        rc = gather(h, ranks, h->own.items + begin, at - begin, err);
        for (size_t i = 0; i < h->all.count && h->visit && !rc; i++)
            rc = h->visit(h->context, &h->all.items[i], shown->rows[h->all.items[i].query], err);
        rc = ranks_agree(rc, err);
    }
    return rc;
}

static void hearing_release(struct hearing *h)
{
    free(h->own.items);
    free(h->all.items);
}

/* ---- for all together ---------------------------------------------------------------------------------- */

int pairs_together(struct ranks *ranks, double least, near_hit_visit *visit, void *context, struct err *err)
{
    struct hearing h = {.visit = visit, .context = context};
    struct shown shown = {0};
    int rc = ranks_agree(shown_init(&shown, ranks, err), err);
    for (size_t i = 0; i < ranks->count && !rc; i++) {
        int64_t at = 0;
        while (!rc && show_next(&shown, &ranks->shards[i], &at)) {
            shown_decode(&shown, ranks);
            rc = ranks_agree(scan_own(&h.own, ranks, &shown, i, least, true, err), err);
            if (!rc)
                rc = hear(&h, ranks, &shown, err);
            ranks->compared += shown.count;
        }
    }
    shown_release(&shown);
    hearing_release(&h);
    return rc;
}

int near_together(struct ranks *ranks, const int64_t *rows, size_t count, double least, near_hit_visit *visit,
    void *context, struct err *err)
{
    struct hearing h = {.visit = visit, .context = context};
    struct shown shown = {0};
    int rc = ranks_agree(shown_init(&shown, ranks, err), err);
    if (!rc) {
        show_vectors(&shown, ranks, rows, count);
        rc = ranks_agree(scan_own(&h.own, ranks, &shown, 0, least, false, err), err);
    }
    if (!rc)
        rc = hear(&h, ranks, &shown, err);
    shown_release(&shown);
    hearing_release(&h);
    return rc;
}
