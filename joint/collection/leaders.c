// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/leaders.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- looking up ---------------------------------------------------------------------------------------- */

/* The highest rank falls out where there is no room: it is wanted again. */
static void want(struct row_list *wanted, const struct leaders *leaders, int64_t row)
{
    size_t at = wanted->count;
    while (at && leaders->ranks[wanted->rows[at - 1]] > leaders->ranks[row])
        at--;
    if ((at && wanted->rows[at - 1] == row) || at == ROW_LIST_MAX)
        return;
    wanted->count += wanted->count < ROW_LIST_MAX;
    memmove(wanted->rows + at + 1, wanted->rows + at, (wanted->count - at - 1) * sizeof *wanted->rows);
    wanted->rows[at] = row;
}

/* vectors (count, E) of the wanted rows, without those that one before them is near: when that is decided, they may be
 * copies, and of a crowd that are near each other one is enough. */
static int take_vectors(struct row_list *wanted, struct leaders *leaders, struct err *err)
{
    const size_t width = leaders->pictures->width;
    size_t kept = 0;
    const int rc = index_vectors(leaders->vectors, leaders->ranking->index, wanted->rows, wanted->count, err);
    for (size_t i = 0; i < wanted->count && !rc; i++) {
        const float *vector = leaders->vectors + i * width;
        size_t near = 0;
        while (near < kept && dot_product(leaders->vectors + near * width, vector, width) < INDEX_NEAR_COPY)
            near++;
        if (near < kept)
            continue;
        memmove(leaders->vectors + kept * width, vector, width * sizeof *vector);
        wanted->rows[kept++] = wanted->rows[i];
    }
    wanted->count = kept;
    return rc;
}

static int look_up(struct leaders *leaders, struct row_list *wanted, struct err *err)
{
    int rc = take_vectors(wanted, leaders, err);
    if (!rc)
        rc = array_grow(leaders->passes, &leaders->pass_room, leaders->pass_count + 1, err);
    if (!rc)
        rc = array_grow(leaders->lookups, &leaders->lookup_room, leaders->lookup_count + wanted->count, err);
    if (rc)
        return rc;
    struct index_neighbours *pass = &leaders->passes[leaders->pass_count];
    rc = index_neighbours(pass, leaders->ranking->searcher, leaders->pictures, leaders->vectors,
        wanted->count, INDEX_NEAR_COPY, leaders->ranking->job, err);
    if (rc)
        return rc;
    leaders->pass_count++;
    for (size_t i = 0; i < wanted->count; i++) {
        const size_t begin = i ? pass->ends[i - 1] : 0;
        const int64_t row = wanted->rows[i];
        leaders->states[row] = HIT_LOOKED_UP;
        leaders->lookups[leaders->lookup_count++] =
            (struct lookup){row, leaders->ranks[row], pass->hits + begin, pass->ends[i] - begin};
    }
    return 0;
}

/* ---- deciding ------------------------------------------------------------------------------------------ */

static void mark_copy(struct leaders *leaders, int64_t row)
{
    leaders->known += leaders->states[row] != HIT_COPY && !leaders->ranks[row];
    leaders->states[row] = HIT_COPY;
}

static void mark_leader(struct leaders *leaders, const struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->count; i++)
        if (lookup->near[i].row != lookup->row)
            mark_copy(leaders, lookup->near[i].row);
    leaders->states[lookup->row] = HIT_LEADER;
}

/* Decides one if it can be; otherwise the first of those that it depends on is wanted, unless it is looked up. */
static void settle_one(struct leaders *leaders, const struct lookup *lookup, struct row_list *wanted)
{
    const struct index_hit *first = NULL;
    for (size_t i = 0; i < lookup->count; i++) {
        const struct index_hit *near = &lookup->near[i];
        const size_t rank = leaders->ranks[near->row];
        const enum hit_state state = leaders->states[near->row];
        if (!rank || rank >= lookup->rank || state == HIT_COPY)
            continue;
        if (state == HIT_LEADER) {
            mark_copy(leaders, lookup->row);
            return;
        }
        if (!first || rank < leaders->ranks[first->row])
            first = near;
    }
    if (!first)
        mark_leader(leaders, lookup);
    else if (leaders->states[first->row] == HIT_UNKNOWN)
        want(wanted, leaders, first->row);
}

static int by_rank(const void *a, const void *b)
{
    const struct lookup *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* What is looked up depends on lower ranks only: in their order, once over all is enough. */
static void settle(struct leaders *leaders, struct row_list *wanted)
{
    wanted->count = 0;
    qsort(leaders->lookups, leaders->lookup_count, sizeof *leaders->lookups, by_rank);
    for (size_t i = 0; i < leaders->lookup_count; i++)
        if (leaders->states[leaders->lookups[i].row] == HIT_LOOKED_UP)
            settle_one(leaders, &leaders->lookups[i], wanted);
}

static int follow(struct leaders *leaders, struct err *err)
{
    leaders->followed += (size_t)leaders->pictures->count;
    if (leaders->followed <= HITS_FOLLOWED_MAX)
        return 0;
    return err_set(err, ERR_LIMIT,
        "too many pictures, each a near copy of the one before it, lead to these hits: search for less, or "
        "show near "
        "copies");
}

int leaders_decide(struct leaders *leaders, const struct row_list *targets, struct err *err)
{
    struct row_list wanted = *targets;
    int rc = 0;
    while (!rc && wanted.count) {
        rc = look_up(leaders, &wanted, err);
        if (rc)
            break;
        settle(leaders, &wanted);
        if (wanted.count)
            rc = follow(leaders, err);
        for (size_t i = 0, none = !wanted.count; i < targets->count && none; i++)
            if (leaders->states[targets->rows[i]] == HIT_UNKNOWN) /* one before it was near, and is a copy */
                want(&wanted, leaders, targets->rows[i]);
    }
    return rc;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

int leaders_init(struct leaders *leaders, const struct ranking *ranking, const struct index_rows *pictures,
    struct err *err)
{
    const size_t count = (size_t)pictures->count + 1;
    *leaders = (struct leaders){.ranking = ranking,
        .pictures = pictures,
        .ranks = mem_new(count, sizeof *leaders->ranks),
        .states = mem_new(count, sizeof *leaders->states),
        .vectors = mem_new(ROW_LIST_MAX, pictures->width * sizeof *leaders->vectors)};
    return leaders->ranks && leaders->states && leaders->vectors
               ? 0
               : err_memory(err, count * sizeof *leaders->ranks);
}

void leaders_release(struct leaders *leaders)
{
    for (size_t i = 0; i < leaders->pass_count; i++)
        index_neighbours_release(&leaders->passes[i]);
    free(leaders->passes);
    free(leaders->lookups);
    free(leaders->vectors);
    free(leaders->states);
    free(leaders->ranks);
}

void leaders_rank(struct leaders *leaders)
{
    for (; leaders->ranked < leaders->ranking->count; leaders->ranked++) {
        const int64_t row = leaders->ranking->hits[leaders->ranked].row;
        leaders->known += leaders->states[row] != HIT_COPY;
        leaders->ranks[row] = leaders->ranked + 1;
    }
}

const struct lookup *leaders_lookup(const struct leaders *leaders, size_t rank)
{
    const struct lookup key = {.rank = rank};
    const struct lookup *found = bsearch(&key, leaders->lookups, leaders->lookup_count, sizeof key, by_rank);
    assert(found);
    return found;
}
