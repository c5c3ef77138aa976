// SPDX-License-Identifier: Apache-2.0
#include "base/shard.h"
#include "tests/fuzz/fuzz.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Whether the bytes inflate to what libarchive made of them. */
static bool inflates_to(const uint8_t *data, size_t size, struct span expected)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    char *out = malloc(expected.length + 1);
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)expected.length + 1;
    bool same = false;
    if (out && inflateInit2(&stream, -MAX_WBITS) == Z_OK) {
        same = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out == expected.length &&
               (!expected.length || !memcmp(out, expected.data, expected.length));
        inflateEnd(&stream);
    }
    free(out);
    return same;
}

/* What comes has the size that it says and a name that leads nowhere, and lies where it says, as it is or deflated. */
static void check_entry(
    struct shard *shard, const struct shard_entry *entry, const uint8_t *data, size_t size)
{
    enum { LIMIT = 1 << 20 };
    const struct member *member = &entry->member;
    struct err err = {0};
    struct span bytes = {0};
    FUZZ_CHECK(entry->name || entry->why);
    if (!entry->name)
        return;
    FUZZ_CHECK(entry->why || (*entry->name && strlen(entry->name) < PATH_MAX));
    if (entry->why)
        return;
    FUZZ_CHECK(*entry->name != '/' && strncmp(entry->name, "../", 3) && !strstr(entry->name, "/../"));
    struct span head = {0};
    const bool headed = !shard_head(&head, shard, 1 + size % 5000, NULL);
    const int rc = shard_bytes(&bytes, shard, LIMIT, &err);
    FUZZ_CHECK(rc ? err.code && *err.msg : bytes.length <= LIMIT);
    FUZZ_CHECK(rc || (headed && head.length <= bytes.length));
    if (!rc && member->offset < 0) {
        const size_t at = (size_t)-member->offset;
        FUZZ_CHECK(at < size && inflates_to(data + at, size - at, bytes));
        return;
    }
    if (rc || !member->offset)
        return;
    FUZZ_CHECK(member->offset > 0 && (size_t)member->offset < size && (size_t)member->size == bytes.length);
    FUZZ_CHECK(bytes.length <= size - (size_t)member->offset);
    FUZZ_CHECK(!memcmp(bytes.data, data + member->offset, bytes.length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ENTRIES = 100 };
    struct err err = {0};
    struct shard *shard = NULL;
    struct shard_entry entry;
    bool found = true;
    int rc = shard_open_bytes(&shard, data, size, "fuzz.tar", &err);
    for (size_t i = 0; i < ENTRIES && !rc && found; i++) {
        rc = shard_next(&found, &entry, shard, &err);
        if (!rc && found)
            check_entry(shard, &entry, data, size);
    }
    FUZZ_CHECK(!rc || (err.code == (enum err_code)rc && *err.msg));
    shard_close(shard);
    return 0;
}
