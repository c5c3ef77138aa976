// SPDX-License-Identifier: Apache-2.0
#include "base/shard_archive.h"

#include <string.h>

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

void shard_begin(struct shard *shard)
{
    if (!shard->begun)
        read_block(shard);
    shard->begun = true;
}

void shard_forget(struct shard *shard)
{
    shard->begun = false;
    shard->block = (struct span){0};
    shard->block_at = 0;
    shard->used = 0;
}

/* Whether the block is all of the entry, or so many bytes of it, and none came before. */
static bool holds(const struct shard *shard, size_t bytes)
{
    return !shard->used && !shard->block_at && shard->block.length &&
           (shard->block.length >= bytes || shard->block.length == shard->size);
}

static int too_large(size_t limit, struct err *err)
{
    return err_set(err, ERR_LIMIT, "larger than %zu bytes", limit);
}

/* Adds the block; what lies between it and the one before is a hole of a sparse file. */
static int add_block(struct shard *shard, size_t limit, struct err *err)
{
    if (shard->block_at < 0 || (uint64_t)shard->block_at > limit ||
        shard->block.length > limit - (size_t)shard->block_at)
        return too_large(limit, err);
    const size_t at = (size_t)shard->block_at, end = at + shard->block.length;
    if (at < shard->used)
        return err_set(err, ERR_FORMAT, "its parts are out of order");
    const int rc = array_grow(shard->bytes, &shard->room, end + 1, err);
    if (rc)
        return rc;
    memset(shard->bytes + shard->used, 0, at - shard->used);
    if (shard->block.length)
        memcpy(shard->bytes + at, shard->block.data, shard->block.length);
    shard->used = end;
    read_block(shard);
    return 0;
}

/* Of wrong checksums and sizes libarchive has warned; from 3.7 on it fails, as it does of what it cannot read, but without a number of an
 * error, which it has of all of these but encryption. */
static int read_failure(const struct shard *shard, struct err *err)
{
    const char *why = archive_error_string(shard->archive);
    const bool numbered = archive_errno(shard->archive) > 0;
    const bool unknown = shard->status == ARCHIVE_FAILED && (numbered || shard->encrypted);
    return err_set(err, unknown ? ERR_UNSUPPORTED : ERR_FORMAT, "%s", why ? why : "damaged in its archive");
}

/* Until there are so many bytes, or all. */
static int gather(struct shard *shard, size_t bytes, size_t limit, struct err *err)
{
    int rc = 0;
    while (!rc && shard->used < bytes && shard->status == ARCHIVE_OK) /* it warns of wrong checksums */
        rc = add_block(shard, limit, err);
    if (!rc && shard->used < bytes && shard->status != ARCHIVE_EOF)
        rc = read_failure(shard, err);
    return rc;
}

int shard_head(struct span *out, struct shard *shard, size_t bytes, struct err *err)
{
    enum { LARGEST_BLOCK = 1 << 24 };
    shard_begin(shard);
    const bool at_hand = holds(shard, bytes);
    const int rc = at_hand ? 0 : gather(shard, bytes, bytes + LARGEST_BLOCK, err);
    *out = at_hand ? shard->block : (struct span){shard->bytes, rc ? 0 : shard->used};
    if (out->length > bytes)
        out->length = bytes;
    return rc;
}

int shard_bytes(struct span *out, struct shard *shard, size_t limit, struct err *err)
{
    if ((shard->size != SIZE_MAX && shard->size > limit) || shard->used > limit)
        return too_large(limit, err);
    shard_begin(shard);
    if (holds(shard, SIZE_MAX) && !shard_is_zip(shard)) { /* whose checksum comes behind its last block */
        *out = shard->block;
        return 0;
    }
    const int rc = gather(shard, SIZE_MAX, limit, err);
    if (rc)
        return rc;
    if (shard->size != SIZE_MAX && shard->used != shard->size)
        return err_set(err, ERR_FORMAT, "%zu bytes, where %zu were to come", shard->used, shard->size);
    *out = (struct span){shard->bytes, shard->used};
    return 0;
}
