// SPDX-License-Identifier: Apache-2.0
/*
 * A batch of queries over all shards. Every rank has a list a kind and query, the best k of its own rows: the best first, ties by
 * row, up to the end marked by rows of NO_ROW. Lists of two ranks make one in the same way, in any order of the ranks, as the order
 * of hits is total; so one MPI_Reduce over elements that are whole lists leaves those of all.
 */
#include "index/mpi/internal.h"

#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#define NO_ROW INT64_MAX
enum { KINDS = 2 /* INDEX_IMAGE, INDEX_TEXT */ };

/* ---- lists --------------------------------------------------------------------------------------------- */

static bool is_before(const struct index_hit *a, const struct index_hit *b)
{
    return a->score > b->score || (a->score == b->score && a->row < b->row);
}

/* into (k), the best k of its own and of from (k): how many of each they are, and then from the last on, in place. */
static void join_lists(struct index_hit *into, const struct index_hit *from, size_t k)
{
    size_t own = 0, other = 0;
    while (own + other < k)
        *(is_before(&from[other], &into[own]) ? &other : &own) += 1;
    for (size_t at = k; at-- && other;)
        into[at] = own && is_before(&from[other - 1], &into[own - 1]) ? into[--own] : from[--other];
}

/* The operator of the reduction: an element is a list. */
static void join_elements(void *from, void *into, int *count, MPI_Datatype *list)
{
    MPI_Aint lowest, extent;
    MPI_Type_get_extent(*list, &lowest, &extent);
    const size_t k = (size_t)extent / sizeof(struct index_hit);
    for (int i = 0; i < *count; i++)
        join_lists(
            (struct index_hit *)into + (size_t)i * k, (const struct index_hit *)from + (size_t)i * k, k);
}

static void clear_list(struct index_hit *list, size_t from, size_t k)
{
    for (size_t i = from; i < k; i++)
        list[i] = (struct index_hit){NO_ROW, -INFINITY};
}

/* ---- a batch ------------------------------------------------------------------------------------------- */

struct batch {
    size_t count, width, k; /* queries, E, length of a list */
    float *queries;         // (count, E)
    struct index_hit *best; // (KINDS, count, k): pictures first
    struct index_hit *hits; // (count, k): of one shard
    size_t *counts;         // (count)
    struct index_hit *list; // (k)
};

static void batch_release(struct batch *batch)
{
    free(batch->queries);
    free(batch->best);
    free(batch->hits);
    free(batch->counts);
    free(batch->list);
}

static int batch_init(
    struct batch *batch, const struct ranks *ranks, const struct order *order, struct err *err)
{
    const size_t *k = order->k;
    size_t elements;
    *batch = (struct batch){.count = order->count,
        .width = ranks->width,
        .k = k[INDEX_IMAGE] > k[INDEX_TEXT] ? k[INDEX_IMAGE] : k[INDEX_TEXT]};
    if (batch->k > INT_MAX || !size_mul(&elements, batch->count, batch->width) || elements > INT_MAX)
        return err_set(err, ERR_LIMIT, "%zu queries for %zu hits each are too many", batch->count, batch->k);
    batch->queries = mem_new(elements, sizeof *batch->queries);
    batch->best = mem_new(KINDS * batch->count, batch->k * sizeof *batch->best);
    batch->hits = mem_new(batch->count, batch->k * sizeof *batch->hits);
    batch->counts = mem_new(batch->count, sizeof *batch->counts);
    batch->list = mem_new(batch->k, sizeof *batch->list);
    if (!batch->queries || !batch->best || !batch->hits || !batch->counts || !batch->list)
        return wrap_rank(err_memory(err, (KINDS + 1) * batch->count * batch->k * sizeof *batch->best), err);
    clear_list(batch->best, 0, KINDS * batch->count * batch->k);
    return 0;
}

static struct index_hit *best_of(const struct batch *batch, enum index_kind kind, size_t query)
{
    return batch->best + ((size_t)(kind - INDEX_IMAGE) * batch->count + query) * batch->k;
}

static int search_shard(
    struct batch *batch, struct ranks *ranks, struct shard *shard, enum index_kind kind, struct err *err)
{
    const struct index_rows *rows = &shard->kinds[kind];
    const size_t chosen = (size_t)rows->chosen, k = batch->k < chosen ? batch->k : chosen;
    if (!k)
        return 0;
    const int rc = index_search(&shard->searcher, rows, batch->queries, batch->count, k, batch->hits,
        batch->counts, &ranks->options.job, err);
    for (size_t q = 0; q < batch->count && !rc; q++) {
        for (size_t i = 0; i < batch->counts[q]; i++) {
            batch->list[i] = batch->hits[q * k + i];
            batch->list[i].row += shard->rows_before;
        }
        clear_list(batch->list, batch->counts[q], batch->k);
        join_lists(best_of(batch, kind, q), batch->list, batch->k);
    }
    return wrap_shard(ranks, shard, rc, err);
}

static int search_own(struct batch *batch, struct ranks *ranks, const size_t *k, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < ranks->count && !rc; i++) {
        struct shard *shard = &ranks->shards[i];
        for (int kind = INDEX_IMAGE; kind <= INDEX_TEXT && shard->index && !rc; kind++)
            rc = k[kind] ? search_shard(batch, ranks, shard, (enum index_kind)kind, err) : 0;
    }
    return rc;
}

/* Leaves the lists of all ranks with the first. */
static void reduce(struct batch *batch)
{
    const int lists = (int)(KINDS * batch->count);
    MPI_Datatype hit, list;
    MPI_Op join;
    MPI_Type_contiguous(sizeof(struct index_hit), MPI_BYTE, &hit);
    MPI_Type_contiguous((int)batch->k, hit, &list);
    MPI_Type_commit(&list);
    MPI_Op_create(join_elements, true, &join);
    if (ranks_number())
        MPI_Reduce(batch->best, NULL, lists, list, join, 0, MPI_COMM_WORLD);
    else /* all have agreed that they are done: nobody waits long */
        MPI_Reduce(MPI_IN_PLACE, batch->best, lists, list, join, 0, MPI_COMM_WORLD);
    MPI_Op_free(&join);
    MPI_Type_free(&list);
    MPI_Type_free(&hit);
}

static void hand_out(
    struct index_hit *const *hits, size_t *const *counts, const struct batch *batch, const size_t *k)
{
    for (int kind = INDEX_IMAGE; kind <= INDEX_TEXT; kind++)
        for (size_t q = 0; q < batch->count && k[kind]; q++) {
            const struct index_hit *best = best_of(batch, (enum index_kind)kind, q);
            size_t count = 0;
            for (; count < k[kind] && best[count].row != NO_ROW; count++)
                hits[kind][q * k[kind] + count] = best[count];
            counts[kind][q] = count;
        }
}

int search_together(struct ranks *ranks, const struct order *order, const float *queries,
    struct index_hit *const *hits, size_t *const *counts, struct err *err)
{
    struct batch batch;
    int rc = ranks_agree(batch_init(&batch, ranks, order, err), err);
    if (!rc && queries)
        memcpy(batch.queries, queries, batch.count * batch.width * sizeof *queries);
    if (!rc) {
        MPI_Bcast(batch.queries, (int)(batch.count * batch.width), MPI_FLOAT, 0, MPI_COMM_WORLD);
        rc = ranks_agree(search_own(&batch, ranks, order->k, err), err);
    }
    if (!rc)
        reduce(&batch);
    if (!rc && queries)
        hand_out(hits, counts, &batch, order->k);
    batch_release(&batch);
    return rc;
}
