// SPDX-License-Identifier: Apache-2.0
/*
 * index_duplicates by all ranks. The first has what is found: pairs up to a number, a bit a row, and some tens of bytes of each row that
 * has a near one; vectors stay where they are.
 */
#include "index/mpi/internal.h"
#include "index/near_groups.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct twin {
    int64_t first, row;
};

struct finding {
    struct ranks *ranks;
    struct near_groups groups; /* of the rows that are in a pair, or have twins */
    uint64_t *mask;            // (ceil(rows / 64)): those
    int64_t *rows;             // (count): the same, rising
    size_t count;
    struct near_pairs pairs;
    struct twin *twins; // (twin_count): rows that are not distinct, rising
    size_t twin_count, twin_room;

    struct in_group *members; // (member_count): rows in groups, by group
    double *scores;           // (member_count)
    size_t *places;           // (count): of each row among the members, or SIZE_MAX
    size_t member_count;
    struct job job; /* the rank's, of which searches are parts */
    int64_t chosen;
};

static void finding_release(struct finding *f)
{
    near_groups_release(&f->groups);
    free(f->mask);
    free(f->rows);
    free(f->pairs.items);
    free(f->twins);
    free(f->members);
    free(f->scores);
    free(f->places);
}

/* ---- pairs of rows ------------------------------------------------------------------------------------- */

static void mark(struct finding *f, int64_t row)
{
    f->mask[row / 64] |= UINT64_C(1) << row % 64;
}

static int take_twin(void *context, int64_t first, int64_t row, struct err *err)
{
    struct finding *f = context;
    const int rc = array_grow(f->twins, &f->twin_room, f->twin_count + 1, err);
    if (rc)
        return rc;
    mark(f, first);
    f->twins[f->twin_count++] = (struct twin){first, row};
    return 0;
}

static int take_pair(void *context, const struct near_hit *hit, int64_t from, struct err *err)
{
    struct finding *f = context;
    mark(f, from);
    mark(f, hit->row);
    return near_pairs_add(&f->pairs, (struct near_pair){(uint32_t)from, (uint32_t)hit->row, hit->score}, err);
}

/* ---- their numbers ------------------------------------------------------------------------------------- */

/* Of a row that is marked. */
static uint32_t number_of(const struct finding *f, int64_t row)
{
    size_t low = 0, high = f->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        *(f->rows[middle] <= row ? &low : &high) = middle;
    }
    return (uint32_t)low;
}

/* Marked rows become numbers, and the pairs theirs. */
static int number_rows(struct finding *f, int64_t all, struct err *err)
{
    for (int64_t i = 0; i < all / 64 + 1; i++)
        f->count += (size_t)__builtin_popcountll(f->mask[i]);
    f->rows = mem_new(f->count + 1, sizeof *f->rows);
    f->places = mem_new(f->count + 1, sizeof *f->places);
    if (!f->rows || !f->places)
        return err_memory(err, f->count * sizeof *f->rows);
    size_t count = 0;
    for (int64_t row = 0; row < all; row++)
        if (f->mask[row / 64] >> row % 64 & 1)
            f->rows[count++] = row;
    for (size_t i = 0; i < f->pairs.count; i++) {
        struct near_pair *pair = &f->pairs.items[i];
        pair->a = number_of(f, pair->a);
        pair->b = number_of(f, pair->b);
    }
    return 0;
}

/* ---- groups -------------------------------------------------------------------------------------------- */

struct asking {
    struct finding *f;
    near_visit *visit;
    void *visitor;
};

static int pass_on(void *context, const struct near_hit *hit, int64_t from, struct err *err)
{
    const struct asking *asking = context;
    const struct finding *f = asking->f;
    const uint32_t number = number_of(f, hit->row);
    (void)from;
    return f->rows[number] == hit->row ? asking->visit(asking->visitor, hit->query, number, hit->score, err)
                                       : 0; /* a row that is near to itself alone */
}

/* near_rows's: another round, where the first had too many pairs. */
static int find_near(void *context, const uint32_t *members, size_t count, double least, near_visit *visit,
    void *visitor, const struct job *job, struct err *err)
{
    struct asking asking = {context, visit, visitor};
    int64_t rows[NEAR_AT_ONCE];
    struct order order = {.what = ORDER_NEAR, .count = count, .least = least};
    (void)job; /* the ranks have theirs */
    for (size_t i = 0; i < count; i++)
        rows[i] = asking.f->rows[members[i]];
    order_share(&order);
    return near_together(asking.f->ranks, rows, count, least, pass_on, &asking, err);
}

static int find_groups(struct finding *f, double threshold, struct err *err)
{
    const struct near_rows rows = {f->count, find_near, f};
    const struct near_pairs none = {.most = f->pairs.most};
    int rc = near_groups_init(&f->groups, &rows, threshold, f->pairs.most, err);
    if (rc)
        return rc;
    f->groups.pairs = f->pairs;
    f->groups.found = true;
    f->pairs = none;
    return near_groups_find(&f->groups, &f->job, err);
}

/* ---- what comes out ------------------------------------------------------------------------------------ */

static int list_members(struct finding *f, struct err *err)
{
    const struct near_groups *g = &f->groups;
    bool *twin = mem_new(f->count + 1, sizeof *twin);
    f->members = mem_new(f->count + 1, sizeof *f->members);
    f->scores = mem_new(f->count + 1, sizeof *f->scores);
    const int rc = twin && f->members && f->scores ? 0 : err_memory(err, f->count * sizeof *f->members);
    for (size_t i = 0; i < f->twin_count && !rc; i++)
        twin[number_of(f, f->twins[i].first)] = true;
    for (size_t at = 0; at < f->count && !rc; at++) {
        const uint32_t i = g->order[at];
        if (g->sizes[g->group[i]] == 1 && !twin[i])
            continue;
        f->places[i] = f->member_count;
        f->members[f->member_count++] = (struct in_group){f->rows[g->group[i]], f->rows[i], twin[i]};
    }
    free(twin);
    return rc;
}

static int list_all(struct index_groups *out, const struct finding *f, struct err *err)
{
    const size_t count = f->member_count + f->twin_count;
    struct group_member *all = mem_new(count + 1, sizeof *all);
    if (!all)
        return err_memory(err, count * sizeof *all);
    for (size_t i = 0; i < f->member_count; i++)
        all[i] = (struct group_member){f->members[i].group, f->members[i].row, f->scores[i]};
    for (size_t i = 0; i < f->twin_count; i++) {
        const size_t place = f->places[number_of(f, f->twins[i].first)];
        all[f->member_count + i] =
            (struct group_member){f->members[place].group, f->twins[i].row, f->scores[place]};
    }
    const int rc = groups_list(out, all, count, err);
    free(all);
    return rc;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

int duplicates_together(struct ranks *ranks, double least, struct finding *f, struct err *err)
{
    ranks->compared = 0;
    int rc = distinct_together(ranks, err);
    if (!rc)
        rc = twins_together(ranks, f ? take_twin : NULL, f, err);
    return rc ? rc : pairs_together(ranks, least, f ? take_pair : NULL, f, err);
}

/* The job of one search, which is a part of this work. */
static int search_step(void *context, const char *unit, size_t done, size_t total)
{
    const struct finding *f = context;
    (void)unit;
    (void)done;
    (void)total;
    return job_step(&f->job, "items", f->ranks->compared, (size_t)f->chosen, NULL);
}

static int find_pairs(struct finding *f, double threshold, int64_t all, struct err *err)
{
    struct order order = {.what = ORDER_PAIRS, .least = threshold};
    if (all >= UINT32_MAX)
        return err_set(err, ERR_LIMIT, "%" PRId64 " items are too many to compare each with each", all);
    f->mask = mem_new((size_t)all / 64 + 1, sizeof *f->mask);
    if (!f->mask)
        return err_memory(err, (size_t)all / 8);
    order_share(&order);
    return duplicates_together(f->ranks, threshold, f, err);
}

static int find_scores(struct finding *f, struct err *err)
{
    struct order order = {.what = ORDER_SCORES, .count = f->member_count};
    order_share(&order);
    return scores_together(f->ranks, f->scores, f->members, f->member_count, err);
}

int ranks_duplicates_of(
    struct index_groups *out, struct ranks *ranks, double threshold, size_t most, struct err *err)
{
    const struct ranks_info info = ranks_info(ranks);
    const int64_t all = info.rows;
    struct finding f = {.ranks = ranks,
        .pairs = {.most = most, .floor = -INFINITY},
        .job = ranks->options.job,
        .chosen = info.chosen[INDEX_IMAGE] + info.chosen[INDEX_TEXT]};
    *out = (struct index_groups){0};
    ranks->options.job =
        (struct job){.step = search_step, .context = &f, .threads = job_threads(&f.job), .pool = f.job.pool};
    int rc = find_pairs(&f, threshold, all, err);
    if (!rc)
        rc = number_rows(&f, all, err);
    if (!rc)
        rc = find_groups(&f, threshold, err);
    if (!rc)
        rc = list_members(&f, err);
    if (!rc)
        rc = find_scores(&f, err);
    if (!rc)
        rc = list_all(out, &f, err);
    ranks->options.job = f.job;
    if (rc)
        index_groups_release(out);
    finding_release(&f);
    return rc;
}

int ranks_duplicates(struct index_groups *out, struct ranks *ranks, double threshold, struct err *err)
{
    return ranks_duplicates_of(out, ranks, threshold, NEAR_PAIRS_MAX, err);
}
