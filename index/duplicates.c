// SPDX-License-Identifier: Apache-2.0
/*
 * Near equals: rows with the same vector are one from the start; of these, the near pairs are looked up by searches and
 * joined by complete linkage (linkage.h). Where there are too many pairs to hold, the closest are joined first, and then
 * there are fewer groups to have pairs.
 */
#include "index/blocks.h"
#include "index/distinct.h"
#include "index/linkage.h"
#include "index/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUERIES_AT_ONCE = 128,
    PAIRS_MAX = 1 << 23 /* 12 bytes each, and 16 while they are joined */
};

/* ---- pairs of groups ----------------------------------------------------------------------------------- */

struct finding {
    struct index_searcher *searcher;
    struct distinct distinct;
    double threshold;
    uint32_t *group; // (count): the lowest member of the group of each
    uint32_t *sizes; // (count): members of the group with that lowest member
    size_t *begins;  // (count): where they begin in the order
    struct near_pairs pairs;
    const struct job *job;

    uint32_t *order; // (count): group after group
    float *queries;  // (QUERIES_AT_ONCE, E)
    uint32_t *near;  // (near_count): groups that the one that is looked at has near pairs with
    size_t near_count;
    uint64_t *counts; // (count): near pairs of it with each group
    float *worst;     // (count): the lowest score of these
    size_t done;      /* of the order */
};

static void finding_release(struct finding *f)
{
    free(f->group);
    free(f->sizes);
    free(f->begins);
    free(f->pairs.items);
    free(f->order);
    free(f->queries);
    free(f->near);
    free(f->counts);
    free(f->worst);
    distinct_release(&f->distinct);
}

static int finding_init(struct finding *f, const struct index_rows *rows, struct err *err)
{
    int rc = distinct_init(&f->distinct, f->searcher->index, rows, f->job, err);
    const size_t count = f->distinct.count + 1;
    if (rc)
        return rc;
    f->group = mem_new(count, sizeof *f->group);
    f->sizes = mem_new(count, sizeof *f->sizes);
    f->begins = mem_new(count, sizeof *f->begins);
    f->order = mem_new(count, sizeof *f->order);
    f->near = mem_new(count, sizeof *f->near);
    f->counts = mem_new(count, sizeof *f->counts);
    f->worst = mem_new(count, sizeof *f->worst);
    f->queries = mem_new(QUERIES_AT_ONCE * rows->width, sizeof *f->queries);
    if (!f->group || !f->sizes || !f->begins || !f->order || !f->near || !f->counts || !f->worst ||
        !f->queries)
        return err_memory(err, count * 7 * sizeof *f->begins);
    for (uint32_t i = 0; i < f->distinct.count; i++)
        f->group[i] = i;
    return 0;
}

/* Groups in their order, the members of each in theirs. */
static void put_in_order(struct finding *f)
{
    const size_t count = f->distinct.count;
    size_t at = 0;
    memset(f->sizes, 0, count * sizeof *f->sizes);
    for (size_t i = 0; i < count; i++)
        f->sizes[f->group[i]]++;
    for (size_t i = 0; i < count; i++) {
        f->begins[i] = at;
        at += f->sizes[i];
        f->sizes[i] = 0;
    }
    for (uint32_t i = 0; i < count; i++)
        f->order[f->begins[f->group[i]] + f->sizes[f->group[i]]++] = i;
}

/* A member of group a scores so much with row `row`. Pairs are told of the group with the lower number. */
static void count_hit(struct finding *f, uint32_t a, const struct index_hit *hit)
{
    const uint32_t b = f->group[f->distinct.of_row[hit->row]];
    const float score = (float)hit->score;
    if (b <= a)
        return;
    if (!f->counts[b]++) {
        f->near[f->near_count++] = b;
        f->worst[b] = score;
    }
    f->worst[b] = fminf(f->worst[b], score);
}

static int rising(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* All members of group a are counted: it pairs with the groups all of whose members are near all of its own. */
static int add_pairs(struct finding *f, uint32_t a, struct err *err)
{
    int rc = 0;
    if (f->near_count)
        qsort(f->near, f->near_count, sizeof *f->near, rising);
    for (size_t i = 0; i < f->near_count; i++) {
        const uint32_t b = f->near[i];
        if (!rc && f->counts[b] == (uint64_t)f->sizes[a] * f->sizes[b])
            rc = near_pairs_add(&f->pairs, (struct near_pair){a, b, f->worst[b]}, err);
        f->counts[b] = 0;
    }
    f->near_count = 0;
    return rc;
}

/* The job of one search, which is a part of this work. */
static int search_step(void *context, const char *unit, size_t done, size_t total)
{
    const struct finding *f = context;
    (void)unit;
    (void)done;
    (void)total;
    return job_step(f->job, "items", f->done, f->distinct.count, NULL);
}

/* The near pairs of members [done, done + count) of the order. */
static int search_some(struct finding *f, size_t count, struct err *err)
{
    const size_t width = f->distinct.rows.width;
    const uint32_t *members = f->order + f->done;
    const double least = fmax(f->threshold, (double)f->pairs.floor);
    const struct job search = {.step = search_step,
        .context = f,
        .threads = job_threads(f->job),
        .pool = f->job ? f->job->pool : NULL};
    struct index_neighbours near;
    for (size_t i = 0; i < count; i++)
        memcpy(f->queries + i * width, f->distinct.vectors + members[i] * width, width * sizeof *f->queries);
    int rc = index_neighbours(&near, f->searcher, &f->distinct.rows, f->queries, count, least, &search, err);
    for (size_t i = 0, at = 0; i < count && !rc; i++) {
        const uint32_t a = f->group[members[i]];
        for (; at < near.ends[i]; at++)
            count_hit(f, a, &near.hits[at]);
        if (f->done + i + 1 == f->distinct.count || f->group[members[i + 1]] != a)
            rc = add_pairs(f, a, err);
    }
    index_neighbours_release(&near);
    return rc;
}

static int find_pairs(struct finding *f, struct err *err)
{
    const size_t count = f->distinct.count;
    int rc = 0;
    put_in_order(f);
    f->pairs.count = 0;
    f->pairs.floor = -INFINITY;
    for (f->done = 0; f->done < count && !rc; f->done += QUERIES_AT_ONCE) {
        const size_t left = count - f->done;
        rc = search_some(f, left < QUERIES_AT_ONCE ? left : QUERIES_AT_ONCE, err);
    }
    near_pairs_finish(&f->pairs);
    return rc;
}

/* Joins groups by the closest pairs, and again while there were more. */
static int join_all(struct finding *f, struct err *err)
{
    const size_t count = f->distinct.count;
    uint32_t *into = mem_new(count + 1, sizeof *into);
    int rc = into ? 0 : err_memory(err, count * sizeof *into);
    do {
        if (!rc)
            rc = find_pairs(f, err);
        if (!rc)
            rc = linkage_join(into, count, f->pairs.items, f->pairs.count, f->job, err);
        for (size_t i = 0; i < count && !rc; i++)
            f->group[i] = into[f->group[i]];
    } while (!rc && f->pairs.floor > -INFINITY);
    free(into);
    return rc;
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
    const uint32_t group = s->f->group[i];
    const size_t begin = s->f->begins[group];
    for (size_t at = begin; at < begin + s->f->sizes[group]; at++) {
        const size_t j = s->f->order[at], low = i < j ? i : j, high = i < j ? j : i;
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
static int list_all(struct index_groups *out, struct finding *f, struct err *err)
{
    const struct distinct *distinct = &f->distinct;
    const size_t all = (size_t)distinct->all->count, count = distinct->count;
    struct scoring s = {f, mem_new(count + 1, sizeof *s.scores)};
    double *scores = mem_new(all + 1, sizeof *scores);
    int rc = s.scores && scores ? 0 : err_memory(err, all * sizeof *scores);
    for (size_t i = 0; i < count && !rc; i++)
        s.scores[i] = -INFINITY;
    if (!rc) {
        put_in_order(f);
        rc = blocks_run(f->job, "scores", count, 1, distinct->rows.width, score_member, &s, err);
    }
    for (size_t row = 0; row < all && !rc; row++)
        if (distinct->first[row] >= 0 && distinct->first[row] != (int64_t)row)
            score_twin(&s, distinct->of_row[distinct->first[row]]);
    for (size_t row = 0; row < all && !rc; row++) {
        if (distinct->first[row] < 0)
            continue;
        const uint32_t i = distinct->of_row[distinct->first[row]];
        distinct->first[row] = distinct->numbers[f->group[i]];
        scores[row] = s.scores[i];
    }
    if (!rc)
        rc = groups_list(out, distinct->first, scores, distinct->all->count, err);
    free(scores);
    free(s.scores);
    return rc;
}

int duplicates_find(struct index_groups *out, struct index_searcher *searcher, const struct index_rows *rows,
    double threshold, size_t most, const struct job *job, struct err *err)
{
    struct finding f = {.searcher = searcher, .threshold = threshold, .pairs = {.most = most}, .job = job};
    *out = (struct index_groups){0};
    int rc = finding_init(&f, rows, err);
    if (!rc)
        rc = join_all(&f, err);
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
    return duplicates_find(out, searcher, rows, threshold, PAIRS_MAX, job, err);
}
