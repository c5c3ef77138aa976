// SPDX-License-Identifier: Apache-2.0
#include "index/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int folder_list(struct strings *names, const char *folder, struct err *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return err_set(err, ERR_IO, "unable to open '%s': %s", folder, strerror(errno));
    int rc = 0;
    for (struct dirent *entry; !rc && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            rc = strings_add(names, entry->d_name, strlen(entry->d_name), err);
    closedir(dir);
    return rc;
}

bool folder_made(const char *name)
{
    static const char unfinished[] = "catalog.sqlite.new"; /* and SQLite's own files beside it */
    if (!strncmp(name, unfinished, sizeof unfinished - 1) || !strcmp(name, "coarse.i8.new"))
        return true;
    const char *dot = strrchr(name, '.');
    if (!dot || strncmp(name, "vectors", 7))
        return false;
    const char *number = name + 7;
    if (number != dot && *number++ != '-')
        return false;
    if (strspn(number, "0123456789") != (size_t)(dot - number))
        return false;
    for (size_t i = 0; i < INDEX_STORAGES; i++)
        if (!strcmp(dot + 1, index_storage_names[i]))
            return true;
    return false;
}

int folder_sync(const char *folder, struct err *err)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;
    if (fd < 0 || fsync(fd))
        rc = err_set(err, ERR_IO, "unable to sync '%s': %s", folder, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

int folder_clean(const char *folder, const char *keep, struct err *err)
{
    struct strings names = {0};
    struct arena arena = {0};
    int rc = folder_list(&names, folder, err);
    for (size_t i = 0; i < names.count && !rc; i++) {
        if (!folder_made(names.items[i]) || (keep && !strcmp(names.items[i], keep)))
            continue;
        const char *path = path_join(&arena, folder, names.items[i]);
        if (!path)
            rc = err_memory(err, strlen(folder));
        else if (unlink(path) && errno != ENOENT)
            rc = err_set(err, ERR_IO, "unable to remove '%s': %s", path, strerror(errno));
    }
    strings_release(&names);
    arena_release(&arena);
    return rc;
}
