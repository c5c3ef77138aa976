// SPDX-License-Identifier: Apache-2.0
/*
 * One shard of an index, from its beginning to the folder of its own that index_merge joins to the others.
 *
 * It grows in a scratch folder of this machine, under a lock of this machine, and comes to its place as a whole, under
 * another name first. So whoever is killed leaves nothing at its place, and of two that build the same shard one comes first.
 */
#include "joint/collection/internal.h"
#include "joint/collection/sync_share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is asked for --------------------------------------------------------------------------------- */

/* Only pictures can be cut: captions, metadata and pairs are of all of them. */
static int check_sources(const struct sources *sources, struct err *err)
{
    for (int kind = SOURCE_TEXTS; kind < SOURCE_KINDS; kind++)
        if (sources->paths[kind].count)
            return err_set(err, ERR_ARGUMENT,
                "a shard has pictures alone: '%s' goes into the index that the shards make",
                sources->paths[kind].items[0]);
    if (sources->pairs == PAIRS_ONE)
        return err_set(err, ERR_ARGUMENT, "a shard takes each file for itself, and sees no pairs");
    return 0;
}

/* What the user has named, and what to leave out of it. */
static int hash_named(char out[HASH_SIZE], const struct sources *sources, struct err *err)
{
    const struct strings *const lists[] = {
        &sources->paths[SOURCE_PICTURES], &sources->listed, &sources->excludes.patterns};
    int rc = 0;
    hash_bytes(out, sources->excludes.no_defaults ? "all" : "", sources->excludes.no_defaults ? 3 : 0);
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (size_t i = 0; i < lists[l]->count && !rc; i++)
            rc = share_hash_add(out, lists[l]->items[i], err);
    return rc;
}

static int differs(const struct collection_shard *shard, const char *how, struct err *err)
{
    return err_set(
        err, ERR_ARGUMENT, "'%s' is there already, %s: remove it to make it anew", shard->part, how);
}

/* Of hours of work the end must not fail for a reason that shows at the beginning. */
static int check_place(const struct collection_shard *shard, struct arena *arena, struct err *err)
{
    const char *slash = strrchr(shard->part, '/');
    const char *folder = slash ? arena_copy(arena, shard->part, (size_t)(slash + 1 - shard->part)) : ".";
    if (!folder)
        return err_memory(err, strlen(shard->part));
    if (access(folder, W_OK | X_OK))
        return err_set(err, ERR_IO, "unable to make '%s': %s", shard->part, strerror(errno));
    return 0;
}

/* A part that does not say it was prepared as collection_alpha has it. */
static bool same_preparation(const struct index_part *part, enum alpha_rule alpha)
{
    return !strcmp(part->preparation ? part->preparation : alpha_names[ALPHA_DROP], alpha_names[alpha]);
}

/* One that is there is finished; what it was made of should be what is asked for. */
static int look(struct collection_shard *shard, const struct collection_options *how, struct err *err)
{
    struct index_part part;
    struct err why;
    if (index_is_there(shard->path))
        return err_set(err, ERR_ARGUMENT, "'%s' is an index already, and shards make a new one", shard->path);
    if (!file_exists(shard->part))
        return check_place(shard, &shard->arena, err);
    int rc = index_part_read(&part, shard->part, &shard->arena, &why);
    if (rc == ERR_NOT_FOUND)
        return differs(shard, "and no shard", err);
    if (rc)
        return err_set(err, rc, "%s", why.msg);
    if (strcmp(part.fingerprint, how->fingerprint))
        return differs(shard, "made with another model", err);
    if (strcmp(part.named_hash, shard->named_hash))
        return differs(shard, "made of other inputs", err);
    if (how->storage >= 0 && (int)part.storage != how->storage)
        return differs(shard, "with vectors of another storage", err);
    if (!same_preparation(&part, how->alpha))
        return differs(shard, "with pictures prepared in another way", err);
    shard->finished = true;
    shard->pictures = part.rows;
    new_folder_clean_shared(shard->part);
    return 0;
}

/* ---- beginning ----------------------------------------------------------------------------------------- */

static const char *scratch_of(const struct collection_shard *shard)
{
    const char *folder = shard->scratch ? shard->scratch : getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

int collection_shard_begin(struct collection_shard *shard, const struct sources *sources,
    const struct collection_options *how, struct err *err)
{
    int rc = check_sources(sources, err);
    if (!rc)
        rc = hash_named(shard->named_hash, sources, err);
    if (!rc && !(shard->part = index_part_path(&shard->arena, shard->path, shard->number, shard->count, err)))
        rc = ERR_MEMORY;
    if (!rc)
        rc = look(shard, how, err);
    if (rc || shard->finished)
        return rc;
    const char *name = path_join(&shard->arena, scratch_of(shard), "shard");
    rc = name ? new_folder_open(&shard->folder, name, err) : err_memory(err, strlen(shard->path));
    shard->work = shard->folder.beside;
    return rc;
}

/* ---- publishing ---------------------------------------------------------------------------------------- */

static bool is_there(struct collection_shard *shard)
{
    struct index_part part;
    return !index_part_read(&part, shard->part, &shard->arena, NULL);
}

int collection_shard_publish(struct collection_shard *shard, struct collection *collection,
    const struct sync_counts *counts, const char *precision, const struct job *job, struct err *err)
{
    struct index_part part = {.number = shard->number,
        .count = shard->count,
        .inputs = counts->share.inputs,
        .from = counts->share.from,
        .to = counts->share.to,
        .failed = (int64_t)counts->failed,
        .precision = precision};
    memcpy(part.inputs_hash, counts->share.hash, HASH_SIZE);
    memcpy(part.named_hash, shard->named_hash, HASH_SIZE);
    int rc = index_part_publish(collection->index, shard->part, &part, job, err);
    shard->beaten = rc && rc != ERR_CANCELLED && is_there(shard);
    return shard->beaten ? 0 : rc;
}

void collection_shard_end(struct collection_shard *shard)
{
    new_folder_close(&shard->folder, false, NULL);
    arena_release(&shard->arena);
}
