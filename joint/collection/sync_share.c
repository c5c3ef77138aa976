// SPDX-License-Identifier: Apache-2.0
/*
 * The share of one shard. What all shards are cut from is the list of inputs, in byte order of their paths: files that lie below
 * the folders, and archives, which are not read for it; so it is the order that items have, and shard i of n with its
 * inputs [iU/n, (i+1)U/n) of U has the items that one run would have put there.
 */
#include "joint/collection/sync_share.h"
#include "joint/collection/sync_shards.h"

#include <stdlib.h>
#include <string.h>

int file_list_wait(
    struct file_list *list, const char *path, const char *place, const char *rules_text, struct err *err)
{
    int rc = array_grow(list->waiting, &list->waiting_room, list->waiting_count + 1, err);
    if (rc)
        return rc;
    const struct waiting_shard added = {
        .path = arena_copy(&list->arena, path, strlen(path)),
        .place = place,
        .rules_text =
            arena_copy(&list->arena, rules_text ? rules_text : "", rules_text ? strlen(rules_text) : 0),
        .key = path_join(&list->arena, place, ""),
        .scope = list->scope_count - 1,
    };
    if (!added.path || !added.rules_text || !added.key)
        return err_memory(err, strlen(path));
    list->waiting[list->waiting_count++] = added;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct waiting_shard *)a)->key, ((const struct waiting_shard *)b)->key);
}

int share_hash_add(char hash[HASH_SIZE], const char *path, struct err *err)
{
    const size_t length = strlen(path), before = HASH_SIZE - 1;
    char *bytes = mem_new(before + length, 1);
    if (!bytes)
        return err_memory(err, length);
    memcpy(bytes, hash, before);
    memcpy(bytes + before, path, length);
    hash_bytes(hash, bytes, before + length);
    free(bytes);
    return 0;
}

/* i * total / count, of numbers whose product may be too large. */
static size_t cut_at(size_t total, size_t i, size_t count)
{
    return total / count * i + total % count * i / count;
}

/* Takes a share's inputs out of all, files and archives. */
static int cut(struct share_cut *out, struct file_list *list, size_t *first, size_t *end, struct err *err)
{
    struct plan *plan = &list->plan;
    size_t files = 0, f = 0, a = 0;
    int rc = 0;
    *first = *end = 0;
    for (size_t input = 0; input < out->inputs && !rc; input++) {
        const bool archive =
            f == plan->file_count ||
            (a < list->waiting_count && strcmp(list->waiting[a].key, plan->files[f].path) < 0);
        const bool mine = input >= out->from && input < out->to;
        rc = share_hash_add(out->hash, archive ? list->waiting[a].key : plan->files[f].path, err);
        if (archive) {
            *first += input < out->from;
            *end += input < out->to;
            a++;
        } else {
            if (mine)
                plan->files[files++] = plan->files[f];
            f++;
        }
    }
    plan->file_count = files;
    return rc;
}

static int check_there(const struct file_list *list, struct err *err)
{
    if (!list->absent.count)
        return 0;
    return err_set(err, ERR_IO, "unable to read '%s': it is not there, and a shard needs all that is named",
        list->absent.items[0]);
}

int file_list_cut(struct share_cut *out, struct file_list *list, size_t number, size_t count, struct err *err)
{
    size_t first, end;
    int rc = check_there(list, err);
    if (rc)
        return rc;
    plan_sort_files(&list->plan);
    if (list->waiting_count)
        qsort(list->waiting, list->waiting_count, sizeof *list->waiting, by_key);
    *out = (struct share_cut){.inputs = list->plan.file_count + list->waiting_count};
    out->from = cut_at(out->inputs, number, count);
    out->to = cut_at(out->inputs, number + 1, count);
    hash_bytes(out->hash, "", 0);
    rc = cut(out, list, &first, &end, err);
    for (size_t a = first; a < end && !rc; a++) {
        const struct waiting_shard *waiting = &list->waiting[a];
        rc = file_list_shard(list, waiting->path, waiting->place, &list->scopes[waiting->scope].rules,
            waiting->rules_text, err);
    }
    return rc ? rc : check_there(list, err);
}
