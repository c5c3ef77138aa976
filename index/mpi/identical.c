// SPDX-License-Identifier: Apache-2.0
/*
 * index_identical by all ranks. Rows are compared as distinct.c compares vectors, by other bytes: a hash of the item's content, and
 * its kind.
 */
#include "index/mpi/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is compared ---------------------------------------------------------------------------------- */

struct reading {
    struct ranks *ranks;
    struct shard *shard;
    size_t seen;
    struct err *err;
};

static int see_item(void *context, const struct index_item *item)
{
    struct reading *r = context;
    struct index_rows *contents = &r->shard->contents;
    enum { STEP = 1024 };
    const int rc = r->seen++ % STEP ? 0 : job_step(&r->ranks->options.job, "items", 0, 0, r->err);
    if (rc || !item->hash || !index_rows_have(&r->shard->chosen, item->row))
        return rc;
    char *bytes = (char *)(uintptr_t)contents->data + (size_t)item->row * CONTENT_SIZE;
    hash_bytes(bytes, item->hash, strlen(item->hash));
    bytes[CONTENT_SIZE - 1] = (char)item->kind; /* in the place of the NUL */
    contents->owned[item->row / 64] |= UINT64_C(1) << item->row % 64;
    contents->chosen++;
    return 0;
}

static int read_contents(struct ranks *ranks, struct shard *shard, struct err *err)
{
    const size_t count = (size_t)shard->chosen.count;
    struct reading reading = {.ranks = ranks, .shard = shard, .err = err};
    struct index_rows *contents = &shard->contents;
    *contents = (struct index_rows){.data = mem_new(count + 1, CONTENT_SIZE),
        .count = shard->chosen.count,
        .stride = CONTENT_SIZE,
        .owned = mem_new(count / 64 + 1, sizeof *contents->owned)};
    contents->mask = contents->owned;
    shard->compared = contents;
    if (!contents->data || !contents->owned)
        return err_memory(err, count * CONTENT_SIZE);
    return index_each(shard->index, NULL, see_item, &reading, err);
}

static void forget_contents(struct index_rows *contents)
{
    free((void *)(uintptr_t)contents->data);
    index_rows_release(contents);
}

/* ---- groups -------------------------------------------------------------------------------------------- */

struct identical {
    struct group_member *members; // (count)
    size_t count, room;
    uint64_t *mask; // (ceil(rows / 64)): rows that are the first of a group
};

static int add_member(struct identical *found, int64_t first, int64_t row, struct err *err)
{
    const int rc = array_grow(found->members, &found->room, found->count + 1, err);
    if (!rc)
        found->members[found->count++] = (struct group_member){first, row, 1};
    return rc;
}

static int take_twin(void *context, int64_t first, int64_t row, struct err *err)
{
    struct identical *found = context;
    const uint64_t bit = UINT64_C(1) << first % 64;
    int rc = 0;
    if (!(found->mask[first / 64] & bit))
        rc = add_member(found, first, first, err);
    found->mask[first / 64] |= bit;
    return rc ? rc : add_member(found, first, row, err);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

int identical_together(struct ranks *ranks, struct identical *found, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < ranks->count && !rc; i++)
        if (ranks->shards[i].index)
            rc = wrap_shard(ranks, &ranks->shards[i], read_contents(ranks, &ranks->shards[i], err), err);
    rc = ranks_agree(rc, err);
    if (!rc)
        rc = firsts_together(ranks, err);
    for (size_t i = 0; i < ranks->count; i++)
        forget_contents(&ranks->shards[i].contents);
    return rc ? rc : twins_together(ranks, found ? take_twin : NULL, found, err);
}

int ranks_identical(struct index_groups *out, struct ranks *ranks, struct err *err)
{
    const size_t all = (size_t)ranks_info(ranks).rows;
    struct order order = {.what = ORDER_IDENTICAL};
    struct identical found = {.mask = mem_new(all / 64 + 1, sizeof *found.mask)};
    *out = (struct index_groups){0};
    if (!found.mask)
        return err_memory(err, all / 8);
    order_share(&order);
    int rc = identical_together(ranks, &found, err);
    if (!rc)
        rc = groups_list(out, found.members, found.count, err);
    if (rc)
        index_groups_release(out);
    free(found.members);
    free(found.mask);
    return rc;
}
