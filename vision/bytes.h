// SPDX-License-Identifier: Apache-2.0
/* Numbers in the byte order that a file format fixes. Private to vision. */
#ifndef DIPTYCH_VISION_BYTES_H
#define DIPTYCH_VISION_BYTES_H

#include <stdint.h>

static inline uint32_t read_le16(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static inline uint32_t read_le32(const uint8_t *bytes)
{
    return read_le16(bytes) | read_le16(bytes + 2) << 16;
}

static inline uint32_t read_be16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static inline void put_be32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t read_be32(const uint8_t *bytes)
{
    return read_be16(bytes) << 16 | read_be16(bytes + 2);
}

#endif
