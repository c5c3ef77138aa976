// SPDX-License-Identifier: Apache-2.0
/*
 * A file has no name while it is written (O_TMPFILE), so that nothing is left of it however the process ends. Once
 * it is whole, it gets a name beside its place and is renamed to it, since a link cannot replace a file. Where the
 * file system has no files without a name (NFS, FAT), it has that one from the start:
 *
 *     FOLDER/.diptych-N.tmp    N = 0, 1, ...: the first that is free
 *
 * Its writer holds flock(2) on it. One that nobody holds is left of a writer that was killed, and the next that
 * writes a file in that folder removes it, if it is among the first few.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0666, NAMES = 1 << 16, NAME_SIZE = sizeof ".diptych-65535.tmp", FEW = 16 };

static int cannot_write(const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
}

/* ---- names --------------------------------------------------------------------------------------------- */

/* How much of a path is its folder, the slash included. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash + 1 - path) : 0;
}

/* out: NAME_SIZE more than the path takes. */
static void name_beside(char *out, const char *path, unsigned n)
{
    sprintf(out, "%.*s.diptych-%u.tmp", folder_length(path), path, n);
}

static bool is_file_named(int fd, const char *name)
{
    struct stat file, named;
    return !fstat(fd, &file) && !lstat(name, &named) && file.st_dev == named.st_dev &&
           file.st_ino == named.st_ino;
}

static bool lock(int fd)
{
    int failed;
    while ((failed = flock(fd, LOCK_EX)) && errno == EINTR)
        ;
    return !failed;
}

/* Removes what a writer that was killed has left. While the lock is held, the name stays that of this file. */
static bool remove_left(const char *name)
{
    const int fd = open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool removed = !flock(fd, LOCK_EX | LOCK_NB) && is_file_named(fd, name) && !unlink(name);
    close(fd);
    return removed;
}

/* A new file of that name, locked. Another writer may have taken it for left before the lock: there is none of
 * that name then, and errno is EEXIST. Where files cannot be locked, none is ever taken for left. */
static int create(const char *name)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    if (fd < 0 || !lock(fd) || is_file_named(fd, name))
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

static int link_as(int fd, const char *name)
{
    char path[32];
    descriptor_path(path, fd);
    return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) ? -1 : fd;
}

/* Gives a file, or with -1 a new one, the first name that is free. Returns its descriptor; -1 and errno. */
static int take_name(struct new_file *file, int fd)
{
    for (unsigned n = 0; n < NAMES; n += !remove_left(file->beside)) {
        name_beside(file->beside, file->path, n);
        const int named = fd < 0 ? create(file->beside) : link_as(fd, file->beside);
        if (named >= 0)
            return named;
        if (errno != EEXIST)
            break;
    }
    file->beside[0] = '\0';
    return -1;
}

static void remove_all_left(const char *path)
{
    char *name = malloc(strlen(path) + NAME_SIZE);
    for (unsigned n = 0; n < FEW && name; n++) {
        name_beside(name, path, n);
        remove_left(name);
    }
    free(name);
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
    if (fd < 0 || (!access(way, F_OK) && (lock(fd), true)))
        return fd;
    close(fd); /* no /proc, by which it could get a name */
    return -1;
}

static int open_stream(struct new_file *file, struct err *err)
{
    int fd = open_unnamed(file->path);
    if (fd < 0) {
        remove_all_left(file->path);
        fd = take_name(file, -1);
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
    out->beside = mem_new(strlen(path) + NAME_SIZE, 1);
    const int rc = out->path && out->beside ? open_stream(out, err) : err_memory(err, strlen(path));
    if (rc)
        release(out);
    return rc;
}

/* ---- closing ------------------------------------------------------------------------------------------- */

/* On the disk, then in its place. */
static int put_in_place(struct new_file *file, struct err *err)
{
    const int fd = fileno(file->stream);
    if (ferror(file->stream) || fflush(file->stream) || fsync(fd) ||
        (!file->beside[0] && take_name(file, fd) < 0))
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
