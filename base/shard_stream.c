// SPDX-License-Identifier: Apache-2.0
#include "base/shard_member.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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

int bytes_copy(char **out, size_t *size, struct span bytes, struct err *err)
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
    if (bytes_copy(&kept->bytes, &kept->size, bytes, NULL))
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
            rc = bytes_copy(out, size, bytes, err);
    }
    pthread_mutex_unlock(&stream->lock);
    return rc;
}

int shard_stream_read(char **out, size_t *size, struct shard_stream *stream, const char *path,
    const struct member *member, size_t limit, struct err *err)
{
    const int rc = member->offset ? member_read_at(out, size, path, member, limit, err)
                                  : read_in_order(out, size, stream, member, limit, err);
    if (rc)
        err_wrap(err, "unable to read '%s'", path);
    return rc;
}
