// SPDX-License-Identifier: Apache-2.0
#include "compute/pocl_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- private folders ----------------------------------------------------------------------------------- */

/* Nobody but us and root can rename what is ours in there. */
static bool parent_is_safe(const char *parent)
{
    struct stat st;
    return !stat(parent, &st) && S_ISDIR(st.st_mode) && (st.st_uid == geteuid() || !st.st_uid) &&
           (st.st_mode & S_ISVTX || !(st.st_mode & (S_IWGRP | S_IWOTH)));
}

static bool folder_is_private(const char *path)
{
    struct stat st;
    return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 07777) == 0700;
}

/* The folder of the name that all our processes share, so that each finds what the last has compiled. */
static char *shared_folder(const char *parent)
{
    char *path;
    if (asprintf(&path, "%s/diptych-%lu", parent, (unsigned long)geteuid()) < 0)
        return NULL;
    if ((!mkdir(path, 0700) || errno == EEXIST) && folder_is_private(path))
        return path;
    free(path);
    return NULL;
}

int private_folder(char **out, bool *temporary, const char *parent, struct err *err)
{
    if (!parent_is_safe(parent))
        return err_set(err, ERR_IO, "'%s' is no folder, or others may rename what lies in it", parent);
    *temporary = false;
    if ((*out = shared_folder(parent)))
        return 0;
    if (asprintf(out, "%s/diptych-XXXXXX", parent) < 0)
        return err_memory(err, strlen(parent));
    *temporary = true;
    if (mkdtemp(*out))
        return 0;
    free(*out);
    return err_set(err, ERR_IO, "unable to make a folder in '%s': %s", parent, strerror(errno));
}

/* ---- what goes at the end ------------------------------------------------------------------------------ */

static struct {
    const char *path;
    pid_t maker; /* not a child of it */
} temporary_folder;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    remove(path);
    return 0;
}

static void remove_temporary(void)
{
    if (temporary_folder.maker == getpid())
        nftw(temporary_folder.path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- PoCL's folder ------------------------------------------------------------------------------------- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static char *folder; /* the one PoCL takes; NULL: none */

/* What PoCL makes of the environment, where it is well off with that. */
static bool take_usual_folder(void)
{
    const char *base = variable("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path;
    if (base ? asprintf(&path, "%s/pocl/kcache", base) < 0
             : !home || asprintf(&path, "%s/.cache/pocl/kcache", home) < 0)
        return false;
    if (folder_can_be_written(path))
        folder = path;
    else
        free(path);
    return folder;
}

static int take_private_folder(struct err *err)
{
    const char *const parents[] = {variable("XDG_RUNTIME_DIR"), variable("TMPDIR"), "/var/tmp", "/tmp"};
    char *path = NULL;
    bool temporary = false;
    int rc = ERR_IO;
    for (size_t i = 0; rc && i < sizeof parents / sizeof *parents; i++)
        if (parents[i])
            rc = private_folder(&path, &temporary, parents[i], err);
    if (rc)
        return rc;
    *err = (struct err){0}; /* of parents that would not do */
    folder = path;
    if (temporary && !atexit(remove_temporary)) {
        temporary_folder.path = path;
        temporary_folder.maker = getpid();
    }
    return setenv("POCL_CACHE_DIR", path, 1) ? err_memory(err, strlen(path)) : 0;
}

static struct err prepared; /* code 0: there is a folder */

static void prepare(void)
{
    const char *set = getenv("POCL_CACHE_DIR");
    if (set) {
        if (folder_can_be_written(set))
            folder = strdup(set);
        else
            err_set(&prepared, ERR_IO,
                "PoCL, where it is installed, cannot write to '%s', as POCL_CACHE_DIR says", set);
    } else if (!take_usual_folder() && take_private_folder(&prepared)) {
        err_wrap(&prepared, "PoCL, where it is installed, has no folder for what it compiles, as "
                            "POCL_CACHE_DIR could name one");
    }
}

int pocl_cache_prepare(struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
    return prepared.code ? err_set(err, prepared.code, "%s", prepared.msg) : 0;
}

/* ---- who compiles into it ------------------------------------------------------------------------------ */

/* A lock of the open file, not of the process, so that two devices of one process see each other. It never waits, and
 * where it fails the lock that there was stays. */
static bool lock(int held, short kind)
{
    struct flock whole = {.l_type = kind, .l_whence = SEEK_SET};
    return !fcntl(held, F_OFD_SETLK, &whole);
}

int pocl_cache_hold(void)
{
    enum { TRIES = 500 };
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    char *path;
    if (!folder || asprintf(&path, "%s/.diptych.lock", folder) < 0)
        return -1;
    const int held = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    for (int tries = 1; held >= 0 && !lock(held, F_RDLCK); tries++) {
        if (tries == TRIES || (errno != EAGAIN && errno != EACCES)) {
            close(held);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return held;
}

void pocl_cache_release(int held)
{
    if (held < 0)
        return;
    lock(held, F_UNLCK); /* a child that was forked meanwhile has the file open, too */
    close(held);
}

bool pocl_cache_take(int held)
{
    return lock(held, F_WRLCK);
}

void pocl_cache_share(int held)
{
    lock(held, F_RDLCK);
}
