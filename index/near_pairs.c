// SPDX-License-Identifier: Apache-2.0
#include "index/linkage.h"

#include <math.h>
#include <string.h>

/* Floats in their order as unsigned numbers: those above zero by their bits, those below it by the opposite ones. */
static uint32_t rank_of(float score)
{
    const uint32_t sign = UINT32_C(1) << 31;
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits & sign ? ~bits : bits | sign;
}

static size_t count_above(const struct near_pairs *pairs, uint32_t rank)
{
    size_t count = 0;
    for (size_t i = 0; i < pairs->count; i++)
        count += rank_of(pairs->items[i].score) > rank;
    return count;
}

/* Leaves the pairs above the lowest floor that `most` pairs or fewer are above. Where more than those have the very
 * highest score, the first of them stay, for there to be any. */
static void raise_floor(struct near_pairs *pairs)
{
    uint32_t low = 0, high = UINT32_MAX; /* the rank of the floor lies in [low, high] */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (count_above(pairs, middle) <= pairs->most)
            high = middle;
        else
            low = middle + 1;
    }
    const bool none = !count_above(pairs, low);
    size_t kept = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        const struct near_pair pair = pairs->items[i];
        const uint32_t rank = rank_of(pair.score);
        if (rank > low || (none && rank == low && kept < pairs->most))
            pairs->items[kept++] = pair;
        else
            pairs->floor = fmaxf(pairs->floor, pair.score);
    }
    pairs->count = kept;
}

int near_pairs_add(struct near_pairs *pairs, struct near_pair pair, struct err *err)
{
    if (pair.score <= pairs->floor)
        return 0;
    if (pairs->count >= 2 * pairs->most)
        raise_floor(pairs);
    const int rc = array_grow(pairs->items, &pairs->room, pairs->count + 1, err);
    if (!rc)
        pairs->items[pairs->count++] = pair;
    return rc;
}

void near_pairs_finish(struct near_pairs *pairs)
{
    if (pairs->count > pairs->most)
        raise_floor(pairs);
}
