// SPDX-License-Identifier: Apache-2.0
#include "tests/vision/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

struct picture synthetic(int width, int height)
{
    struct picture picture = {.width = width, .height = height};
    uint8_t *at = picture.pixels = mem_new((size_t)width * (size_t)height, 3);
    assert_non_null(at);
    for (uint32_t y = 0; y < (uint32_t)height; y++)
        for (uint32_t x = 0; x < (uint32_t)width; x++)
            for (uint32_t c = 0; c < 3; c++)
                *at++ = (uint8_t)(x * 7 + y * 13 + c * 85 + (x * y >> 3) + ((x >> 2 ^ y >> 1) & 1) * 96);
    return picture;
}

size_t golden_lines(const char *name, void (*each)(char *line))
{
    char path[512];
    char *bytes;
    size_t size, count = 0;
    struct err err = {0};

    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (file_read(&bytes, &size, path, 1 << 20, &err))
        fail_msg("%s", err.msg);
    char *rest = bytes;
    for (char *line; (line = strtok_r(rest, "\n", &rest));) {
        if (line[0] == '#')
            continue;
        each(line);
        count++;
    }
    free(bytes);
    return count;
}

uint32_t checksum(const uint8_t *bytes, size_t size)
{
    return (uint32_t)crc32_z(0, bytes, size);
}

bool same_checksum(const char *what, uint32_t expected, const uint8_t *bytes, size_t size)
{
    const uint32_t got = checksum(bytes, size);
    if (got == expected)
        return true;
    fprintf(stderr, "%s: CRC-32 %08x, expected %08x; bytes begin", what, got, expected);
    for (size_t i = 0; i < size && i < 24; i++)
        fprintf(stderr, " %d", bytes[i]);
    fprintf(stderr, "\n");
    return false;
}
