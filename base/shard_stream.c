// SPDX-License-Identifier: Apache-2.0
#include "base/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is kept of that which was passed over: some threads' worth of pictures with a caption and a JSON each. */
enum { KEPT = 128, KEPT_BYTES = 64 << 20 };

struct kept {
    size_t number, size;
    char *bytes; /* NULL: the place is free */
};

struct shard_stream {
    char *path;
    pthread_mutex_t lock; /* of all below */
    struct shard *shard;  /* NULL: it begins at the front */
    size_t next;          /* no entry before this number is still to come */
    struct kept kept[KEPT];
    size_t kept_next, kept_bytes; /* the place to use next; bytes in all */
};

int shard_stream_open(struct shard_stream **out, const char *path, struct err *err)
{
    struct shard_stream *stream = mem_new(1, sizeof *stream);
    if (stream)
        stream->path = strdup(path);
    if (!stream || !stream->path) {
        free(stream);
        return err_memory(err, sizeof *stream);
    }
    pthread_mutex_init(&stream->lock, NULL);
    *out = stream;
    return 0;
}

static void drop(struct shard_stream *stream, struct kept *kept)
{
    stream->kept_bytes -= kept->bytes ? kept->size : 0;
    free(kept->bytes);
    *kept = (struct kept){0};
}

void shard_stream_free(struct shard_stream *stream)
{
    if (!stream)
        return;
    for (size_t i = 0; i < KEPT; i++)
        drop(stream, &stream->kept[i]);
    shard_close(stream->shard);
    pthread_mutex_destroy(&stream->lock);
    free(stream->path);
    free(stream);
}

/* ---- in order ------------------------------------------------------------------------------------------ */

static int copy(char **out, size_t *size, struct span bytes, struct err *err)
{
    *out = mem_grow(NULL, bytes.length + 1, 1);
    if (!*out)
        return err_memory(err, bytes.length);
    if (bytes.length)
        memcpy(*out, bytes.data, bytes.length);
    (*out)[bytes.length] = '\0';
    *size = bytes.length;
    return 0;
}

/* Keeps the entry at hand for later; what fails will fail again for whoever asks for it. */
static void keep(struct shard_stream *stream, size_t number)
{
    struct kept *kept = &stream->kept[stream->kept_next];
    struct span bytes;
    if (shard_bytes(&bytes, stream->shard, KEPT_BYTES, NULL))
        return;
    for (size_t i = 0; i < KEPT && stream->kept_bytes + bytes.length > KEPT_BYTES; i++)
        drop(stream, &stream->kept[(stream->kept_next + i) % KEPT]); /* the oldest first */
    drop(stream, kept);
    if (copy(&kept->bytes, &kept->size, bytes, NULL))
        return;
    kept->number = number;
    stream->kept_bytes += kept->size;
    stream->kept_next = (stream->kept_next + 1) % KEPT;
}

static bool take_kept(char **out, size_t *size, struct shard_stream *stream, size_t number)
{
    for (size_t i = 0; i < KEPT; i++) {
        struct kept *kept = &stream->kept[i];
        if (!kept->bytes || kept->number != number)
            continue;
        *out = kept->bytes;
        *size = kept->size;
        stream->kept_bytes -= kept->size;
        *kept = (struct kept){0};
        return true;
    }
    return false;
}

static int start(struct shard_stream *stream, struct err *err)
{
    shard_close(stream->shard);
    stream->shard = NULL;
    stream->next = 0;
    return shard_open(&stream->shard, stream->path, err);
}

static int go_to(struct shard_stream *stream, size_t number, struct err *err)
{
    struct shard_entry entry = {0};
    bool found = true;
    int rc = !stream->shard || number < stream->next ? start(stream, err) : 0;
    while (!rc && (rc = shard_next(&found, &entry, stream->shard, err)) == 0 && found &&
           (!entry.name || entry.member.number < number)) {
        if (!entry.name)
            continue;
        stream->next = entry.member.number + 1;
        if (number - entry.member.number <= KEPT && !entry.why)
            keep(stream, entry.member.number);
    }
    if (!rc && (!found || entry.member.number != number))
        rc = err_set(err, ERR_NOT_FOUND, "it is not there any more");
    stream->next = number + 1;
    if (rc) {
        shard_close(stream->shard);
        stream->shard = NULL;
    }
    return rc;
}

static int read_in_order(char **out, size_t *size, struct shard_stream *stream, const struct member *member,
    size_t limit, struct err *err)
{
    struct span bytes = {0};
    pthread_mutex_lock(&stream->lock);
    int rc = 0;
    if (!take_kept(out, size, stream, member->number)) {
        rc = go_to(stream, member->number, err);
        if (!rc)
            rc = shard_bytes(&bytes, stream->shard, limit, err);
        if (!rc)
            rc = copy(out, size, bytes, err);
    }
    pthread_mutex_unlock(&stream->lock);
    return rc;
}

/* ---- at their place ------------------------------------------------------------------------------------ */

static int read_fully(char *out, int fd, size_t size, int64_t offset, struct err *err)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = pread(fd, out + done, size - done, (off_t)offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, ERR_IO, "%s", strerror(errno));
        if (!got)
            return err_set(err, ERR_NOT_FOUND, "it is not there any more: the archive ends before it");
        done += (size_t)got;
    }
    return 0;
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

static int read_at(char **out, size_t *size, const char *path, int64_t offset, int64_t member_size,
    size_t limit, struct err *err)
{
    if (member_size < 0 || (uint64_t)member_size > limit)
        return err_set(err, ERR_LIMIT, "%lld bytes, the limit is %zu", (long long)member_size, limit);
    *size = (size_t)member_size;
    const int fd = open_shard(path, err);
    if (fd < 0)
        return ERR_IO;
    *out = mem_grow(NULL, *size + 1, 1);
    int rc = *out ? read_fully(*out, fd, *size, offset, err) : err_memory(err, *size);
    close(fd);
    if (rc) {
        free(*out);
        *out = NULL;
        return rc;
    }
    (*out)[*size] = '\0';
    return 0;
}

int shard_stream_read(char **out, size_t *size, struct shard_stream *stream, const char *path,
    const struct member *member, size_t limit, struct err *err)
{
    const int rc = member->offset ? read_at(out, size, path, member->offset, member->size, limit, err)
                                  : read_in_order(out, size, stream, member, limit, err);
    if (rc)
        err_wrap(err, "unable to read '%s'", path);
    return rc;
}

/* ---- by name ------------------------------------------------------------------------------------------- */

static int search(
    char **out, size_t *size, const char *path, size_t limit, const struct job *job, struct err *err)
{
    const size_t length = member_shard(path);
    const char *name = path + length + 2;
    struct shard_entry entry = {0};
    struct shard *shard = NULL;
    struct span bytes;
    bool found = true;
    char *archive = strndup(path, length);
    int rc = archive ? shard_open(&shard, archive, err) : err_memory(err, length);
    while (!rc && found && !(rc = job_step(job, "looking for a picture in an archive", 0, 0, err)) &&
           !(rc = shard_next(&found, &entry, shard, err)) && found &&
           (!entry.name || entry.why || strcmp(entry.name, name)))
        ;
    if (!rc && !found)
        rc = err_set(err, ERR_NOT_FOUND, "the archive has no such member");
    if (!rc)
        rc = shard_bytes(&bytes, shard, limit, err);
    if (!rc)
        rc = copy(out, size, bytes, err);
    shard_close(shard);
    free(archive);
    return rc;
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

int member_read(char **out, size_t *size, const char *path, int64_t offset, int64_t member_size,
    const char *hash, size_t limit, const struct job *job, struct err *err)
{
    int rc = offset ? read_at(out, size, path, offset, member_size, limit, err)
                    : search(out, size, path, limit, job, err);
    if (!rc)
        rc = check_hash(out, *size, hash, err);
    if (rc)
        err_wrap(err, "unable to read '%s'", path);
    return rc;
}
