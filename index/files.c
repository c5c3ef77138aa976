// SPDX-License-Identifier: Apache-2.0
/*
 * Files that the index itself keeps, in the folder `uploads` beside its catalog:
 *
 *   uploads/HASH.png    of the picture whose path it is, named by its content
 *   uploads/.place      the path of the folder that the catalog's paths have
 *   uploads/.unsettled  there while files may lie here that no item has, or no longer: from before the first is
 *                       written, or its item removed, until all is committed and what is no item's is gone
 *
 * So a file is on the disk before an item that has it is committed, and goes after the commit without one; what a
 * killed writer leaves in between, the next writer finds by the mark. A folder that was moved or copied is followed by
 * its items: their paths are made anew, here and not with those of all that lay beside the index (travel.c).
 */
#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char unsettled[] = ".unsettled", place[] = ".place";

bool index_owns(const struct index *index, const char *path)
{
    return index->files && path && path_below(path, index->files);
}

static char *in_folder(struct arena *arena, const struct index *index, const char *name, struct err *err)
{
    char *path = path_join(arena, index->files, name);
    if (!path)
        err_memory(err, strlen(index->files));
    return path;
}

/* ---- settling ------------------------------------------------------------------------------------------ */

static int mark(struct index *index, struct err *err)
{
    struct arena arena = {0};
    const char *path = in_folder(&arena, index, unsettled, err);
    const int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
    int rc = path ? 0 : ERR_MEMORY;
    if (fd >= 0)
        close(fd);
    else if (!rc)
        rc = err_set(err, ERR_IO, "unable to make '%s': %s", path, strerror(errno));
    arena_release(&arena);
    return rc;
}

int files_touch(struct index *index, const char *path, struct err *err)
{
    if (!index_owns(index, path))
        return 0;
    const int rc = index->touched.count ? 0 : mark(index, err);
    return rc ? rc : strings_add(&index->touched, path, strlen(path), err);
}

/* Removes a file that no item has. */
static int settle(struct index *index, const char *path, struct err *err)
{
    struct index_item item;
    struct arena arena = {0};
    bool found;
    int rc = index_find(&item, &found, index, INDEX_IMAGE, path, NULL, &arena, err);
    if (!rc && !found && unlink(path) && errno != ENOENT)
        rc = err_set(err, ERR_IO, "unable to remove '%s': %s", path, strerror(errno));
    arena_release(&arena);
    return rc;
}

static void unmark(struct index *index)
{
    struct arena arena = {0};
    const char *path = in_folder(&arena, index, unsettled, NULL);
    if (path)
        unlink(path);
    arena_release(&arena);
}

/* What cannot be done now is left, with the mark, to the next writer. */
void files_settle(struct index *index)
{
    int rc = index->broken ? ERR_IO : 0; /* whether the last commit has come to the disk is not known */
    if (!index->touched.count)
        return;
    for (size_t i = 0; i < index->touched.count && !rc; i++)
        rc = settle(index, index->touched.items[i], NULL);
    if (!rc)
        unmark(index);
    strings_release(&index->touched);
    index->touched = (struct strings){0};
}

int files_sync(struct index *index, struct err *err)
{
    return index->touched.count ? folder_sync(index->files, err) : 0;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

/* Somebody may have put a file of another name here. */
static bool is_kept(const char *name)
{
    return strspn(name, "0123456789abcdef") == HASH_SIZE - 1;
}

/* Settles what a writer that was killed has left. */
static int settle_all(struct index *index, struct err *err)
{
    struct strings names = {0};
    int rc = folder_list(&names, index->files, err);
    for (size_t i = 0; i < names.count && !rc; i++) {
        struct arena arena = {0};
        const char *path = in_folder(&arena, index, names.items[i], err);
        if (!path)
            rc = ERR_MEMORY;
        else if (is_kept(names.items[i]))
            rc = strings_add(&index->touched, path, strlen(path), err);
        arena_release(&arena);
    }
    strings_release(&names);
    if (!rc && index->touched.count)
        files_settle(index);
    else if (!rc)
        unmark(index);
    return rc;
}

/* Paths below `from` are below index->files from now on. */
static int move_items(bool *found, struct index *index, const char *from, struct err *err)
{
    int rc = change_begin(index, err);
    if (!rc)
        rc = travel_own(found, index, from, index->files, err);
    rc = change_end(index, rc, err);
    return rc ? rc : index_commit(index, err);
}

int files_place(const char **out, const char *folder, struct arena *arena, struct err *err)
{
    enum { LIMIT = 1 << 16 };
    char *text = NULL;
    size_t size = 0;
    const char *path = path_join(arena, folder, place);
    *out = NULL;
    if (!path)
        return err_memory(err, strlen(folder));
    int rc = file_exists(path) ? file_read(&text, &size, path, LIMIT, err) : 0;
    if (!rc && text && !(*out = arena_copy(arena, text, strlen(text))))
        rc = err_memory(err, size);
    free(text);
    return rc;
}

static int write_place(struct index *index, struct err *err)
{
    struct arena arena = {0};
    struct new_file file;
    const char *path = in_folder(&arena, index, place, err);
    int rc = path ? new_file_open(&file, path, err) : ERR_MEMORY;
    if (!rc) {
        fputs(index->files, file.stream);
        rc = new_file_close(&file, true, err);
    }
    arena_release(&arena);
    return rc;
}

/* *lost: the folder has moved, and there are no items whose files have moved along. */
static int follow_move(bool *lost, struct index *index, struct err *err)
{
    struct arena arena = {0};
    const char *before;
    bool found = false;
    int rc = files_place(&before, index->files, &arena, err);
    const bool moved = !rc && (!before || strcmp(before, index->files));
    if (moved && before)
        rc = move_items(&found, index, before, err);
    if (moved && !rc)
        rc = write_place(index, err);
    *lost = moved && before && !found;
    arena_release(&arena);
    return rc;
}

const char *files_folder(struct arena *arena, const struct index *index, struct err *err)
{
    const char *folder = path_absolute(arena, index->path, err);
    const char *path = folder ? path_join(arena, folder, "uploads") : NULL;
    if (folder && !path)
        err_memory(err, strlen(folder));
    return path;
}

int files_find(struct index *index, struct err *err)
{
    struct arena arena = {0};
    const char *path = files_folder(&arena, index, err);
    index->files = path ? strdup(path) : NULL;
    const int rc = index->files ? 0 : path ? err_memory(err, strlen(path)) : ERR_MEMORY;
    arena_release(&arena);
    return rc;
}

/* Files that seem to be no item's just after a move are not removed then: the mark stays for another writer. */
int files_open(struct index *index, struct err *err)
{
    struct arena arena = {0};
    bool lost;
    int rc = files_find(index, err);
    if (rc || !file_exists(index->files))
        return rc;
    rc = follow_move(&lost, index, err);
    const char *path = rc ? NULL : in_folder(&arena, index, unsettled, err);
    if (!rc)
        rc = !path ? ERR_MEMORY : file_exists(path) && !lost ? settle_all(index, err) : 0;
    arena_release(&arena);
    return rc;
}

void files_close(struct index *index)
{
    strings_release(&index->touched);
    free(index->files);
}

/* ---- keeping ------------------------------------------------------------------------------------------- */

static int make_folder(struct index *index, struct err *err)
{
    if (mkdir(index->files, 0777))
        return errno == EEXIST
                   ? 0
                   : err_set(err, ERR_IO, "unable to make '%s': %s", index->files, strerror(errno));
    const int rc = folder_sync(index->path, err);
    return rc ? rc : write_place(index, err);
}

const char *index_file_path(
    const struct index *index, const char *hash, const char *suffix, struct arena *arena, struct err *err)
{
    char name[HASH_SIZE + 16];
    snprintf(name, sizeof name, "%.64s%.15s", hash, suffix);
    return in_folder(arena, index, name, err);
}

int index_keep_file(struct index *index, const char *path, const void *bytes, size_t size, struct err *err)
{
    struct new_file file;
    int rc = make_folder(index, err);
    if (!rc)
        rc = files_touch(index, path, err);
    if (!rc)
        rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    fwrite(bytes, 1, size, file.stream);
    return new_file_close(&file, true, err);
}
