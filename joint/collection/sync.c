// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync.h"
#include "joint/collection/internal.h"
#include "joint/collection/sync_notes.h"
#include "joint/collection/sync_share.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what the steps share ------------------------------------------------------------------------------ */

int sync_commit(struct sync *sync, struct err *err)
{
    enum { SHARE = 20, SECONDS_MAX = 2 };
    const double now = time_now(), wait = SHARE * sync->commit_time;
    if (now - sync->committed < (wait < SECONDS_MAX ? wait : SECONDS_MAX))
        return 0;
    const int rc = index_commit(sync->index, err);
    sync->committed = time_now();
    sync->commit_time = sync->committed - now;
    return rc;
}

int sync_keep(struct sync *sync, int rc, struct err *err)
{
    if (rc && rc != ERR_CANCELLED)
        return rc;
    struct err why;
    const int kept = index_commit(sync->index, &why);
    if (kept)
        return err_set(err, why.code, "%s", why.msg);
    return rc;
}

void sync_fail(struct sync *sync, size_t *failed, const struct err *why)
{
    job_report(sync->job, why);
    sync->counts->failed++;
    ++*failed;
}

bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

int sync_find_intact(struct index_item *out, bool *found, struct sync *sync, enum index_kind kind,
    const char *path, const char *hash, struct arena *arena, struct err *err)
{
    struct err why;
    struct index_item checked;
    int rc = index_find(out, found, sync->index, kind, path, hash, arena, err);
    if (rc || !*found)
        return rc;
    rc = index_fetch(&checked, sync->index, &out->row, 1, arena, &why);
    *found = !rc;
    return !rc || rc == ERR_FORMAT ? 0 : err_set(err, why.code, "%s", why.msg);
}

/* ---- sources ------------------------------------------------------------------------------------------- */

/* But for pictures that are not there: a name with a mistake in it would be missed every time. */
static int remember(const struct sources *sources, struct index *index, struct err *err)
{
    int rc = 0;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources->paths[kind].count && !rc; i++)
            if (kind != SOURCE_PICTURES || file_exists(sources->paths[kind].items[i]))
                rc = index_source_add(index, source_names[kind], sources->paths[kind].items[i], err);
    return rc ? rc : index_commit(index, err);
}

/* A file that is only remembered may be gone: the others count. */
static void drop_unreadable(struct sources *sources, struct sync *sync)
{
    for (int kind = SOURCE_TEXTS; kind < SOURCE_KINDS; kind++) {
        struct strings *files = &sources->paths[kind];
        size_t kept = 0;
        for (size_t i = 0; i < files->count; i++) {
            if (!access(files->items[i], R_OK)) {
                files->items[kept++] = files->items[i];
                continue;
            }
            job_reportf(sync->job, ERR_IO, "unable to open '%s': %s", files->items[i], strerror(errno));
            sync->counts->failed++;
        }
        files->count = kept;
    }
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

/* What was found out before the first change. */
static void count_files(struct sync_counts *counts, const struct file_list *files)
{
    counts->passed = files->passed;
    counts->pictures.partners = files->partners;
    counts->pictures.failed = files->failed;
    counts->failed += files->failed;
    counts->pictures.failed_before = files->failed_before;
    for (size_t i = 0; i < files->plan.item_count; i++)
        counts->pictures.missing += files->plan.items[i].state == PLAN_MISSING;
    for (size_t i = 0; i < files->plan.file_count; i++)
        counts->pictures.failed_before += files->plan.files[i].action == PLAN_FAILED;
}

static int forget(struct index *index, const struct strings *roots, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < roots->count && !rc; i++)
        rc = index_source_remove(index, source_names[SOURCE_PICTURES], roots->items[i], err);
    return rc ? rc : index_commit(index, err);
}

static int walk_source(struct file_list *files, const char *path, const char *source, struct err *err)
{
    struct arena arena = {0};
    const char *rules;
    int rc = index_source_rules(&rules, files->index, source_names[SOURCE_PICTURES], source, &arena, err);
    if (!rc)
        rc = file_list_walk(files, path, source, rules, err);
    arena_release(&arena);
    return rc;
}

/* The other files that are one with a picture. */
static int walk_partners(struct file_list *files, const char *path, const char *source, struct err *err)
{
    struct arena arena = {0};
    int rc = 0;
    const size_t above = path_above(path, strlen(path));
    const char *folder = arena_copy(&arena, path, above);
    DIR *stream = folder ? opendir(folder) : NULL;
    for (const struct dirent *entry; stream && !rc && (entry = readdir(stream));) {
        const char *other = path_join(&arena, folder, entry->d_name);
        if (!other)
            rc = err_memory(err, above);
        else if (strcmp(other, path) && pairs_are_one(other, path))
            rc = walk_source(files, other, source, err);
    }
    if (stream)
        closedir(stream);
    arena_release(&arena);
    return rc;
}

/* A part is walked by the rules of the nearest source that does not leave it out, if there is one. */
static int walk_part(
    struct file_list *files, const struct source_rules *known, const char *path, struct err *err)
{
    const struct folder_rules *rules;
    struct stat st;
    const bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    const size_t length = source_rules_holder(known, &rules, path, strlen(path), folder);
    struct arena arena = {0};
    const char *source = arena_copy(&arena, path, length);
    int rc = !length ? 0 : source ? walk_source(files, path, source, err) : err_memory(err, length);
    if (!rc && length && !folder && rules->pairs == PAIRS_ONE && pairs_may_have(path))
        rc = walk_partners(files, path, source, err);
    arena_release(&arena);
    return rc;
}

static int walk_parts(
    struct file_list *files, const struct sources *sources, const struct strings *parts, struct err *err)
{
    struct source_rules rules;
    struct strings noted = {0};
    int rc = source_rules_open(&rules, sources, err);
    if (!rc)
        rc = notes_subjects(&noted, parts, err);
    files->noted = true;
    for (size_t i = 0; i < noted.count && !rc; i++)
        rc = walk_part(files, &rules, noted.items[i], err);
    files->noted = false;
    for (size_t i = 0; i < parts->count && !rc; i++)
        rc = walk_part(files, &rules, parts->items[i], err);
    strings_release(&noted);
    source_rules_release(&rules);
    return rc;
}

/* What is listed is no source, and goes by what is said now. */
static int walk_listed(struct file_list *files, const struct sources *sources, struct err *err)
{
    const struct folder_rules said = {sources->excludes, sources->pairs};
    struct arena arena = {0};
    const char *rules;
    int rc = folder_rules_text(&rules, &said, &arena, err);
    for (size_t i = 0; i < sources->listed.count && !rc; i++)
        rc = file_list_walk(files, sources->listed.items[i], sources->listed.items[i], rules, err);
    arena_release(&arena);
    return rc;
}

static int walk_sources(struct file_list *files, const struct sources *sources, struct err *err)
{
    const struct strings *paths = &sources->paths[SOURCE_PICTURES];
    int rc = 0;
    for (size_t i = 0; i < paths->count && !rc; i++)
        rc = walk_source(files, paths->items[i], paths->items[i], err);
    return rc ? rc : walk_listed(files, sources, err);
}

/* parts NULL: all that lies below the sources. */
static int sync_folders(
    struct sync *sync, const struct sources *sources, const struct strings *parts, struct err *err)
{
    const bool gone = sources->gone;
    struct file_list files = {.index = sync->index,
        .job = sync->job,
        .gone = gone,
        .shared = sources->share.count,
        .sources = parts ? &sources->paths[SOURCE_PICTURES] : NULL,
        .plan = {.retry = sources->retry}};
    int rc = file_list_recall(&files, err);
    if (!rc)
        rc = parts ? walk_parts(&files, sources, parts, err) : walk_sources(&files, sources, err);
    if (!rc && files.shared)
        rc = file_list_cut(&sync->counts->share, &files, sources->share.number, sources->share.count, err);
    if (!rc)
        rc = job_step(sync->job, "looking for changes", 0, 0, err);
    if (!rc)
        rc = file_list_plan(&files, err);
    count_files(sync->counts, &files);
    if (!rc)
        rc = sync_beside_begin(sync, &files, err);
    if (!rc)
        rc = sync_pictures(sync, &files.plan, err);
    if (!rc)
        rc = sync_shard_notes(sync, &files, err);
    if (!rc)
        rc = sync_beside(sync, &files, err);
    if (!rc && gone)
        rc = forget(sync->index, &files.absent, err);
    file_list_release(&files);
    return rc;
}

/* ---- files --------------------------------------------------------------------------------------------- */

static int sync_text_file(struct sync *sync, const char *path, struct err *err)
{
    struct text_list list = {.job = sync->job};
    int rc = texts_read(&list, path, err);
    if (!rc)
        rc = sync_texts(sync, path, &list, err);
    text_list_release(&list);
    return rc;
}

static bool has(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], text))
            return true;
    return false;
}

/* A file that was named by mistake must not end the syncs to come, which go by what is remembered; one that was
 * remembered before has items, and may be bad only now. */
static int sync_file(struct sync *sync, enum source_kind kind, const char *path, bool added, struct err *err)
{
    static int (*const steps[SOURCE_KINDS])(struct sync *, const char *, struct err *) = {
        [SOURCE_TEXTS] = sync_text_file,
        [SOURCE_CAPTIONS] = sync_captions,
        [SOURCE_METADATA] = sync_metadata,
    };
    const int rc = steps[kind](sync, path, err);
    const bool mistake = rc == ERR_FORMAT || rc == ERR_UNSUPPORTED || rc == ERR_LIMIT;
    if (added && mistake && !index_source_remove(sync->index, source_names[kind], path, NULL))
        index_commit(sync->index, NULL);
    return rc;
}

/* The files of these kinds and those after it; before: what was remembered until now. */
static int sync_files(struct sync *sync, const struct sources *sources, int first,
    const struct sources *before, struct err *err)
{
    int rc = 0;
    for (int kind = first; kind < SOURCE_KINDS; kind++)
        for (size_t i = 0; i < sources->paths[kind].count && !rc; i++) {
            const char *path = sources->paths[kind].items[i];
            const bool added = sources != before && !has(&before->paths[kind], path);
            rc = sync_file(sync, (enum source_kind)kind, path, added, err);
        }
    return rc;
}

static int sync_all(
    struct sync *sync, const struct sources *sources, const struct sources *before, struct err *err)
{
    int rc = sync_folders(sync, sources, NULL, err);
    if (!rc)
        rc = sync_captures(sync, err);
    if (!rc)
        rc = sync_files(sync, sources, SOURCE_TEXTS, before, err);
    return rc ? rc : index_prepare(sync->index, sync->job, err);
}

/* What files say of pictures may be of some that have just come. */
static int sync_parts(
    struct sync *sync, const struct sources *sources, const struct strings *parts, struct err *err)
{
    const struct sync_counts *counts = sync->counts;
    int rc = sync_folders(sync, sources, parts, err);
    const size_t came =
        counts->pictures.new + counts->pictures.changed + counts->pictures.copied + counts->pictures.moved;
    if (!rc && came)
        rc = sync_files(sync, sources, SOURCE_CAPTIONS, sources, err);
    return rc || !came ? rc : index_prepare(sync->index, sync->job, err);
}

static struct sync begin(
    struct sync_counts *counts, const struct collection *collection, const struct job *job)
{
    *counts = (struct sync_counts){0};
    return (struct sync){
        .index = collection->index,
        .embedder = collection->embedder,
        .job = job,
        .counts = counts,
        .committed = time_now(),
    };
}

int collection_sync(struct sync_counts *counts, struct collection *collection, const struct sources *sources,
    const struct job *job, struct err *err)
{
    struct sync sync = begin(counts, collection, job);
    const bool named = sources && sources_any(sources);
    struct sources remembered = {.gone = sources && sources->gone, .retry = sources && sources->retry};
    int rc = sources_recall(&remembered, sync.index, err);
    if (!rc && named)
        rc = remember(sources, sync.index, err);
    const struct strings *pictures = &(named ? sources : &remembered)->paths[SOURCE_PICTURES];
    if (!rc && sources)
        rc = sources_keep_rules(sources, pictures, sync.index, err);
    if (!rc && !named)
        drop_unreadable(&remembered, &sync);
    if (!rc)
        rc = job_step(job, "looking for pictures", 0, 0, err);
    if (!rc)
        rc = sync_all(&sync, named ? sources : &remembered, &remembered, err);
    sources_release(&remembered);
    return rc;
}

int collection_sync_parts(struct sync_counts *counts, struct collection *collection,
    const struct strings *parts, const struct job *job, struct err *err)
{
    struct sync sync = begin(counts, collection, job);
    struct sources remembered = {0};
    int rc = sources_recall(&remembered, sync.index, err);
    if (!rc)
        drop_unreadable(&remembered, &sync);
    if (!rc)
        rc = sync_parts(&sync, &remembered, parts, err);
    sources_release(&remembered);
    return rc;
}
