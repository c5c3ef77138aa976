// SPDX-License-Identifier: Apache-2.0
/*
 * Archives through libarchive, read a window at a time: a mapping of a file that is cut meanwhile would end the program.
 */
#include "base/shard.h"
#include "base/input.h"

#ifdef DIPTYCH_ARCHIVE
#include "base/shard_archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *shard_library(void)
{
    return archive_version_string();
}

/* ---- opening ------------------------------------------------------------------------------------------- */

int shard_damaged(const struct shard *shard, struct err *err)
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
        got = pread(shard->fd, shard->window, SHARD_WINDOW, shard->at);
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
        return shard_damaged(shard, err);
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
    if (!rc && !(shard->window = mem_new(1, SHARD_WINDOW)))
        rc = err_memory(err, SHARD_WINDOW);
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

bool shard_in_order(const struct shard *shard)
{
    return archive_filter_count(shard->archive) > 1;
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

bool shard_in_order(const struct shard *shard)
{
    (void)shard;
    return false;
}

int shard_next(bool *found, struct shard_entry *out, struct shard *shard, struct err *err)
{
    (void)out, (void)shard, (void)err;
    *found = false;
    return 0;
}

int shard_head(struct span *out, struct shard *shard, size_t bytes, struct err *err)
{
    (void)shard, (void)bytes, (void)err;
    *out = (struct span){0};
    return 0;
}

int shard_bytes(struct span *out, struct shard *shard, size_t limit, struct err *err)
{
    return shard_head(out, shard, limit, err);
}

#endif
