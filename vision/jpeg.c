// SPDX-License-Identifier: Apache-2.0
/*
 * JPEG containers: 0xff 0xd8, then segments up to 0xff 0xd9. A segment is 0xff, a marker, a big-endian length
 * of two bytes that counts itself, and data; coded pixels follow the segment of a scan, in which 0xff is
 * always followed by 0 or by a restart marker.
 */
#include "vision/bytes.h"
#include "vision/format.h"

#include <string.h>

enum marker {
    HUFFMAN = 0xc4,
    RESTART_FIRST = 0xd0,
    RESTART_LAST = 0xd7,
    END = 0xd9,
    SCAN = 0xda,
    APP1 = 0xe1
};
enum { START = 2 /* the first segment */, PREFIX = 0xff };

struct segment {
    uint8_t marker;
    struct span data;
};

/* Moves over coded pixels to the next marker, or to the end of the file. */
static size_t skip_pixels(struct span file, size_t at)
{
    for (const uint8_t *found; at < file.size; at += 2) {
        found = memchr(file.data + at, PREFIX, file.size - at);
        if (!found || found + 1 == file.data + file.size)
            return file.size;
        at = (size_t)(found - file.data);
        while (at + 2 < file.size && file.data[at + 1] == PREFIX) /* fill bytes */
            ++at;
        const uint8_t next = file.data[at + 1];
        if (next != 0 && (next < RESTART_FIRST || next > RESTART_LAST))
            return at;
    }
    return file.size;
}

/* Reads the segment at *at and moves behind it and the pixels that belong to it. */
static int read_segment(struct segment *segment, struct span file, size_t *at, struct err *err)
{
    while (file.size - *at > 2 && file.data[*at] == PREFIX && file.data[*at + 1] == PREFIX) /* fill bytes */
        ++*at;
    const uint8_t *bytes = file.data + *at;
    const size_t left = file.size - *at;

    if (left < 2)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.size);
    if (bytes[0] != PREFIX)
        return err_set(err, ERR_FORMAT, "there is no segment at byte %zu where one should be", *at);
    *segment = (struct segment){.marker = bytes[1]};
    if (segment->marker == END)
        return 0;
    if (left < 4)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.size);
    const size_t length = read_be16(bytes + 2);
    if (length < 2 || length > left - 2)
        return err_set(err, ERR_FORMAT, "segment 0x%02x at byte %zu says it has %zu bytes", segment->marker,
            *at, length);
    segment->data = (struct span){bytes + 4, length - 2};
    *at += 2 + length;
    if (segment->marker == SCAN)
        *at = skip_pixels(file, *at);
    return 0;
}

/* Huffman tables: a class and id, 16 counts, as many symbols as they sum to. stb_image 2.27 has room for 256
 * symbols and does not count them. */
static bool huffman_fits(struct span tables)
{
    enum { COUNTS = 16, HEADER = 1 + COUNTS, SYMBOLS = 256 };

    while (tables.size >= HEADER) {
        size_t symbols = 0;
        for (int i = 1; i <= COUNTS; ++i)
            symbols += tables.data[i];
        if (symbols > SYMBOLS || symbols > tables.size - HEADER)
            return false;
        tables.data += HEADER + symbols;
        tables.size -= HEADER + symbols;
    }
    return !tables.size;
}

int jpeg_check(struct span file, struct err *err)
{
    struct segment segment = {0};

    for (size_t at = START; segment.marker != END;) {
        const size_t start = at;
        int rc = read_segment(&segment, file, &at, err);
        if (rc)
            return rc;
        if (segment.marker == HUFFMAN && !huffman_fits(segment.data))
            return err_set(err, ERR_FORMAT, "the Huffman tables at byte %zu do not fit", start);
    }
    return 0;
}

struct span jpeg_exif(struct span file)
{
    static const char name[6] = "Exif\0";
    struct segment segment = {0};
    size_t at = START;

    while (!read_segment(&segment, file, &at, NULL) && segment.marker != SCAN && segment.marker != END) {
        const struct span data = segment.data;
        if (segment.marker == APP1 && data.size >= sizeof name && !memcmp(data.data, name, sizeof name))
            return (struct span){data.data + sizeof name, data.size - sizeof name};
    }
    return (struct span){0};
}
