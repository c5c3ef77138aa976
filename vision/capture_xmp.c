// SPDX-License-Identifier: Apache-2.0
/*
 * XMP is RDF in XML, whose properties stand as attributes or as elements:
 *
 *     <rdf:Description exif:DateTimeOriginal="2024-06-01T09:30:00">  <exif:DateTimeOriginal>2024-06-01T09:30:00</...
 *
 * Looked for by their names with the prefixes that the XMP Specification has and all known programs write, rather than
 * parsed: a few plain values are wanted of a text that may be cut short, and no entity or namespace of a stranger's file is
 * worth a parser's risks.
 */
#include "vision/capture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 128 };

static const char blanks[] = " \t\r\n";

/* Copies what stands before the sign `end`, with XML's own references resolved. */
static void copy_value(char out[VALUE], const char *from, char end)
{
    static const struct {
        const char *name, sign;
    } references[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    size_t length = 0;
    while (*from && *from != end && length + 1 < VALUE) {
        char sign = *from;
        size_t taken = 1;
        for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
            const size_t size = strlen(references[i].name);
            if (!strncmp(from, references[i].name, size)) {
                sign = references[i].sign;
                taken = size;
            }
        }
        out[length++] = sign;
        from += taken;
    }
    out[*from == end ? length : 0] = '\0';
}

/* The value of a property; "" where there is none. */
static void find(char out[VALUE], const char *text, const char *name)
{
    const size_t length = strlen(name);
    *out = '\0';
    for (const char *at = strstr(text, name); at && !*out; at = strstr(at + 1, name)) {
        const char *behind = at + length;
        if (at == text || !strchr("< \t\r\n", at[-1]))
            continue;
        if (at[-1] == '<' && *behind == '>') {
            copy_value(out, behind + 1, '<');
            continue;
        }
        behind += strspn(behind, blanks);
        if (*behind++ != '=')
            continue;
        behind += strspn(behind, blanks);
        if (*behind == '"' || *behind == '\'')
            copy_value(out, behind + 1, *behind);
    }
}

/* "48,51.5024N" or "48,51,30N", as degrees; NAN where it is neither. */
static double read_angle(const char *text, const char *refs /* "NS" */)
{
    char *end;
    double angle = strtod(text, &end);
    for (double part = 60; *end == ',' && part <= 3600; part *= 60)
        angle += strtod(end + 1, &end) / part;
    if (end == text || angle < 0 || (*end != refs[0] && *end != refs[1]))
        return NAN;
    return *end == refs[1] ? -angle : angle;
}

void capture_xmp(struct capture *out, const char *text)
{
    static const char *const dates[] = {
        "exif:DateTimeOriginal", "exif:DateTimeDigitized", "photoshop:DateCreated", "xmp:CreateDate"};
    static const char *const lenses[] = {"exifEX:LensModel", "aux:Lens"};
    char value[VALUE], other[VALUE];
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        find(value, text, dates[i]);
        capture_set_date(out, value);
    }
    find(value, text, "tiff:Make");
    find(other, text, "tiff:Model");
    capture_set_camera(out, value, other);
    for (size_t i = 0; i < sizeof lenses / sizeof *lenses; i++) {
        find(value, text, lenses[i]);
        capture_set_lens(out, value);
    }
    find(value, text, "exif:GPSLatitude");
    find(other, text, "exif:GPSLongitude");
    capture_set_place(out, read_angle(value, "NS"), read_angle(other, "EW"));
}
