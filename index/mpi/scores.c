// SPDX-License-Identifier: Apache-2.0
/* How much rows in groups are like the others in theirs: all see each of them, and every rank scores its own of its group. */
#include "index/mpi/internal.h"

#include <math.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_AT_ONCE = 4096 };

struct own_member {
    struct in_group member;
    size_t place; /* among all */
    double score;
};

struct own_members {
    struct own_member *items; // (count): in the order of all, by group, then row
    size_t count, room;
};

/* The next members, from the first rank. */
static size_t tell(
    struct in_group *out, const struct in_group *members, size_t count, size_t done, size_t most)
{
    const size_t left = count - done, some = left < most ? left : most;
    if (members)
        memcpy(out, members + done, some * sizeof *out);
    MPI_Bcast(out, (int)(some * sizeof *out), MPI_BYTE, 0, MPI_COMM_WORLD);
    return some;
}

static int keep_own(struct own_members *own, const struct ranks *ranks, const struct in_group *members,
    size_t count, struct err *err)
{
    struct in_group told[MEMBERS_AT_ONCE];
    int rc = 0;
    for (size_t done = 0; done < count; done += MEMBERS_AT_ONCE) {
        const size_t some = tell(told, members, count, done, MEMBERS_AT_ONCE);
        for (size_t i = 0; i < some && !rc; i++)
            if (shard_of_row(ranks, told[i].row)->index &&
                !(rc = wrap_rank(array_grow(own->items, &own->room, own->count + 1, err), err)))
                own->items[own->count++] = (struct own_member){told[i], done + i, -INFINITY};
    }
    return ranks_agree(rc, err);
}

/* The first own one of the query's group that is not before it. */
static size_t find_own(const struct own_members *own, const struct in_group *query)
{
    size_t low = 0, high = own->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct in_group *member = &own->items[middle].member;
        if (member->group < query->group || (member->group == query->group && member->row < query->row))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Scores a query with the own rows behind it, for both; and with itself, where others have the same vector. */
static double score_query(
    struct own_members *own, const struct ranks *ranks, const struct in_group *query, const float *vector)
{
    double best = -INFINITY;
    for (size_t i = find_own(own, query); i < own->count; i++) {
        struct own_member *other = &own->items[i];
        const struct shard *shard = shard_of_row(ranks, other->member.row);
        if (other->member.group != query->group)
            break;
        if (other->member.row == query->row && !query->twin)
            continue;
        const double score = index_score(&shard->chosen, other->member.row - shard->rows_before, vector);
        other->score = fmax(other->score, score);
        best = fmax(best, score);
    }
    return best;
}

static void score_all(double *scores, struct own_members *own, struct shown *shown, const struct ranks *ranks,
    const struct in_group *members, size_t count)
{
    struct in_group told[ROWS_SHOWN];
    for (size_t done = 0; done < count; done += ROWS_SHOWN) {
        const size_t some = tell(told, members, count, done, ROWS_SHOWN);
        int64_t rows[ROWS_SHOWN];
        double best[ROWS_SHOWN];
        for (size_t i = 0; i < some; i++)
            rows[i] = told[i].row;
        show_vectors(shown, ranks, rows, some);
        for (size_t i = 0; i < some; i++)
            best[i] = score_query(own, ranks, &told[i], shown->vectors + i * ranks->width);
        MPI_Reduce(best, scores ? scores + done : NULL, (int)some, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    }
}

/* What members have as the others of a query. */
static void collect(double *scores, const struct own_members *own, size_t count)
{
    double mine[MEMBERS_AT_ONCE], best[MEMBERS_AT_ONCE];
    for (size_t done = 0, at = 0; done < count; done += MEMBERS_AT_ONCE) {
        const size_t left = count - done, some = left < MEMBERS_AT_ONCE ? left : MEMBERS_AT_ONCE;
        for (size_t i = 0; i < some; i++)
            mine[i] = -INFINITY;
        for (; at < own->count && own->items[at].place < done + some; at++)
            mine[own->items[at].place - done] = own->items[at].score;
        MPI_Reduce(mine, best, (int)some, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
        for (size_t i = 0; i < some && scores; i++)
            scores[done + i] = fmax(scores[done + i], best[i]);
    }
}

int scores_together(
    struct ranks *ranks, double *scores, const struct in_group *members, size_t count, struct err *err)
{
    struct own_members own = {0};
    struct shown shown = {0};
    int rc = ranks_agree(shown_init(&shown, ranks, err), err);
    if (!rc)
        rc = keep_own(&own, ranks, members, count, err);
    if (!rc) {
        score_all(scores, &own, &shown, ranks, members, count);
        collect(scores, &own, count);
    }
    free(own.items);
    shown_release(&shown);
    return rc;
}
