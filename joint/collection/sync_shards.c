// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync_shards.h"
#include "vision/vision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- places -------------------------------------------------------------------------------------------- */

const char *shard_place(struct arena *arena, const char *path, struct err *err)
{
    const size_t length = strlen(path);
    char *place = arena_alloc(arena, length + 2);
    if (!place) {
        err_memory(err, length);
        return NULL;
    }
    memcpy(place, path, length);
    place[length] = '!';
    return place;
}

bool shard_is_place(const char *root)
{
    char member[5120];
    const size_t length = strlen(root);
    return length && root[length - 1] == '!' &&
           (size_t)snprintf(member, sizeof member, "%s/.", root) < sizeof member &&
           member_shard(member) == length - 1;
}

bool member_is_note(const char *name)
{
    const char *suffix;
    member_key(&suffix, name);
    return !strcmp(suffix, ".txt") || picture_beside_named(name);
}

int64_t container_stamp(int64_t stamp, const char *name, int64_t size, int64_t mtime_ns)
{
    uint64_t mixed =
        random_mix((uint64_t)stamp ^ random_mix((uint64_t)size ^ random_mix((uint64_t)mtime_ns)));
    for (; *name; name++)
        mixed = random_mix(mixed ^ (uint8_t)*name);
    return (int64_t)mixed;
}

int64_t shard_stamp(const char *rules, int64_t size, int64_t mtime_ns)
{
    enum { TOLD_BY_CONTENT = 1 }; /* which members are pictures; before, by their names */
    return container_stamp(TOLD_BY_CONTENT, rules, size, mtime_ns);
}

/* ---- archives that are known --------------------------------------------------------------------------- */

struct known {
    struct file_list *list;
    int64_t count;
    struct err *err;
};

static int add_item(void *context, const struct index_item *item)
{
    struct known *known = context;
    const struct plan_file file = {.path = item->path, .size = item->size, .mtime_ns = item->mtime_ns};
    known->count++;
    return file_list_add(known->list, &file, known->err);
}

static bool has_failures(const struct plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->failure_count; i++)
        if (path_below(plan->failures[i].path, path))
            return true;
    return false;
}

/* Failures of the archive itself, and of what is no picture in it, stand; pictures are there as they were. */
static int add_failures(struct file_list *list, const char *path, struct err *err)
{
    const struct plan *plan = &list->plan;
    size_t *value;
    int rc = 0;
    for (size_t i = 0; i < plan->failure_count && !rc; i++) {
        const struct plan_failure *failure = &plan->failures[i];
        const struct plan_file file = {
            .path = failure->path, .size = failure->size, .mtime_ns = failure->mtime_ns};
        if (!path_below(failure->path, path))
            continue;
        if (member_shard(failure->path) && (failure->size || failure->mtime_ns)) {
            rc = file_list_add(list, &file, err);
            continue;
        }
        rc = string_map_add(&value, &list->plan.unreadable, failure->path, strlen(failure->path), 0, err);
        list->failed_before++;
    }
    return rc;
}

/* The first of what was passed over that lies at or behind a path. */
static size_t find_passed(const struct plan *plan, const char *path)
{
    size_t first = 0, high = plan->passed_count;
    while (first < high) {
        const size_t middle = first + (high - first) / 2;
        if (strcmp(plan->passed[middle].path, path) < 0)
            first = middle + 1;
        else
            high = middle;
    }
    return first;
}

/* What was passed over in an archive is so still. */
static void add_passed(struct file_list *list, const char *place)
{
    struct plan *plan = &list->plan;
    for (size_t i = find_passed(plan, place); i < plan->passed_count; i++) {
        struct plan_passed *passed = &plan->passed[i];
        if (!path_below(passed->path, place))
            break;
        passed->stands = true;
        list->partners += passed->picture != NULL;
        list->passed.files[passed->kind] += passed->kind != FILE_PICTURE;
    }
}

/* *known: the archive is as it was, and so are its items, which are added. */
static int add_known(bool *known, struct file_list *list, const struct read_shard *now, struct err *err)
{
    struct index_container before;
    struct known adding = {.list = list, .err = err};
    const size_t files = list->plan.file_count;
    int rc = index_container_find(known, &before, list->index, now->path, err);
    if (rc || !*known)
        return rc;
    *known = before.stamp == now->stamp && !(list->plan.retry && has_failures(&list->plan, now->path));
    if (!*known)
        return 0;
    rc = index_each_below(list->index, now->place, add_item, &adding, err);
    *known = adding.count == before.pictures;
    if (!rc && !*known)
        list->plan.file_count = files;
    else if (!rc)
        add_passed(list, now->place);
    return rc || !*known ? rc : add_failures(list, now->path, err);
}

/* ---- archives that are read ---------------------------------------------------------------------------- */

struct reading {
    struct file_list *list;
    size_t first; /* of its pictures among the files */
    struct other_member {
        const char *name;
        struct member member;
        enum file_kind kind;
    } * others; // (other_count): those that are none
    size_t other_count, other_room;
    struct arena arena; /* their names */
    struct read_shard *shard;
    struct shard *archive;
    struct string_map names;
    bool damaged;
};

/* What the index has of a damaged archive stays. */
static int fail_archive(struct reading *reading, const struct err *problem, struct err *err)
{
    struct file_list *list = reading->list;
    struct read_shard *shard = reading->shard;
    size_t *value;
    const struct index_failure failure = {.path = shard->path,
        .size = shard->size,
        .mtime_ns = shard->mtime_ns,
        .why = failure_reason(problem->msg, shard->path),
        .again = problem->code != ERR_FORMAT && problem->code != ERR_UNSUPPORTED};
    const int rc = string_map_add(&value, &list->plan.unreadable, shard->place, strlen(shard->place), 0, err);
    reading->damaged = true;
    shard->again = failure.again;
    return rc ? rc : file_list_fail(list, &failure, false, problem, err);
}

/* One that is no member: it is known by its name alone. */
static int fail_member(struct file_list *list, const char *path, const char *why, struct err *err)
{
    const struct index_failure failure = {.path = path, .why = why, .again = true};
    struct err problem;
    err_set(&problem, ERR_FORMAT, "unable to read '%s': %s", path, why);
    return file_list_fail(list, &failure, false, &problem, err);
}

/* What lies at no place comes by once: its hash is taken now. */
static int hash_entry(struct plan_file *file, const struct reading *reading, struct err *err)
{
    struct span bytes;
    struct capture capture;
    if (file->member.offset || shard_bytes(&bytes, reading->archive, MEMBER_MAX, NULL))
        return 0;
    hash_bytes(file->hash, bytes.data, bytes.length);
    picture_capture(&capture, picture_bytes(file->path, (const uint8_t *)bytes.data, bytes.length), NULL);
    return plan_file_say(file, &capture, &reading->list->arena, err);
}

static int add_picture(
    struct reading *reading, const struct shard_entry *entry, const char *path, struct err *err)
{
    const struct member *member = &entry->member;
    struct plan_file file = {
        .path = path,
        .size = member->size < 0 ? 0 : member->size,
        .mtime_ns = member->mtime_ns,
        .member = *member,
        .stream = reading->shard->stream,
    };
    const int rc = hash_entry(&file, reading, err);
    return rc ? rc : file_list_add(reading->list, &file, err);
}

static int pass_over(
    struct reading *reading, const struct shard_entry *entry, enum file_kind kind, struct err *err)
{
    const int rc = array_grow(reading->others, &reading->other_room, reading->other_count + 1, err);
    const char *name = rc ? NULL : arena_copy(&reading->arena, entry->name, strlen(entry->name));
    if (!name)
        return rc ? rc : err_memory(err, strlen(entry->name));
    reading->others[reading->other_count++] = (struct other_member){name, entry->member, kind};
    reading->list->passed.files[kind]++;
    return 0;
}

static int remember(
    struct file_list *list, const char *shard, const struct other_member *other, struct err *err)
{
    const char *path = member_path(&list->arena, shard, other->name, err);
    const struct plan_file file = {.path = path,
        .size = other->member.size < 0 ? 0 : other->member.size,
        .mtime_ns = other->member.mtime_ns,
        .kind = (int)other->kind};
    return path ? file_list_pass(list, &file, err) : ERR_MEMORY;
}

/* What has the key of a picture belongs to it, and there may be any number of these; the rest is remembered as files in folders
 * are. */
static int remember_others(struct reading *reading, struct err *err)
{
    struct plan *plan = &reading->list->plan;
    struct string_map keys = {0};
    const char *suffix;
    size_t *value;
    int rc = 0;
    for (size_t i = reading->first; reading->other_count && i < plan->file_count && !rc; i++) {
        const char *path = plan->files[i].path;
        const struct span key = member_key(&suffix, path + member_shard(path) + 2);
        rc = string_map_add(&value, &keys, key.data, key.length, i, err);
    }
    for (size_t i = 0; i < reading->other_count && !rc; i++) {
        const struct span key = member_key(&suffix, reading->others[i].name);
        if (!string_map_find(&keys, key.data, key.length))
            rc = remember(reading->list, reading->shard->path, &reading->others[i], err);
    }
    string_map_release(&keys);
    return rc;
}

/* Of archives that are long to go through once more, as much as fits; what cannot be read is for that to report. */
static int keep_note(struct reading *reading, const struct shard_entry *entry, struct err *err)
{
    enum { NOTES_MAX = 64 << 20 }; /* of all archives */
    struct file_list *list = reading->list;
    struct read_shard *shard = reading->shard;
    struct span bytes;
    if (!shard->notes_kept || entry->why || !member_is_note(entry->name))
        return 0;
    shard->notes_kept = shard_in_order(reading->archive) &&
                        !shard_bytes(&bytes, reading->archive, NOTES_MAX - list->note_bytes, NULL);
    if (!shard->notes_kept)
        return 0;
    const int rc = array_grow(shard->notes, &shard->note_room, shard->note_count + 1, err);
    if (rc)
        return rc;
    const char *name = arena_copy(&list->arena, entry->name, strlen(entry->name));
    const char *copy = arena_copy(&list->arena, bytes.length ? bytes.data : "", bytes.length);
    if (!name || !copy)
        return err_memory(err, bytes.length);
    shard->notes[shard->note_count++] = (struct kept_note){name, {copy, bytes.length}};
    list->note_bytes += bytes.length;
    return 0;
}

static int add_entry(struct reading *reading, const struct shard_entry *entry, struct err *err)
{
    struct file_list *list = reading->list;
    struct arena arena = {0};
    size_t *number;
    struct err gap;
    if (!entry->name) {
        err_set(&gap, ERR_FORMAT, "unable to read '%s': %s", reading->shard->path, entry->why);
        return fail_archive(reading, &gap, err);
    }
    if (!entry->why && excludes_cover(&reading->shard->excludes, entry->name, false))
        return 0;
    const enum file_kind kind = member_kind(reading->archive, entry);
    if (kind != FILE_PICTURE) {
        const int rc = pass_over(reading, entry, kind, err);
        return rc ? rc : keep_note(reading, entry, err);
    }
    const char *path = member_path(&arena, reading->shard->path, entry->name, err);
    int rc = path ? string_map_add(
                        &number, &reading->names, entry->name, strlen(entry->name), entry->member.number, err)
                  : ERR_MEMORY;
    const bool again = !rc && *number != entry->member.number;
    if (again) /* the first is a picture all the same */
        job_reportf(list->job, ERR_FORMAT, "unable to read '%s': another of this name came before it", path);
    else if (!rc && entry->why)
        rc = fail_member(list, path, entry->why, err);
    else if (!rc)
        rc = add_picture(reading, entry, path, err);
    list->failed += again;
    arena_release(&arena);
    return rc;
}

static int read_entries(struct reading *reading, struct err *err)
{
    const struct job *job = reading->list->job;
    struct shard_entry entry;
    struct err problem = {0};
    bool found = true;
    int rc = 0, broken = shard_open(&reading->archive, reading->shard->path, &problem);
    while (!rc && !broken && !(broken = shard_next(&found, &entry, reading->archive, &problem)) && found) {
        rc = job_step(job, "looking for pictures", 0, 0, err);
        if (!rc)
            rc = add_entry(reading, &entry, err);
    }
    return rc || !broken ? rc : fail_archive(reading, &problem, err);
}

static int read_shard(struct file_list *list, const struct read_shard *now, struct err *err)
{
    int rc = array_grow(list->shards, &list->shard_room, list->shard_count + 1, err);
    if (rc)
        return rc;
    struct read_shard *shard = &list->shards[list->shard_count];
    *shard = *now;
    rc = shard_stream_open(&shard->stream, now->path, err);
    if (rc)
        return rc;
    list->shard_count++;
    struct reading reading = {.list = list, .shard = shard, .first = list->plan.file_count};
    rc = read_entries(&reading, err);
    if (!rc)
        rc = remember_others(&reading, err);
    if (!rc && !reading.damaged)
        rc = index_failure_forget(list->index, now->path, err);
    shard_close(reading.archive);
    string_map_release(&reading.names);
    arena_release(&reading.arena);
    free(reading.others);
    return rc;
}

int file_list_shard(struct file_list *list, const char *path, const char *place,
    const struct folder_rules *rules, const char *rules_text, struct err *err)
{
    struct stat st;
    bool known = false;
    const char *kept = arena_copy(&list->arena, path, strlen(path));
    if (!kept)
        return err_memory(err, strlen(path));
    const int why = stat(path, &st) ? errno : 0;
    if (why == ENOENT || why == ENOTDIR)
        return list->sources ? 0 : file_list_absent(list, path, place, err);
    if (why || !S_ISREG(st.st_mode)) {
        struct err problem;
        const struct index_failure failure = {.path = place};
        err_set(
            &problem, ERR_IO, "unable to read '%s': %s", path, why ? strerror(why) : "not a regular file");
        return file_list_fail(list, &failure, true, &problem, err);
    }
    const struct read_shard now = {.path = kept,
        .place = place,
        .size = st.st_size,
        .mtime_ns = stat_mtime(&st),
        .excludes = rules->excludes,
        .notes_kept = true,
        .stamp = shard_stamp(rules_text ? rules_text : "", st.st_size, stat_mtime(&st))};
    const int rc = add_known(&known, list, &now, err);
    return rc || known ? rc : read_shard(list, &now, err);
}
