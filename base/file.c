// SPDX-License-Identifier: Apache-2.0
#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

int open_regular(int *out, struct stat *st, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_IO, "unable to open '%s': %s", path, strerror(errno));
    if (fstat(fd, st) || !S_ISREG(st->st_mode)) {
        close(fd);
        return err_set(err, ERR_IO, "unable to open '%s': %s", path,
            S_ISDIR(st->st_mode) ? "is a folder" : "not a regular file");
    }
    *out = fd;
    return 0;
}

int file_map_hold(struct file_map *out, const char *path, struct err *err)
{
    int fd = -1;
    struct stat st;
    const int rc = open_regular(&fd, &st, path, err);
    if (rc)
        return rc;
    const size_t size = (size_t)st.st_size;
    void *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (data == MAP_FAILED) {
        close(fd);
        return err_set(err, ERR_IO, "unable to map '%s': %s", path, strerror(errno));
    }
    *out = (struct file_map){data, size, true, fd, st.st_mtim};
    return 0;
}

static void let_go(struct file_map *map)
{
    if (map->held)
        close(map->fd);
    map->held = false;
}

int file_map_open(struct file_map *out, const char *path, struct err *err)
{
    const int rc = file_map_hold(out, path, err);
    if (!rc)
        let_go(out);
    return rc;
}

bool file_map_written_over(const struct file_map *map)
{
    struct stat now;
    return fstat(map->fd, &now) || (size_t)now.st_size != map->size ||
           now.st_mtim.tv_sec != map->written.tv_sec || now.st_mtim.tv_nsec != map->written.tv_nsec;
}

void file_map_release(struct file_map *map)
{
    if (map)
        let_go(map);
    if (map && map->data)
        munmap((void *)map->data, map->size);
    if (map)
        *map = (struct file_map){0};
}

void file_map_forget(const void *data, size_t size)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
                    begin = ((uintptr_t)data + page - 1) / page * page,
                    end = ((uintptr_t)data + size) / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* zlib's gzFile reads plain files as they are and gzip files inflated, so one loop serves both. */
static int read_all(
    char **out, size_t *size, gzFile file, const char *path, size_t hint, size_t limit, struct err *err)
{
    enum { CHUNK = 1 << 16 };
    size_t used = 0, room = hint + 1;
    char *bytes = mem_grow(NULL, room, 1);

    for (;;) {
        if (!bytes)
            return err_memory(err, room);
        size_t want = room - used - 1;
        int got = gzread(file, bytes + used, (unsigned)(want < CHUNK ? want : CHUNK));
        if (got < 0) {
            int code;
            const char *why = gzerror(file, &code);
            free(bytes);
            return err_set(err, code == Z_ERRNO ? ERR_IO : ERR_FORMAT, "unable to read '%s': %s", path,
                code == Z_ERRNO ? strerror(errno) : why);
        }
        used += (size_t)got;
        if (used > limit) {
            free(bytes);
            return err_set(err, ERR_LIMIT, "unable to read '%s': larger than %zu bytes", path, limit);
        }
        if (got == 0 && want > 0)
            break;
        if (used + 1 == room) {
            room += room / 2 + CHUNK;
            char *grown = mem_grow(bytes, room, 1);
            if (!grown)
                free(bytes);
            bytes = grown;
        }
    }
    bytes[used] = '\0';
    *out = bytes;
    *size = used;
    return 0;
}

int descriptor_read(
    char **out, size_t *read, int fd, const char *name, size_t size, size_t limit, struct err *err)
{
    if (size > limit) {
        close(fd);
        return err_set(err, ERR_LIMIT, "unable to read '%s': %zu bytes, the limit is %zu", name, size, limit);
    }
    gzFile file = gzdopen(fd, "rb");
    if (!file) {
        close(fd);
        return err_memory(err, 0);
    }
    int rc = read_all(out, read, file, name, size, limit, err);
    const int closed = gzclose_r(file);
    if (!rc && closed == Z_BUF_ERROR) { /* the gzip stream ends before its trailer */
        free(*out);
        *out = NULL;
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': gzip data ends early", name);
    }
    if (!rc && (rc = git_lfs_check(*out, *read, name, err))) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

int file_read(char **out, size_t *size, const char *path, size_t limit, struct err *err)
{
    int fd = -1;
    struct stat st;
    const int rc = open_regular(&fd, &st, path, err);
    return rc ? rc : descriptor_read(out, size, fd, path, (size_t)st.st_size, limit, err);
}

int file_head(uint8_t *out, size_t *read, size_t size, const char *path, struct err *err)
{
    int fd = -1;
    struct stat st;
    const int rc = open_regular(&fd, &st, path, err);
    if (rc)
        return rc;
    gzFile file = gzdopen(fd, "rb");
    if (!file) {
        close(fd);
        return err_memory(err, 0);
    }
    const int got = gzread(file, out, (unsigned)size);
    int code = 0;
    if (got < 0)
        gzerror(file, &code);
    const int failed = code == Z_ERRNO ? errno : 0;
    gzclose_r(file);
    *read = got < 0 ? 0 : (size_t)got;
    return failed ? err_set(err, ERR_IO, "unable to read '%s': %s", path, strerror(failed)) : 0;
}

int git_lfs_check(const char *bytes, size_t size, const char *path, struct err *err)
{
    if (!span_begins((struct span){bytes, size}, span_of("version https://git-lfs.github.com/spec/")))
        return 0;
    return err_set(err, ERR_FORMAT,
        "unable to read '%s': it is a Git LFS pointer, not the file itself; in that folder run: git lfs pull",
        path);
}

int file_copy(const char *to, const char *from, struct err *err)
{
    struct file_map map = {0};
    struct new_file file = {0};
    int rc = file_map_open(&map, from, err);
    if (!rc && !(rc = new_file_open(&file, to, err))) {
        if (map.size) /* or else there is no data */
            fwrite(map.data, 1, map.size, file.stream);
        rc = new_file_close(&file, true, err);
    }
    file_map_release(&map);
    return rc;
}

bool file_exists(const char *path)
{
    struct stat st;
    return !stat(path, &st);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    remove(path);
    return 0;
}

void path_remove(const char *path)
{
    enum { OPEN_MAX_OF_WALK = 8 };
    nftw(path, remove_one, OPEN_MAX_OF_WALK, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
