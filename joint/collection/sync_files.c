// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync_notes.h"
#include "joint/collection/sync_shards.h"
#include "joint/collection/sync_share.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *copy(struct arena *arena, const char *text, struct err *err)
{
    const char *out = arena_copy(arena, text, strlen(text));
    if (!out)
        err_memory(err, strlen(text));
    return out;
}

/* ---- failures ------------------------------------------------------------------------------------------ */

const char *failure_reason(const char *message, const char *path)
{
    const size_t length = strlen(path);
    for (const char *at = strchr(message, '\''); at; at = strchr(at + 1, '\''))
        if (!strncmp(at + 1, path, length) && !strncmp(at + 1 + length, "': ", 3))
            return at + length + 4;
    return message;
}

struct recall {
    struct file_list *list;
    size_t room;
    struct err *err;
};

static int add_failure(void *context, const struct index_failure *failure)
{
    struct recall *recall = context;
    struct plan *plan = &recall->list->plan;
    int rc = array_grow(plan->failures, &recall->room, plan->failure_count + 1, recall->err);
    if (rc)
        return rc;
    struct plan_failure *added = &plan->failures[plan->failure_count++];
    *added = (struct plan_failure){
        .path = copy(&recall->list->arena, failure->path, recall->err),
        .why = copy(&recall->list->arena, failure->why, recall->err),
        .size = failure->size,
        .mtime_ns = failure->mtime_ns,
        .again = failure->again,
    };
    return added->path && added->why ? 0 : ERR_MEMORY;
}

int file_list_recall(struct file_list *list, struct err *err)
{
    const int rc = index_failures(list->index, add_failure, &(struct recall){.list = list, .err = err}, err);
    return rc ? rc : file_list_recall_passed(list, err);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct plan_failure *)a)->path, ((const struct plan_failure *)b)->path);
}

/* Whether the path could not be read before either, for the same reason. */
static bool failed_before(const struct plan *plan, const char *path, const char *why)
{
    const struct plan_failure key = {.path = path};
    const struct plan_failure *before =
        plan->failure_count ? bsearch(&key, plan->failures, plan->failure_count, sizeof key, by_path) : NULL;
    return before && !plan->retry && !strcmp(before->why, why);
}

/* ---- files --------------------------------------------------------------------------------------------- */

struct walk {
    struct file_list *list;
    const char *root;
    bool named; /* the root is a source: all hangs of it, and it is a picture whatever its name */
    struct err *err;
};

static bool is_named(const struct walk *walk, const char *path)
{
    return walk->named && !strcmp(path, walk->root);
}

static bool names_source(const struct file_list *list, const char *path)
{
    for (size_t i = 0; list->sources && i < list->sources->count; i++)
        if (!strcmp(list->sources->items[i], path))
            return true;
    return !list->sources;
}

int file_list_add(struct file_list *list, const struct plan_file *file, struct err *err)
{
    struct plan *plan = &list->plan;
    int rc = array_grow(plan->files, &list->file_room, plan->file_count + 1, err);
    if (rc)
        return rc;
    struct plan_file *added = &plan->files[plan->file_count++];
    *added = *file;
    added->path = copy(&list->arena, file->path, err);
    return added->path ? 0 : ERR_MEMORY;
}

int64_t stat_mtime(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int file_list_fail(struct file_list *list, const struct index_failure *failure, bool named,
    const struct err *problem, struct err *err)
{
    const char *path = failure->path;
    size_t *value;
    int rc = string_map_add(&value, &list->plan.unreadable, path, strlen(path), 0, err);
    if (rc)
        return rc;
    if (!named && failed_before(&list->plan, path, failure->why)) {
        list->failed_before++;
        return 0;
    }
    if (named && list->shared) /* no other run will look for it */
        return err_set(err, problem->code, "%s", problem->msg);
    list->failed++;
    job_report(list->job, problem);
    return named ? 0 : index_failure_keep(list->index, failure, err);
}

/* What cannot even be looked at, but for a root, of which all hangs. */
static int fail(const struct walk *walk, const char *path, const struct err *problem)
{
    const struct index_failure failure = {
        .path = path, .why = failure_reason(problem->msg, path), .again = true};
    return file_list_fail(walk->list, &failure, is_named(walk, path), problem, walk->err);
}

/* Of a part, what a walk from its source would not find: nothing, or what is no file. */
static bool is_passed_over(const struct walk *walk, const char *path)
{
    struct stat st;
    if (walk->named || strcmp(path, walk->root) != 0)
        return false;
    return stat(path, &st) ? errno == ENOENT || errno == ENOTDIR
                           : !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int file_list_absent(struct file_list *list, const char *path, const char *root, struct err *err)
{
    size_t *value;
    const int rc = string_map_add(&value, &list->is_absent, root, strlen(root), 0, err);
    return rc ? rc : strings_add(&list->absent, path, strlen(path), err);
}

static int visit(void *context, const char *path, const struct err *problem)
{
    const struct walk *walk = context;
    struct file_list *list = walk->list;
    struct stat st;
    const int rc = job_step(list->job, "looking for pictures", 0, 0, walk->err);
    if (rc || index_owns(list->index, path))
        return rc;
    if (problem && is_passed_over(walk, path))
        return 0;
    if (problem && !strcmp(path, walk->root) && access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR))
        return list->sources ? 0 : file_list_absent(list, path, path, walk->err);
    if (problem)
        return fail(walk, path, problem);
    if (stat(path, &st)) {
        struct err why;
        err_set(&why, ERR_IO, "unable to read '%s': %s", path, strerror(errno));
        return fail(walk, path, &why);
    }
    const bool is_root = is_named(walk, path);
    const struct plan_file file = {.path = path,
        .size = st.st_size,
        .mtime_ns = stat_mtime(&st),
        .named = is_root,
        .noted = list->noted};
    int kept = file_list_add(list, &file, walk->err);
    if (!kept && strcmp(path, walk->root) && file_is_note(path)) /* of a folder that is seen whole */
        kept = file_list_note(list, path, &st, walk->err);
    return kept;
}

/* An archive that is not there is one by its name. */
static bool is_shard(const char *path)
{
    struct stat st;
    return shard_named(path) && (stat(path, &st) || !S_ISDIR(st.st_mode));
}

int file_list_walk(
    struct file_list *list, const char *root, const char *top, const char *rules, struct err *err)
{
    const size_t number = list->roots.count;
    const bool named = names_source(list, root);
    const char *place = named && is_shard(root) ? shard_place(&list->arena, root, err) : root;
    size_t *first;
    int rc =
        place ? string_map_add(&first, &list->plan.roots, place, strlen(place), number, err) : ERR_MEMORY;
    if (rc || *first != number)
        return rc; /* named twice */
    rc = strings_add(&list->roots, place, strlen(place), err);
    if (!rc)
        rc = array_grow(list->scopes, &list->scope_room, number + 1, err);
    struct scope scope = {.top = rc ? NULL : copy(&list->arena, place == root ? top : place, err)};
    if (!rc)
        rc = folder_rules_parse(&scope.rules, rules, err);
    if (!rc && !scope.top)
        rc = ERR_MEMORY;
    if (rc) {
        folder_rules_release(&scope.rules);
        return rc;
    }
    list->scopes[number] = scope;
    list->scope_count++;
    struct walk walk = {list, root, named, err};
    if (place != root && list->shared)
        return file_list_wait(list, root, place, rules, err);
    return place != root ? file_list_shard(list, root, place, &scope.rules, rules, err)
                         : folder_walk(root, &scope.rules.excludes, scope.top, NULL, visit, &walk, err);
}

/* ---- excluded items ------------------------------------------------------------------------------------ */

static bool is_excluded(const struct file_list *list, const char *path)
{
    for (size_t length = strlen(path); length; length = path_above(path, length)) {
        const size_t *root = string_map_find(&list->plan.roots, path, length);
        const struct scope *scope = root ? &list->scopes[*root] : NULL;
        const char *within = scope ? path_within(path, scope->top) : "";
        if (*within && excludes_cover(&scope->rules.excludes, within, false))
            return true;
    }
    return false;
}

/* Items that were not found as their roots leave them out: these are not lost. */
static void find_excluded(struct file_list *list)
{
    for (size_t i = 0; i < list->plan.item_count; i++) {
        struct plan_item *item = &list->plan.items[i];
        if (item->state == PLAN_GONE && is_excluded(list, item->path))
            item->state = PLAN_EXCLUDED;
    }
}

/* ---- hashes -------------------------------------------------------------------------------------------- */

struct picture_source plan_source(const struct plan_file *file)
{
    struct picture_source source = picture_file(file->path);
    source.member = file->member;
    source.stream = file->stream;
    source.bytes = file->bytes;
    source.size = file->byte_count;
    return source;
}

struct hashing {
    struct plan_file *const *files;
    struct capture *captures;
    struct err *errs;
    atomic_size_t room;
};

int plan_file_say(struct plan_file *file, const struct capture *capture, struct arena *arena, struct err *err)
{
    file->says.taken = *capture->taken;
    file->says.camera = *capture->camera;
    file->says.lens = *capture->lens;
    file->says.place = capture->lat != 0 || capture->lon != 0;
    if (!file->says.taken && !file->says.camera && !file->says.lens && !file->says.place)
        return 0;
    struct capture *kept = arena_alloc(arena, sizeof *kept);
    if (!kept)
        return err_memory(err, sizeof *kept);
    *kept = *capture;
    file->capture = kept;
    return 0;
}

/* Takes room for bytes, if there is. */
static bool take_room(atomic_size_t *room, size_t bytes)
{
    size_t now = atomic_load(room);
    while (now >= bytes)
        if (atomic_compare_exchange_weak(room, &now, now - bytes))
            return true;
    return false;
}

static int hash_member(
    struct hashing *hashing, struct plan_file *file, struct capture *capture, struct err *err)
{
    const struct picture_source source = plan_source(file);
    char *bytes;
    size_t size;
    const int rc = picture_source_read(&bytes, &size, &source, MEMBER_MAX, err);
    if (rc)
        return rc;
    hash_bytes(file->hash, bytes, size);
    picture_capture(capture, picture_bytes(file->path, (const uint8_t *)bytes, size), NULL);
    if (take_room(&hashing->room, size)) {
        file->bytes = (uint8_t *)bytes;
        file->byte_count = size;
    } else {
        free(bytes);
    }
    return 0;
}

static int hash_content(
    struct hashing *hashing, struct plan_file *file, struct capture *capture, struct err *err)
{
    return member_shard(file->path) ? hash_member(hashing, file, capture, err)
                                    : hash_file(file->hash, file->path, err);
}

static void hash_one(void *context, size_t i)
{
    struct hashing *hashing = context;
    struct plan_file *file = hashing->files[i];
    hashing->errs[i] = (struct err){0};
    if (!*file->hash && hash_content(hashing, file, &hashing->captures[i], &hashing->errs[i]))
        *file->hash = '\0';
}

int files_hash(struct plan_file *const *files, struct err *errs, size_t count, int threads,
    struct arena *arena, size_t *room, struct err *err)
{
    struct capture *captures = mem_new(count, sizeof *captures);
    struct hashing hashing = {files, captures, errs, room ? *room : 0};
    int rc = captures ? 0 : err_memory(err, count * sizeof *captures);
    if (!rc)
        parallel_for(count, threads, hash_one, &hashing);
    if (room)
        *room = atomic_load(&hashing.room);
    for (size_t i = 0; i < count && !rc; i++)
        if (member_shard(files[i]->path) && !files[i]->capture)
            rc = plan_file_say(files[i], &captures[i], arena, err);
    free(captures);
    return rc;
}

/* Files that cannot be hashed are left without: they are tried again, and reported, in their turn. */
static int hash_moves(struct file_list *list, struct err *err)
{
    enum { CHUNK = 64 };
    struct plan *plan = &list->plan;
    struct plan_file *files[CHUNK];
    size_t count = 0, done = 0, total = 0;
    int rc = 0;
    struct err *errs = mem_new(CHUNK, sizeof *errs);
    if (!errs)
        return err_memory(err, CHUNK * sizeof *errs);
    for (size_t i = 0; i < plan->file_count; i++)
        total += plan_wants_hash(plan, &plan->files[i]);
    for (size_t i = 0; i < plan->file_count && done < total && !rc; i++) {
        if (!plan_wants_hash(plan, &plan->files[i]))
            continue;
        files[count++] = &plan->files[i];
        if (++done % CHUNK && done < total)
            continue;
        rc = files_hash(files, errs, count, job_threads(list->job), &list->arena, NULL, err);
        if (!rc)
            rc = job_step(list->job, "files compared", done, total, err);
        count = 0;
    }
    free(errs);
    return rc;
}

/* ---- items --------------------------------------------------------------------------------------------- */

static int add_item(void *context, const struct index_item *item)
{
    const struct walk *walk = context;
    struct file_list *list = walk->list;
    struct plan *plan = &list->plan;
    if (!item->path || index_owns(list->index, item->path))
        return 0;
    int rc = array_grow(plan->items, &list->item_room, plan->item_count + 1, walk->err);
    if (rc)
        return rc;
    struct plan_item *added = &plan->items[plan->item_count++];
    *added = (struct plan_item){
        .id = item->id,
        .size = item->size,
        .mtime_ns = item->mtime_ns,
        .offset = item->offset,
        .path = copy(&list->arena, item->path, walk->err),
        .hash = item->hash ? copy(&list->arena, item->hash, walk->err) : NULL,
    };
    return added->path && (added->hash || !item->hash) ? 0 : ERR_MEMORY;
}

/* ---- losses -------------------------------------------------------------------------------------------- */

static bool is_absent(const struct file_list *list, const char *root)
{
    return string_map_find(&list->is_absent, root, strlen(root));
}

/* How much of a root's path is what its user has named. */
static int named_length(const char *root)
{
    return (int)(strlen(root) - shard_is_place(root));
}

static void report_loss(struct file_list *list, const char *root, const struct plan_loss *loss)
{
    const int length = named_length(root);
    if (is_absent(list, root))
        job_reportf(list->job, ERR_NOT_FOUND,
            "'%.*s' is not there; pictures of it that stay in the index: %zu", length, root, loss->missing);
    else if (!loss->files)
        job_reportf(list->job, ERR_NOT_FOUND,
            "'%.*s' holds no pictures any more; those that stay in the index: %zu", length, root,
            loss->missing);
    else
        job_reportf(list->job, ERR_NOT_FOUND,
            "'%.*s' has lost %zu of %zu pictures at once; they stay in the index", length, root,
            loss->missing, loss->items);
    list->failed++;
}

/* Each root that is not as it was, once. */
static void report_roots(struct file_list *list)
{
    plan_spare_failures(&list->plan, &list->is_absent);
    for (size_t i = 0; i < list->roots.count; i++) {
        const char *root = list->roots.items[i];
        if (list->plan.losses[i].spared) {
            report_loss(list, root, &list->plan.losses[i]);
        } else if (is_absent(list, root)) {
            job_reportf(
                list->job, ERR_IO, "unable to read '%.*s': %s", named_length(root), root, strerror(ENOENT));
            list->failed++;
        }
    }
}

static int load_items(struct file_list *list, struct err *err)
{
    struct walk walk = {.list = list, .err = err};
    int rc = 0;
    if (!list->sources)
        return index_each(list->index, &(struct index_filter){.kind = INDEX_IMAGE}, add_item, &walk, err);
    for (size_t i = 0; i < list->roots.count && !rc; i++)
        rc = index_each_below(list->index, list->roots.items[i], add_item, &walk, err);
    return rc;
}

int file_list_plan(struct file_list *list, struct err *err)
{
    struct plan *plan = &list->plan;
    int rc = load_items(list, err);
    if (!rc)
        rc = plan_match(plan, err);
    if (!rc && !list->sources)
        find_excluded(list);
    if (!rc)
        rc = file_list_sort_out(list, err);
    if (!rc)
        rc = hash_moves(list, err);
    if (!rc)
        rc = plan_moves(plan, err);
    if (!rc && list->sources)
        plan_miss(plan);
    else if (!rc && !list->gone)
        rc = plan_spare(plan, err);
    if (!rc && !list->gone && !list->sources)
        report_roots(list);
    return rc;
}

void file_list_release(struct file_list *list)
{
    for (size_t i = 0; i < list->shard_count; i++) {
        shard_stream_free(list->shards[i].stream);
        free(list->shards[i].notes);
    }
    free(list->shards);
    free(list->waiting);
    free(list->folders);
    string_map_release(&list->folder_numbers);
    plan_release(&list->plan);
    for (size_t i = 0; i < list->scope_count; i++)
        folder_rules_release(&list->scopes[i].rules);
    free(list->scopes);
    strings_release(&list->roots);
    strings_release(&list->absent);
    string_map_release(&list->is_absent);
    arena_release(&list->arena);
}
