// SPDX-License-Identifier: Apache-2.0
#include "tests/vision/golden.h"
#include "vision/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { JPEG_TOLERANCE = 4 }; /* levels between two decoders that both keep to the standard */

/* As Pillow's convert("RGB") has it. */
static struct picture read_golden(const char *name, const struct picture_options *options)
{
    char path[512];
    struct picture picture, rgb;
    struct err err = {0};
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (picture_read(&picture, picture_file(path), options, &err) ||
        picture_rgb(&rgb, &picture, ALPHA_DROP, &err))
        fail_msg("%s", err.msg);
    picture_release(&picture);
    return rgb;
}

static size_t bytes_of(const struct picture *picture)
{
    return (size_t)picture->width * (size_t)picture->height * 3;
}

static bool within(const char *name, const struct picture *got, const struct picture *expected, int tolerance)
{
    if (got->width != expected->width || got->height != expected->height) {
        fprintf(stderr, "%s: %d x %d, expected %d x %d\n", name, got->width, got->height, expected->width,
            expected->height);
        return false;
    }
    for (size_t i = 0; i < bytes_of(got); i++)
        if (abs(got->pixels[i] - expected->pixels[i]) > tolerance) {
            fprintf(
                stderr, "%s: byte %zu is %d, expected %d\n", name, i, got->pixels[i], expected->pixels[i]);
            return false;
        }
    return true;
}

struct file {
    char *bytes;
    size_t size;
};

static struct file load(const char *name)
{
    struct file file;
    char path[512];
    struct err err = {0};
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (file_read(&file.bytes, &file.size, path, 1 << 20, &err))
        fail_msg("%s", err.msg);
    return file;
}

/* Formats that this build does not read. */
static bool is_left_out(const char *name)
{
#ifndef DIPTYCH_WEBP
    return strstr(name, ".webp");
#else
    (void)name;
    return false;
#endif
}

/* Which JPEGs any decoder shows alike. What colour of half the width becomes is a matter of taste. */
static bool has_ppm(const char *name)
{
    return strstr(name, ".jpg") && strcmp(name, "rgb422.jpg");
}

static bool jpeg_is_turbo(void)
{
#ifdef DIPTYCH_JPEG_TURBO
    return true;
#else
    return false;
#endif
}

static bool all_same = true;

static void check_picture(char *line)
{
    char name[64], sum[16], expected_name[80];
    int width, height;

    assert_int_equal(sscanf(line, "%63s %d %d %15s", name, &width, &height, sum), 4);
    if (is_left_out(name) || (!strcmp(name, "rgb422.jpg") && !jpeg_is_turbo()))
        return;
    struct picture got = read_golden(name, NULL);
    if (has_ppm(name) && !jpeg_is_turbo()) {
        snprintf(expected_name, sizeof expected_name, "%s.ppm", name);
        struct picture expected = read_golden(expected_name, NULL);
        all_same &= within(name, &got, &expected, JPEG_TOLERANCE);
        picture_release(&expected);
    } else {
        assert_int_equal(got.width, width);
        assert_int_equal(got.height, height);
        all_same &= same_checksum(name, (uint32_t)strtoul(sum, NULL, 16), got.pixels, bytes_of(&got));
    }
    picture_release(&got);
}

static void equals_pillow(void **state)
{
    (void)state;
    all_same = true;
    assert_true(golden_lines("pictures.txt", check_picture) >= 60);
    assert_true(all_same);
}

/* The decoder of builds without libjpeg-turbo, whatever this build is. */
static void check_stb(char *line)
{
    const struct picture_options limits = {.max_pixels = 1 << 20};
    char name[64], expected_name[80];
    struct picture got;
    struct err err = {0};

    assert_int_equal(sscanf(line, "%63s", name), 1);
    if (!has_ppm(name))
        return;
    snprintf(expected_name, sizeof expected_name, "%s.ppm", name);
    struct picture expected = read_golden(expected_name, NULL);
    struct file file = load(name);
    const struct span bytes = {(const char *)file.bytes, file.size};
    if (stb_decode(&got, bytes, &limits, &err) ||
        picture_orient(&got, metadata_orientation(jpeg_exif(bytes), jpeg_xmp(bytes)), &err))
        fail_msg("%s: %s", name, err.msg);
    all_same &= within(name, &got, &expected, JPEG_TOLERANCE);
    picture_release(&got);
    picture_release(&expected);
    free(file.bytes);
}

static void stb_is_close_to_pillow(void **state)
{
    (void)state;
    all_same = true;
    golden_lines("pictures.txt", check_stb);
    assert_true(all_same);
}

static void check_draft(char *line)
{
    char name[64];
    int width, height;
    uint32_t sum;
    struct picture_options options = {0};

    assert_int_equal(sscanf(line, "%63s %d %d %d %x", name, &options.min_edge, &width, &height, &sum), 5);
    struct picture got = read_golden(name, &options);
    assert_int_equal(got.width, width);
    assert_int_equal(got.height, height);
    all_same &= same_checksum(line, sum, got.pixels, bytes_of(&got));
    picture_release(&got);
}

static void smaller_decodings_equal_pillow_drafts(void **state)
{
    (void)state;
    if (!jpeg_is_turbo())
        skip();
    all_same = true;
    assert_true(golden_lines("drafts.txt", check_draft) >= 70);
    assert_true(all_same);
}

static void turn(struct picture *picture, int orientation)
{
    assert_int_equal(picture_orient(picture, orientation, NULL), 0);
}

/* Which way is which the small files say; this is about pictures larger than a tile. */
static void turns_undo_each_other(void **state)
{
    (void)state;
    static const int undone_by[] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
    const struct picture stored = synthetic(97, 70);
    for (int i = 2; i <= 8; i++) {
        struct picture picture = synthetic(97, 70);
        turn(&picture, i);
        assert_true(picture.width != 97 || memcmp(picture.pixels, stored.pixels, bytes_of(&stored)));
        turn(&picture, undone_by[i]);
        assert_true(within("turned back", &picture, &stored, 0));
        picture_release(&picture);
    }
    struct picture twice = synthetic(97, 70), half = synthetic(97, 70);
    turn(&twice, 6);
    turn(&twice, 6);
    turn(&half, 3);
    assert_true(within("turned by a right angle twice", &twice, &half, 0));
    picture_release(&twice);
    picture_release(&half);
    free(stored.pixels);
}

static void exif_can_be_ignored(void **state)
{
    (void)state;
    const struct picture_options as_stored = {.ignore_exif = true};
    struct picture upright = read_golden("exif1.jpg", NULL);
    for (int i = 2; i <= 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "exif%d.jpg", i);
        struct picture stored = read_golden(name, &as_stored), turned = read_golden(name, NULL);
        assert_true(within(name, &stored, &upright, 0));
        assert_int_not_equal(
            checksum(turned.pixels, bytes_of(&turned)), checksum(upright.pixels, bytes_of(&upright)));
        picture_release(&stored);
        picture_release(&turned);
    }
    picture_release(&upright);
}

/* ---- sources ------------------------------------------------------------------------------------------- */

static void reads_bytes_as_files(void **state)
{
    (void)state;
    static const char *const names[] = {"rgb.png", "exif6.jpg", "palette.gif", "rgb565.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct picture expected = read_golden(names[i], NULL), got;
        struct file file = load(names[i]);
        struct err err = {0};
        const struct picture_source source = picture_bytes("upload", (uint8_t *)file.bytes, file.size);
        if (picture_read(&got, source, NULL, &err))
            fail_msg("%s", err.msg);
        assert_true(within(names[i], &got, &expected, 0));
        picture_release(&got);
        picture_release(&expected);
        free(file.bytes);
    }
}

static void names_sources_in_errors(void **state)
{
    (void)state;
    const struct picture_options limits = {.max_bytes = 5};
    const uint8_t text[] = "a text";
    struct picture picture;
    struct err err = {0};

    const struct picture_source upload = picture_bytes("upload 3", text, 6),
                                empty = picture_bytes("it", NULL, 0);
    assert_string_equal(picture_source_name(&upload), "upload 3");
    assert_int_equal(picture_read(&picture, upload, NULL, &err), ERR_FORMAT);
    assert_string_equal(err.msg, "unable to read 'upload 3': not a picture, or of an unknown format");
    assert_null(picture.pixels);
    assert_int_equal(picture_read(&picture, upload, &limits, &err), ERR_LIMIT);
    assert_string_equal(err.msg, "unable to read 'upload 3': 6 bytes, the limit is 5");
    /* no bytes at all are not a file by that name */
    assert_int_equal(picture_read(&picture, empty, NULL, &err), ERR_FORMAT);
    assert_string_equal(err.msg, "unable to read 'it': the file is empty");

    const char *const paths[] = {GOLDEN "rgb.png", GOLDEN "no such file.png"};
    struct picture_source *files = picture_files(paths, 2);
    assert_non_null(files);
    assert_string_equal(picture_source_name(&files[0]), paths[0]);
    assert_int_equal(picture_read(&picture, files[0], NULL, &err), 0);
    picture_release(&picture);
    assert_int_equal(picture_read(&picture, files[1], NULL, &err), ERR_IO);
    assert_non_null(strstr(err.msg, paths[1]));
    free(files);
}

static void knows_pictures_by_their_suffix(void **state)
{
    (void)state;
    static const char *const pictures[] = {
        "a.jpg", "a/b.JPEG", "a.b.png", "a.tif", "/a.HeIc", ".gif", "b.txt/a.pnm"};
    static const char *const others[] = {"", "jpg", "a.txt", "a.jpg/b", "a.jpg/", "a.jpg.zip", "a.", "a.jp"};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (!picture_suffix(pictures[i]))
            fail_msg("'%s' is taken for no picture", pictures[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (picture_suffix(others[i]))
            fail_msg("'%s' is taken for a picture", others[i]);
}

/* ---- bad input ----------------------------------------------------------------------------------------- */

static void assert_refused(const void *bytes, size_t size, enum err_code code, const char *message)
{
    struct picture picture;
    struct err err = {0};
    const int got = picture_decode(&picture, bytes, size, NULL, &err);
    assert_string_equal(err.msg, message);
    assert_int_equal(got, code);
    assert_null(picture.pixels);
    assert_int_equal(picture_decode(&picture, bytes, size, NULL, NULL), code);
}

static void names_what_it_cannot_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum err_code code;
        const char *message;
    } cases[] = {
        {"", 0, ERR_FORMAT, "the file is empty"},
        {"hello, world", 12, ERR_FORMAT, "not a picture, or of an unknown format"},
#ifdef DIPTYCH_WEBP
        {"RIFF\x10\0\0\0WEBPVP8 ", 16, ERR_FORMAT, "damaged WebP: the file ends early, at byte 16"},
#else
        {"RIFF\0\0\0\0WEBPVP8 ", 16, ERR_UNSUPPORTED, "WebP is not read: this build is without libwebp"},
#endif
#ifndef DIPTYCH_HEIF
        {"\0\0\0\x1c"
         "ftypheic",
            12, ERR_UNSUPPORTED, "HEIC is not read: this build is without libheif"},
#endif
        {"<!DOCTYPE html>", 15, ERR_UNSUPPORTED, "a web page is not read: the download seems to have failed"},
        {"P3 1 1 255 0 0 0", 16, ERR_UNSUPPORTED,
            "PNM in text form is not read: save it in binary form (P4 to P6)"},
        {"\xff\xd8\xff", 3, ERR_FORMAT, "damaged JPEG: the file ends early, at byte 3"},
        {"GIF89a", 6, ERR_FORMAT, "damaged GIF: the file ends early, at byte 6"},
        {"BM", 2, ERR_FORMAT, "damaged BMP: the file ends early, at byte 2"},
        {"8BPS", 4, ERR_FORMAT, "damaged PSD: the file ends early, at byte 4"},
        {"P6 1 1 255 \0\0", 13, ERR_FORMAT, "damaged PNM: the file ends early, at byte 13"},
        {"P6 1 x 255 \0\0\0", 14, ERR_FORMAT, "damaged PNM: the header at byte 2 is not numbers in range"},
        {"PyRGBA 1 1 255 \0\0\0", 18, ERR_FORMAT, "damaged PNM: the file ends early, at byte 18"},
        {"PyRGBA 1 1 0 \0\0\0\0", 17, ERR_FORMAT,
            "damaged PNM: the header at byte 6 is not numbers in range"},
        {"P5 0 1 255 \0", 12, ERR_FORMAT, "damaged PNM: it says it is 0 x 1 pixels"},
        {"P5 99999 99999 255 \0", 20, ERR_LIMIT, "PNM: 99999 x 99999 pixels, the limit is 200000000"},
        {"P5 999999999 999999999 255 \0", 28, ERR_LIMIT,
            "PNM: 999999999 x 999999999 pixels, the limit is 200000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].bytes, cases[i].size, cases[i].code, cases[i].message);
}

/* Nothing of a file may be missing, but for what a decoder has no use for, and no byte is read behind its
 * end. */
static void notices_every_truncation(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t spare; /* bytes at the end: padding, or marks that say that nothing follows */
    } files[] = {{"rgb.png", 0}, {"rgb_adam7.png", 0}, {"rgb420.jpg", 0}, {"progressive.jpg", 0},
        {"restart.jpg", 0}, {"palette.gif", 4}, {"rgb.bmp", 1}, {"rle8.bmp", 5}, {"rgb565.bmp", 2},
        {"palette4.bmp", 1}, {"rgb.ppm", 0}, {"bits.pbm", 0}, {"rgb.psd", 0}, {"rgb_packed.psd", 0},
        {"palette.psd", 0}, {"rgb.webp", 0}, {"rgba_lossless.webp", 0}, {"animated.webp", 0}};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (is_left_out(files[i].name))
            continue;
        struct file file = load(files[i].name);
        struct picture whole = read_golden(files[i].name, NULL);
        for (size_t size = 0; size < file.size; size++) {
            uint8_t *part = malloc(size ? size : 1); /* of exactly this size, for sanitizers */
            struct picture picture;
            struct err err = {0};
            assert_non_null(part);
            memcpy(part, file.bytes, size);
            if (picture_decode(&picture, part, size, NULL, &err)) {
                assert_true(err.msg[0]);
            } else {
                if (size + files[i].spare < file.size)
                    fail_msg("%s: %zu of %zu bytes pass for all", files[i].name, size, file.size);
                assert_true(within(files[i].name, &picture, &whole, 0));
            }
            picture_release(&picture);
            free(part);
        }
        picture_release(&whole);
        free(file.bytes);
    }
}

/* Between the segments of its header, as Pillow reads it: the pixels are those of the file without them. */
static void passes_over_stray_bytes_in_jpeg(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } stray[] = {
        {"\xff\0\xff\0", 4}, {"eleven byte\xff\xe2\0\x08MPF\0zz", 21}, {"\xff\xff\xff", 3}, {"\0", 1}};
    struct picture clean = read_golden("rgb420.jpg", NULL);
    struct file file = load("rgb420.jpg");
    char *tables = memmem(file.bytes, file.size, "\xff\xdb", 2);
    assert_non_null(tables);
    const size_t at = (size_t)(tables - file.bytes);
    for (size_t i = 0; i < sizeof stray / sizeof *stray; i++) {
        struct picture picture;
        struct err err = {0};
        const size_t size = file.size + stray[i].size;
        uint8_t *bytes = malloc(size);
        assert_non_null(bytes);
        memcpy(bytes, file.bytes, at);
        memcpy(bytes + at, stray[i].bytes, stray[i].size);
        memcpy(bytes + at + stray[i].size, file.bytes + at, file.size - at);
        if (picture_decode(&picture, bytes, size, NULL, &err))
            fail_msg("%zu: %s", i, err.msg);
        assert_true(within("with stray bytes", &picture, &clean, 0));
        picture_release(&picture);
        free(bytes);
    }
    picture_release(&clean);
    free(file.bytes);
}

static void locates_damage_in_png(void **state)
{
    (void)state;
    static const struct {
        size_t at; /* of the byte that is changed to... */
        char to;
        const char *message;
    } cases[] = {
        {8 + 1, 1, "damaged PNG: chunk 'IHDR' at byte 8 runs past the end of the file at byte 423"},
        {8 + 4, '!', "damaged PNG: there is no chunk at byte 8 where one should be"},
        {8 + 8, 1, "damaged PNG: chunk 'IHDR' at byte 8 has a wrong checksum"},
        {33 + 28, 1, "damaged PNG: chunk 'IDAT' at byte 33 has a wrong checksum"},
        {423 - 8, 'i', "damaged PNG: the file ends at byte 423 with no IEND chunk"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = load("rgb.png");
        assert_int_equal(file.size, 423);
        file.bytes[cases[i].at] = cases[i].to;
        assert_refused(file.bytes, file.size, ERR_FORMAT, cases[i].message);
        free(file.bytes);
    }
}

static void locates_damage_in_psd(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at; /* of the byte that is changed to... */
        char to;
        enum err_code code;
        const char *message;
    } cases[] = {
        {"rgb.psd", 5, 2, ERR_UNSUPPORTED,
            "PSD: this kind is not read: it is of another version of the format"},
        {"rgb.psd", 13, 2, ERR_FORMAT, "damaged PSD: it has 2 channels and not 3"},
        {"rgb.psd", 14, 64, ERR_LIMIT, "PSD: 13 x 1073741833 pixels, the limit is 200000000"},
        {"rgb.psd", 23, 32, ERR_UNSUPPORTED, "PSD: this kind is not read: 32 bits a sample in colour mode 3"},
        {"rgb.psd", 25, 9, ERR_UNSUPPORTED, "PSD: this kind is not read: 8 bits a sample in colour mode 9"},
        {"rgb.psd", 25, 2, ERR_FORMAT, "damaged PSD: its palette has 0 bytes and not 768"},
        {"rgb.psd", 26, 1, ERR_FORMAT, "damaged PSD: the file ends early, at byte 391"},
        {"rgb.psd", 39, 2, ERR_UNSUPPORTED, "PSD: this kind is not read: compression 2"},
        {"rgb_packed.psd", 41, 3, ERR_FORMAT, "damaged PSD: a row before byte 97 is coded wrongly"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = load(cases[i].name);
        file.bytes[cases[i].at] = cases[i].to;
        assert_refused(file.bytes, file.size, cases[i].code, cases[i].message);
        free(file.bytes);
    }
}

static void refuses_a_header_bomb(void **state)
{
    (void)state;
    struct file file = load("rgb.bmp");
    memcpy(file.bytes + 18, "\x00\x00\x01\x00\x00\x00\x01\x00", 8);
    assert_refused(file.bytes, file.size, ERR_LIMIT, "BMP: 65536 x 65536 pixels, the limit is 200000000");
    free(file.bytes);

#ifdef DIPTYCH_WEBP
    file = load("animated.webp");
    memcpy(file.bytes + 24, "\x1f\x4e\x00\x1f\x4e\x00", 6);
    assert_refused(file.bytes, file.size, ERR_LIMIT, "WebP: 20000 x 20000 pixels, the limit is 200000000");
    free(file.bytes);
#endif

    file = load("rgb420.jpg");
    uint8_t *frame = memmem(file.bytes, file.size, "\xff\xc0", 2);
    assert_non_null(frame);
    memset(frame + 5, 0xff, 4);
    assert_refused(file.bytes, file.size, ERR_LIMIT, "JPEG: 65535 x 65535 pixels, the limit is 200000000");
    free(file.bytes);
}

/* stb_image 2.27 would write behind its table. */
static void refuses_too_many_huffman_symbols(void **state)
{
    (void)state;
    enum { COUNTS = 16, EACH = 255, LENGTH = 2 + 1 + COUNTS + COUNTS * EACH };
    static const uint8_t start[] = {0xff, 0xd8, 0xff, 0xc4, LENGTH >> 8, LENGTH & 255};
    uint8_t bytes[4 + LENGTH + 2] = {0};

    memcpy(bytes, start, sizeof start);
    memset(bytes + sizeof start + 1, EACH, COUNTS);
    memcpy(bytes + sizeof bytes - 2, "\xff\xd9", 2);
    struct err err = {0};
    assert_int_equal(jpeg_check((struct span){(const char *)bytes, sizeof bytes}, &err), ERR_FORMAT);
    assert_string_equal(err.msg, "the Huffman tables at byte 2 do not fit");
}

/* stb_image would show grey; libjpeg-turbo has tables of its own for those of Huffman, as Pillow has then. */
static void notices_missing_tables(void **state)
{
    (void)state;
    static const struct {
        const char *file, *segment, *table;
    } cases[] = {{"rgb420.jpg", "\xff\xdb", "quantisation"}, {"rgb420.jpg", "\xff\xc4", "Huffman"},
        {"progressive.jpg", "\xff\xdb", "quantisation"}, {"progressive.jpg", "\xff\xc4", "Huffman"}};
    enum { COMMENT = 0xfe };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = load(cases[i].file);
        struct err err = {0};
        uint8_t *segment = memmem(file.bytes, file.size, cases[i].segment, 2);
        assert_non_null(segment);
        segment[1] = COMMENT;
        assert_int_equal(jpeg_check((struct span){file.bytes, file.size}, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, "the scan at byte "));
        assert_non_null(strstr(err.msg, cases[i].table));
        free(file.bytes);
    }
}

/* The last scan over and over: every one costs as much as the first. */
static void refuses_too_many_scans(void **state)
{
    (void)state;
    enum { TIMES = 100 };
    struct file file = load("progressive.jpg");
    size_t scan = file.size - 2;
    while (memcmp(file.bytes + scan, "\xff\xda", 2))
        scan--;
    const size_t length = file.size - 2 - scan, size = file.size + TIMES * length;
    char *bomb = malloc(size);
    assert_non_null(bomb);
    memcpy(bomb, file.bytes, scan);
    for (size_t i = 0; i <= TIMES; i++)
        memcpy(bomb + scan + i * length, file.bytes + scan, length);
    memcpy(bomb + size - 2, "\xff\xd9", 2);
    assert_refused(bomb, size, ERR_LIMIT, "JPEG: more than 100 scans");
    free(bomb);
    free(file.bytes);
}

/* As Pillow reads its own kind of PNM. */
static void pnm_has_alpha(void **state)
{
    static const char file[] = "PyRGBA 2 1 255\n\1\2\3\4\5\6\7\x80", half[] = "PyRGBA\n1 1\n15\n\0\1\16\17";
    struct picture picture;
    struct err err;
    (void)state;
    assert_int_equal(picture_decode(&picture, (const uint8_t *)file, sizeof file - 1, NULL, &err), 0);
    assert_int_equal(picture.mode, PICTURE_RGBA);
    assert_int_equal(picture.width, 2);
    assert_memory_equal(picture.pixels, "\1\2\3\4\5\6\7\x80", 8);
    picture_release(&picture);
    assert_int_equal(picture_decode(&picture, (const uint8_t *)half, sizeof half - 1, NULL, &err), 0);
    assert_memory_equal(picture.pixels, "\x00\x11\xee\xff", 4);
    picture_release(&picture);
}

static void limits_are_options(void **state)
{
    (void)state;
    struct file file = load("rgb.ppm");
    struct picture picture;
    struct err err = {0};

    struct picture_options options = {.max_pixels = 13 * 9};
    assert_int_equal(picture_decode(&picture, (uint8_t *)file.bytes, file.size, &options, &err), 0);
    picture_release(&picture);
    options.max_pixels = 13 * 9 - 1;
    assert_int_equal(picture_decode(&picture, (uint8_t *)file.bytes, file.size, &options, &err), ERR_LIMIT);
    assert_string_equal(err.msg, "PNM: 13 x 9 pixels, the limit is 116");
    options = (struct picture_options){.max_bytes = 100};
    assert_int_equal(picture_decode(&picture, (uint8_t *)file.bytes, file.size, &options, &err), ERR_LIMIT);
    assert_int_equal(picture_read(&picture, picture_file(GOLDEN "rgb.ppm"), &options, &err), ERR_LIMIT);
    assert_non_null(strstr(err.msg, "rgb.ppm"));
    free(file.bytes);
}

static void messages_of_read_hold_the_path(void **state)
{
    (void)state;
    struct picture picture;
    struct err err = {0};
    assert_int_equal(picture_read(&picture, picture_file(GOLDEN "no such file.png"), NULL, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "no such file.png"));
    assert_int_equal(picture_read(&picture, picture_file(GOLDEN "pictures.txt"), NULL, &err), ERR_FORMAT);
    assert_string_equal(
        err.msg, "unable to read '" GOLDEN "pictures.txt': not a picture, or of an unknown format");
    assert_int_equal(picture_read(&picture, picture_file(GOLDEN), NULL, &err), ERR_IO);
    picture_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(stb_is_close_to_pillow),
        cmocka_unit_test(smaller_decodings_equal_pillow_drafts),
        cmocka_unit_test(turns_undo_each_other),
        cmocka_unit_test(exif_can_be_ignored),
        cmocka_unit_test(reads_bytes_as_files),
        cmocka_unit_test(names_sources_in_errors),
        cmocka_unit_test(knows_pictures_by_their_suffix),
        cmocka_unit_test(names_what_it_cannot_read),
        cmocka_unit_test(notices_every_truncation),
        cmocka_unit_test(passes_over_stray_bytes_in_jpeg),
        cmocka_unit_test(locates_damage_in_png),
        cmocka_unit_test(locates_damage_in_psd),
        cmocka_unit_test(refuses_a_header_bomb),
        cmocka_unit_test(refuses_too_many_huffman_symbols),
        cmocka_unit_test(notices_missing_tables),
        cmocka_unit_test(refuses_too_many_scans),
        cmocka_unit_test(pnm_has_alpha),
        cmocka_unit_test(limits_are_options),
        cmocka_unit_test(messages_of_read_hold_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
