// SPDX-License-Identifier: Apache-2.0
/*
 * Shards: tar and zip archives of many small files, read where they lie and never unpacked. A tar may be compressed as a
 * whole, by gzip, zstd or xz. A member's path is that of its archive, "!/" and its name there: "shards/00000.tar!/000000000.jpg".
 * Names are keys and nothing else: nothing is ever opened by one.
 *
 *   struct shard         goes through an archive from front to end. One thread at a time.
 *   struct shard_stream  hands out members to many threads that ask for them roughly in order.
 *   member_read          reads one member by its path, at once where it is known where it lies.
 *
 * There are no temporary files; memory is bounded by the limits of the calls, and the names by PATH_MAX. Builds without
 * libarchive refuse archives, but names stay what they are.
 */
#ifndef DIPTYCH_BASE_SHARD_H
#define DIPTYCH_BASE_SHARD_H

#include "base/base.h"

/* ---- names --------------------------------------------------------------------------------------------- */

/* Whether a path ends as archives' do that are read as shards: ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz" or
 * ".zip", in letters of either case. */
bool shard_named(const char *path);

/* The length of the path of the archive, in the path of a member; 0: it is none, whatever is there. */
size_t member_shard(const char *path);

/* What WebDataset knows a sample by: the name up to the first dot of its last part. *suffix is the rest, "" or with that dot. */
struct span member_key(const char **suffix, const char *name);

/* The path of the member `name`, in the arena. NULL with ERR_MEMORY in err. */
const char *member_path(struct arena *arena, const char *shard, const char *name, struct err *err);

/* What reads archives, with its version ("libarchive 3.6.2"); NULL: this build reads none. */
const char *shard_library(void);

/* ---- going through ------------------------------------------------------------------------------------- */

/* A file in an archive. */
struct member {
    int64_t size; /* -1: only its end will tell */
    int64_t mtime_ns;
    int64_t
        offset; /* where its bytes lie as they are; -N: where they lie deflated; 0: neither, or not whole */
    size_t number; /* of all that the archive has, from 0 */
};

/* Strings live until the next. */
struct shard_entry {
    const char *name; /* valid UTF-8 or not, without "./" or '/' in front; NULL: a stretch that is damaged */
    const char *why;  /* why it cannot be read: damaged, a link, a name that no member may have; else NULL */
    struct member member;
};

struct shard;

/* ERR_IO; ERR_FORMAT: it is no such archive, or damaged from the beginning; ERR_UNSUPPORTED: this build reads none, or it is
 * compressed more than once; ERR_MEMORY. */
int shard_open(struct shard **out, const char *path, struct err *err);

/* The same of bytes in memory, which are borrowed; messages call them by the name. */
int shard_open_bytes(
    struct shard **out, const uint8_t *bytes, size_t size, const char *name, struct err *err);
void shard_close(struct shard *shard);

/* Whether it is compressed as a whole: each way to a member leads through all before it. */
bool shard_in_order(const struct shard *shard);

/* The next file, folders and devices passed over. ERR_FORMAT: the archive is damaged from here on, and the message says behind
 * which member; all before it is good. */
int shard_next(bool *found, struct shard_entry *out, struct shard *shard, struct err *err);

/* The first bytes of the entry that came last, `bytes` of them or all that it has; they live until more are asked for. After an
 * error, which is as shard_bytes's, there are none. Of an entry that nothing is asked of nothing is inflated. */
int shard_head(struct span *out, struct shard *shard, size_t bytes, struct err *err);

/* The bytes of the entry that came last; they live until the next. ERR_LIMIT: more than `limit`; ERR_FORMAT: damaged, or the
 * archive ends inside; ERR_UNSUPPORTED: encrypted or packed in a way that libarchive does not know. Messages do not name
 * it. */
int shard_bytes(struct span *out, struct shard *shard, size_t limit, struct err *err);

/* ---- members out of order ------------------------------------------------------------------------------ */

/* One archive, for the members whose bytes have no offset. It is opened with the first, and goes on from one to the next;
 * what it passes over on the way to another is kept for a while, for the thread that will ask for it. A member far behind
 * the last takes another pass from the front. */
struct shard_stream;
int shard_stream_open(struct shard_stream **out, const char *path, struct err *err);
void shard_stream_free(struct shard_stream *stream);

/* The bytes of a member, at most `limit`, for free(). `path` is its path, for messages; `stream` may be NULL where the member
 * has an offset. ERR_IO, and the errors of shard_open, shard_next and shard_bytes. */
int shard_stream_read(char **out, size_t *size, struct shard_stream *stream, const char *path,
    const struct member *member, size_t limit, struct err *err);

/* Members by name, one after the other: a search goes on behind the one before, and begins at the front again where it must, so that
 * names in the order of their archives take one pass. Zero-initialise. One thread at a time. */
struct shard_cursor {
    char *path;
    struct shard *shard; /* NULL: none is open */
};

/* As member_read; *found is the member. */
int shard_cursor_read(char **out, size_t *size, struct member *found, struct shard_cursor *cursor,
    const char *path, const char *hash, size_t limit, const struct job *job, struct err *err);
void shard_cursor_release(struct shard_cursor *cursor);

/* The same of one member by its path: of that offset and size where the offset is not 0, else by a search from the front for
 * the first of that name. hash, of hash_bytes: what else has taken its place in the meantime is ERR_NOT_FOUND; NULL: it is not
 * looked at. ERR_NOT_FOUND too where there is no such member. The search asks the job between members. */
int member_read(char **out, size_t *size, const char *path, int64_t offset, int64_t member_size,
    const char *hash, size_t limit, const struct job *job, struct err *err);

#endif
