// SPDX-License-Identifier: Apache-2.0
/*
 * The writer holds flock(2) on the file `lock` in the folder, and its process id stands in it for whom it
 * keeps out. The file stays when the lock goes: removing it would let two writers lock two files of one name.
 * Whoever keeps the index up to date by itself holds `watch.lock` in the same way, and `lock` only while it writes.
 */
#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* What a lock is for. */
struct purpose {
    const char *name; /* of the file */
    const char *verb, *doing;
    int tries; /* 10 ms apart */
};

/* A writer that is only a moment in the way, such as one that adds a picture, is waited for. */
static const struct purpose writing = {"lock", "change", "changing", 100};
static const struct purpose trying = {"lock", "change", "changing", 1};
static const struct purpose watching = {"watch.lock", "watch", "watching", 1};

/* Between taking the lock and writing the id the file is empty or has the id of a writer that was killed. */
static int refuse(int fd, const struct purpose *purpose, const char *folder, struct err *err)
{
    char text[32] = "";
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    const long pid = got > 0 ? strtol(text, NULL, 10) : 0;
    if (pid > 0 && (!kill((pid_t)pid, 0) || errno == EPERM))
        return err_set(err, ERR_BUSY, "unable to %s '%s': process %ld is %s it", purpose->verb, folder, pid,
            purpose->doing);
    return err_set(
        err, ERR_BUSY, "unable to %s '%s': another process is %s it", purpose->verb, folder, purpose->doing);
}

static int take(int fd, int tries)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int rc = flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 1; i < tries && rc && errno == EWOULDBLOCK; i++) {
        nanosleep(&pause, NULL);
        rc = flock(fd, LOCK_EX | LOCK_NB);
    }
    return rc;
}

static int take_for(int *out, const struct purpose *purpose, const char *folder, struct err *err)
{
    struct arena arena = {0};
    int rc = 0;
    const char *path = path_join(&arena, folder, purpose->name);
    if (!path)
        return err_memory(err, strlen(folder));
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        rc = err_set(err, ERR_IO, "unable to %s '%s': %s", purpose->verb, folder, strerror(errno));
    else if (take(fd, purpose->tries))
        rc = errno == EWOULDBLOCK ? refuse(fd, purpose, folder, err)
                                  : err_set(err, ERR_IO, "unable to lock '%s': %s", path, strerror(errno));
    char text[32];
    const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (!rc && (ftruncate(fd, 0) || pwrite(fd, text, (size_t)length, 0) != length))
        rc = err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
    if (rc && fd >= 0)
        close(fd);
    else
        *out = fd;
    arena_release(&arena);
    return rc;
}

int lock_take(int *out, const char *folder, struct err *err)
{
    return take_for(out, &writing, folder, err);
}

int lock_try(int *out, const char *folder)
{
    return take_for(out, &trying, folder, NULL);
}

void lock_release(int lock)
{
    if (lock < 0)
        return;
    /* No stale id for the next refusal; if it fails, refuse() finds no such process. */
    if (ftruncate(lock, 0))
        (void)0;
    close(lock);
}

int index_watch_begin(int *lock, const char *path, struct err *err)
{
    *lock = -1;
    return take_for(lock, &watching, path, err);
}

void index_watch_end(int lock)
{
    lock_release(lock);
}
