// SPDX-License-Identifier: Apache-2.0
/*
 * A file has no name while it is written (O_TMPFILE), so that nothing is left of it however the process ends. Once
 * it is whole, it gets a name beside its place and is renamed to it, since a link cannot replace a file. Where the
 * file system has no files without a name (NFS, FAT), it has that one from the start: beside.h.
 */
#include "base/base.h"
#include "base/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0666 };

static int cannot_write(const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
}

/* ---- names --------------------------------------------------------------------------------------------- */

/* A new file of that name, locked. Another writer may have taken it for left before the lock: there is none of
 * that name then, and errno is EEXIST. */
static int create(void *context, const char *name)
{
    (void)context;
    const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    if (fd < 0 || !beside_lock(fd) || beside_is(fd, name))
        return fd;
    close(fd);
    errno = EEXIST;
    return -1;
}

/* The way to a file that has no name. */
static void descriptor_path(char out[32], int fd)
{
    snprintf(out, 32, "/proc/self/fd/%d", fd);
}

static int link_as(void *context, const char *name)
{
    const int *fd = context;
    char path[32];
    descriptor_path(path, *fd);
    return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) ? -1 : *fd;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

/* A file without a name, locked for the moment when it has one; -1 where there are none. */
static int open_unnamed(const char *path)
{
    char *folder = strdup(path), way[32];
    if (!folder)
        return -1;
    folder[folder_length(path)] = '\0';
    const int fd = open(folder[0] ? folder : ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, MODE);
    free(folder);
    descriptor_path(way, fd);
    if (fd < 0 || (!access(way, F_OK) && (beside_lock(fd), true)))
        return fd;
    close(fd); /* no /proc, by which it could get a name */
    return -1;
}

static int open_stream(struct new_file *file, struct err *err)
{
    int fd = open_unnamed(file->path);
    if (fd < 0) {
        beside_clean(file->path);
        fd = beside_take(file->beside, file->path, create, NULL);
    }
    file->stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (file->stream)
        return 0;
    const int rc = cannot_write(file->path, err);
    if (file->beside[0])
        unlink(file->beside);
    if (fd >= 0)
        close(fd);
    return rc;
}

static void release(struct new_file *file)
{
    free(file->beside);
    free(file->path);
    *file = (struct new_file){0};
}

int new_file_open(struct new_file *out, const char *path, struct err *err)
{
    struct stat there;
    const bool found = !stat(path, &there);
    *out = (struct new_file){0};
    if (found && !S_ISREG(there.st_mode))
        return err_set(err, ERR_IO, "unable to write '%s': not a regular file", path);
    if (!found && errno == ENAMETOOLONG)
        return cannot_write(path, err);
    out->path = strdup(path);
    out->beside = beside_new(path);
    const int rc = out->path && out->beside ? open_stream(out, err) : err_memory(err, strlen(path));
    if (rc)
        release(out);
    return rc;
}

/* ---- closing ------------------------------------------------------------------------------------------- */

/* On the disk, then in its place. */
static int put_in_place(struct new_file *file, struct err *err)
{
    int fd = fileno(file->stream);
    if (ferror(file->stream) || fflush(file->stream) || fsync(fd) ||
        (!file->beside[0] && beside_take(file->beside, file->path, link_as, &fd) < 0))
        return cannot_write(file->path, err);
    if (rename(file->beside, file->path))
        return err_set(err, ERR_IO, "unable to replace '%s': %s", file->path, strerror(errno));
    file->beside[0] = '\0';
    return 0;
}

int new_file_close(struct new_file *file, bool keep, struct err *err)
{
    if (!file->stream)
        return 0;
    const int rc = keep ? put_in_place(file, err) : 0;
    if (file->beside[0])
        unlink(file->beside);
    fclose(file->stream); /* and only now the lock goes. All has been synced: closing can lose nothing */
    release(file);
    return rc;
}
