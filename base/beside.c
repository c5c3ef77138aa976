// SPDX-License-Identifier: Apache-2.0
#include "base/beside.h"
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES = 1 << 16, NAME_SIZE = sizeof ".diptych-65535.tmp", FEW = 16 };

/* ---- names --------------------------------------------------------------------------------------------- */

int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash + 1 - path) : 0;
}

char *beside_new(const char *path)
{
    return calloc(1, (size_t)folder_length(path) + NAME_SIZE);
}

static void name_beside(char *out, const char *path, unsigned n)
{
    sprintf(out, "%.*s.diptych-%u.tmp", folder_length(path), path, n);
}

/* ---- locks --------------------------------------------------------------------------------------------- */

bool beside_lock(int fd)
{
    int failed;
    while ((failed = flock(fd, LOCK_EX)) && errno == EINTR)
        ;
    return !failed;
}

bool beside_is(int fd, const char *name)
{
    struct stat opened, named;
    return !fstat(fd, &opened) && !lstat(name, &named) && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

/* ---- what is left -------------------------------------------------------------------------------------- */

/* Removes what a process that was killed has left. While the lock is held, the name stays that of this one. */
static bool remove_left(const char *name)
{
    int fd = open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == EISDIR)
        fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool left = !flock(fd, LOCK_EX | LOCK_NB) && beside_is(fd, name);
    if (left)
        path_remove(name);
    const bool removed = left && !beside_is(fd, name);
    close(fd);
    return removed;
}

void beside_clean(const char *path)
{
    char *name = beside_new(path);
    for (unsigned n = 0; n < FEW && name; n++) {
        name_beside(name, path, n);
        remove_left(name);
    }
    free(name);
}

int beside_take(char *name, const char *path, beside_make *make, void *context)
{
    for (unsigned n = 0; n < NAMES; n += !remove_left(name)) {
        name_beside(name, path, n);
        const int made = make(context, name);
        if (made >= 0)
            return made;
        if (errno != EEXIST)
            break;
    }
    name[0] = '\0';
    return -1;
}
