// SPDX-License-Identifier: Apache-2.0
#include "base/shard_member.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ---- at their place ------------------------------------------------------------------------------------ */

/* As many bytes as there are, up to `size`. */
static int read_some(size_t *got, char *out, int fd, size_t size, int64_t offset, struct err *err)
{
    ssize_t count;
    while ((count = pread(fd, out, size, (off_t)offset)) < 0 && errno == EINTR)
        ;
    *got = count < 0 ? 0 : (size_t)count;
    return count < 0 ? err_set(err, ERR_IO, "%s", strerror(errno)) : 0;
}

static int read_more(size_t *got, char *out, int fd, size_t size, int64_t offset, struct err *err)
{
    const int rc = read_some(got, out, fd, size, offset, err);
    return rc || *got ? rc
                      : err_set(err, ERR_NOT_FOUND, "it is not there any more: the archive ends before it");
}

static int read_plain(char *out, int fd, size_t size, int64_t offset, struct err *err)
{
    size_t done = 0, got;
    int rc = 0;
    for (; !rc && done < size; done += got)
        rc = read_more(&got, out + done, fd, size - done, offset + (int64_t)done, err);
    return rc;
}

/* Room for a byte more than there may be shows where there are more, and lets the stream come to its end. */
static int inflate_all(z_stream *stream, char *out, int fd, size_t size, int64_t offset, struct err *err)
{
    enum { CHUNK = 1 << 14, PART = 1 << 30 };
    char in[CHUNK];
    size_t got;
    int status = Z_OK, rc = 0;
    while (!rc && status == Z_OK) {
        if (!stream->avail_in) {
            rc = read_more(&got, in, fd, CHUNK, offset, err);
            stream->next_in = (Bytef *)in;
            stream->avail_in = rc ? 0 : (uInt)got;
            offset += (int64_t)got;
        }
        const size_t done = (size_t)stream->total_out, left = size + 1 - done;
        stream->next_out = (Bytef *)out + done;
        stream->avail_out = left < PART ? (uInt)left : PART;
        if (!rc && left)
            status = inflate(stream, Z_NO_FLUSH);
        else
            status = Z_BUF_ERROR;
    }
    if (!rc && status == Z_MEM_ERROR)
        rc = err_memory(err, 0);
    if (!rc && (status != Z_STREAM_END || stream->total_out != size))
        rc = err_set(err, ERR_FORMAT, "damaged in its archive: %s",
            stream->msg ? stream->msg : "it is not as long as was said");
    return rc;
}

static int read_deflated(char *out, int64_t *end, int fd, size_t size, int64_t offset, struct err *err)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return err_memory(err, 0);
    const int rc = inflate_all(&stream, out, fd, size, offset, err);
    *end = offset + (int64_t)stream.total_in;
    inflateEnd(&stream);
    return rc;
}

/* Not one that waits at a pipe. */
static int open_shard(const char *path, struct err *err)
{
    char shard[PATH_MAX];
    const size_t length = member_shard(path);
    struct stat st;
    if (length >= sizeof shard) {
        err_set(err, ERR_IO, "the path of its archive is too long");
        return -1;
    }
    memcpy(shard, path, length);
    shard[length] = '\0';
    const int fd = open(shard, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        err_set(err, ERR_IO, "unable to open '%s': %s", shard, strerror(errno));
    if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
        close(fd);
        err_set(err, ERR_IO, "unable to open '%s': not a regular file", shard);
        return -1;
    }
    return fd;
}

int member_read_at(
    char **out, size_t *size, const char *path, const struct member *member, size_t limit, struct err *err)
{
    const int64_t offset = member->offset;
    if (member->size < 0 || (uint64_t)member->size > limit)
        return err_set(err, ERR_LIMIT, "%lld bytes, the limit is %zu", (long long)member->size, limit);
    *size = (size_t)member->size;
    const int fd = open_shard(path, err);
    if (fd < 0)
        return ERR_IO;
    *out = mem_grow(NULL, *size + 1, 1);
    int64_t end = offset + member->size;
    int rc = !*out        ? err_memory(err, *size)
             : offset > 0 ? read_plain(*out, fd, *size, offset, err)
                          : read_deflated(*out, &end, fd, *size, -offset, err);
    if (!rc && !zip_says((struct span){*out, *size}, fd, offset > 0 ? offset : -offset, end))
        rc = err_set(err, ERR_FORMAT, "damaged in its archive: it has not the checksum that it says");
    close(fd);
    if (rc) {
        free(*out);
        *out = NULL;
        return rc;
    }
    (*out)[*size] = '\0';
    return 0;
}

/* ---- by name ------------------------------------------------------------------------------------------- */

void shard_cursor_release(struct shard_cursor *cursor)
{
    shard_close(cursor->shard);
    free(cursor->path);
    *cursor = (struct shard_cursor){0};
}

/* At the front of the archive, the first `length` bytes of the path. */
static int begin_at(struct shard_cursor *cursor, const char *path, size_t length, struct err *err)
{
    shard_cursor_release(cursor);
    cursor->path = strndup(path, length);
    return cursor->path ? shard_open(&cursor->shard, cursor->path, err) : err_memory(err, length);
}

/* Goes on to the first of that name. */
static int go_to(bool *found, struct member *out, struct shard_cursor *cursor, const char *name,
    const struct job *job, struct err *err)
{
    struct shard_entry entry = {0};
    int rc;
    while (!(rc = job_step(job, "looking for a picture in an archive", 0, 0, err)) &&
           !(rc = shard_next(found, &entry, cursor->shard, err)) && *found &&
           (!entry.name || entry.why || strcmp(entry.name, name)))
        ;
    *out = entry.member;
    return rc;
}

static int find(
    struct member *out, struct shard_cursor *cursor, const char *path, const struct job *job, struct err *err)
{
    const size_t length = member_shard(path);
    const char *name = path + length + 2;
    const bool goes_on =
        cursor->shard && strlen(cursor->path) == length && !strncmp(cursor->path, path, length);
    bool found = false;
    int rc = goes_on ? go_to(&found, out, cursor, name, job, err) : 0;
    if (rc == ERR_CANCELLED || (!rc && found))
        return rc;
    rc = begin_at(cursor, path, length, err);
    if (!rc)
        rc = go_to(&found, out, cursor, name, job, err);
    return rc || found ? rc : err_set(err, ERR_NOT_FOUND, "the archive has no such member");
}

static int check_hash(char **bytes, size_t size, const char *hash, struct err *err)
{
    char now[HASH_SIZE];
    if (!hash)
        return 0;
    hash_bytes(now, *bytes, size);
    if (!strcmp(now, hash))
        return 0;
    free(*bytes);
    *bytes = NULL;
    return err_set(err, ERR_NOT_FOUND, "it is not there any more: the archive has changed");
}

static int read_by_name(char **out, size_t *size, struct member *found, struct shard_cursor *cursor,
    const char *path, size_t limit, const struct job *job, struct err *err)
{
    struct span bytes;
    int rc = find(found, cursor, path, job, err);
    if (!rc)
        rc = shard_bytes(&bytes, cursor->shard, limit, err);
    if (!rc)
        rc = bytes_copy(out, size, bytes, err);
    if (rc)
        shard_cursor_release(cursor);
    return rc;
}

int shard_cursor_read(char **out, size_t *size, struct member *found, struct shard_cursor *cursor,
    const char *path, const char *hash, size_t limit, const struct job *job, struct err *err)
{
    int rc = read_by_name(out, size, found, cursor, path, limit, job, err);
    if (!rc)
        rc = check_hash(out, *size, hash, err);
    if (rc)
        err_wrap(err, "unable to read '%s'", path);
    return rc;
}

int member_read(char **out, size_t *size, const char *path, int64_t offset, int64_t member_size,
    const char *hash, size_t limit, const struct job *job, struct err *err)
{
    struct member member = {.size = member_size, .offset = offset};
    struct shard_cursor cursor = {0};
    int rc = offset ? member_read_at(out, size, path, &member, limit, err)
                    : read_by_name(out, size, &member, &cursor, path, limit, job, err);
    shard_cursor_release(&cursor);
    if (!rc)
        rc = check_hash(out, *size, hash, err);
    if (rc)
        err_wrap(err, "unable to read '%s'", path);
    return rc;
}
