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
    FRAME = 0xc0,
    FRAME_EXTENDED = 0xc1,
    FRAME_PROGRESSIVE = 0xc2,
    HUFFMAN = 0xc4,
    ARITHMETIC = 0xcc,
    FRAME_LAST = 0xcf,
    RESTART_FIRST = 0xd0,
    RESTART_LAST = 0xd7,
    END = 0xd9,
    SCAN = 0xda,
    QUANTISATION = 0xdb,
    APP1 = 0xe1,
    APP2 = 0xe2,
};
enum { START = 2 /* the first segment */, PREFIX = 0xff };

struct segment {
    uint8_t marker;
    struct span data;
};

/* Moves over coded pixels to the next marker, or to the end of the file. */
static size_t skip_pixels(struct span file, size_t at)
{
    const uint8_t *bytes = span_bytes(file);
    for (const uint8_t *found; at < file.length; at += 2) {
        found = memchr(bytes + at, PREFIX, file.length - at);
        if (!found || found + 1 == bytes + file.length)
            return file.length;
        at = (size_t)(found - bytes);
        while (at + 2 < file.length && bytes[at + 1] == PREFIX) /* fill bytes */
            at++;
        const uint8_t next = bytes[at + 1];
        if (next != 0 && (next < RESTART_FIRST || next > RESTART_LAST))
            return at;
    }
    return file.length;
}

/* Where the next marker begins, at `at` or behind it: bytes before it that mean nothing are passed over as libjpeg does it,
 * fill bytes and zeros behind one among them. Cameras and sites have left such bytes between segments for years. */
static size_t find_marker(struct span file, size_t at)
{
    const uint8_t *bytes = span_bytes(file);
    while (at + 1 < file.length && (bytes[at] != PREFIX || bytes[at + 1] == PREFIX || bytes[at + 1] == 0))
        at++;
    return at;
}

/* Reads the segment at *at and moves behind it and the pixels that belong to it. */
static int read_segment(struct segment *segment, struct span file, size_t *at, struct err *err)
{
    *at = find_marker(file, *at);
    const uint8_t *bytes = span_bytes(file) + *at;
    const size_t left = file.length - *at;

    if (left < 2)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    *segment = (struct segment){.marker = bytes[1]};
    if (segment->marker == END)
        return 0;
    if (left < 4)
        return err_set(err, ERR_FORMAT, "the file ends early, at byte %zu", file.length);
    const size_t length = read_be16(bytes + 2);
    if (length < 2 || length > left - 2)
        return err_set(err, ERR_FORMAT, "segment 0x%02x at byte %zu says it has %zu bytes", segment->marker,
            *at, length);
    segment->data = (struct span){(const char *)bytes + 4, length - 2};
    *at += 2 + length;
    if (segment->marker == SCAN)
        *at = skip_pixels(file, *at);
    return 0;
}

/* What the segments so far define. */
struct tables {
    unsigned quantisation, huffman; /* a bit for every id; Huffman tables for AC stand 4 above those for DC */
    bool progressive;
    int components;
    uint8_t id[4], quantisation_of[4]; // (components)
};

/* Tables of 64 values, of two bytes where the first byte's high half is set; its low half is the id. */
static void note_quantisation(struct tables *tables, struct span data)
{
    for (size_t used; data.length; data = span_from(data, used)) {
        const uint8_t first = span_bytes(data)[0];
        used = 1 + (first >> 4 ? 128 : 64);
        if (used > data.length)
            return;
        tables->quantisation |= 1u << (first & 15);
    }
}

/* Tables of a class and an id, 16 counts, and as many symbols as they sum to. stb_image 2.27 has room for 256
 * symbols and does not count them: false where they are more. */
static bool note_huffman(struct tables *tables, struct span data)
{
    enum { COUNTS = 16, HEADER = 1 + COUNTS, SYMBOLS = 256 };

    while (data.length >= HEADER) {
        const uint8_t *bytes = span_bytes(data);
        size_t symbols = 0;
        for (int i = 1; i <= COUNTS; i++)
            symbols += bytes[i];
        if (symbols > SYMBOLS || symbols > data.length - HEADER)
            return false;
        tables->huffman |= 1u << ((bytes[0] >> 4 & 1) * 4 + (bytes[0] & 3));
        data = span_from(data, HEADER + symbols);
    }
    return !data.length;
}

/* Precision, height (2), width (2), number of components, then of each: id, sampling, quantisation table. */
static void note_frame(struct tables *tables, uint8_t marker, struct span data)
{
    tables->progressive = marker == FRAME_PROGRESSIVE;
    for (size_t at = 6; data.length >= at + 3 && tables->components < 4; at += 3) {
        tables->id[tables->components] = span_bytes(data)[at];
        tables->quantisation_of[tables->components++] = span_bytes(data)[at + 2] & 15;
    }
}

/* Number of components, of each: id, Huffman tables for DC and AC in a byte; then the first and last
 * coefficient and the bits of a progressive scan. stb_image takes zeros for a table that is not there: a grey
 * picture. */
static const char *missing_table(const struct tables *tables, struct span scan)
{
    const size_t count = scan.length ? span_bytes(scan)[0] : 0;
    if (scan.length < 1 + 2 * count + 3)
        return NULL; /* the decoder says what is wrong with it */
    const uint8_t *last = span_bytes(scan) + 1 + 2 * count;
    const bool needs_ac = !tables->progressive || last[0] > 0;
    const bool needs_dc = !tables->progressive || (last[0] == 0 && last[2] >> 4 == 0);

    for (const uint8_t *component = span_bytes(scan) + 1; component < last; component += 2) {
        const unsigned dc = component[1] >> 4 & 3, ac = 4 + (component[1] & 3);
        if ((needs_dc && !(tables->huffman >> dc & 1)) || (needs_ac && !(tables->huffman >> ac & 1)))
            return "Huffman";
        for (int i = 0; i < tables->components; i++)
            if (tables->id[i] == component[0] && !(tables->quantisation >> tables->quantisation_of[i] & 1))
                return "quantisation";
    }
    return NULL;
}

/* Lossless, hierarchical and arithmetic coding. */
static bool is_rare_frame(uint8_t marker)
{
    return marker > FRAME_PROGRESSIVE && marker <= FRAME_LAST && marker != HUFFMAN && marker != ARITHMETIC;
}

int jpeg_check(struct span file, struct err *err)
{
    int scans = 0;
    struct tables tables = {0};
    struct segment segment = {0};
    const char *missing = NULL;
    bool fits = true;

    for (size_t at = START, next = START; segment.marker != END; at = next) {
        int rc = read_segment(&segment, file, &next, err);
        if (rc)
            return rc;
        switch (segment.marker) {
        case QUANTISATION:
            note_quantisation(&tables, segment.data);
            break;
        case HUFFMAN:
            fits = note_huffman(&tables, segment.data);
            break;
        case FRAME:
        case FRAME_EXTENDED:
        case FRAME_PROGRESSIVE:
            note_frame(&tables, segment.marker, segment.data);
            break;
        case SCAN:
            scans++;
            missing = missing_table(&tables, segment.data);
        }
        if (is_rare_frame(segment.marker))
            return err_set(err, ERR_UNSUPPORTED, "this kind is not read: lossless or arithmetically coded");
        if (scans > JPEG_SCANS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d scans", JPEG_SCANS_MAX);
        if (!fits)
            return err_set(err, ERR_FORMAT, "the Huffman tables at byte %zu do not fit", at);
        if (missing)
            return err_set(err, ERR_FORMAT, "the scan at byte %zu lacks a %s table", at, missing);
    }
    return 0;
}

struct edges jpeg_edges(struct span file)
{
    struct segment segment = {0};
    size_t at = START;

    while (!read_segment(&segment, file, &at, NULL) && segment.marker != SCAN && segment.marker != END) {
        const uint8_t *bytes = span_bytes(segment.data);
        const bool frame = segment.marker >= FRAME && segment.marker <= FRAME_LAST &&
                           segment.marker != HUFFMAN && segment.marker != ARITHMETIC;
        if (frame && segment.data.length >= 5)
            return (struct edges){read_be16(bytes + 3), read_be16(bytes + 1)};
    }
    return (struct edges){0};
}

/* What follows such a name in a segment for applications: in the first, or in the last. */
static struct span find_application(
    struct span file, enum marker marker, const char *name, size_t length, bool last)
{
    struct segment segment = {0};
    struct span found = {0};
    size_t at = START;

    while (!read_segment(&segment, file, &at, NULL) && segment.marker != SCAN && segment.marker != END) {
        const struct span data = segment.data;
        if (segment.marker != marker || data.length < length || memcmp(data.data, name, length))
            continue;
        found = span_from(data, length);
        if (!last)
            break;
    }
    return found;
}

struct span jpeg_exif(struct span file)
{
    static const char name[6] = "Exif\0";
    return find_application(file, APP1, name, sizeof name, false);
}

struct span jpeg_xmp(struct span file)
{
    static const char name[] = "http://ns.adobe.com/xap/1.0/"; /* with its zero */
    return find_application(file, APP1, name, sizeof name, true);
}

struct span jpeg_index(struct span file)
{
    static const char name[] = "MPF"; /* with its zero */
    return find_application(file, APP2, name, sizeof name, false);
}
