// SPDX-License-Identifier: Apache-2.0
/* An archive is gone through once more, when its pictures are items; what belongs to one key mostly comes together, and may come in any
 * order. */
#include "joint/collection/sync_notes.h"
#include "joint/collection/sync_shards.h"

#include <stdlib.h>
#include <string.h>

struct noting {
    struct sync *sync;
    const struct read_shard *shard;
    const struct plan_file *files; // (count): its pictures
    size_t count;
    struct string_map keys; /* to the first picture */
    size_t *next;           // (count): another of the key, or SIZE_MAX
    char *key;              /* of the note; NULL: there is none */
    struct note note;
    size_t failed; /* of which the first was reported */
};

/* ---- keys ---------------------------------------------------------------------------------------------- */

static int map_keys(struct noting *noting, struct err *err)
{
    int rc = 0;
    noting->next = mem_new(noting->count + 1, sizeof *noting->next);
    if (!noting->next)
        return err_memory(err, noting->count * sizeof *noting->next);
    for (size_t i = 0; i < noting->count && !rc; i++) {
        const char *path = noting->files[i].path, *suffix;
        const struct span key = member_key(&suffix, path + member_shard(path) + 2);
        size_t *first;
        rc = string_map_add(&first, &noting->keys, key.data, key.length, i, err);
        noting->next[i] = SIZE_MAX;
        if (!rc && *first != i) {
            noting->next[i] = noting->next[*first];
            noting->next[*first] = i;
        }
    }
    return rc;
}

/* ---- entries ------------------------------------------------------------------------------------------- */

static int give(struct noting *noting, struct err *err)
{
    const size_t *first =
        noting->key ? string_map_find(&noting->keys, noting->key, strlen(noting->key)) : NULL;
    int rc = 0;
    for (size_t i = first ? *first : SIZE_MAX; i != SIZE_MAX && !rc; i = noting->next[i])
        rc = note_give(noting->sync, noting->files[i].path, &noting->note, err);
    note_release(&noting->note);
    free(noting->key);
    noting->key = NULL;
    return rc;
}

/* What comes is of this key; what came was of another. */
static int go_on_with(struct noting *noting, struct span key, struct err *err)
{
    if (noting->key && span_equal(span_of(noting->key), key))
        return 0;
    const int rc = give(noting, err);
    noting->key = rc ? NULL : strndup(key.data, key.length);
    return rc || noting->key ? rc : err_memory(err, key.length);
}

static void fail(struct noting *noting, const char *name, const char *why)
{
    struct err problem;
    err_set(&problem, ERR_FORMAT, "unable to read '%s!/%s': %s", noting->shard->path, name, why);
    if (!noting->failed++)
        sync_fail(noting->sync, &noting->sync->counts->pictures.failed, &problem);
}

static int take_entry(
    struct noting *noting, struct shard *archive, const struct shard_entry *entry, struct err *err)
{
    const char *suffix;
    struct err problem;
    struct span bytes;
    if (!entry->name || entry->why || !member_is_note(entry->name))
        return 0;
    const struct span key = member_key(&suffix, entry->name);
    if (!string_map_find(&noting->keys, key.data, key.length))
        return 0;
    const enum note_kind kind = strcmp(suffix, note_suffixes[NOTE_CAPTION]) ? NOTE_METADATA : NOTE_CAPTION;
    const int rc = go_on_with(noting, key, err);
    if (rc)
        return rc;
    if (shard_bytes(&bytes, archive, note_limit(kind), &problem))
        fail(noting, entry->name, problem.msg);
    else if (note_take(&noting->note, kind, bytes, entry->name, &problem))
        fail(noting, entry->name, failure_reason(problem.msg, entry->name));
    return 0;
}

/* ---- archives ------------------------------------------------------------------------------------------ */

/* Where the archive is damaged was said when its pictures were looked for. */
static int take_notes(struct noting *noting, struct err *err)
{
    enum { STEP = 256 };
    struct sync *sync = noting->sync;
    struct shard *archive = NULL;
    struct shard_entry entry;
    bool found = true;
    int rc = map_keys(noting, err), broken = rc ? rc : shard_open(&archive, noting->shard->path, NULL);
    for (size_t i = 0; !rc && !broken && !(broken = shard_next(&found, &entry, archive, NULL)) && found;
         i++) {
        rc = i % STEP ? 0 : job_step(sync->job, "captions and metadata of archives", 0, 0, err);
        if (!rc && i % STEP == 0)
            rc = sync_commit(sync, err);
        if (!rc)
            rc = take_entry(noting, archive, &entry, err);
    }
    if (!rc)
        rc = give(noting, err);
    shard_close(archive);
    if (noting->failed > 1)
        job_reportf(sync->job, ERR_FORMAT, "%zu more captions and metadata of '%s' cannot be read",
            noting->failed - 1, noting->shard->path);
    note_release(&noting->note);
    free(noting->key);
    string_map_release(&noting->keys);
    free(noting->next);
    return rc;
}

static int count_item(void *context, const struct index_item *item)
{
    int64_t *count = context;
    (void)item;
    ++*count;
    return 0;
}

/* Whether pictures that are no longer in the archive are items still: that is for another sync to end, which has to read it
 * once more. */
static bool has_missing(const struct plan *plan, const struct read_shard *shard)
{
    for (size_t i = 0; i < plan->item_count; i++)
        if (plan->items[i].state == PLAN_MISSING && path_below(plan->items[i].path, shard->path))
            return true;
    return false;
}

static int keep_shard(
    struct sync *sync, const struct file_list *files, const struct read_shard *shard, struct err *err)
{
    struct index_container kept = {.path = shard->path, .stamp = shard->stamp};
    if (shard->again || has_missing(&files->plan, shard))
        return 0;
    const int rc = index_each_below(sync->index, shard->place, count_item, &kept.pictures, err);
    return rc ? rc : index_container_keep(sync->index, &kept, err);
}

/* The archive's pictures lie together in a plan, behind all that comes before its place. */
static void find_pictures(struct noting *noting, const struct plan *plan)
{
    const struct read_shard *shard = noting->shard;
    size_t first = 0, high = plan->file_count, end;
    while (first < high) {
        const size_t middle = first + (high - first) / 2;
        const struct plan_file *file = &plan->files[middle];
        if (file->stream != shard->stream && strcmp(file->path, shard->place) < 0)
            first = middle + 1;
        else
            high = middle;
    }
    for (end = first; end < plan->file_count && plan->files[end].stream == shard->stream; end++)
        ;
    noting->files = plan->files + first;
    noting->count = end - first;
}

int sync_shard_notes(struct sync *sync, const struct file_list *files, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < files->shard_count && !rc; i++) {
        struct noting noting = {.sync = sync, .shard = &files->shards[i]};
        find_pictures(&noting, &files->plan);
        rc = take_notes(&noting, err);
        if (!rc)
            rc = keep_shard(sync, files, &files->shards[i], err);
    }
    return files->shard_count ? sync_keep(sync, rc, err) : rc;
}
