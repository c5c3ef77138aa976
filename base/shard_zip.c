// SPDX-License-Identifier: Apache-2.0
/*
 * A member of a zip as it lies there (PKWARE's APPNOTE.TXT, 4.3), every number little-endian. libarchive tells where its bytes
 * are, and not what else is said of them:
 *
 *     header (30)   "PK\3\4" | version, flags, method, time, date (2 each) | CRC-32 (4) | sizes (4 each) | lengths of name, extra (2 each)
 *     name | extra | bytes | where the flags have bit 3: "PK\7\10", CRC-32 (4), sizes
 */
#include "base/shard_member.h"

#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { HEADER = 30, FLAGS = 6, CRC = 14, NAME = 26, EXTRA = 28, CRC_BEHIND = 8, NEAR = 2048 };

static uint32_t number(const uint8_t *bytes, int count)
{
    uint32_t value = 0;
    while (count--)
        value = value << 8 | bytes[count];
    return value;
}

/* The header that ends where these bytes do; NULL: there is none so near. */
static const uint8_t *header_of(const uint8_t *before, size_t size)
{
    for (size_t i = size - HEADER + 1; size >= HEADER && i-- > 0;) {
        const uint8_t *header = before + i;
        if (!memcmp(header, "PK\3\4", 4) &&
            i + HEADER + number(header + NAME, 2) + number(header + EXTRA, 2) == size)
            return header;
    }
    return NULL;
}

/* Whether the member says its checksum, and which. */
static bool find_crc(uint32_t *crc, int fd, int64_t at, int64_t end)
{
    uint8_t before[NEAR], behind[8];
    const size_t size = at < NEAR ? (size_t)at : NEAR;
    if (pread(fd, before, size, at - (int64_t)size) != (ssize_t)size)
        return false;
    const uint8_t *header = header_of(before, size);
    if (!header)
        return false;
    *crc = number(header + CRC, 4);
    if (!(header[FLAGS] & CRC_BEHIND))
        return true;
    const bool there =
        pread(fd, behind, sizeof behind, end) == sizeof behind && !memcmp(behind, "PK\7\10", 4);
    *crc = there ? number(behind + 4, 4) : 0;
    return there;
}

bool zip_says(struct span bytes, int fd, int64_t at, int64_t end)
{
    uint32_t crc;
    return !find_crc(&crc, fd, at, end) || crc == crc32_z(0, (const uint8_t *)bytes.data, bytes.length);
}
