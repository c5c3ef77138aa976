// SPDX-License-Identifier: Apache-2.0
/* Which parts there are, and whether they are those of one index: all of them, whole, and each once. */
#include "index/merge.h"
#include "index/part.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
    const struct index_part *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static int differ(
    const struct index_part *part, const struct index_part *first, const char *how, struct err *err)
{
    return err_set(err, ERR_ARGUMENT, "shard %zu ('%s') is none of the index that shard %zu ('%s') is of: %s",
        part->number, part->path, first->number, first->path, how);
}

static int check_kin(const struct index_part *part, const struct index_part *first, struct err *err)
{
    char how[512] = "";
    if (part->count != first->count)
        snprintf(how, sizeof how, "one of %zu shards, not of %zu", part->count, first->count);
    else if (strcmp(part->inputs_hash, first->inputs_hash))
        snprintf(how, sizeof how, "its list of inputs is another, %zu of them, not %zu", part->inputs,
            first->inputs);
    else if (strcmp(part->fingerprint, first->fingerprint))
        snprintf(how, sizeof how, "another model made it, fingerprint %.80s, not %.80s", part->fingerprint,
            first->fingerprint);
    else if (part->width != first->width)
        snprintf(how, sizeof how, "its vectors have %zu elements, not %zu", part->width, first->width);
    else if (part->storage != first->storage)
        snprintf(how, sizeof how, "it keeps its vectors as %s, not as %s", index_storage_names[part->storage],
            index_storage_names[first->storage]);
    else if (!same(part->preparation, first->preparation))
        snprintf(how, sizeof how, "its pictures were prepared in another way");
    return *how ? differ(part, first, how, err) : 0;
}

/* Of sorted parts of one index: the first number that none has. */
static int check_numbers(const struct index_part *parts, size_t count, struct err *err)
{
    for (size_t i = 1; i < count; i++)
        if (parts[i].number == parts[i - 1].number)
            return err_set(err, ERR_ARGUMENT, "'%s' and '%s' are both shard %zu of %zu", parts[i - 1].path,
                parts[i].path, parts[i].number, parts[i].count);
    size_t missing = 0;
    while (missing < count && parts[missing].number == missing)
        missing++;
    if (count == parts->count)
        return 0;
    return err_set(err, ERR_ARGUMENT, "shard %zu of %zu is missing%s", missing, parts->count,
        parts->count - count > 1 ? ", and others" : "");
}

/* Each begins where the one before ends. */
static int check_ranges(const struct index_part *parts, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const size_t from = i ? parts[i - 1].to : 0, end = i + 1 < count ? parts[i].to : parts[i].inputs;
        if (parts[i].from != from || parts[i].to != end || parts[i].to < from)
            return err_set(err, ERR_FORMAT,
                "shard %zu ('%s') has not the stretch of inputs that it should have", parts[i].number,
                parts[i].path);
    }
    return 0;
}

int parts_check_kin(const struct index_part *parts, size_t count, struct err *err)
{
    int rc = 0;
    for (size_t i = 1; i < count && !rc; i++)
        rc = check_kin(&parts[i], &parts[0], err);
    return rc;
}

int parts_read(
    struct index_part **out, char *const *paths, size_t count, struct arena *arena, struct err *err)
{
    struct index_part *parts = arena_alloc(arena, (count + 1) * sizeof *parts);
    int rc = parts ? 0 : err_memory(err, count * sizeof *parts);
    for (size_t i = 0; i < count && !rc; i++)
        rc = index_part_read(&parts[i], paths[i], arena, err);
    if (rc)
        return rc;
    qsort(parts, count, sizeof *parts, by_number);
    rc = parts_check_kin(parts, count, err);
    if (!rc)
        rc = check_numbers(parts, count, err);
    if (!rc)
        rc = check_ranges(parts, count, err);
    *out = parts;
    return rc;
}
