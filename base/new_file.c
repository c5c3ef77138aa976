// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot_write(const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "unable to write '%s': %s", path, strerror(errno));
}

static int open_stream(struct new_file *file, struct err *err)
{
    const int fd = open(file->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    file->stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (file->stream)
        return 0;
    const int rc = cannot_write(file->path, err);
    if (fd >= 0) {
        close(fd);
        unlink(file->beside);
    }
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
    *out = (struct new_file){0};
    if (!stat(path, &there) && !S_ISREG(there.st_mode))
        return err_set(err, ERR_IO, "unable to write '%s': not a regular file", path);
    out->path = strdup(path);
    if (!out->path || asprintf(&out->beside, "%s.%ld.tmp", path, (long)getpid()) < 0) {
        out->beside = NULL;
        release(out);
        return err_memory(err, strlen(path));
    }
    const int rc = open_stream(out, err);
    if (rc)
        release(out);
    return rc;
}

int new_file_close(struct new_file *file, bool keep, struct err *err)
{
    if (!file->stream)
        return 0;
    const bool whole =
        !ferror(file->stream) && !fflush(file->stream) && (!keep || !fsync(fileno(file->stream)));
    int rc = keep && !whole ? cannot_write(file->path, err) : 0;
    if (fclose(file->stream) && keep && !rc)
        rc = cannot_write(file->path, err);
    if (keep && !rc && rename(file->beside, file->path))
        rc = err_set(err, ERR_IO, "unable to replace '%s': %s", file->path, strerror(errno));
    if (!keep || rc)
        unlink(file->beside);
    release(file);
    return rc;
}
