// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/sync_notes.h"
#include "joint/collection/sync_shards.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what lies there ----------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *suffix)
{
    const size_t length = strlen(path), end = strlen(suffix);
    return length > end && !strcmp(path + length - end, suffix);
}

bool file_is_note(const char *path)
{
    return ends_in(path, note_suffixes[NOTE_CAPTION]) || picture_beside_named(path);
}

/* KEY.json is mostly metadata: as a date it counts only beside a picture without a suffix. */
static bool may_date(const char *name)
{
    return picture_beside_named(name) && (ends_in(name, ".xmp") || strchr(name, '.') != strrchr(name, '.'));
}

int file_list_note(struct file_list *list, const char *path, const struct stat *st, struct err *err)
{
    const char *slash = strrchr(path, '/');
    size_t *number;
    int rc = slash ? string_map_add(&number, &list->folder_numbers, path, (size_t)(slash - path),
                         list->folder_count, err)
                   : 0;
    if (rc || !slash)
        return rc;
    if (*number == list->folder_count) {
        rc = array_grow(list->folders, &list->folder_room, list->folder_count + 1, err);
        if (rc)
            return rc;
        const char *folder_path = arena_copy(&list->arena, path, (size_t)(slash - path));
        if (!folder_path)
            return err_memory(err, strlen(path));
        list->folders[list->folder_count++] = (struct noted_folder){.path = folder_path};
    }
    struct noted_folder *folder = &list->folders[*number];
    folder->dated |= may_date(slash + 1);
    folder->stamp = container_stamp(folder->stamp, slash + 1, st->st_size, stat_mtime(st));
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* The folder of a file, if it has captions or metadata; NULL: none was seen. */
static struct noted_folder *folder_of(const struct file_list *files, const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t *number =
        slash ? string_map_find(&files->folder_numbers, path, (size_t)(slash - path)) : NULL;
    return number ? &files->folders[*number] : NULL;
}

/* A folder of such a name no later sync could read either. */
static bool is_regular(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* *again: it could not be read for a reason that may pass, as without permission. */
static void take(struct sync *sync, struct note *note, enum note_kind kind, const char *path, bool *again)
{
    struct err problem = {0};
    char *bytes = NULL;
    size_t size;
    int rc = file_read(&bytes, &size, path, note_limit(kind), &problem);
    *again |= rc == ERR_IO && is_regular(path);
    if (!rc)
        rc = note_take(note, kind, (struct span){bytes, size}, path, &problem);
    if (rc)
        sync_fail(sync, &sync->counts->pictures.failed, &problem);
    free(bytes);
}

static int note_file(
    struct sync *sync, const struct file_list *files, const struct plan_file *file, struct err *err)
{
    struct noted_folder *folder = folder_of(files, file->path);
    bool again = false;
    struct arena arena = {0};
    struct note note = {0};
    int rc = 0;
    for (int kind = 0; kind < NOTE_KINDS && !rc; kind++) {
        const char *path = note_path(&arena, file->path, (enum note_kind)kind);
        if (!path)
            rc = err_memory(err, strlen(file->path));
        else if (file_exists(path))
            take(sync, &note, (enum note_kind)kind, path, &again);
    }
    if (folder)
        folder->again |= again;
    if (!rc && (note.caption || note.metadata))
        rc = note_give(sync, file->path, &note, err);
    note_release(&note);
    arena_release(&arena);
    return rc;
}

/* ---- folders ------------------------------------------------------------------------------------------- */

/* Whether its path has another item after this sync than before it, or its first. */
static bool comes(const struct plan_file *file)
{
    return file->action == PLAN_NEW || file->action == PLAN_MOVED ||
           (file->action == PLAN_CHANGED && file->item->vacates);
}

static void count_pictures(const struct file_list *files)
{
    for (size_t i = 0; i < files->plan.file_count; i++) {
        const struct plan_file *file = &files->plan.files[i];
        struct noted_folder *folder = folder_of(files, file->path);
        if (folder) {
            folder->pictures++;
            folder->entered |= comes(file);
        }
    }
}

static int find_known(struct sync *sync, const struct file_list *files, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < files->folder_count && !rc; i++) {
        struct noted_folder *folder = &files->folders[i];
        struct index_container before;
        rc = index_container_find(&folder->known, &before, sync->index, folder->path, err);
        folder->known =
            !rc && folder->known && before.stamp == folder->stamp && before.pictures == folder->pictures;
    }
    return rc;
}

/* No folder has so many pictures: it is to be read again. */
enum { NOT_READ = -1 };

static int keep_folder(
    struct sync *sync, const struct noted_folder *folder, int64_t pictures, struct err *err)
{
    const struct index_container kept = {.path = folder->path, .stamp = folder->stamp, .pictures = pictures};
    return index_container_keep(sync->index, &kept, err);
}

static int enter_folders(struct sync *sync, const struct file_list *files, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < files->folder_count && !rc; i++)
        if (files->folders[i].known && files->folders[i].entered)
            rc = keep_folder(sync, &files->folders[i], NOT_READ, err);
    return rc;
}

static int keep_folders(struct sync *sync, const struct file_list *files, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < files->folder_count && !rc; i++) {
        const struct noted_folder *folder = &files->folders[i];
        if (!folder->again && (!folder->known || folder->entered))
            rc = keep_folder(sync, folder, folder->pictures, err);
    }
    return rc;
}

/* One that failed again has no item that anything could be said of. */
static bool has_failed(const struct plan_file *file)
{
    return file->failure && file->failure->state == FAILURE_STANDS;
}

/* Whether captions and metadata beside it are to be read. Of parts of a folder they were not seen, but those of a
 * picture that comes or is noted are looked for. */
static bool is_wanted(const struct file_list *files, const struct plan_file *file)
{
    const struct noted_folder *folder = folder_of(files, file->path);
    if (member_shard(file->path) || has_failed(file))
        return false;
    return folder ? !folder->known || comes(file) || file->noted
                  : files->sources && (comes(file) || file->noted);
}

/* ---- when and where pictures were taken ---------------------------------------------------------------- */

enum { ASKED = 64 };

struct asking {
    const struct plan_file *files[ASKED];
    struct capture captures[ASKED];
    int codes[ASKED];
    size_t count;
};

/* One that has been in the index; those that came in now were asked as they did. */
static bool is_asked(const struct file_list *files, const struct plan_file *file)
{
    const struct noted_folder *folder = folder_of(files, file->path);
    const bool may_be_dated = file->noted || (folder && folder->dated && (!folder->known || comes(file)));
    return may_be_dated && !member_shard(file->path) &&
           (file->action == PLAN_UNCHANGED || file->action == PLAN_TOUCHED || file->action == PLAN_MOVED);
}

static void ask_one(void *context, size_t i)
{
    struct asking *asking = context;
    asking->codes[i] = picture_capture(&asking->captures[i], picture_file(asking->files[i]->path), NULL);
}

static int ask_all(struct sync *sync, struct asking *asking, struct err *err)
{
    int rc = 0;
    parallel_for(asking->count, job_threads(sync->job), ask_one, asking);
    for (size_t i = 0; i < asking->count && !rc; i++)
        if (!asking->codes[i])
            rc = sync_keep_capture(sync, asking->files[i]->path, &asking->captures[i], err);
    asking->count = 0;
    if (!rc)
        rc = job_step(sync->job, "dates beside pictures", 0, 0, err);
    return rc ? rc : sync_commit(sync, err);
}

static int ask_again(struct sync *sync, const struct file_list *files, struct err *err)
{
    struct asking *asking = mem_new(1, sizeof *asking);
    int rc = asking ? 0 : err_memory(err, sizeof *asking);
    for (size_t i = 0; i < files->plan.file_count && !rc; i++) {
        if (is_asked(files, &files->plan.files[i]))
            asking->files[asking->count++] = &files->plan.files[i];
        if (asking->count == ASKED)
            rc = ask_all(sync, asking, err);
    }
    if (!rc && asking->count)
        rc = ask_all(sync, asking, err);
    free(asking);
    return rc;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static int note_files(struct sync *sync, const struct file_list *files, struct err *err)
{
    enum { STEP = 256 };
    size_t seen = 0;
    int rc = 0;
    for (size_t i = 0; i < files->plan.file_count && !rc; i++) {
        if (!is_wanted(files, &files->plan.files[i]))
            continue;
        if (seen++ % STEP == 0)
            rc = job_step(sync->job, "captions and metadata beside pictures", 0, 0, err);
        if (!rc && seen % STEP == 0)
            rc = sync_commit(sync, err);
        if (!rc)
            rc = note_file(sync, files, &files->plan.files[i], err);
    }
    return rc;
}

int sync_beside_begin(struct sync *sync, const struct file_list *files, struct err *err)
{
    count_pictures(files);
    const int rc = find_known(sync, files, err);
    return rc ? rc : enter_folders(sync, files, err);
}

int sync_beside(struct sync *sync, const struct file_list *files, struct err *err)
{
    int rc = note_files(sync, files, err);
    if (!rc)
        rc = ask_again(sync, files, err);
    if (!rc)
        rc = keep_folders(sync, files, err);
    return sync_keep(sync, rc, err);
}
