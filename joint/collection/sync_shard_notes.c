// SPDX-License-Identifier: Apache-2.0
/* What members of an archive say of its pictures, when these are items. What belongs to one key mostly comes together, and may come in
 * any order. An archive that did not have it kept is gone through once more. */
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
    struct string_map
        beside; /* by names of members that say when and where pictures were taken: places in said */
    struct capture *said; // (said_count)
    size_t said_count, said_room;
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

/* What is behind the key of a caption or of metadata; NULL: it is neither. */
static const enum note_kind *kind_of(const char *suffix)
{
    static const enum note_kind kinds[] = {NOTE_CAPTION, NOTE_METADATA};
    for (size_t i = 0; i < NOTE_KINDS; i++)
        if (!strcmp(suffix, note_suffixes[kinds[i]]))
            return &kinds[i];
    return NULL;
}

static size_t limit_of(const char *name)
{
    enum { BESIDE_MAX = 4 << 20 };
    const char *suffix;
    member_key(&suffix, name);
    const enum note_kind *kind = kind_of(suffix);
    return kind ? note_limit(*kind) : BESIDE_MAX;
}

static int take_beside(struct noting *noting, const char *name, struct span bytes, struct err *err)
{
    size_t *number;
    struct capture said = {0};
    picture_beside_read(&said, name, bytes);
    int rc = array_grow(noting->said, &noting->said_room, noting->said_count + 1, err);
    if (!rc)
        rc = string_map_add(&number, &noting->beside, name, strlen(name), noting->said_count, err);
    if (!rc && *number == noting->said_count)
        noting->said[noting->said_count++] = said;
    return rc;
}

static int take(struct noting *noting, const char *name, struct span bytes, struct err *err)
{
    const char *suffix;
    struct err problem;
    const struct span key = member_key(&suffix, name);
    const enum note_kind *kind = kind_of(suffix);
    if (!kind)
        return take_beside(noting, name, bytes, err);
    if (!string_map_find(&noting->keys, key.data, key.length))
        return 0;
    const int rc = go_on_with(noting, key, err);
    if (rc)
        return rc;
    if (bytes.length > note_limit(*kind))
        err_set(&problem, ERR_LIMIT, "larger than %zu bytes", note_limit(*kind));
    if (bytes.length > note_limit(*kind))
        fail(noting, name, problem.msg);
    else if (note_take(&noting->note, *kind, bytes, name, &problem))
        fail(noting, name, failure_reason(problem.msg, name));
    return 0;
}

static int take_entry(
    struct noting *noting, struct shard *archive, const struct shard_entry *entry, struct err *err)
{
    struct err problem;
    struct span bytes;
    if (!entry->name || entry->why || !member_is_note(entry->name) ||
        excludes_cover(&noting->shard->excludes, entry->name, false))
        return 0;
    if (!shard_bytes(&bytes, archive, limit_of(entry->name), &problem))
        return take(noting, entry->name, bytes, err);
    fail(noting, entry->name, problem.msg);
    return 0;
}

/* ---- when and where pictures were taken ---------------------------------------------------------------- */

static void fill_text(char *to, const char *from, size_t size)
{
    if (!*to)
        memcpy(to, from, size);
}

static void fill(struct capture *to, const struct capture *from)
{
    fill_text(to->taken, from->taken, sizeof to->taken);
    fill_text(to->camera, from->camera, sizeof to->camera);
    fill_text(to->lens, from->lens, sizeof to->lens);
    if (to->lat == 0 && to->lon == 0) {
        to->lat = from->lat;
        to->lon = from->lon;
    }
}

/* Nothing of what the picture itself says. */
static void leave_out(struct capture *capture, const struct plan_file *file)
{
    if (file->says.taken)
        *capture->taken = '\0';
    if (file->says.camera)
        *capture->camera = '\0';
    if (file->says.lens)
        *capture->lens = '\0';
    if (file->says.place)
        capture->lat = capture->lon = 0;
}

/* As picture_capture has it of files beside pictures in folders. */
static int give_beside(struct noting *noting, const struct plan_file *file, struct err *err)
{
    struct strings names = {0};
    struct capture capture = {0};
    bool any = false;
    if (file->says.taken && file->says.place)
        return 0;
    int rc = picture_beside_paths(&names, file->path + member_shard(file->path) + 2, err);
    for (size_t i = 0; i < names.count && !rc; i++) {
        const size_t *number = string_map_find(&noting->beside, names.items[i], strlen(names.items[i]));
        if (number)
            fill(&capture, &noting->said[*number]);
        any |= number != NULL;
    }
    leave_out(&capture, file);
    if (!rc && any)
        rc = sync_keep_capture(noting->sync, file->path, &capture, err);
    strings_release(&names);
    return rc;
}

static int give_all_beside(struct noting *noting, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < noting->count && noting->said_count && !rc; i++)
        rc = give_beside(noting, &noting->files[i], err);
    return rc;
}

/* ---- archives ------------------------------------------------------------------------------------------ */

static int step(struct noting *noting, size_t i, struct err *err)
{
    enum { STEP = 256 };
    const int rc = i % STEP ? 0 : job_step(noting->sync->job, "captions and metadata of archives", 0, 0, err);
    return rc || i % STEP ? rc : sync_commit(noting->sync, err);
}

static int take_kept(struct noting *noting, struct err *err)
{
    const struct read_shard *shard = noting->shard;
    int rc = 0;
    for (size_t i = 0; i < shard->note_count && !rc; i++) {
        rc = step(noting, i, err);
        if (!rc)
            rc = take(noting, shard->notes[i].name, shard->notes[i].bytes, err);
    }
    return rc;
}

/* Where the archive is damaged was said when its pictures were looked for. */
static int take_entries(struct noting *noting, struct err *err)
{
    struct shard *archive = NULL;
    struct shard_entry entry;
    bool found = true;
    int rc = 0, broken = shard_open(&archive, noting->shard->path, NULL);
    for (size_t i = 0; !rc && !broken && !(broken = shard_next(&found, &entry, archive, NULL)) && found;
         i++) {
        rc = step(noting, i, err);
        if (!rc)
            rc = take_entry(noting, archive, &entry, err);
    }
    shard_close(archive);
    return rc;
}

static int take_notes(struct noting *noting, struct err *err)
{
    int rc = map_keys(noting, err);
    if (!rc)
        rc = (noting->shard->notes_kept ? take_kept : take_entries)(noting, err);
    if (!rc)
        rc = give(noting, err);
    if (!rc)
        rc = give_all_beside(noting, err);
    if (noting->failed > 1)
        job_reportf(noting->sync->job, ERR_FORMAT, "%zu more captions and metadata of '%s' cannot be read",
            noting->failed - 1, noting->shard->path);
    note_release(&noting->note);
    free(noting->key);
    string_map_release(&noting->keys);
    string_map_release(&noting->beside);
    free(noting->said);
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
