// SPDX-License-Identifier: Apache-2.0
#include "tests/support/shard_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool ends_in(const char *path, const char *end)
{
    const size_t length = strlen(path), size = strlen(end);
    return length >= size && !strcmp(path + length - size, end);
}

static int set_kind(struct archive *archive, const char *path)
{
    int failed = 0;
    if (ends_in(path, ".zip"))
        failed = archive_write_set_format_zip(archive);
    else
        failed = archive_write_set_format_pax_restricted(archive);
    if (!failed && ends_in(path, "stored.zip"))
        failed = archive_write_zip_set_compression_store(archive);
    if (!failed && ends_in(path, ".gz"))
        failed = archive_write_add_filter_gzip(archive);
    if (!failed && ends_in(path, ".zst"))
        failed = archive_write_add_filter_zstd(archive);
    if (!failed && ends_in(path, ".xz"))
        failed = archive_write_add_filter_xz(archive);
    return failed;
}

struct archive *shard_writer_open(const char *path)
{
    struct archive *archive = archive_write_new();
    if (archive && !set_kind(archive, path) && !archive_write_open_filename(archive, path))
        return archive;
    fprintf(stderr, "unable to make '%s': %s\n", path, archive ? archive_error_string(archive) : "no memory");
    archive_write_free(archive);
    return NULL;
}

static int put(struct archive *archive, struct archive_entry *entry, const void *bytes, size_t size)
{
    const int failed = archive_write_header(archive, entry) != ARCHIVE_OK ||
                       (size && archive_write_data(archive, bytes, size) != (la_ssize_t)size);
    archive_entry_free(entry);
    return failed;
}

int shard_writer_add(struct archive *archive, const char *name, const void *bytes, size_t size, time_t mtime)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_update_pathname_utf8(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_mtime(entry, mtime, 0);
    return put(archive, entry, bytes, size);
}

int shard_writer_link(struct archive *archive, const char *name, const char *target)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFLNK);
    archive_entry_set_symlink(entry, target);
    archive_entry_set_perm(entry, 0777);
    archive_entry_set_size(entry, 0);
    return put(archive, entry, NULL, 0);
}

int shard_writer_close(struct archive *archive)
{
    const int failed = archive_write_close(archive) != ARCHIVE_OK;
    return archive_write_free(archive) != ARCHIVE_OK || failed;
}
