// SPDX-License-Identifier: Apache-2.0
/*
 * Joins by nearest-neighbour chains (Benzecri 1982; Murtagh 1983): from any cluster to its nearest, on to that one's
 * nearest, until two are each other's. These two are joined, and the chain goes on from the cluster before them. Since a
 * joined cluster is no nearer to any other than the nearer of its two was, they would be joined in the end in any order,
 * and the chain stays a chain.
 *
 * Each cluster has a list of those near it. Joining two walks both lists once: who is on both stays on one. So every
 * entry that is walked over is gone afterwards, or one of two that become one; all joins take time in proportion to
 * the pairs, times the logarithm that finding an entry in another's list takes.
 */
#include "index/linkage.h"

#include <math.h>
#include <stdlib.h>

#define NONE UINT32_MAX
#define GONE (-INFINITY) /* score of an entry that is no more */

struct entry {
    uint32_t cluster;
    float score;
};

struct graph {
    struct entry *entries; // (2 pairs): list after list
    size_t *begins;        // (count + 1): of each cluster's list
    size_t *lengths;       // (count): entries of each list, rising by cluster
    uint32_t *into;        // (count)
    uint32_t *chain;       // (count)
};

static void graph_release(struct graph *graph)
{
    free(graph->entries);
    free(graph->begins);
    free(graph->lengths);
    free(graph->chain);
}

/* Pairs that rise by a, then b, make lists that rise too: first those with a lower cluster, then its own. */
static int graph_init(
    struct graph *graph, size_t count, const struct near_pair *pairs, size_t pair_count, struct err *err)
{
    graph->entries = mem_new(pair_count + 1, 2 * sizeof *graph->entries);
    graph->begins = mem_new(count + 1, sizeof *graph->begins);
    graph->lengths = mem_new(count + 1, sizeof *graph->lengths);
    graph->chain = mem_new(count + 1, sizeof *graph->chain);
    if (!graph->entries || !graph->begins || !graph->lengths || !graph->chain)
        return err_memory(err, pair_count * 2 * sizeof *graph->entries);
    for (size_t i = 0; i < pair_count; i++) {
        graph->begins[pairs[i].a + 1]++;
        graph->begins[pairs[i].b + 1]++;
    }
    for (size_t i = 0; i < count; i++)
        graph->begins[i + 1] += graph->begins[i];
    for (size_t i = 0; i < pair_count; i++) {
        const struct near_pair pair = pairs[i];
        graph->entries[graph->begins[pair.a] + graph->lengths[pair.a]++] = (struct entry){pair.b, pair.score};
        graph->entries[graph->begins[pair.b] + graph->lengths[pair.b]++] = (struct entry){pair.a, pair.score};
    }
    return 0;
}

/* The nearest of a cluster, of equals the lowest; NONE where there is none. */
static uint32_t nearest(const struct graph *graph, uint32_t cluster)
{
    const struct entry *list = graph->entries + graph->begins[cluster];
    struct entry best = {NONE, GONE};
    for (size_t i = 0; i < graph->lengths[cluster]; i++)
        if (list[i].score > best.score)
            best = list[i];
    return best.cluster;
}

/* Sets the score that a cluster's list has for another, which is on it. */
static void set_score(struct graph *graph, uint32_t cluster, uint32_t other, float score)
{
    struct entry *list = graph->entries + graph->begins[cluster];
    size_t low = 0, high = graph->lengths[cluster];
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (list[middle].cluster <= other)
            low = middle;
        else
            high = middle;
    }
    list[low].score = score;
}

/* The next entry of a list that is there and is not `but`. */
static struct entry *next_entry(struct entry *at, const struct entry *end, uint32_t but)
{
    while (at < end && (at->score <= GONE || at->cluster == but))
        at++;
    return at;
}

/* a becomes both, b nothing; a < b. */
static void join(struct graph *graph, uint32_t a, uint32_t b)
{
    struct entry *x = graph->entries + graph->begins[a], *x_end = x + graph->lengths[a], *out = x;
    struct entry *y = graph->entries + graph->begins[b], *y_end = y + graph->lengths[b];
    for (;;) {
        x = next_entry(x, x_end, b);
        y = next_entry(y, y_end, a);
        if (x == x_end && y == y_end)
            break;
        if (y == y_end || (x < x_end && x->cluster < y->cluster)) {
            set_score(graph, x->cluster, a, GONE);
            x++;
        } else if (x == x_end || y->cluster < x->cluster) {
            set_score(graph, y->cluster, b, GONE);
            y++;
        } else {
            const struct entry both = {x->cluster, fminf(x->score, y->score)};
            set_score(graph, both.cluster, a, both.score);
            set_score(graph, both.cluster, b, GONE);
            *out++ = both;
            x++;
            y++;
        }
    }
    graph->lengths[a] = (size_t)(out - (graph->entries + graph->begins[a]));
    graph->lengths[b] = 0;
    graph->into[b] = a;
}

/* Joins what there is to be joined from this cluster on, until nothing is near it. */
static void join_from(struct graph *graph, uint32_t start)
{
    size_t length = 0;
    for (;;) {
        if (!length)
            graph->chain[length++] = start;
        const uint32_t tip = graph->chain[length - 1], next = nearest(graph, tip);
        if (next == NONE)
            return; /* it is the start: every other on the chain has the one before it */
        if (length > 1 && graph->chain[length - 2] == next) {
            join(graph, tip < next ? tip : next, tip < next ? next : tip);
            length -= 2;
        } else {
            graph->chain[length++] = next;
        }
    }
}

int linkage_join(uint32_t *into, size_t count, const struct near_pair *pairs, size_t pair_count,
    const struct job *job, struct err *err)
{
    enum { STEP = 256 };
    struct graph graph = {.into = into};
    int rc = graph_init(&graph, count, pairs, pair_count, err);
    for (uint32_t i = 0; i < count; i++)
        into[i] = i;
    for (uint32_t i = 0; i < count && !rc; i++) {
        rc = i % STEP ? 0 : job_step(job, "joining groups", 0, 0, err);
        if (!rc)
            join_from(&graph, i);
    }
    for (uint32_t i = 0; i < count; i++) /* the lower ones are followed already */
        into[i] = into[into[i]];
    graph_release(&graph);
    return rc;
}
