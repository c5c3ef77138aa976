// SPDX-License-Identifier: Apache-2.0
/* What files are by their first bytes. */
#include "vision/vision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define ROOT DIPTYCH_ROOT "/tests/golden/"
#define HEAD(bytes) (bytes), sizeof(bytes) - 1

/* As file(1) 5.44 tells them, but for sound, which is no kind of its own. */
static void knows_files_by_their_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t size;
        enum file_kind kind;
    } cases[] = {
        {HEAD("\xff\xd8\xff\xe0"), FILE_PICTURE},
        {HEAD("GIF89a is how it begins"), FILE_PICTURE},
        {HEAD("BM\x36\0\0\0\0\0"), FILE_PICTURE},
        {HEAD("\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0"), FILE_PICTURE}, /* ICO */
        {HEAD("II\x1a\0\0\0HEAPCCDR\2\0"), FILE_PICTURE},
        {HEAD("\0MRM\0\1\2\3"), FILE_PICTURE},
        {HEAD("FOVb\0\0\2\0"), FILE_PICTURE},
        {HEAD("\0\0\0\x1c"
              "ftypheic\0\0\0\0mif1heic"),
            FILE_PICTURE},
        {HEAD("BMW and P6 are words"), FILE_TEXT},
        {HEAD("P6 is one as well\n"), FILE_TEXT},
        {HEAD("{\"title\": \"IMG_1.jpg\"}"), FILE_TEXT},
        {HEAD("<?xml version=\"1.0\"?><plist/>"), FILE_TEXT},
        {HEAD("<svg/>"), FILE_TEXT},
        {HEAD("caf\xe9, in Latin-1\r\n"), FILE_TEXT},
        {HEAD("\xff\xfe"
              "a\0b\0"),
            FILE_TEXT},
        {HEAD("\0\0\0\x14"
              "ftypqt  \0\0\0\0qt  "),
            FILE_VIDEO},
        {HEAD("\0\0\0\x18"
              "ftypisom\0\0\2\0isommp42"),
            FILE_VIDEO},
        {HEAD("\0\0\0\x08wide\0\4\x27\x11mdat"), FILE_VIDEO},
        {HEAD("RIFF\x10\x20\3\0"
              "AVI LIST"),
            FILE_VIDEO},
        {HEAD("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1"), FILE_VIDEO},
        {HEAD("\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9"), FILE_VIDEO},
        {HEAD("FLV\1\5\0\0\0\x09"), FILE_VIDEO},
        {HEAD("\0\0\1\xba\x44\0\4\0"), FILE_VIDEO},
        {HEAD("\0\0\0\x1c"
              "ftypM4A \0\0\0\0M4A mp42"),
            FILE_OTHER},
        {HEAD("RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0"), FILE_OTHER},
        {HEAD("\0\1\0\0\0\x0c\0\x80\0\3\0\x40"), FILE_OTHER},       /* TrueType, one byte from ICO */
        {HEAD("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0"), FILE_OTHER}, /* Thumbs.db */
        {HEAD("PK\3\4\x14\0\0\0"), FILE_OTHER},
        {HEAD("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n\0"), FILE_OTHER},
        {HEAD(""), FILE_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const enum file_kind kind = file_kind_of((const uint8_t *)cases[i].head, cases[i].size);
        if (kind != cases[i].kind)
            fail_msg("%zu: '%s' is %s", i, cases[i].head, file_kind_names[kind]);
    }
    uint8_t packets[2000] = {0};
    for (size_t before = 0; before <= 4; before += 4) { /* .ts, and .mts of cameras */
        for (size_t i = 0; i < sizeof packets; i++)
            packets[i] = i % (188 + before) == before ? 'G' : 0;
        assert_int_equal(file_kind_of(packets, sizeof packets), FILE_VIDEO);
        packets[before] = 'H';
        assert_int_equal(file_kind_of(packets, sizeof packets), FILE_OTHER);
    }
}

static int is_picture_by_content(void *context, const char *path, const struct err *problem)
{
    enum file_kind kind;
    size_t *pictures = context, size;
    uint8_t head[FILE_HEAD];
    assert_null(problem);
    if (!picture_suffix(path) || strstr(path, ".tga")) /* whose mark is at its end, if it has one */
        return 0;
    assert_int_equal(file_head(head, &size, sizeof head, path, NULL), 0);
    kind = file_kind_of(head, size);
    if (kind != FILE_PICTURE)
        fail_msg("'%s' is %s", path, file_kind_names[kind]);
    ++*pictures;
    return 0;
}

/* Pictures of every format, by as much as is read of files that nobody named. */
static void knows_all_pictures_by_their_heads(void **state)
{
    (void)state;
    size_t pictures = 0;
    assert_int_equal(file_walk(ROOT "preprocess", is_picture_by_content, &pictures, NULL), 0);
    assert_int_equal(file_walk(ROOT "decoders", is_picture_by_content, &pictures, NULL), 0);
    assert_in_range(pictures, 100, 1000);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void takes_what_is_called_a_picture_for_one(void **state)
{
    (void)state;
    enum file_kind kind;
    struct err err = {0};
    char *png;
    size_t size;
    assert_int_equal(file_read(&png, &size, ROOT "preprocess/rgb.png", 1 << 20, &err), 0);
    assert_int_equal(file_kind_find(&kind, "none.jpg", &err), 0); /* unopened */
    assert_int_equal(kind, FILE_PICTURE);
    assert_int_equal(file_kind_find(&kind, "none", &err), ERR_IO);
    assert_int_equal(kind, FILE_PICTURE);
    write_file(DIPTYCH_SCRATCH "/a.jpg_large", png, size);
    assert_int_equal(file_kind_find(&kind, DIPTYCH_SCRATCH "/a.jpg_large", &err), 0);
    assert_int_equal(kind, FILE_PICTURE);
    gzFile packed = gzopen(DIPTYCH_SCRATCH "/a.png.gz", "wb");
    assert_int_equal(gzwrite(packed, png, (unsigned)size), size);
    assert_int_equal(gzclose(packed), Z_OK);
    assert_int_equal(file_kind_find(&kind, DIPTYCH_SCRATCH "/a.png.gz", &err), 0);
    assert_int_equal(kind, FILE_PICTURE);
    write_file(DIPTYCH_SCRATCH "/damaged.gz", HEAD("\x1f\x8b\x08\0no gzip data"));
    assert_int_equal(file_kind_find(&kind, DIPTYCH_SCRATCH "/damaged.gz", &err), 0);
    assert_int_equal(kind, FILE_OTHER);
    free(png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_files_by_their_first_bytes),
        cmocka_unit_test(knows_all_pictures_by_their_heads),
        cmocka_unit_test(takes_what_is_called_a_picture_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
