// SPDX-License-Identifier: Apache-2.0
/* Formats that diptych-decode reads, QOI, MPO, ICO and TGA, and orientation in XMP, against the pixels of Pillow and its plugins: tests/golden/decoders.py. */
#include "tests/vision/golden.h"
#include "vision/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DECODERS "../decoders/"

struct file {
    char *bytes;
    size_t size;
};

static struct file load(const char *name)
{
    struct file file;
    char path[512];
    struct err err = {0};
    snprintf(path, sizeof path, GOLDEN DECODERS "%s", name);
    if (file_read(&file.bytes, &file.size, path, 1 << 20, &err))
        fail_msg("%s", err.msg);
    return file;
}

/* Whether this build reads files that begin so; .ci/run asks for a build that reads all. */
static bool is_read(struct file file)
{
    const struct format *format = format_find((struct span){file.bytes, file.size});
    assert_non_null(format);
#ifndef DIPTYCH_JPEG_TURBO
    if (!strcmp(format->name, "JPEG")) /* not by Pillow's decoder */
        return false;
#endif
    return format_is_read(format);
}

static size_t bytes_of(const struct picture *picture)
{
    return (size_t)picture->width * (size_t)picture->height * picture_channels(picture);
}

static int largest_difference(const struct picture *picture, const char *name)
{
    char pixels[80];
    int largest = 0;
    snprintf(pixels, sizeof pixels, "%s.pixels", name);
    struct file expected = load(pixels);
    assert_int_equal(expected.size, bytes_of(picture));
    for (size_t i = 0; i < expected.size; i++) {
        const int difference = abs((uint8_t)expected.bytes[i] - picture->pixels[i]);
        largest = difference > largest ? difference : largest;
    }
    free(expected.bytes);
    return largest;
}

static bool all_same;

static void check_picture(char *line)
{
    char name[64];
    int width, height, channels, allowed;
    uint32_t sum;
    struct picture picture;
    struct err err = {0};

    assert_int_equal(
        sscanf(line, "%63s %d %d %d %d %x", name, &width, &height, &channels, &allowed, &sum), 6);
    struct file file = load(name);
    if (is_read(file)) {
        if (picture_decode(&picture, (const uint8_t *)file.bytes, file.size, NULL, &err))
            fail_msg("%s: %s", name, err.msg);
        assert_int_equal(picture.width, width);
        assert_int_equal(picture.height, height);
        assert_int_equal(picture_channels(&picture), channels);
        if (!allowed)
            all_same &= same_checksum(name, sum, picture.pixels, bytes_of(&picture));
        else if (largest_difference(&picture, name) > allowed)
            fail_msg("%s: the largest difference is %d", name, largest_difference(&picture, name));
        picture_release(&picture);
    }
    free(file.bytes);
}

static void equal_their_references(void **state)
{
    (void)state;
    all_same = true;
    assert_true(golden_lines(DECODERS "pictures.txt", check_picture) >= 131);
    assert_true(all_same);
}

/* Every 64th byte: refused with a reason, or what the whole file shows. */
static void check_truncations(char *line)
{
    char name[64];
    struct picture whole, picture;

    assert_int_equal(sscanf(line, "%63s", name), 1);
    struct file file = load(name);
    if (is_read(file)) {
        assert_int_equal(picture_decode(&whole, (const uint8_t *)file.bytes, file.size, NULL, NULL), 0);
        for (size_t size = 0; size < file.size; size += 64) {
            struct err err = {0};
            if (picture_decode(&picture, (const uint8_t *)file.bytes, size, NULL, &err))
                assert_true(err.msg[0]);
            else if (bytes_of(&picture) != bytes_of(&whole) ||
                     memcmp(picture.pixels, whole.pixels, bytes_of(&whole)))
                fail_msg("%s: %zu of %zu bytes pass for all", name, size, file.size);
            picture_release(&picture);
        }
        picture_release(&whole);
    }
    free(file.bytes);
}

static void notice_truncations(void **state)
{
    (void)state;
    golden_lines(DECODERS "pictures.txt", check_truncations);
}

static void assert_refused(struct file file, enum err_code code, const char *message)
{
    struct picture picture;
    struct err err = {0};
    const int rc = picture_decode(&picture, (const uint8_t *)file.bytes, file.size, NULL, &err);
    assert_string_equal(err.msg, message);
    assert_int_equal(rc, code);
}

/* What a header says counts before anything is allocated. */
static void refuse_header_bombs(void **state)
{
    (void)state;
    static const struct {
        const char *name, *mark; /* the size stands `after` bytes behind the beginning of the mark... */
        size_t mark_size, after;
        const char *size; /* ...and is this one instead */
        size_t bytes;
        const char *message;
    } cases[] = {
        /* box 'ispe': version and flags (4), width (4), height (4) */
        {"rgb444.avif", "ispe", 4, 8, "\0\0\x3e\x80\0\0\x3e\x80", 8,
            "AVIF: 16000 x 16000 pixels, the limit is 200000000"},
        {"rgb444.heic", "ispe", 4, 8, "\0\0\x3e\x80\0\0\x3e\x80", 8,
            "HEIC: 16000 x 16000 pixels, the limit is 200000000"},
        /* tag 256: type (2), count (4), width (4) */
        {"grey.tif", "\0\1\4\0\1\0\0\0", 8, 8, "\xff\xff\xff\x7f", 4,
            "TIFF: 2147483647 x 32 pixels, the limit is 200000000"},
        /* tag 256 as above, and the next */
        {"orientation1.dng", "\0\1\4\0\1\0\0\0", 8, 8, "\x60\xea\0\0\1\1\4\0\1\0\0\0\x60\xea\0\0", 16,
            "camera raw: 60000 x 60000 pixels, the limit is 200000000"},
        /* the codestream's SizeHeader in bits, the lowest first: not small (1), height's range (2), height - 1 (18), no ratio
         * (3), the same of width; all else as by default */
        {"rgb_lossless.jxl", "\xff\x0a", 2, 2, "\xfc\xf3\x01\xfe\xf9\x30\0", 7,
            "JPEG XL: 16000 x 16000 pixels, the limit is 200000000"},
        /* of the palette, first (2) and count (2), then (left, top, width, height) (2 each) */
        {"rgb.tga", "\0\0\2\0\0\0\0\0", 8, 12, "\xff\xff\xff\xff", 4,
            "TGA: 65535 x 65535 pixels, the limit is 200000000"},
        /* a header's own size (4), width (4), twice the height (4) */
        {"rgb.ico", "\x28\0\0\0\x30\0\0\0", 8, 4, "\0\0\1\0\0\0\2\0", 8,
            "ICO: 65536 x 65536 pixels, the limit is 200000000"},
        /* marker SIZ: length (2), capabilities (2), width (4), height (4), an offset (8), a tile's width and height */
        {"rgb.j2k", "\xff\x51", 2, 6, "\0\0\x3e\x80\0\0\x3e\x80\0\0\0\0\0\0\0\0\0\0\x3e\x80\0\0\x3e\x80", 24,
            "JPEG 2000: 16000 x 16000 pixels, the limit is 200000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = load(cases[i].name);
        if (is_read(file)) {
            char *mark = memmem(file.bytes, file.size, cases[i].mark, cases[i].mark_size);
            assert_non_null(mark);
            memcpy(mark + cases[i].after, cases[i].size, cases[i].bytes);
            assert_refused(file, ERR_LIMIT, cases[i].message);
        }
        free(file.bytes);
    }
}

/* A file without the footer of version 2. */
static void write_tga_of_version_1(const char *path)
{
    enum { FOOTER = 26 };
    struct file whole = load("rgb.tga");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(whole.bytes, 1, whole.size - FOOTER, file), whole.size - FOOTER);
    assert_int_equal(fclose(file), 0);
    free(whole.bytes);
}

static void tell_tga_of_version_1_by_its_name(void **state)
{
    (void)state;
    static const char named[] = DIPTYCH_SCRATCH "/v1.TGA", other[] = DIPTYCH_SCRATCH "/v1.bin";
    struct file file = load("rgb.tga");
    struct picture picture, whole;
    struct err err = {0};
    write_tga_of_version_1(named);
    write_tga_of_version_1(other);
    assert_int_equal(picture_decode(&whole, (const uint8_t *)file.bytes, file.size, NULL, &err), 0);
    assert_int_equal(picture_read(&picture, picture_file(named), NULL, &err), 0);
    assert_memory_equal(picture.pixels, whole.pixels, bytes_of(&whole));
    picture_release(&picture);
    assert_int_equal(picture_read(&picture, picture_file(other), NULL, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "not a picture, or of an unknown format"));
    picture_release(&whole);
    free(file.bytes);
}

/* What no header of TGA may say, with the footer behind it. */
static void take_no_other_file_for_tga(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t to;
    } changes[] = {{1, 2}, {2, 0}, {2, 5}, {2, 1}, {12, 0}, {16, 15}, {16, 0}, {17, 0x80}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct file file = load("rgb.tga");
        assert_non_null(format_find((struct span){file.bytes, file.size}));
        file.bytes[changes[i].at] = (char)changes[i].to;
        assert_null(format_find((struct span){file.bytes, file.size}));
        free(file.bytes);
    }
}

#ifdef DIPTYCH_TIFF /* there is a diptych-decode */
static void check_isolated(char *line)
{
    const struct picture_options apart = {.isolate = true};
    char name[64], path[512];
    struct picture here, there;
    struct err err = {0};

    assert_int_equal(sscanf(line, "%63s", name), 1);
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (picture_read(&here, picture_file(path), NULL, &err))
        return; /* this build cannot */
    if (picture_read(&there, picture_file(path), &apart, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(there.mode, here.mode);
    assert_int_equal(there.width, here.width);
    assert_int_equal(there.height, here.height);
    assert_memory_equal(there.pixels, here.pixels, bytes_of(&here));
    assert_int_equal(there.palette != NULL, here.palette != NULL);
    if (here.palette)
        assert_memory_equal(there.palette, here.palette, PALETTE_COLORS * 3);
    assert_int_equal(there.has_key, here.has_key);
    picture_release(&here);
    picture_release(&there);
}

/* JPEG, PNG, WebP and so on, with their errors and warnings. */
static void come_the_same_from_another_process(void **state)
{
    (void)state;
    const struct picture_options apart = {.isolate = true};
    struct picture here, there;
    struct err err_here = {0}, err_there = {0};
    assert_true(golden_lines("pictures.txt", check_isolated) > 50);

    struct file file = load("../jpeg_damage/blocks.jpg");
    memset(file.bytes + 1039, 0, 6);
    const int rc = picture_decode(&here, (const uint8_t *)file.bytes, file.size, NULL, &err_here);
    assert_int_equal(picture_decode(&there, (const uint8_t *)file.bytes, file.size, &apart, &err_there), rc);
    assert_string_equal(there.warning, here.warning);
    picture_release(&here);
    picture_release(&there);
    file.size = 900;
    assert_int_equal(
        picture_decode(&here, (const uint8_t *)file.bytes, file.size, NULL, &err_here), ERR_FORMAT);
    assert_int_equal(
        picture_decode(&there, (const uint8_t *)file.bytes, file.size, &apart, &err_there), ERR_FORMAT);
    assert_string_equal(err_there.msg, err_here.msg);
    free(file.bytes);
}
#endif

static void keep_what_tells_how_to_resize(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool palette;
    } files[] = {{"palette.tif", true}, {"bits.tif", true}, {"grey.tif", false}, {"palette.tga", true},
        {"bits.tga", true}, {"grey.tga", false}, {"palette.ico", false}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct file file = load(files[i].name);
        struct picture picture;
        if (is_read(file)) {
            assert_int_equal(picture_decode(&picture, (const uint8_t *)file.bytes, file.size, NULL, NULL), 0);
            assert_int_equal(picture.palette != NULL, files[i].palette);
            picture_release(&picture);
        }
        free(file.bytes);
    }
}

/* Of files that name a container first, the codec behind it decides. */
static void are_told_by_any_of_their_brands(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *name;
    } cases[] = {
        {"\0\0\0\x18"
         "ftypavif\0\0\0\0mif1miaf",
            "AVIF"},
        {"\0\0\0\x1c"
         "ftypmif1\0\0\0\0mif1avifmiaf",
            "AVIF"},
        {"\0\0\0\x18"
         "ftypmif1\0\0\0\0mif1heic",
            "HEIC"},
        {"\0\0\0\x14"
         "ftypmif1\0\0\0\0miafheic", /* behind its box */
            "HEIF"},
        {"\0\0\0\x18"
         "ftypisom\0\0\0\0avc1mp41",
            "an MP4 film"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct format *format = format_find((struct span){cases[i].bytes, 28});
        assert_non_null(format);
        assert_string_equal(format->name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_their_references),
        cmocka_unit_test(notice_truncations),
        cmocka_unit_test(refuse_header_bombs),
#ifdef DIPTYCH_TIFF
        cmocka_unit_test(come_the_same_from_another_process),
#endif
        cmocka_unit_test(tell_tga_of_version_1_by_its_name),
        cmocka_unit_test(take_no_other_file_for_tga),
        cmocka_unit_test(keep_what_tells_how_to_resize),
        cmocka_unit_test(are_told_by_any_of_their_brands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
