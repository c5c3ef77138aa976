// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/hits.h"

#include <stdlib.h>

/* A walk that is under way. */
struct walking {
    struct ranking *ranking;
    size_t wanted, visited;
    struct err *err;
};

enum { WALK_ENOUGH = -1 }; /* no error's */

static int add_item(void *context, int64_t row, const struct index_place *place)
{
    struct walking *walking = context;
    struct ranking *ranking = walking->ranking;
    const struct hits_wanted *wanted = &ranking->query->wanted;
    const float *vector = ranking->query->vector;
    int rc = walking->visited++ % 4096 ? 0 : job_step(ranking->job, "items", 0, 0, walking->err);
    if (rc || !index_rows_have(ranking->rows, row))
        return rc;
    const double score = vector ? index_score(ranking->rows, row, vector) : 0;
    if (!(score >= wanted->min_score))
        return 0;
    const bool passed_over = wanted->after && index_place_compare(wanted->order, place, wanted->after) <= 0;
    if (!passed_over && ranking->count - ranking->before == walking->wanted)
        return WALK_ENOUGH;
    rc = array_grow(ranking->hits, &ranking->room, ranking->count + 1, walking->err);
    if (rc)
        return rc;
    ranking->hits[ranking->count++] = (struct index_hit){row, score};
    ranking->before += passed_over;
    return 0;
}

static int walk(struct ranking *ranking, size_t wanted, struct err *err)
{
    const struct hits_wanted *options = &ranking->query->wanted;
    struct walking walking = {ranking, wanted, 0, err};
    ranking->count = ranking->before = 0;
    const int rc = index_walk(
        ranking->index, options->order, ranking->from_first ? NULL : options->after, add_item, &walking, err);
    ranking->whole = !rc;
    return rc == WALK_ENOUGH ? 0 : rc;
}

int ranking_extend(struct ranking *ranking, size_t wanted, struct err *err)
{
    const size_t chosen = (size_t)ranking->rows->chosen, skip = ranking->query->wanted.skip;
    if (ranking->query->wanted.order != INDEX_BY_SCORE)
        return walk(ranking, wanted, err);
    return rankings_search(ranking, 1, skip < chosen && wanted < chosen - skip ? skip + wanted : chosen, err);
}

void ranking_release(struct ranking *ranking)
{
    free(ranking->hits);
    ranking->hits = NULL;
}
