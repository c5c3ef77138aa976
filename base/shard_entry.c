// SPDX-License-Identifier: Apache-2.0
#include "base/shard_archive.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

bool shard_is_zip(const struct shard *shard)
{
    return (archive_format(shard->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
}

/* As most members of zips are. libarchive tells the method of the last one in words alone. */
static bool is_deflated(const struct shard *shard)
{
    const char *format = archive_format_name(shard->archive);
    return shard_is_zip(shard) && format && strstr(format, "(deflation)");
}

/* Where all of it lies as it is, or deflated: where libarchive has come to. As it is, if the file's own bytes are there and
 * nothing was left out. */
static int64_t find_offset(struct shard *shard, struct archive_entry *entry)
{
    const int64_t at = archive_filter_bytes(shard->archive, 0), left = shard->length - at;
    if (archive_filter_count(shard->archive) != 1 || archive_entry_sparse_count(entry) ||
        shard->size == SIZE_MAX || at <= 0 || left <= 0)
        return 0;
    if (is_deflated(shard))
        return shard->encrypted ? 0 : -at;
    shard_begin(shard);
    const bool whole = !shard->block_at && shard->block.length && shard->size <= (uint64_t)left &&
                       shard->block.length <= shard->size;
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
    shard->encrypted = archive_entry_is_data_encrypted(entry);
    shard_forget(shard);
    out->member.offset = out->why ? 0 : find_offset(shard, entry);
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
            return shard_damaged(shard, err);
        shard->in_gap = gap;
        shard->count += !gap;
        *found = first_gap || (!gap && is_file(entry));
        if (*found)
            return gap ? describe_gap(out, shard, err) : describe(out, shard, entry, err);
    }
}
