// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"
#include "base/beside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new folder of that name, open and locked. As with files, another writer may have taken it for left before. */
static int create(void *context, const char *name)
{
    (void)context;
    if (mkdir(name, 0777))
        return -1;
    const int fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (!beside_lock(fd) || beside_is(fd, name)))
        return fd;
    if (fd >= 0)
        close(fd);
    else
        rmdir(name);
    errno = EEXIST;
    return -1;
}

static void release(struct new_folder *folder)
{
    free(folder->beside);
    free(folder->path);
    *folder = (struct new_folder){0};
}

static char *without_slashes(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length);
}

int new_folder_open(struct new_folder *out, const char *path, struct err *err)
{
    *out = (struct new_folder){.path = without_slashes(path)};
    if (out->path)
        out->beside = beside_new(out->path);
    int rc = out->beside ? 0 : err_memory(err, strlen(path));
    if (!rc) {
        beside_clean(out->path);
        out->lock = beside_take(out->beside, out->path, create, NULL);
        if (out->lock < 0)
            rc = err_set(err, ERR_IO, "unable to make '%s': %s", out->path, strerror(errno));
    }
    if (rc)
        release(out);
    return rc;
}

static const char shared_suffix[] = ".tmp-";

int new_folder_open_shared(struct new_folder *out, const char *path, struct err *err)
{
    uint64_t number;
    *out = (struct new_folder){.path = without_slashes(path), .lock = -1};
    int rc = out->path ? 0 : err_memory(err, strlen(path));
    if (!rc && getrandom(&number, sizeof number, 0) != sizeof number)
        rc = err_set(err, ERR_IO, "unable to make '%s': there are no random numbers", path);
    if (!rc && asprintf(&out->beside, "%s%s%016" PRIx64, out->path, shared_suffix, number) < 0) {
        out->beside = NULL;
        rc = err_memory(err, strlen(path));
    }
    if (!rc && mkdir(out->beside, 0777))
        rc = err_set(err, ERR_IO, "unable to make '%s': %s", out->path, strerror(errno));
    if (rc)
        release(out);
    return rc;
}

void new_folder_clean_shared(const char *path)
{
    struct arena arena = {0};
    char *plain = without_slashes(path);
    const int above = plain ? folder_length(plain) : 0;
    DIR *dir = plain ? opendir(above ? arena_copy(&arena, plain, (size_t)above) : ".") : NULL;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        const size_t own = strlen(plain + above);
        char *name;
        if (strncmp(entry->d_name, plain + above, own) ||
            strncmp(entry->d_name + own, shared_suffix, sizeof shared_suffix - 1))
            continue;
        if (asprintf(&name, "%.*s%s", above, plain, entry->d_name) < 0)
            continue;
        path_remove(name);
        free(name);
    }
    if (dir)
        closedir(dir);
    free(plain);
    arena_release(&arena);
}

int new_folder_close(struct new_folder *folder, bool keep, struct err *err)
{
    if (!folder->path)
        return 0;
    int rc = 0;
    if (keep && rename(folder->beside, folder->path))
        rc = err_set(err, ERR_IO, "unable to write '%s': %s", folder->path, strerror(errno));
    if (!keep || rc)
        path_remove(folder->beside);
    if (folder->lock >= 0)
        close(folder->lock); /* and only now the lock goes */
    release(folder);
    return rc;
}

/* The folder that a path lies in: "." where it names none. */
static void to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        strcpy(path, ".");
    else
        slash[slash == path] = '\0';
}

bool folder_can_be_written(const char *path)
{
    char *probe = NULL, *parent = strdup(*path ? path : ".");
    struct stat st;
    bool can = false;
    while (parent && stat(parent, &st) && errno == ENOENT && strcmp(parent, ".") && strcmp(parent, "/"))
        to_parent(parent);
    if (parent && asprintf(&probe, "%s/.diptych-XXXXXX", parent) >= 0) {
        can = mkdtemp(probe) != NULL;
        if (can)
            rmdir(probe);
        free(probe);
    }
    free(parent);
    return can;
}
