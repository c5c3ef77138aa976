// SPDX-License-Identifier: Apache-2.0
/*
 * A TIFF header (byte order, 42 or what makers of cameras put there, place of the first directory), then in a
 * directory a count and entries of 12 bytes: tag (2), type (2), count (4), and the value, or where it stands (4).
 * Exif 2.32 (CIPA DC-008) names the tags.
 */
#include "vision/capture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum tag {
    MAKE = 0x010f,
    MODEL = 0x0110,
    EXIF = 0x8769, /* where that directory is */
    GPS = 0x8825,
    DATE_ORIGINAL = 0x9003,
    DATE_DIGITIZED = 0x9004,
    OFFSET_ORIGINAL = 0x9011,
    OFFSET_DIGITIZED = 0x9012,
    SUBSEC_ORIGINAL = 0x9291,
    SUBSEC_DIGITIZED = 0x9292,
    LENS_MODEL = 0xa434,
    LATITUDE_REF = 1,
    LATITUDE,
    LONGITUDE_REF,
    LONGITUDE,
};

enum { TYPE_ASCII = 2, TYPE_RATIONAL = 5, TYPE_UTF8 = 129, ENTRY = 12, TEXT = 128 };

/* A directory: of a block, and where in it; at 0: none. */
struct directory {
    struct capture_file *file;
    struct extent block;
    bool little;
    uint64_t at;
};

static struct cursor cursor_at(const struct directory *directory, uint64_t at)
{
    const struct extent block = directory->block;
    return (struct cursor){.file = directory->file,
        .at = block.at + at,
        .end = block.at + block.length,
        .little = directory->little,
        .bad = at > block.length};
}

/* The first directory of a block. */
static struct directory open_block(struct capture_file *file, struct extent block)
{
    static const char name[6] =
        "Exif\0"; /* JPEG's mark, which some programs leave before the block elsewhere too */
    struct directory out = {.file = file, .block = block};
    const uint8_t *head = block.length >= 14 ? capture_bytes(file, block.at, 8) : NULL;
    if (head && !memcmp(head, name, sizeof name)) {
        out.block = (struct extent){block.at + sizeof name, block.length - sizeof name};
        head = capture_bytes(file, out.block.at, 8);
    }
    if (!head || (memcmp(head, "II", 2) && memcmp(head, "MM", 2)))
        return out;
    out.little = *head == 'I';
    struct cursor cursor = cursor_at(&out, 4);
    out.at = cursor_take(&cursor, 4);
    return out;
}

/* Where the entry of a tag stands; 0: there is none. */
static uint64_t find(const struct directory *directory, enum tag tag)
{
    struct cursor cursor = cursor_at(directory, directory->at);
    const uint64_t count = directory->at ? cursor_take(&cursor, 2) : 0;
    for (uint64_t i = 0; i < count && !cursor.bad; i++) {
        const uint64_t entry = directory->at + 2 + i * ENTRY;
        cursor = cursor_at(directory, entry);
        if (cursor_take(&cursor, 2) == tag && !cursor.bad)
            return entry;
    }
    return 0;
}

/* The directory that a tag of this one points to. */
static struct directory below(const struct directory *directory, enum tag tag)
{
    struct directory out = *directory;
    const uint64_t entry = find(directory, tag);
    struct cursor cursor = cursor_at(directory, entry + 8);
    out.at = entry ? cursor_take(&cursor, 4) : 0;
    return out;
}

/* Where the value of a tag stands, if it is of this type, of `size` bytes each, and there are so many; 0: it is not. */
static uint64_t find_value(
    uint64_t *count, const struct directory *directory, enum tag tag, uint64_t type, uint64_t size)
{
    const uint64_t entry = find(directory, tag);
    struct cursor cursor = cursor_at(directory, entry + 2);
    if (!entry || cursor_take(&cursor, 2) != type)
        return 0;
    *count = cursor_take(&cursor, 4);
    return *count * size <= 4 ? entry + 8 : cursor_take(&cursor, 4);
}

/* "" where there is none. */
static void read_text(char out[TEXT], const struct directory *directory, enum tag tag)
{
    uint64_t count = 0, at = find_value(&count, directory, tag, TYPE_ASCII, 1);
    size_t length = 0;
    if (!at)
        at = find_value(&count, directory, tag, TYPE_UTF8, 1);
    struct cursor cursor = cursor_at(directory, at);
    while (at && length < count && length + 1 < TEXT) {
        out[length] = (char)cursor_take(&cursor, 1);
        if (cursor.bad || !out[length])
            break;
        length++;
    }
    out[length] = '\0';
}

/* ---- dates --------------------------------------------------------------------------------------------- */

static void read_date(
    struct capture *out, const struct directory *directory, enum tag date, enum tag subsec, enum tag offset)
{
    char text[TEXT], fraction[TEXT], zone[TEXT], all[3 * TEXT + 2];
    read_text(text, directory, date);
    read_text(fraction, directory, subsec);
    read_text(zone, directory, offset);
    fraction[strspn(fraction, "0123456789")] = '\0';
    snprintf(all, sizeof all, "%.19s%s%s%s", text, *fraction ? "." : "", fraction, zone);
    if (strlen(text) < strlen("2024:06:01 09:30:00"))
        return;
    capture_set_date(out, all);
    text[19] = '\0';
    capture_set_date(out, text); /* without a zone that is none */
}

static void read_dates(struct capture *out, const struct directory *directory)
{
    read_date(out, directory, DATE_ORIGINAL, SUBSEC_ORIGINAL, OFFSET_ORIGINAL);
    read_date(out, directory, DATE_DIGITIZED, SUBSEC_DIGITIZED, OFFSET_DIGITIZED);
}

/* ---- places -------------------------------------------------------------------------------------------- */

static double take_rational(struct cursor *cursor)
{
    const double numerator = (double)cursor_take(cursor, 4), denominator = (double)cursor_take(cursor, 4);
    return numerator / denominator; /* 0 / 0 is no number */
}

/* Degrees, minutes, seconds; NAN where that is unknown. What stands for no seconds in some files is 0 / 0. */
static double read_angle(
    const struct directory *directory, enum tag tag, enum tag ref_tag, const char *refs /* "NS" */)
{
    char ref[TEXT];
    uint64_t count = 0;
    const uint64_t at = find_value(&count, directory, tag, TYPE_RATIONAL, 8);
    struct cursor cursor = cursor_at(directory, at);
    read_text(ref, directory, ref_tag);
    if (!at || count < 3 || (*ref != refs[0] && *ref != refs[1]))
        return NAN;
    const double degrees = take_rational(&cursor), minutes = take_rational(&cursor);
    const double seconds = take_rational(&cursor);
    const double angle = degrees + minutes / 60 + (isnan(seconds) ? 0 : seconds) / 3600;
    return cursor.bad ? NAN : *ref == refs[1] ? -angle : angle;
}

void capture_exif(struct capture *out, struct capture_file *file, const struct capture_blocks *blocks)
{
    char make[TEXT], model[TEXT], lens[TEXT];
    const struct directory main = open_block(file, blocks->main);
    const struct directory exif = blocks->exif.length ? open_block(file, blocks->exif) : below(&main, EXIF);
    const struct directory gps = blocks->gps.length ? open_block(file, blocks->gps) : below(&main, GPS);
    read_text(make, &main, MAKE);
    read_text(model, &main, MODEL);
    read_text(lens, &exif, LENS_MODEL);
    read_dates(out, &exif);
    read_dates(out, &main); /* of TIFF/EP, as in Nikon's NEF */
    capture_set_camera(out, make, model);
    capture_set_lens(out, lens);
    capture_set_place(out, read_angle(&gps, LATITUDE, LATITUDE_REF, "NS"),
        read_angle(&gps, LONGITUDE, LONGITUDE_REF, "EW"));
}
