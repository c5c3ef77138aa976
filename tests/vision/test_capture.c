// SPDX-License-Identifier: Apache-2.0
/* When, where and with what a picture was taken, against Pillow's reading, in files beside it, and of damaged ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vision/capture.h"

#include <sys/stat.h>
#include <unistd.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/capture"

static struct err err;

/* "taken TAB camera TAB lens TAB lat TAB lon" */
static const char *text_of(const struct capture *capture)
{
    static char text[512];
    snprintf(text, sizeof text, "%s\t%s\t%s\t%.7f\t%.7f", capture->taken, capture->camera, capture->lens,
        capture->lat, capture->lon);
    return text;
}

static void expect(const char *path, const char *wanted)
{
    struct capture capture;
    if (picture_capture(&capture, picture_file(path), &err))
        fail_msg("%s", err.msg);
    if (strcmp(text_of(&capture), wanted))
        fail_msg("%s: '%s', not '%s'", path, text_of(&capture), wanted);
}

static void what_pillow_reads_is_read(void **state)
{
    (void)state;
    struct strings lines = {0};
    assert_int_equal(lines_read(&lines, GOLDEN "/values.tsv", 1 << 20, &err), 0);
    assert_true(lines.count > 20);
    for (size_t i = 0; i < lines.count; i++) {
        char path[4096], *values = strchr(lines.items[i], '\t');
        *values++ = '\0';
        snprintf(path, sizeof path, GOLDEN "/%s", lines.items[i]);
        expect(path, values);

        char *bytes; /* the same of bytes in memory */
        size_t size;
        struct capture capture;
        assert_int_equal(file_read(&bytes, &size, path, 1 << 20, &err), 0);
        assert_int_equal(picture_capture(&capture, picture_bytes("bytes", (uint8_t *)bytes, size), &err), 0);
        assert_string_equal(text_of(&capture), values);
        free(bytes);
    }
    strings_release(&lines);
}

/* Seeds of the fuzzer: items in the box of the item list, a box that goes to the end, chunks of odd length. */
static void rare_layouts_are_read(void **state)
{
    (void)state;
    expect(DIPTYCH_ROOT "/tests/fuzz/corpus/capture/heif-in-idat", "1999\tabc\t\t0.0000000\t0.0000000");
    expect(
        DIPTYCH_ROOT "/tests/fuzz/corpus/capture/boxes-of-size-0-and-1", "1999\tabc\t\t0.0000000\t0.0000000");
    expect(DIPTYCH_ROOT "/tests/fuzz/corpus/capture/riff-odd", "\tabc\t\t0.0000000\t0.0000000");
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct capture capture;
    assert_int_equal(picture_capture(&capture, picture_file(GOLDEN "/no.jpg"), &err), ERR_IO);
    assert_non_null(strstr(err.msg, "/no.jpg': No such file"));
    assert_int_equal(picture_capture(&capture, picture_file(GOLDEN), &err), ERR_IO);
}

/* ---- dates --------------------------------------------------------------------------------------------- */

static void dates_are_read_in_every_form(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"2024:06:01 09:30:15", "2024-06-01 09:30:15"},
        {"2024-06-01T09:30:15.1200+0200", "2024-06-01 09:30:15.12+02:00"},
        {" 2024-06-01T09:30:15.000Z\n", "2024-06-01 09:30:15+00:00"},
        {"2024-06-01T09:30-05:00", "2024-06-01 09:30:00-05:00"},
        {"2024-06-01T09:30:15.123456789", "2024-06-01 09:30:15.123456"},
        {"2024-06-01", "2024-06-01"},
        {"1985-07", "1985-07"},
        {"1985", "1985"},
        {"2024-02-29", "2024-02-29"},
        {"2023-02-29", ""},
        {"1900-02-29", ""},
        {"2024-13-01", ""},
        {"2024-00-01", ""},
        {"2024-06-00", ""},
        {"0000:00:00 00:00:00", ""},
        {"2024:06:01 24:00:00", ""},
        {"2024:06:01 09:61:00", ""},
        {"2024:06:01 09", ""},
        {"2024:06:01 09:30:15+99:00", ""},
        {"2024:06:01 09:30:15 later", ""},
        {"20240601", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct capture capture = {0};
        capture_set_date(&capture, cases[i][0]);
        if (strcmp(capture.taken, cases[i][1]))
            fail_msg("'%s': '%s', not '%s'", cases[i][0], capture.taken, cases[i][1]);
    }
}

/* ---- files beside it ----------------------------------------------------------------------------------- */

static void write_beside(const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", DIPTYCH_SCRATCH, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* The picture without anything in it, by this name, says this; then what lies beside it goes. */
static void expect_beside(const char *name, const char *beside, const char *text, const char *wanted)
{
    char path[4096], other[4096];
    snprintf(path, sizeof path, "%s/%s", DIPTYCH_SCRATCH, name);
    snprintf(other, sizeof other, "%s/%s", DIPTYCH_SCRATCH, beside);
    assert_int_equal(file_copy(path, GOLDEN "/none.jpg", &err), 0);
    write_beside(beside, text);
    expect(path, wanted);
    unlink(path);
    unlink(other);
}

static void what_lies_beside_counts(void **state)
{
    (void)state;
    static const char xmp[] = "<rdf:Description exif:DateTimeOriginal='2001-02-03' exif:GPSLatitude='1,30N' "
                              "exif:GPSLongitude='2,0W'/>",
                      xmp_values[] = "2001-02-03\t\t\t1.5000000\t-2.0000000";
    static const char json[] = "{\"photoTakenTime\": {\"timestamp\": \"1500000000\", \"formatted\": \"x\"},"
                               " \"geoData\": {\"latitude\": -33.5, \"longitude\": 151.25, \"altitude\": 0}}",
                      json_values[] = "2017-07-14 02:40:00+00:00\t\t\t-33.5000000\t151.2500000";
    static const char nothing[] = "\t\t\t0.0000000\t0.0000000";
    expect_beside("a.jpg", "a.xmp", xmp, xmp_values);
    expect_beside("a.jpg", "a.jpg.xmp", xmp, xmp_values);
    expect_beside("a.jpg", "b.xmp", xmp, nothing);
    expect_beside("a.jpg", "a.jpg.json", json, json_values);
    expect_beside("a.jpg", "a.jpg.supplemental-metadata.json", json, json_values);
    expect_beside("a(12).jpg", "a.jpg.supplemental-metadata(12).json", json, json_values);
    expect_beside("a(1).jpg", "a.jpg(1).json", json, json_values);
    expect_beside("()(x).jpg", "()(x).jpg.json", json, json_values);
    expect_beside("Screenshot_2016-07-09-18-01-30.png", "Screenshot_2016-07-09-18-01-30.png.supplementa.json",
        json, json_values);
    expect_beside("D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg",
        "D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg.supp.json", json, json_values);
    expect_beside("a.jpg", "a.jpg.json", "{\"photoTakenTime\": 7, \"geoData\": []}", nothing);
    expect_beside("a.jpg", "a.jpg.json", "no JSON", nothing);
    expect_beside("a.jpg", "a.xmp", "<exif:DateTimeOriginal>2001-02-03", nothing);
}

/* ---- damage -------------------------------------------------------------------------------------------- */

/* Cut anywhere, with any byte changed: it comes to an end, and what it says is whole. */
static void damage_is_no_error(void **state)
{
    (void)state;
    static const char *const names[] = {"full.jpg", "full.heic", "canon.cr3", "full.tif", "full.webp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096], *bytes;
        size_t size;
        struct capture capture;
        snprintf(path, sizeof path, GOLDEN "/%s", names[i]);
        assert_int_equal(file_read(&bytes, &size, path, 1 << 20, &err), 0);
        for (size_t cut = 0; cut < size; cut++) {
            const uint8_t before = (uint8_t)bytes[cut];
            assert_int_equal(picture_capture(&capture, picture_bytes("cut", (uint8_t *)bytes, cut), &err), 0);
            bytes[cut] = (char)(before ^ (cut % 2 ? 0xff : 1 << cut % 8));
            assert_int_equal(
                picture_capture(&capture, picture_bytes("changed", (uint8_t *)bytes, size), &err), 0);
            assert_true(fabs(capture.lat) <= 90 && fabs(capture.lon) <= 180);
            bytes[cut] = (char)before;
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_pillow_reads_is_read),
        cmocka_unit_test(rare_layouts_are_read),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
        cmocka_unit_test(dates_are_read_in_every_form),
        cmocka_unit_test(what_lies_beside_counts),
        cmocka_unit_test(damage_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
