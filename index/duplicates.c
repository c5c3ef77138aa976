// SPDX-License-Identifier: Apache-2.0
/* Near equals within one index: rows with the same vector are one from the start, and searches find which of the others are near. */
#include "index/blocks.h"
#include "index/distinct.h"
#include "index/near_groups.h"
#include "index/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct finding {
    struct index_searcher *searcher;
    struct distinct distinct;
    struct near_groups groups; /* of the distinct rows */
    float *queries;            // (NEAR_AT_ONCE, E)
    const struct job *job;
};

static void finding_release(struct finding *f)
{
    free(f->queries);
    near_groups_release(&f->groups);
    distinct_release(&f->distinct);
}

/* near_rows's. */
static int find_near(void *context, const uint32_t *members, size_t count, double least, near_visit *visit,
    void *visitor, const struct job *job, struct err *err)
{
    struct finding *f = context;
    const size_t width = f->distinct.rows.width;
    struct index_neighbours near;
    for (size_t i = 0; i < count; i++)
        memcpy(f->queries + i * width, f->distinct.vectors + members[i] * width, width * sizeof *f->queries);
    int rc = index_neighbours(&near, f->searcher, &f->distinct.rows, f->queries, count, least, job, err);
    for (size_t i = 0, at = 0; i < count && !rc; i++)
        for (; at < near.ends[i] && !rc; at++)
            rc = visit(visitor, i, f->distinct.of_row[near.hits[at].row], (float)near.hits[at].score, err);
    index_neighbours_release(&near);
    return rc;
}

static int finding_run(
    struct finding *f, const struct index_rows *rows, double threshold, size_t most, struct err *err)
{
    int rc = distinct_init(&f->distinct, f->searcher->index, rows, f->job, err);
    if (rc)
        return rc;
    f->queries = mem_new(NEAR_AT_ONCE * rows->width, sizeof *f->queries);
    if (!f->queries)
        return err_memory(err, NEAR_AT_ONCE * rows->width * sizeof *f->queries);
    const struct near_rows source = {f->distinct.count, find_near, f};
    rc = near_groups_init(&f->groups, &source, threshold, most, err);
    return rc ? rc : near_groups_find(&f->groups, f->job, err);
}

/* ---- the result ---------------------------------------------------------------------------------------- */

struct scoring {
    const struct finding *f;
    double *scores; // (count)
};

/* The highest score of one with another of its group: the very number that searches have. */
static void score_member(void *context, size_t i)
{
    const struct scoring *s = context;
    const struct distinct *distinct = &s->f->distinct;
    const struct near_groups *groups = &s->f->groups;
    const uint32_t group = groups->group[i];
    const size_t begin = groups->begins[group];
    for (size_t at = begin; at < begin + groups->sizes[group]; at++) {
        const size_t j = groups->order[at], low = i < j ? i : j, high = i < j ? j : i;
        if (i != j)
            s->scores[i] = fmax(s->scores[i], index_score(&distinct->rows, distinct->numbers[high],
                                                  distinct->vectors + low * distinct->rows.width));
    }
}

/* A row whose vector another has, too. */
static void score_twin(const struct scoring *s, uint32_t i)
{
    const struct distinct *distinct = &s->f->distinct;
    s->scores[i] = fmax(s->scores[i],
        index_score(&distinct->rows, distinct->numbers[i], distinct->vectors + i * distinct->rows.width));
}

/* From distinct rows to all. */
static int list_all(struct index_groups *out, const struct finding *f, struct err *err)
{
    const struct distinct *distinct = &f->distinct;
    const size_t all = (size_t)distinct->all->count, count = distinct->count;
    struct scoring s = {f, mem_new(count + 1, sizeof *s.scores)};
    struct group_member *members = mem_new((size_t)distinct->all->chosen + 1, sizeof *members);
    size_t found = 0;
    int rc = s.scores && members ? 0 : err_memory(err, all * sizeof *members);
    for (size_t i = 0; i < count && !rc; i++)
        s.scores[i] = -INFINITY;
    if (!rc)
        rc = blocks_run(f->job, "scores", count, 1, distinct->rows.width, score_member, &s, err);
    for (size_t row = 0; row < all && !rc; row++)
        if (distinct->first[row] >= 0 && distinct->first[row] != (int64_t)row)
            score_twin(&s, distinct->of_row[distinct->first[row]]);
    for (size_t row = 0; row < all && !rc; row++) {
        if (distinct->first[row] < 0)
            continue;
        const uint32_t i = distinct->of_row[distinct->first[row]];
        members[found++] =
            (struct group_member){distinct->numbers[f->groups.group[i]], (int64_t)row, s.scores[i]};
    }
    if (!rc)
        rc = groups_list(out, members, found, err);
    free(members);
    free(s.scores);
    return rc;
}

int duplicates_find(struct index_groups *out, struct index_searcher *searcher, const struct index_rows *rows,
    double threshold, size_t most, const struct job *job, struct err *err)
{
    struct finding f = {.searcher = searcher, .job = job};
    *out = (struct index_groups){0};
    int rc = finding_run(&f, rows, threshold, most, err);
    if (!rc)
        rc = list_all(out, &f, err);
    if (rc)
        index_groups_release(out);
    finding_release(&f);
    return rc;
}

int index_duplicates(struct index_groups *out, struct index_searcher *searcher, const struct index_rows *rows,
    double threshold, const struct job *job, struct err *err)
{
    return duplicates_find(out, searcher, rows, threshold, NEAR_PAIRS_MAX, job, err);
}
