// SPDX-License-Identifier: Apache-2.0
/*
 * Archives through libarchive, read a window at a time: a mapping of a file that is cut meanwhile would end the program.
 */
#include "base/shard.h"
#include "base/input.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef DIPTYCH_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

enum { WINDOW = 1 << 18 };

struct shard {
    struct archive *archive;
    int fd;             /* -1: the bytes are in memory */
    const char *memory; /* the caller's */
    char *window;       /* (WINDOW): of the file, what libarchive has now */
    int64_t length;     /* of the file */
    int64_t at;         /* where libarchive reads on */
    char *name;         /* of the archive */
    size_t count;       /* entries that have come */
    char *member;       /* the last one's name; NULL: none has come */
    size_t size;        /* its bytes; SIZE_MAX: not known */
    struct span block;  /* the first of them, */
    int64_t block_at;   /* their place in it, */
    int status;         /* and what libarchive said to them */
    char *bytes;        /* all of them, where they are gathered */
    size_t room;
    bool in_gap; /* what came last was damaged */
    char *gap;   /* says where */
};

const char *shard_library(void)
{
    return archive_version_string();
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int damaged(const struct shard *shard, struct err *err)
{
    const char *why = archive_error_string(shard->archive);
    why = why ? why : "no reason given";
    if (!shard->count)
        return err_set(
            err, ERR_FORMAT, "unable to read '%s': no tar or zip archive, or damaged: %s", shard->name, why);
    return err_set(err, ERR_FORMAT, "unable to read on in '%s' behind '%s': %s", shard->name,
        shard->member ? shard->member : "its first entry", why);
}

/* libarchive without a library for a filter would start a program. */
static void support(struct archive *archive)
{
    archive_read_support_format_tar(archive);
    archive_read_support_format_zip_seekable(archive);
    if (archive_zlib_version())
        archive_read_support_filter_gzip(archive);
    if (archive_libzstd_version())
        archive_read_support_filter_zstd(archive);
    if (archive_liblzma_version())
        archive_read_support_filter_xz(archive);
}

/* The next bytes, for libarchive: a window of the file, or all that is left in memory. */
static la_ssize_t give(struct archive *archive, void *context, const void **bytes)
{
    struct shard *shard = context;
    ssize_t got = shard->length - shard->at;
    *bytes = shard->fd < 0 ? shard->memory + shard->at : shard->window;
    if (shard->fd >= 0)
        got = pread(shard->fd, shard->window, WINDOW, shard->at);
    if (got < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    else
        shard->at += got;
    return got;
}

/* Never past the end that the file has now. */
static la_int64_t skip(struct archive *archive, void *context, la_int64_t count)
{
    struct shard *shard = context;
    struct stat st;
    if (shard->fd >= 0 && !fstat(shard->fd, &st) && st.st_size < shard->length)
        shard->length = st.st_size;
    const int64_t left = shard->length > shard->at ? shard->length - shard->at : 0;
    (void)archive;
    count = count < left ? count : left;
    shard->at += count;
    return count;
}

static la_int64_t seek(struct archive *archive, void *context, la_int64_t offset, int whence)
{
    struct shard *shard = context;
    const int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? shard->at : shard->length;
    (void)archive;
    if (offset < -from || offset > shard->length - from)
        return ARCHIVE_FAILED;
    return shard->at = from + offset;
}

static int begin(struct shard *shard, struct err *err)
{
    struct archive *archive = shard->archive = archive_read_new();
    if (!archive)
        return err_memory(err, 0);
    support(archive);
    if (!shard->length)
        return err_set(err, ERR_FORMAT, "unable to read '%s': the file is empty", shard->name);
    if (archive_read_set_read_callback(archive, give) || archive_read_set_skip_callback(archive, skip) ||
        archive_read_set_seek_callback(archive, seek) || archive_read_set_callback_data(archive, shard) ||
        archive_read_open1(archive))
        return damaged(shard, err);
    if (archive_filter_count(shard->archive) > 2) /* one, and the file itself */
        return err_set(
            err, ERR_UNSUPPORTED, "unable to read '%s': it is compressed more than once", shard->name);
    return 0;
}

static int shard_new(struct shard **out, const char *name, struct err *err)
{
    struct shard *shard = mem_new(1, sizeof *shard);
    if (shard)
        shard->name = strdup(name);
    if (!shard || !shard->name) {
        free(shard);
        return err_memory(err, strlen(name));
    }
    shard->fd = -1;
    *out = shard;
    return 0;
}

int shard_open_bytes(struct shard **out, const uint8_t *bytes, size_t size, const char *name, struct err *err)
{
    struct shard *shard = NULL;
    int rc = shard_new(&shard, name, err);
    if (rc)
        return rc;
    shard->memory = (const char *)bytes;
    shard->length = (int64_t)size;
    rc = begin(shard, err);
    if (rc)
        shard_close(shard);
    else
        *out = shard;
    return rc;
}

int shard_open(struct shard **out, const char *path, struct err *err)
{
    struct shard *shard = NULL;
    int rc = shard_new(&shard, path, err);
    if (rc)
        return rc;
    struct stat st;
    rc = open_regular(&shard->fd, &st, path, err);
    if (!rc && !(shard->window = mem_new(1, WINDOW)))
        rc = err_memory(err, WINDOW);
    if (!rc) {
        shard->length = st.st_size;
        rc = begin(shard, err);
    }
    if (rc)
        shard_close(shard);
    else
        *out = shard;
    return rc;
}

void shard_close(struct shard *shard)
{
    if (!shard)
        return;
    archive_read_free(shard->archive);
    if (shard->fd >= 0)
        close(shard->fd);
    free(shard->window);
    free(shard->bytes);
    free(shard->member);
    free(shard->gap);
    free(shard->name);
    free(shard);
}

/* ---- entries ------------------------------------------------------------------------------------------- */

/* Which of the two there is depends on the locale, and on what the archive says of its names. */
static const char *entry_name(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);
    name = name ? name : archive_entry_pathname(entry);
    name = name ? name : "";
    for (;;) {
        if (*name == '/')
            name++;
        else if (!strncmp(name, "./", 2))
            name += 2;
        else
            return name;
    }
}

static bool leads_up(const char *name)
{
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (!strncmp(at, "..", 2) && (!at[2] || at[2] == '/'))
            return true;
    }
    return false;
}

static const char *refusal(struct archive_entry *entry, const char *name)
{
    if (archive_entry_hardlink(entry) || archive_entry_filetype(entry) == AE_IFLNK)
        return "it is a link";
    if (!*name)
        return "it has no name";
    if (strlen(name) >= PATH_MAX)
        return "its name is too long";
    return leads_up(name) ? "its name leads out of the archive" : NULL;
}

static bool is_file(struct archive_entry *entry)
{
    return archive_entry_filetype(entry) == AE_IFREG || archive_entry_filetype(entry) == AE_IFLNK ||
           archive_entry_hardlink(entry);
}

static void read_block(struct shard *shard)
{
    const void *bytes = NULL;
    size_t size = 0;
    la_int64_t at = 0;
    shard->status = archive_read_data_block(shard->archive, &bytes, &size, &at);
    shard->block = shard->status < ARCHIVE_WARN || shard->status == ARCHIVE_EOF ? (struct span){0}
                                                                                : (struct span){bytes, size};
    shard->block_at = at;
}

/* Whether the file has the first block at that place as it came. */
static bool lies_at(const struct shard *shard, int64_t at)
{
    enum { PROBE = 4096 };
    char found[PROBE];
    const size_t size = shard->block.length < PROBE ? shard->block.length : PROBE;
    if (shard->fd < 0)
        return !memcmp(shard->memory + at, shard->block.data, size);
    return pread(shard->fd, found, size, at) == (ssize_t)size && !memcmp(found, shard->block.data, size);
}

/* Where all of it lies as it is: where libarchive has come to, if the file's own bytes are there and nothing was left out. */
static int64_t find_offset(const struct shard *shard, struct archive_entry *entry)
{
    const int64_t at = archive_filter_bytes(shard->archive, 0), left = shard->length - at;
    const bool whole = archive_filter_count(shard->archive) == 1 && !archive_entry_sparse_count(entry) &&
                       !shard->block_at && shard->block.length && at > 0 && left > 0 &&
                       shard->size <= (uint64_t)left && shard->block.length <= shard->size;
    return whole && lies_at(shard, at) ? at : 0;
}

static int describe(
    struct shard_entry *out, struct shard *shard, struct archive_entry *entry, struct err *err)
{
    const char *name = entry_name(entry);
    const bool sized = archive_entry_size_is_set(entry) && archive_entry_size(entry) >= 0;
    free(shard->member);
    shard->member = strdup(name);
    if (!shard->member)
        return err_memory(err, strlen(name));
    *out = (struct shard_entry){.name = shard->member, .why = refusal(entry, name)};
    out->member.number = shard->count - 1;
    out->member.size = sized ? archive_entry_size(entry) : -1;
    out->member.mtime_ns = (int64_t)((uint64_t)archive_entry_mtime(entry) * 1000000000 +
                                     (uint64_t)archive_entry_mtime_nsec(entry));
    shard->size = sized ? (size_t)archive_entry_size(entry) : SIZE_MAX;
    if (out->why)
        return 0;
    read_block(shard);
    out->member.offset = find_offset(shard, entry);
    return 0;
}

/* libarchive goes on behind a damaged header with what looks like one. */
static int describe_gap(struct shard_entry *out, struct shard *shard, struct err *err)
{
    free(shard->gap);
    if (asprintf(&shard->gap, "damaged behind '%s'", shard->member ? shard->member : "its beginning") < 0) {
        shard->gap = NULL;
        return err_memory(err, 0);
    }
    *out = (struct shard_entry){.why = shard->gap};
    return 0;
}

int shard_next(bool *found, struct shard_entry *out, struct shard *shard, struct err *err)
{
    struct archive_entry *entry;
    *found = false;
    for (;;) {
        const int status = archive_read_next_header(shard->archive, &entry);
        const bool gap = status == ARCHIVE_RETRY, first_gap = gap && !shard->in_gap;
        if (status == ARCHIVE_EOF)
            return 0;
        if (status < ARCHIVE_WARN)
            return damaged(shard, err);
        shard->in_gap = gap;
        shard->count += !gap;
        *found = first_gap || (!gap && is_file(entry));
        if (*found)
            return gap ? describe_gap(out, shard, err) : describe(out, shard, entry, err);
    }
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

static int too_large(size_t limit, struct err *err)
{
    return err_set(err, ERR_LIMIT, "larger than %zu bytes", limit);
}

/* Adds the block; what lies between it and the one before is a hole of a sparse file. */
static int add_block(struct shard *shard, size_t *used, size_t limit, struct err *err)
{
    if (shard->block_at < 0 || (uint64_t)shard->block_at > limit ||
        shard->block.length > limit - (size_t)shard->block_at)
        return too_large(limit, err);
    const size_t at = (size_t)shard->block_at, end = at + shard->block.length;
    if (at < *used)
        return err_set(err, ERR_FORMAT, "its parts are out of order");
    const int rc = array_grow(shard->bytes, &shard->room, end + 1, err);
    if (rc)
        return rc;
    memset(shard->bytes + *used, 0, at - *used);
    if (shard->block.length)
        memcpy(shard->bytes + at, shard->block.data, shard->block.length);
    *used = end;
    return 0;
}

static int read_failure(const struct shard *shard, struct err *err)
{
    const char *why = archive_error_string(shard->archive);
    return err_set(err, shard->status == ARCHIVE_FAILED ? ERR_UNSUPPORTED : ERR_FORMAT, "%s",
        why ? why : "damaged in its archive");
}

static int gather(struct span *out, struct shard *shard, size_t limit, struct err *err)
{
    size_t used = 0;
    int rc = 0;
    for (; !rc && shard->status >= ARCHIVE_WARN && shard->status != ARCHIVE_EOF; read_block(shard))
        rc = add_block(shard, &used, limit, err);
    if (rc)
        return rc;
    if (shard->status != ARCHIVE_EOF)
        return read_failure(shard, err);
    if (shard->size != SIZE_MAX && used != shard->size)
        return err_set(err, ERR_FORMAT, "%zu bytes, where %zu were to come", used, shard->size);
    *out = (struct span){shard->bytes, used};
    return 0;
}

int shard_bytes(struct span *out, struct shard *shard, size_t limit, struct err *err)
{
    if (shard->size != SIZE_MAX && shard->size > limit)
        return too_large(limit, err);
    if (shard->block_at || !shard->block.length || shard->block.length != shard->size)
        return gather(out, shard, limit, err);
    *out = shard->block;
    return 0;
}

#else

const char *shard_library(void)
{
    return NULL;
}

int shard_open_bytes(struct shard **out, const uint8_t *bytes, size_t size, const char *name, struct err *err)
{
    (void)out, (void)bytes, (void)size;
    return err_set(err, ERR_UNSUPPORTED,
        "unable to read '%s': this build is without libarchive, which reads archives", name);
}

int shard_open(struct shard **out, const char *path, struct err *err)
{
    return shard_open_bytes(out, NULL, 0, path, err);
}

void shard_close(struct shard *shard)
{
    (void)shard;
}

int shard_next(bool *found, struct shard_entry *out, struct shard *shard, struct err *err)
{
    (void)out, (void)shard, (void)err;
    *found = false;
    return 0;
}

int shard_bytes(struct span *out, struct shard *shard, size_t limit, struct err *err)
{
    (void)shard, (void)limit, (void)err;
    *out = (struct span){0};
    return 0;
}

#endif
