// SPDX-License-Identifier: Apache-2.0
#include "index/near_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void near_groups_release(struct near_groups *g)
{
    free(g->group);
    free(g->sizes);
    free(g->begins);
    free(g->pairs.items);
    free(g->order);
    free(g->near);
    free(g->counts);
    free(g->worst);
    *g = (struct near_groups){0};
}

int near_groups_init(
    struct near_groups *g, const struct near_rows *rows, double threshold, size_t most, struct err *err)
{
    const size_t count = rows->count + 1;
    *g = (struct near_groups){.rows = *rows, .threshold = threshold, .pairs = {.most = most}};
    g->group = mem_new(count, sizeof *g->group);
    g->sizes = mem_new(count, sizeof *g->sizes);
    g->begins = mem_new(count, sizeof *g->begins);
    g->order = mem_new(count, sizeof *g->order);
    g->near = mem_new(count, sizeof *g->near);
    g->counts = mem_new(count, sizeof *g->counts);
    g->worst = mem_new(count, sizeof *g->worst);
    if (!g->group || !g->sizes || !g->begins || !g->order || !g->near || !g->counts || !g->worst)
        return err_memory(err, count * 7 * sizeof *g->begins);
    for (uint32_t i = 0; i < rows->count; i++)
        g->group[i] = i;
    return 0;
}

static void put_in_order(struct near_groups *g)
{
    const size_t count = g->rows.count;
    size_t at = 0;
    memset(g->sizes, 0, count * sizeof *g->sizes);
    for (size_t i = 0; i < count; i++)
        g->sizes[g->group[i]]++;
    for (size_t i = 0; i < count; i++) {
        g->begins[i] = at;
        at += g->sizes[i];
        g->sizes[i] = 0;
    }
    for (uint32_t i = 0; i < count; i++)
        g->order[g->begins[g->group[i]] + g->sizes[g->group[i]]++] = i;
}

/* ---- pairs of groups ----------------------------------------------------------------------------------- */

/* A member of group a scores so much with `number`. Pairs are told of the group with the lower number. */
static void count_hit(struct near_groups *g, uint32_t a, uint32_t number, float score)
{
    const uint32_t b = g->group[number];
    if (b <= a)
        return;
    if (!g->counts[b]++) {
        g->near[g->near_count++] = b;
        g->worst[b] = score;
    }
    g->worst[b] = fminf(g->worst[b], score);
}

static int rising(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* All members of group a are counted: it pairs with the groups all of whose members are near all of its own. */
static int add_pairs(struct near_groups *g, uint32_t a, struct err *err)
{
    int rc = 0;
    if (g->near_count)
        qsort(g->near, g->near_count, sizeof *g->near, rising);
    for (size_t i = 0; i < g->near_count; i++) {
        const uint32_t b = g->near[i];
        if (!rc && g->counts[b] == (uint64_t)g->sizes[a] * g->sizes[b])
            rc = near_pairs_add(&g->pairs, (struct near_pair){a, b, g->worst[b]}, err);
        g->counts[b] = 0;
    }
    g->near_count = 0;
    return rc;
}

/* The answers for the members before `end` of the order are complete. */
static int complete(struct near_groups *g, size_t end, struct err *err)
{
    int rc = 0;
    for (; g->at < end; g->at++) {
        const uint32_t a = g->group[g->order[g->at]];
        if (!rc && g->at + 1 == g->begins[a] + g->sizes[a])
            rc = add_pairs(g, a, err);
    }
    return rc;
}

static int take_hit(void *context, size_t query, uint32_t number, float score, struct err *err)
{
    struct near_groups *g = context;
    const int rc = complete(g, g->done + query, err);
    if (!rc)
        count_hit(g, g->group[g->order[g->done + query]], number, score);
    return rc;
}

/* The job of one search, which is a part of this work. */
static int search_step(void *context, const char *unit, size_t done, size_t total)
{
    const struct near_groups *g = context;
    (void)unit;
    (void)done;
    (void)total;
    return job_step(g->job, "items", g->done, g->rows.count, NULL);
}

static int find_pairs(struct near_groups *g, struct err *err)
{
    const struct job search = {.step = search_step,
        .context = g,
        .threads = job_threads(g->job),
        .pool = g->job ? g->job->pool : NULL};
    const size_t all = g->rows.count;
    int rc = 0;
    g->at = 0;
    for (g->done = 0; g->done < all && !rc;) {
        const size_t left = all - g->done, count = left < NEAR_AT_ONCE ? left : NEAR_AT_ONCE;
        const double least = fmax(g->threshold, (double)g->pairs.floor);
        rc = g->rows.find(g->rows.context, g->order + g->done, count, least, take_hit, g, &search, err);
        g->done += count;
        if (!rc)
            rc = complete(g, g->done, err);
    }
    return rc;
}

/* Joins groups by the closest pairs, and again while there were more. */
int near_groups_find(struct near_groups *g, const struct job *job, struct err *err)
{
    const size_t count = g->rows.count;
    uint32_t *into = mem_new(count + 1, sizeof *into);
    int rc = into ? 0 : err_memory(err, count * sizeof *into);
    g->job = job;
    put_in_order(g);
    do {
        if (!rc && !g->found) {
            g->pairs.count = 0;
            g->pairs.floor = -INFINITY;
            rc = find_pairs(g, err);
        }
        g->found = false;
        near_pairs_finish(&g->pairs);
        if (!rc)
            rc = linkage_join(into, count, g->pairs.items, g->pairs.count, job, err);
        for (size_t i = 0; i < count && !rc; i++)
            g->group[i] = into[g->group[i]];
        put_in_order(g);
    } while (!rc && g->pairs.floor > -INFINITY);
    free(into);
    return rc;
}
